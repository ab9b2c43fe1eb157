//! The commands of a document: its fenced blocks of the language `sh`, without their indentation in a list.

use std::fs;

use crate::REPOSITORY;

/// The commands of a text, in order.
pub fn commands(text: &str) -> Vec<String> {
    let mut blocks: Vec<String> = Vec::new();
    let mut indent = None;
    for line in text.lines() {
        let body = line.trim_start();
        match indent {
            None if body == "```sh" => {
                indent = Some(line.len() - body.len());
                blocks.push(String::new());
            }
            None => {}
            Some(_) if body == "```" => indent = None,
            Some(indent) => {
                let block = blocks.last_mut().unwrap();
                block.push_str(line.get(indent..).unwrap_or_default());
                block.push('\n');
            }
        }
    }
    assert!(indent.is_none(), "a block does not end: {}", blocks.last().unwrap());
    blocks
}

/// The commands below this heading of `docs/runbooks.md`.
pub fn blocks(heading: &str) -> Vec<String> {
    let text = fs::read_to_string(format!("{REPOSITORY}/docs/runbooks.md")).unwrap();
    let (_, section) =
        text.split_once(&format!("\n## {heading}\n")).unwrap_or_else(|| panic!("no {heading}"));
    let section = section.split_once("\n## ").map_or(section, |(section, _)| section);
    let blocks = commands(section);
    assert!(!blocks.is_empty(), "nothing to do below {heading}");
    blocks
}

/// The commands below this heading that have these words.
pub fn block(heading: &str, words: &str) -> String {
    let found = blocks(heading).into_iter().find(|block| block.contains(words));
    found.unwrap_or_else(|| panic!("no command below {heading} says {words}"))
}
