//! Documents: every link leads somewhere, and what they name exists.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking, also in what its functions share"
)]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

fn documents() -> Vec<PathBuf> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let apart = [
        "README.md",
        "charts/mtls-operator/README.md",
        "SECURITY.md",
        "CONTRIBUTING.md",
        "CHANGELOG.md",
        ".ci/README.md",
    ];
    let mut found = apart.map(|path| here.join(path)).to_vec();
    found.extend(fs::read_dir(here.join("docs")).unwrap().map(|entry| entry.unwrap().path()));
    found.retain(|path| path.extension().is_some_and(|extension| extension == "md"));
    assert!(found.len() > 3);
    found
}

/// The targets of all links, with code left out.
fn links(text: &str) -> Vec<String> {
    let prose = text.lines().filter(|line| !line.starts_with("    ") || line.trim_start().starts_with('-'));
    let mut links = Vec::new();
    for line in prose {
        let targets = line.split("](").skip(1).filter_map(|rest| rest.split_once(')'));
        links.extend(targets.map(|(target, _)| target.to_owned()));
    }
    links
}

/// Anchors of headings, as GitHub makes them.
fn anchors(text: &str) -> BTreeSet<String> {
    let headings = text.lines().filter(|line| line.starts_with('#'));
    let slug = |heading: &str| -> String {
        let words = heading.trim_start_matches('#').trim().to_lowercase();
        let kept = words.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
        kept.map(|c| if c == ' ' { '-' } else { c }).collect()
    };
    headings.map(slug).collect()
}

/// Why a link leads nowhere.
fn broken(document: &Path, link: &str) -> Option<&'static str> {
    if link.starts_with("https://") {
        return None;
    }
    let (path, anchor) = link.split_once('#').unwrap_or((link, ""));
    let target = if path.is_empty() { document.to_owned() } else { document.parent().unwrap().join(path) };
    if !target.exists() {
        return Some("there is no such file");
    }
    let is_found = anchor.is_empty() || anchors(&fs::read_to_string(target).unwrap()).contains(anchor);
    (!is_found).then_some("there is no such heading")
}

#[test]
fn every_link_leads_somewhere() {
    let mut faults = Vec::new();
    for document in documents() {
        for link in links(&fs::read_to_string(&document).unwrap()) {
            if let Some(why) = broken(&document, &link) {
                faults.push(format!("{}: {link}: {why}", document.display()));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// All that a test program is made of.
fn program(name: &str) -> String {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    let mut text = fs::read_to_string(tests.join(format!("{name}.rs"))).unwrap_or_default();
    let mut folders = vec![tests.join(name)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                text += &fs::read_to_string(path).unwrap();
            }
        }
    }
    text
}

#[test]
fn every_failure_of_a_rotation_is_held_off_by_a_test_that_exists() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/rotation-failures.md");
    let text = fs::read_to_string(path).unwrap();
    let rows: Vec<&str> = text
        .lines()
        .filter_map(|line| line.strip_suffix(" |")?.rsplit_once(" | "))
        .map(|row| row.1)
        .collect();
    assert!(rows.len() > 20, "{rows:?}");
    // Below the heading and its line.
    for row in &rows[2..] {
        let (mut source, mut tests) = (String::new(), 0);
        // Every other part is quoted: the name of a program, if a colon follows, or of a test in it.
        let mut parts = row.split('`').skip(1).peekable();
        while let Some(name) = parts.next() {
            if parts.next().is_some_and(|rest| rest.starts_with(':')) {
                source = program(name);
            } else {
                assert!(source.contains(&format!("fn {name}()")), "there is no test {name}: {row}");
                tests += 1;
            }
        }
        assert!(tests > 0, "{row}");
    }
}

#[test]
fn every_function_that_a_rule_of_the_chart_names_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut named = 0;
    let admission = ["admission-grants.yaml", "admission-status.yaml", "admission-writes.yaml"];
    for template in
        ["_rules.tpl", "rbac-cluster.yaml", "rbac-own-namespace.yaml"].into_iter().chain(admission)
    {
        let text = fs::read_to_string(root.join("charts/mtls-operator/templates").join(template)).unwrap();
        let words: Vec<&str> = text.split_whitespace().filter(|word| *word != "#").collect();
        for words in words.windows(3).filter(|words| words[1] == "in" && words[2].contains(".rs")) {
            let [name, _, file] = *words else { continue };
            let file = file.split_inclusive(".rs").next().unwrap();
            let source = fs::read_to_string(root.join("src").join(file)).unwrap_or_default();
            let name = name.trim_end_matches("()").rsplit("::").next().unwrap();
            let is_there = ["fn", "struct"].iter().any(|kind| source.contains(&format!("{kind} {name}")));
            assert!(is_there, "{template}: there is no {name} in {file}");
            named += 1;
        }
    }
    assert!(named > 10, "{named}");
}
