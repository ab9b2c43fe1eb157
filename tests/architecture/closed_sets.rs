//! A closed set that is listed in a constant `ALL` is listed whole: the compiler does not see a variant that is missing.

use crate::sources::{Source, none, sources};

/// What is between two texts.
fn between<'a>(text: &'a str, begin: &str, end: &str) -> Option<&'a str> {
    text.split_once(begin)?.1.split_once(end).map(|(inner, _)| inner)
}

/// The variants of an enum, as rustfmt writes them.
fn variants<'a>(source: &'a Source, name: &str) -> Vec<&'a str> {
    let body = between(&source.text, &format!("enum {name} {{\n"), "\n}").unwrap_or_default();
    let lines = body.lines().filter_map(|line| line.strip_prefix("    "));
    let lines = lines.filter(|line| line.starts_with(|c: char| c.is_ascii_uppercase()));
    lines.map(|line| line.split(|c: char| !c.is_alphanumeric()).next().unwrap()).collect()
}

/// Each `ALL` that is an array: the enum that it is of, and what it lists.
fn lists(source: &Source) -> Vec<(&str, Vec<&str>)> {
    let mut found = Vec::new();
    for (at, declaration) in source.text.match_indices("const ALL: [Self; ") {
        let (before, after) = source.text.split_at(at);
        let name = before.rsplit_once("\nimpl ").unwrap().1.split(' ').next().unwrap();
        let listed = between(&after[declaration.len()..], "[", "];").unwrap();
        let listed = listed.split("Self::").skip(1);
        found.push((name, listed.map(|each| each.trim_end_matches([',', '\n', ' '])).collect()));
    }
    found
}

#[test]
fn a_list_of_all_variants_lacks_none() {
    let sources = sources();
    let mut breaches = Vec::new();
    let mut seen = 0;
    for source in &sources {
        for (name, listed) in lists(source) {
            let variants = variants(source, name);
            assert!(!variants.is_empty(), "{}: there is no enum {name}", source.path);
            let missing = variants.iter().filter(|variant| !listed.contains(variant));
            breaches.extend(missing.map(|variant| format!("{}: {name}::{variant}", source.path)));
            seen += 1;
        }
    }
    assert!(seen >= 6, "{seen} lists are found: look for them");
    none("a variant is in the ALL of its enum", &breaches);
}
