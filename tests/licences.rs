//! Everything that is linked may be given away under the Apache licence.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, also in what its functions share")]

use std::process::Command;

use serde_json::Value;

/// Licences that ask for no more than to be named, or that cover single files only.
const ALLOWED: [&str; 13] = [
    "0BSD",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "CC0-1.0",
    "CDLA-Permissive-2.0",
    "ISC",
    "MIT",
    "MPL-2.0",
    "Unicode-3.0",
    "Zlib",
];

#[test]
fn every_crate_has_a_licence_that_we_may_pass_on() {
    let refused: Vec<String> = packages()
        .iter()
        .map(|package| {
            (package["name"].to_string(), package["license"].as_str().unwrap_or_default().to_owned())
        })
        .filter(|(_, licence)| !is_allowed(licence))
        .map(|(name, licence)| format!("{name}: {licence:?}"))
        .collect();
    assert!(refused.is_empty(), "licences that nobody has allowed yet: {refused:#?}");
}

#[test]
fn an_expression_is_allowed_if_one_of_its_choices_is() {
    for allowed in
        ["MIT", "MIT OR GPL-3.0", "GPL-3.0/Apache-2.0", "(GPL-3.0 OR MIT) AND ISC", "ISC AND (MIT OR X)"]
    {
        assert!(is_allowed(allowed), "{allowed}");
    }
    for refused in
        ["", "GPL-3.0", "MIT AND GPL-3.0", "(MIT OR ISC) AND GPL-3.0", "GPL-2.0 WITH LLVM-exception"]
    {
        assert!(!is_allowed(refused), "{refused}");
    }
}

/// The crates that are compiled into what we ship or test, as the lock file names them.
fn packages() -> Vec<Value> {
    let platform = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--locked", "--offline", "--filter-platform", &platform])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let packages = metadata["packages"].as_array().unwrap().clone();
    assert!(packages.len() > 100, "cargo metadata names only {} crates", packages.len());
    packages
}

/// Whether an SPDX expression is met by allowed licences alone. AND binds closer than OR; `/` is an old OR.
fn is_allowed(expression: &str) -> bool {
    let expression = expression.replace('/', " OR ").replace('(', " ( ").replace(')', " ) ");
    let tokens: Vec<&str> = expression.split_whitespace().collect();
    let mut rest = tokens.as_slice();
    let allowed = any(&mut rest);
    allowed && rest.is_empty()
}

fn any(tokens: &mut &[&str]) -> bool {
    let mut allowed = all(tokens);
    while let ["OR", rest @ ..] = tokens {
        *tokens = rest;
        allowed |= all(tokens);
    }
    allowed
}

fn all(tokens: &mut &[&str]) -> bool {
    let mut allowed = one(tokens);
    while let ["AND", rest @ ..] = tokens {
        *tokens = rest;
        allowed &= one(tokens);
    }
    allowed
}

fn one(tokens: &mut &[&str]) -> bool {
    match tokens {
        ["(", rest @ ..] => {
            *tokens = rest;
            let allowed = any(tokens);
            *tokens = tokens.strip_prefix(&[")"]).unwrap_or_default();
            allowed
        }
        [licence, "WITH", exception, rest @ ..] => {
            let name = format!("{licence} WITH {exception}");
            *tokens = rest;
            ALLOWED.contains(&name.as_str())
        }
        [licence, rest @ ..] => {
            let is_listed = ALLOWED.contains(licence);
            *tokens = rest;
            is_listed
        }
        [] => false,
    }
}
