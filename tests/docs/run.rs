//! Every block of commands is run by a test, or the list here says why not.
//!
//! Tests take what they run by `block(page, heading, words)` of `test_support::markdown`, with literals. The calls are read in their
//! sources: a function with such a call that no test reaches is a warning of the compiler.

use std::fs;
use std::path::Path;

use regex::Regex;
use test_support::markdown::{Block, blocks};

use crate::pages::{Page, pages, root};

/// Blocks that no test takes: page, heading, words in it, and why.
const NOT_RUN: [(&str, &str, &str, &str); 5] = [
    ("README.md", "Try it", "make demo", "jobs of .ci/run and .ci/scheduled"),
    ("CONTRIBUTING.md", "From clone to green", "git clone", "what .ci/run does with a clone of its own"),
    (
        "docs/development.md",
        "What to run",
        "devcluster",
        "asks cargo to build; tests/devcluster calls the same",
    ),
    ("docs/releasing.md", "Verify a release", "cosign", "needs cosign, which no test installs"),
    (
        "docs/releasing.md",
        "Make a release",
        "make release",
        "builds for minutes; .ci/release-rehearsal does it",
    ),
];

/// A block of a page, as a test or the list above names it.
struct Named {
    by: String,
    page: String,
    heading: String,
    words: String,
}

impl Named {
    fn is(&self, page: &Page, block: &Block) -> bool {
        page.path == Path::new(&self.page)
            && block.heading == self.heading
            && block.commands.contains(&self.words)
    }

    fn excepted() -> Vec<Self> {
        let named = NOT_RUN.map(|(page, heading, words, why)| {
            assert!(!why.is_empty(), "{page}, {heading}");
            let (page, heading, words) = (page.to_owned(), heading.to_owned(), words.to_owned());
            Self { by: "NOT_RUN".to_owned(), page, heading, words }
        });
        named.into()
    }
}

/// The sources of test programs that take blocks.
fn sources() -> Vec<(String, String)> {
    let (mut found, mut folders) = (Vec::new(), vec![root().join("tests")]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(root()).unwrap().display().to_string();
            if path.is_dir() && !["tests/docs", "tests/support"].contains(&name.as_str()) {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push((name, fs::read_to_string(path).unwrap()));
            }
        }
    }
    found.retain(|(_, source)| source.contains("test_support::markdown"));
    assert!(found.len() > 5, "{found:?}");
    found
}

/// The blocks that tests take.
fn taken() -> Vec<Named> {
    let literal = r#""(?:[^"\\]|\\.)*""#;
    let call = format!(r"\bblock\(\s*({literal}),\s*({literal}),\s*({literal}),?\s*\)");
    let (call, any_call) = (Regex::new(&call).unwrap(), Regex::new(r"\bblock\(").unwrap());
    let mut taken = Vec::new();
    for (name, source) in sources() {
        assert!(!source.contains("#[ignore"), "{name}: a test that is ignored runs nothing");
        let calls: Vec<_> = call.captures_iter(&source).collect();
        assert_eq!(
            calls.len(),
            any_call.find_iter(&source).count(),
            "{name}: block() is called without literals"
        );
        taken.extend(calls.into_iter().map(|call| {
            let [page, heading, words] = [1, 2, 3].map(|group| serde_json::from_str(&call[group]).unwrap());
            Named { by: name.clone(), page, heading, words }
        }));
    }
    taken
}

#[test]
fn every_block_of_commands_is_run_by_a_test_or_excepted_with_a_reason() {
    let (taken, excepted) = (taken(), Named::excepted());
    let (mut faults, mut count) = (Vec::new(), 0);
    for page in pages() {
        for block in blocks(&page.text) {
            count += 1;
            let is_run = taken.iter().any(|named| named.is(&page, &block));
            let is_excepted = excepted.iter().any(|named| named.is(&page, &block));
            let why = match (is_run, is_excepted) {
                (false, false) => "no test runs",
                (true, true) => "a test runs, although it is excepted,",
                _ => continue,
            };
            faults.push(format!("{}, {}: {why}\n{}", page.path.display(), block.heading, block.commands));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    assert!(count > 70, "{count}");
}

#[test]
fn every_block_that_is_named_exists_once() {
    let pages = pages();
    for named in taken().into_iter().chain(Named::excepted()) {
        let found = pages
            .iter()
            .flat_map(|page| blocks(&page.text).into_iter().filter(|block| named.is(page, block)));
        let Named { by, page, heading, words } = &named;
        assert_eq!(found.count(), 1, "{by}: blocks of {page} below {heading} that have {words}");
    }
}
