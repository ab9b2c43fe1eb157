//! The words of documents: plain technical English, whose subjects are identities, Secrets, replicas and roots.

use crate::pages::pages;

/// Words that name no subject a reader could look up, and archaic words.
const AVOIDED: [&str; 7] = ["nobody", "somebody", "everybody", "whoever", "anew", "thereof", "henceforth"];

/// Prose without quoted code.
fn unquoted(line: &str) -> String {
    line.split('`').step_by(2).collect::<Vec<_>>().join(" ")
}

#[test]
fn documents_name_their_subjects() {
    let mut faults = Vec::new();
    for page in pages() {
        for line in page.prose() {
            let text = unquoted(line).to_lowercase();
            let words = text.split(|c: char| !c.is_alphabetic()).filter(|word| AVOIDED.contains(word));
            faults.extend(words.map(|word| format!("{}: {word}: {line}", page.path.display())));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}
