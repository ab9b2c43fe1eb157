//! Code in documents: each block says its language, and commands are valid shell.

use std::process::Command;

use crate::pages::{Page, pages};

const LANGUAGES: [&str; 8] = ["sh", "yaml", "text", "go", "jq", "promql", "mermaid", "json"];

#[test]
fn every_block_of_code_says_its_language() {
    for page in pages() {
        let path = page.path.display();
        for block in page.blocks() {
            assert!(LANGUAGES.contains(&block.language.as_str()), "{path}: {:?}", block.language);
            assert!(!block.code.trim().is_empty(), "{path}: an empty block");
        }
        // An indented block has no language, and no test would find it.
        let prose = page.prose();
        let indented =
            prose.windows(2).find(|lines| lines[0].trim().is_empty() && lines[1].starts_with("    "));
        assert!(indented.is_none(), "{path}: {indented:?}");
    }
}

/// Commands with a word in place of each placeholder such as `<namespace>`.
fn filled(commands: &str) -> String {
    let placeholder = regex::Regex::new("<[a-zA-Z][a-zA-Z ]*>").unwrap();
    placeholder.replace_all(commands, "x").into_owned()
}

#[test]
fn every_command_is_valid_shell() {
    let mut count = 0;
    for page in pages() {
        for block in page.blocks().into_iter().filter(|block| block.language == "sh") {
            let mut shell = Command::new("bash");
            let checked = shell.args(["-n", "-c", &filled(&block.code)]).output().unwrap();
            let complaint = String::from_utf8_lossy(&checked.stderr).into_owned();
            assert!(checked.status.success(), "{}: {complaint}\n{}", page.path.display(), block.code);
            count += 1;
        }
    }
    assert!(count > 60, "{count}");
}

#[test]
fn the_readme_stays_within_200_lines() {
    let lines = Page::read("README.md").text.lines().count();
    assert!(lines <= 200, "{lines}");
}
