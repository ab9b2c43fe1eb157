//! The words of documents and sources: plain technical English, whose subjects are identities, Secrets, replicas and roots.

use std::fs;
use std::path::{Path, PathBuf};

use crate::pages::{pages, root};

/// Words that name no subject a reader could look up, and archaic words.
const AVOIDED: [&str; 11] = [
    "nobody",
    "somebody",
    "anybody",
    "everybody",
    "someone",
    "everyone",
    "whoever",
    "whom",
    "anew",
    "thereof",
    "henceforth",
];

/// The file that has the list.
const THIS: &str = "tests/docs/words.rs";

/// Prose without quoted code.
fn unquoted(line: &str) -> String {
    line.split('`').step_by(2).collect::<Vec<_>>().join(" ")
}

/// The words to be avoided in a line. An identifier is as many words as it is made of.
fn avoided(line: &str) -> Vec<String> {
    let spaced = line.chars().fold(String::new(), |mut spaced, c| {
        if c.is_uppercase() && spaced.ends_with(char::is_lowercase) {
            spaced.push(' ');
        }
        spaced.push(c);
        spaced
    });
    let words = spaced.split(|c: char| !c.is_alphabetic()).map(str::to_lowercase);
    words.filter(|word| AVOIDED.contains(&word.as_str())).collect()
}

/// The source files below a folder. What `tests/golden` holds is of earlier versions.
fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(root().join(folder)).unwrap() {
        let entry = entry.unwrap();
        let path = folder.join(entry.file_name());
        let is_skipped = path.ends_with("target") || path == Path::new("tests/golden");
        if entry.file_type().unwrap().is_dir() && !is_skipped {
            sources(&path, found);
        } else if path.extension().is_some_and(|it| ["rs", "go", "java", "sh"].iter().any(|of| it == *of)) {
            found.push(path);
        }
    }
}

fn faults(path: &Path, lines: impl Iterator<Item = String>) -> Vec<String> {
    let found = lines.enumerate().flat_map(|(at, line)| {
        avoided(&line).into_iter().map(move |word| format!("{}: {word}: {line}", at + 1))
    });
    found.map(|fault| format!("{}:{fault}", path.display())).collect()
}

#[test]
fn documents_name_their_subjects() {
    let found: Vec<String> =
        pages().iter().flat_map(|page| faults(&page.path, page.prose().into_iter().map(unquoted))).collect();
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn sources_name_their_subjects() {
    let mut paths = Vec::new();
    for folder in ["src", "tests"] {
        sources(Path::new(folder), &mut paths);
    }
    assert!(paths.len() > 300, "{} files", paths.len());
    paths.retain(|path| path != Path::new(THIS));
    let text = |path: &PathBuf| fs::read_to_string(root().join(path)).unwrap();
    let found: Vec<String> =
        paths.iter().flat_map(|path| faults(path, text(path).lines().map(str::to_owned))).collect();
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn a_word_is_found_in_a_name_as_well() {
    assert_eq!(avoided("fn somebody_waits() -> Nobody;"), ["somebody", "nobody"]);
    assert_eq!(avoided("AskNobody, a wholesome newcomer"), ["nobody"]);
}
