//! The runbooks as programs: blocks of commands under a heading.

use std::fs;

/// The blocks of commands below this heading, in order.
pub fn blocks(heading: &str) -> Vec<String> {
    let text = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/runbooks.md")).unwrap();
    let (_, section) =
        text.split_once(&format!("\n## {heading}\n")).unwrap_or_else(|| panic!("no {heading}"));
    let section = section.split_once("\n## ").map_or(section, |(section, _)| section);
    let mut blocks: Vec<String> = Vec::new();
    let mut is_code = false;
    for line in section.lines() {
        let goes_on = std::mem::replace(&mut is_code, line.starts_with("    "));
        match blocks.last_mut() {
            Some(block) if is_code && goes_on => block.extend(["\n", line]),
            _ if is_code => blocks.push(line.to_owned()),
            _ => {}
        }
    }
    assert!(!blocks.is_empty(), "nothing to do below {heading}");
    blocks
}

/// The block that has these words.
pub fn block(heading: &str, words: &str) -> String {
    let found = blocks(heading).into_iter().find(|block| block.contains(words));
    found.unwrap_or_else(|| panic!("no command below {heading} says {words}"))
}
