//! What cargo and the C compiler know; nothing is guessed.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::Failure;

/// A crate by name and version, which the lock file makes unique.
pub type Crate = (String, String);

/// Everything that goes into a document.
pub struct Sources {
    /// The package whose binary it is.
    pub package: String,
    /// `cargo metadata`, which knows licences and edges but resolves features for tests too.
    pub metadata: Value,
    /// What `cargo tree` says the binary needs, macros included.
    pub needed: BTreeSet<Crate>,
    /// What of that is linked into it.
    pub linked: BTreeSet<Crate>,
    /// Checksums of the lock file.
    pub checksums: BTreeMap<Crate, String>,
    /// Version of Rust, whose standard library is linked in.
    pub rust: String,
    /// Version of the C library, linked in too.
    pub libc: String,
}

impl Sources {
    pub fn read(package: &str, target: &str, cc: &str) -> Result<Self, Failure> {
        let metadata = ["metadata", "--format-version=1", "--locked", "--filter-platform", target];
        let metadata: Value = serde_json::from_str(&cargo(&metadata)?)?;
        let root = metadata["workspace_root"].as_str().ok_or("cargo metadata names no workspace")?;
        let lock = std::fs::read_to_string(format!("{root}/Cargo.lock"))?;
        Ok(Self {
            package: package.to_owned(),
            needed: tree(package, target, "normal")?,
            linked: tree(package, target, "normal,no-proc-macro")?,
            checksums: checksums(&lock),
            rust: word_after(&run(Command::new("rustc").arg("-vV"), "")?, "release:")?,
            libc: glibc(cc)?,
            metadata,
        })
    }
}

fn tree(package: &str, target: &str, edges: &str) -> Result<BTreeSet<Crate>, Failure> {
    let arguments =
        ["tree", "--locked", "--prefix=none", "--format={p}", "-p", package, "--target", target, "-e", edges];
    Ok(cargo(&arguments)?.lines().filter_map(named).collect())
}

/// From `name v1.2.3`, and perhaps more.
fn named(line: &str) -> Option<Crate> {
    let mut words = line.split_whitespace();
    Some((words.next()?.to_owned(), words.next()?.strip_prefix('v')?.to_owned()))
}

fn checksums(lock: &str) -> BTreeMap<Crate, String> {
    let value = |block: &str, key: &str| {
        let line = block.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(" = "));
        line.map(|value| value.trim_matches('"').to_owned())
    };
    let blocks = lock.split("[[package]]");
    blocks
        .filter_map(|block| {
            Some(((value(block, "name")?, value(block, "version")?), value(block, "checksum")?))
        })
        .collect()
}

fn glibc(cc: &str) -> Result<String, Failure> {
    let asked = "#include <features.h>\nglibc: __GLIBC__ __GLIBC_MINOR__\n";
    let answer = run(Command::new(cc).args(["-E", "-P", "-"]), asked)?;
    let version = answer.lines().find_map(|line| line.strip_prefix("glibc:"));
    Ok(version.ok_or("the C compiler has no glibc")?.split_whitespace().collect::<Vec<_>>().join("."))
}

fn word_after(text: &str, key: &str) -> Result<String, Failure> {
    let line = text.lines().find_map(|line| line.strip_prefix(key));
    Ok(line.ok_or_else(|| format!("there is no {key} in {text}"))?.trim().to_owned())
}

fn cargo(arguments: &[&str]) -> Result<String, Failure> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    run(Command::new(cargo).args(arguments), "")
}

fn run(command: &mut Command, input: &str) -> Result<String, Failure> {
    let name = command.get_program().display().to_string();
    let failed = |why: String| format!("{name}: {why}");
    let child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let mut child = child.map_err(|error| failed(error.to_string()))?;
    child.stdin.take().ok_or("a child without a standard input")?.write_all(input.as_bytes())?;
    let output = child.wait_with_output()?;
    if output.status.success() {
        return Ok(String::from_utf8(output.stdout)?);
    }
    Err(failed(String::from_utf8_lossy(&output.stderr).trim().to_owned()).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crate_is_named_by_the_first_two_words_of_its_line() {
        let is = |name: &str, version: &str| Some((name.to_owned(), version.to_owned()));
        assert_eq!(named("serde v1.0.2 (*)"), is("serde", "1.0.2"));
        assert_eq!(named("mtls-operator v0.1.0 (/src)"), is("mtls-operator", "0.1.0"));
        assert_eq!(named(""), None);
    }

    #[test]
    fn crates_without_a_checksum_are_our_own() {
        let lock = "version = 4\n\n[[package]]\nname = \"a\"\nversion = \"1.0.0\"\nsource = \"registry\"\nchecksum = \"ab\"\n\n\
                    [[package]]\nname = \"ours\"\nversion = \"0.1.0\"\ndependencies = [\n \"a\",\n]\n";
        let found = checksums(lock);
        assert_eq!(found.get(&("a".into(), "1.0.0".into())).map(String::as_str), Some("ab"));
        assert_eq!(found.len(), 1);
    }
}
