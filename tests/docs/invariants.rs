//! The invariants and durations that comments name are defined in `docs/development.md`: a reader has no other place to look.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use regex::Regex;

use crate::pages::{Page, root};

const PAGE: &str = "docs/development.md";

/// The first cells of the tables in this section of the page.
fn defined() -> BTreeSet<String> {
    let page = Page::read(PAGE).text;
    let section = page.split("\n## ").find(|section| section.starts_with("Invariants\n")).unwrap();
    let rows = section.lines().filter_map(|line| line.strip_prefix("| ")?.split_once(" |"));
    rows.map(|(cell, _)| cell.to_owned()).collect()
}

/// Each source file below a folder, with its path.
fn sources(folder: &Path, found: &mut Vec<(String, String)>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let name = path.strip_prefix(root()).unwrap().display().to_string();
            found.push((name, fs::read_to_string(path).unwrap()));
        }
    }
}

fn every_source() -> Vec<(String, String)> {
    let mut found = Vec::new();
    for folder in ["src", "tests"] {
        sources(&root().join(folder), &mut found);
    }
    assert!(found.len() > 300, "{} files", found.len());
    found
}

#[test]
fn every_invariant_that_the_source_names_is_defined() {
    let defined = defined();
    let number = Regex::new(r"\bI[0-9]{1,2}\b").unwrap();
    let (mut missing, mut named) = (BTreeSet::new(), BTreeSet::new());
    for (path, text) in every_source() {
        let found: BTreeSet<&str> = number.find_iter(&text).map(|found| found.as_str()).collect();
        missing.extend(
            found.iter().filter(|name| !defined.contains(**name)).map(|name| format!("{path}: {name}")),
        );
        named.extend(found.into_iter().map(str::to_owned));
    }
    assert!(missing.is_empty(), "{PAGE} does not define {missing:#?}");
    assert!(named.len() > 5, "{named:?}");
}

#[test]
fn the_durations_of_the_protocol_are_defined() {
    let (defined, path) = (defined(), "src/plan/authority/timing.rs");
    let text = fs::read_to_string(root().join(path)).unwrap();
    let comments: Vec<&str> = text.lines().filter(|line| line.trim_start().starts_with("//")).collect();
    let is_between = |c: char| !c.is_alphanumeric() && c != '₀' && c != '₁';
    for name in ["F", "W", "S", "F₀", "F₁"] {
        let is_named = comments.iter().any(|line| line.split(is_between).any(|word| word == name));
        assert!(is_named, "{path} does not speak of {name}: look for it");
        assert!(defined.contains(name), "{PAGE} does not define {name}");
    }
}

/// A section of a document that is not in the repository.
#[test]
fn no_comment_names_a_document_that_is_not_here() {
    let section = Regex::new(r"(?i)\bdesign(,? section|,? §)|§ ?[0-9]").unwrap();
    let standard = Regex::new(r"(?i)\b(RFC|WHATWG|X\.509|SPIFFE|PKCS|FIPS|ISO)\b").unwrap();
    let mut found = Vec::new();
    for (path, text) in every_source() {
        let lines =
            text.lines().enumerate().filter(|(_, line)| section.is_match(line) && !standard.is_match(line));
        found.extend(lines.map(|(at, line)| format!("{path}:{}: {}", at + 1, line.trim())));
    }
    found.retain(|line| !line.starts_with("tests/docs/invariants.rs:"));
    assert!(found.is_empty(), "{}", found.join("\n"));
}
