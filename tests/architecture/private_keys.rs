//! Types that hold a private key cannot be printed.

use crate::sources::{none, sources};

/// Types whose values hold a private key.
const SECRETS: [&str; 4] = ["PrivateKey", "AuthorityPem", "IssuedLeaf", "Authority"];

#[test]
fn what_holds_a_private_key_cannot_be_printed() {
    let mut breaches = Vec::new();
    for source in sources().iter().filter(|source| source.is_in(&["src/pki/"])) {
        let mut is_printable = false;
        for (at, line) in source.code() {
            let line = line.trim();
            is_printable =
                if line.starts_with("#[") { is_printable || derives(line, "Debug") } else { is_printable };
            let name = line.strip_prefix("pub struct ").map(name_of);
            let prints_by_hand = SECRETS.iter().any(|name| {
                ["Debug", "Display", "Serialize"]
                    .iter()
                    .any(|what| line.contains(&format!("{what} for {name} ")))
            });
            if prints_by_hand || (is_printable && name.is_some_and(|name| SECRETS.contains(&name))) {
                breaches.push(format!("{}:{at}", source.path));
            }
            is_printable = is_printable && line.starts_with("#[");
        }
    }
    none("no Debug, Display or Serialize where a private key is", &breaches);
}

#[test]
fn the_types_that_hold_private_keys_are_where_this_test_looks_for_them() {
    let sources = sources();
    for name in SECRETS {
        let is_there = sources.iter().filter(|source| source.is_in(&["src/pki/"])).any(|source| {
            source.code().any(|(_, line)| line.trim().strip_prefix("pub struct ").map(name_of) == Some(name))
        });
        assert!(is_there, "{name} has moved: say its new name in SECRETS");
    }
}

fn derives(line: &str, what: &str) -> bool {
    line.starts_with("#[derive(") && line.contains(what)
}

fn name_of(rest: &str) -> &str {
    rest.split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default()
}
