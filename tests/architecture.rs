//! Rules of the layout that no lint knows: which folder may name what, how long a file may be, what it begins with.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking, also in what its functions share"
)]

#[path = "architecture/closed_sets.rs"]
mod closed_sets;
#[path = "architecture/imports.rs"]
mod imports;
#[path = "architecture/private_keys.rs"]
mod private_keys;
#[path = "architecture/sources.rs"]
mod sources;

use std::fs;
use std::path::{Path, PathBuf};

use sources::{Source, collect, none, sources};

/// Longest a file may be.
const LONGEST: usize = 300;

/// Folders of code that only computes.
const PURE: [&str; 5] =
    ["src/api/", "src/pki/", "src/plan/", "src/operator/index/", "src/operator/scheduler/"];

/// Folders that the operator is built on.
const INNER: [&str; 4] = ["src/api/", "src/pki/", "src/plan/", "src/runtime/"];

/// What code that only computes has no use for.
const IMPURE: [&str; 16] = [
    "tokio",
    "kube::Client",
    "kube::client",
    "kube::Api",
    "kube::api",
    "kube::runtime",
    "async fn",
    "async move",
    ".await",
    "std::fs",
    "std::env",
    "std::process",
    "std::thread",
    "std::net::Tcp",
    "std::net::Udp",
    "runtime::clock",
];

/// Reads of a clock.
const CLOCKS: [&str; 5] = ["Timestamp::now(", "Instant::now(", "SystemTime::now(", "Zoned::now(", "now_utc("];

#[test]
fn pure_folders_name_no_runtime_client_file_or_clock() {
    let sources = sources();
    let breaches: Vec<String> = sources
        .iter()
        .filter(|source| source.is_in(&PURE))
        .flat_map(|source| source.naming(&IMPURE))
        .collect();
    none("src/api, src/pki, src/plan, src/operator/index and src/operator/scheduler only compute", &breaches);
}

#[test]
fn only_src_pki_parses_and_makes_certificates() {
    let sources = sources();
    let others = sources.iter().filter(|source| !source.is_in(&["src/pki/"]));
    let breaches: Vec<String> =
        others.flat_map(|source| source.naming(&["rcgen", "x509_parser", "webpki", "yasna"])).collect();
    none("rcgen, x509_parser, webpki and yasna are named in src/pki only", &breaches);
}

#[test]
fn inner_folders_do_not_import_the_operator() {
    let sources = sources();
    let inner = sources.iter().filter(|source| source.is_in(&INNER));
    let breaches: Vec<String> = inner.flat_map(|source| source.naming(&["crate::operator"])).collect();
    none("dependencies point inwards: nothing below src/operator names it", &breaches);
}

#[test]
fn clocks_are_read_in_one_file() {
    let sources = sources();
    let others = sources.iter().filter(|source| source.path != "src/runtime/clock.rs");
    let breaches: Vec<String> = others.flat_map(|source| source.naming(&CLOCKS)).collect();
    none("time is an input; only src/runtime/clock.rs reads clocks", &breaches);
}

#[test]
fn nothing_that_is_shipped_can_lack_a_safeguard() {
    let sources = sources();
    let others = sources.iter().filter(|source| source.path != "src/plan/authority/safeguards.rs");
    let breaches: Vec<String> = others.flat_map(|source| source.naming(&["weakened"])).collect();
    none("the feature weakened is named in src/plan/authority/safeguards.rs only", &breaches);
    let read = |name: &str| fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(name)).unwrap();
    let manifest = read("Cargo.toml");
    assert!(manifest.contains("\nweakened = []\n"), "the feature has moved: look for it there");
    assert!(!manifest.contains("\ndefault = "), "weakened must be asked for");
    let makefile = read("Makefile");
    // The example e2e is a test: what it runs is the image. The test-runner builds tests.
    let is_test = |line: &&str| line.contains("--example e2e") || line.contains("--package test-runner");
    let lines = makefile.lines().filter(|line| !is_test(line));
    let shipped = lines.filter(|line| line.contains(" build ") || line.contains(" run "));
    let weak: Vec<String> = shipped.filter(|line| line.contains("WEAKENED")).map(str::to_owned).collect();
    none("what is shipped is built without it", &weak);
}

#[test]
fn code_does_not_panic_by_choice() {
    let words = [".unwrap()", ".expect(", "panic!(", "unreachable!(", "todo!(", "unimplemented!("];
    let breaches: Vec<String> = sources().iter().flat_map(|source| source.naming(&words)).collect();
    none("what can fail returns an error", &breaches);
}

#[test]
fn no_file_has_more_than_300_lines() {
    let mut files = sources();
    collect(&PathBuf::from(env!("CARGO_MANIFEST_DIR")), Path::new("tests"), &mut files);
    let breaches: Vec<String> = files
        .iter()
        .map(|source| (&source.path, source.text.lines().count()))
        .filter(|(_, lines)| *lines > LONGEST)
        .map(|(path, lines)| format!("{path} has {lines} lines"))
        .collect();
    none("a file has at most 300 lines", &breaches);
}

/// A file that no program names is not compiled, and its tests pass unseen.
#[test]
fn every_file_of_a_test_program_is_named_by_it() {
    let package = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    collect(&package, Path::new("tests"), &mut files);
    let elsewhere = ["tests/devcluster/", "tests/model/tests/", "tests/support/"];
    let parts = files.iter().filter(|file| file.path.matches('/').count() > 1 && !file.is_in(&elsewhere));
    let is_named = |part: &Source| {
        let (folder, name) = part.path.rsplit_once('/').unwrap();
        let line = format!("mod {};", name.trim_end_matches(".rs"));
        let names = |each: &str| each == line || each.strip_prefix("pub ") == Some(&*line);
        let is_root = |file: &&Source| {
            file.path == format!("{folder}.rs")
                || file.path.rsplit_once('/').is_some_and(|(at, _)| at == folder)
        };
        files.iter().filter(is_root).any(|file| file.text.lines().any(names))
    };
    let is_program = |part: &Source| part.text.contains("\nmod ") || part.path.ends_with("/src/main.rs");
    let parts = parts.filter(|part| !is_program(part) && !is_named(part));
    let breaches: Vec<String> = parts.map(|part| format!("{} is part of no program", part.path)).collect();
    none("a test file is named by its program", &breaches);
}

#[test]
fn every_file_begins_with_a_doc_comment() {
    let sources = sources();
    let silent = sources.iter().filter(|source| !source.text.starts_with("//! "));
    let breaches: Vec<String> = silent.map(|source| source.path.clone()).collect();
    none("a file begins with a doc comment of its module", &breaches);
}
