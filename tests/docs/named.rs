//! Tests, functions and files that documents and comments name.

use std::fs;

use crate::pages::{Page, pages, root};

/// All that a test program is made of.
fn program(name: &str) -> String {
    let tests = root().join("tests");
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

/// Whether a program has a test of this name, and runs it.
fn is_test(source: &str, name: &str) -> bool {
    let Some((before, _)) = source.split_once(&format!("fn {name}()")) else { return false };
    // Its attributes and comments, up to the end of what is above.
    let attributes = before.rsplit("\n\n").next().unwrap();
    ["#[test]", "#[tokio::test"].iter().any(|attribute| attributes.contains(attribute))
        && !attributes.contains("#[ignore")
}

#[test]
fn every_failure_of_a_rotation_names_a_test_that_exists() {
    let text = Page::read("docs/rotation-failures.md").text;
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
                assert!(is_test(&source, name), "there is no test {name}: {row}");
                tests += 1;
            }
        }
        assert!(tests > 0, "{row}");
    }
}

#[test]
fn every_function_that_a_rule_of_the_chart_names_exists() {
    let mut named = 0;
    let admission = ["admission-grants.yaml", "admission-status.yaml", "admission-writes.yaml"];
    for template in
        ["_rules.tpl", "rbac-cluster.yaml", "rbac-own-namespace.yaml"].into_iter().chain(admission)
    {
        let text = fs::read_to_string(root().join("charts/mtls-operator/templates").join(template)).unwrap();
        let words: Vec<&str> = text.split_whitespace().filter(|word| *word != "#").collect();
        for words in words.windows(3).filter(|words| words[1] == "in" && words[2].contains(".rs")) {
            let [name, _, file] = *words else { continue };
            let file = file.split_inclusive(".rs").next().unwrap();
            let source = fs::read_to_string(root().join("src").join(file)).unwrap_or_default();
            let name = name.trim_end_matches("()").rsplit("::").next().unwrap();
            let is_there = ["fn", "struct"].iter().any(|kind| source.contains(&format!("{kind} {name}")));
            assert!(is_there, "{template}: there is no {name} in {file}");
            named += 1;
        }
    }
    assert!(named > 10, "{named}");
}

/// Whether a quoted word is a path in this repository, and not a name in a cluster or what a build makes.
fn is_path(word: &str) -> bool {
    let folders = ["src/", "tests/", "docs/", "charts/", "deploy/", "crds/", ".ci/"];
    folders.iter().any(|folder| word.starts_with(folder))
        && word.chars().all(|c| c.is_alphanumeric() || "/._-".contains(c))
        && word != "deploy/mtls-operator"
}

#[test]
fn every_file_that_a_page_names_exists() {
    let mut named = 0;
    for page in pages() {
        for line in page.prose() {
            for word in line.split('`').skip(1).step_by(2).filter(|word| is_path(word)) {
                // A test program is named without the ending of its file.
                let is_there = root().join(word).exists() || root().join(format!("{word}.rs")).exists();
                assert!(is_there, "{}: there is no {word}", page.path.display());
                named += 1;
            }
        }
    }
    assert!(named > 20, "{named}");
}

#[test]
fn the_page_on_development_names_every_program_and_folder_of_tests() {
    let text = Page::read("docs/development.md").text;
    let mut seen = 0;
    for entry in fs::read_dir(root().join("tests")).unwrap() {
        let path = entry.unwrap().path();
        if path.ends_with("regressions") {
            continue;
        }
        let name = format!("tests/{}", path.file_stem().unwrap().to_str().unwrap());
        let mut ends = text.match_indices(&name).map(|(at, _)| text[at + name.len()..].chars().next());
        let is_named = ends.any(|next| next.is_some_and(|next| !next.is_alphanumeric() && next != '_'));
        assert!(is_named, "docs/development.md does not name {name}");
        seen += 1;
    }
    assert!(seen > 30, "{seen}");
}
