//! Licences of all crates that are linked or tested with: each is one that `deny.toml` allows.
//!
//! `make deny` asks cargo-deny the same and more, where it is installed.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, also in what its functions share")]

use std::process::Command;

use serde_json::Value;

#[test]
fn every_crate_has_a_licence_that_deny_toml_allows() {
    let allowed = allowed();
    let refused: Vec<String> = packages()
        .iter()
        .map(|package| {
            (package["name"].to_string(), package["license"].as_str().unwrap_or_default().to_owned())
        })
        .filter(|(_, licence)| !is_allowed(licence, &allowed))
        .map(|(name, licence)| format!("{name}: {licence:?}"))
        .collect();
    assert!(refused.is_empty(), "licences that deny.toml does not allow: {refused:#?}");
}

#[test]
fn an_expression_is_allowed_if_one_of_its_choices_is() {
    let list = ["Apache-2.0".to_owned(), "MIT".to_owned(), "ISC".to_owned()];
    for allowed in
        ["MIT", "MIT OR GPL-3.0", "GPL-3.0/Apache-2.0", "(GPL-3.0 OR MIT) AND ISC", "ISC AND (MIT OR X)"]
    {
        assert!(is_allowed(allowed, &list), "{allowed}");
    }
    for refused in
        ["", "GPL-3.0", "MIT AND GPL-3.0", "(MIT OR ISC) AND GPL-3.0", "GPL-2.0 WITH LLVM-exception"]
    {
        assert!(!is_allowed(refused, &list), "{refused}");
    }
}

/// The list `licenses.allow` of deny.toml.
fn allowed() -> Vec<String> {
    let text = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/deny.toml")).unwrap();
    let section = text.split("\n[").find_map(|section| section.strip_prefix("licenses]")).unwrap();
    let list = section.split("\nallow = [").nth(1).unwrap().split(']').next().unwrap();
    let words: Vec<String> = list.split('"').skip(1).step_by(2).map(str::to_owned).collect();
    assert!(words.contains(&"Apache-2.0".to_owned()), "{words:?}");
    words
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
fn is_allowed(expression: &str, list: &[String]) -> bool {
    let expression = expression.replace('/', " OR ").replace('(', " ( ").replace(')', " ) ");
    let tokens: Vec<&str> = expression.split_whitespace().collect();
    let mut rest = tokens.as_slice();
    let allowed = any(&mut rest, list);
    allowed && rest.is_empty()
}

fn any(tokens: &mut &[&str], list: &[String]) -> bool {
    let mut allowed = all(tokens, list);
    while let ["OR", rest @ ..] = tokens {
        *tokens = rest;
        allowed |= all(tokens, list);
    }
    allowed
}

fn all(tokens: &mut &[&str], list: &[String]) -> bool {
    let mut allowed = one(tokens, list);
    while let ["AND", rest @ ..] = tokens {
        *tokens = rest;
        allowed &= one(tokens, list);
    }
    allowed
}

fn one(tokens: &mut &[&str], list: &[String]) -> bool {
    match tokens {
        ["(", rest @ ..] => {
            *tokens = rest;
            let allowed = any(tokens, list);
            *tokens = tokens.strip_prefix(&[")"]).unwrap_or_default();
            allowed
        }
        [licence, "WITH", exception, rest @ ..] => {
            let name = format!("{licence} WITH {exception}");
            *tokens = rest;
            list.contains(&name)
        }
        [licence, rest @ ..] => {
            let is_listed = list.iter().any(|allowed| allowed == licence);
            *tokens = rest;
            is_listed
        }
        [] => false,
    }
}
