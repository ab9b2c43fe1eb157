//! The source files that the rules are checked on, and how a breach is reported.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

/// A source file: its path below the package, and its text.
pub struct Source {
    pub path: String,
    pub text: String,
}

impl Source {
    /// The lines of code before the tests, numbered, without comments.
    pub fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        let lines = self.text.lines().enumerate().map(|(at, line)| (at + 1, line));
        lines
            .take_while(|(_, line)| line.trim() != "#[cfg(test)]")
            .filter(|(_, line)| !line.trim_start().starts_with("//"))
            // In a string such as "https://" nothing begins.
            .map(|(at, line)| (at, line.split(" // ").next().unwrap_or_default()))
    }

    /// Where the code names one of these.
    pub fn naming(&self, words: &[&str]) -> Vec<String> {
        let names =
            |line: &str| words.iter().find(|word| line.contains(**word)).map(|word| (*word).to_owned());
        let found = self.code().filter_map(|(at, line)| names(line).map(|word| (at, word)));
        found.map(|(at, word)| format!("{}:{at} names {word}", self.path)).collect()
    }

    pub fn is_in(&self, folders: &[&str]) -> bool {
        folders.iter().any(|folder| self.path.starts_with(folder))
    }
}

pub fn sources() -> Vec<Source> {
    let mut sources = Vec::new();
    collect(&PathBuf::from(env!("CARGO_MANIFEST_DIR")), Path::new("src"), &mut sources);
    assert!(sources.len() > 30, "the source is not where it was");
    sources
}

pub fn collect(package: &Path, folder: &Path, sources: &mut Vec<Source>) {
    for entry in fs::read_dir(package.join(folder)).unwrap() {
        let entry = entry.unwrap();
        let path = folder.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            collect(package, &path, sources);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(entry.path()).unwrap();
            sources.push(Source { path: path.to_str().unwrap().replace('\\', "/"), text });
        }
    }
}

/// Fails with one line for each breach.
pub fn none(rule: &str, breaches: &[String]) {
    let lines = breaches.iter().fold(String::new(), |mut text, breach| {
        let _ = writeln!(text, "  {breach}");
        text
    });
    assert!(breaches.is_empty(), "{rule}:\n{lines}");
}
