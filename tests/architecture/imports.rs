//! Which file of `src/` may import which, read from its `use` lines.
//!
//! Imports point downwards: in the order of `LAYERS`, and between two files never in a circle.

use std::collections::{BTreeMap, BTreeSet};

use crate::sources::{Source, none, sources};

/// The layers of the source, the lowest first. A unit is a folder or a file; it imports units of lines above its own only.
/// Units of one line do not import each other.
const LAYERS: &[&[&str]] = &[
    &["pki", "runtime"],
    &["api"],
    &["plan::spread", "plan::unread_spec"],
    &["plan::selector"],
    &["plan::trust_bundle", "plan::probe"],
    &["plan::authority"],
    &["plan::identity"],
    &["operator::error", "operator::index"],
    &["operator::scheduler"],
    &["operator::metrics"],
    &["operator::client"],
    &["operator::issuers"],
    &["operator::status_proof"],
    &["operator::context"],
    &["operator::events", "operator::freshness"],
    &["operator::trust_bundle", "operator::probe"],
    &["operator::identity", "operator::authority"],
    &["operator::informers"],
    &["operator::run"],
    &["cli"],
    &["process"],
    &["main"],
];

/// Files that only name their parts.
const CONTENTS: [&str; 4] = ["lib", "api", "operator", "plan"];

/// The imports of the whole source: from a module to those that its `use` lines name.
struct Imports(BTreeMap<String, BTreeSet<String>>);

impl Imports {
    fn read() -> Self {
        let sources = sources();
        let modules: BTreeSet<String> = sources.iter().map(module).collect();
        let of = |source: &Source| {
            let name = module(source);
            let used = uses(source).into_iter().filter_map(|path| target(&name, &path, &modules));
            let others = used.filter(|other| *other != name).collect();
            (name, others)
        };
        Self(sources.iter().map(of).collect())
    }

    fn arrows(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().flat_map(|(from, to)| to.iter().map(move |to| (from.as_str(), to.as_str())))
    }

    /// The modules that can be reached from this one.
    fn reach(&self, from: &str) -> BTreeSet<&str> {
        let mut seen = BTreeSet::new();
        let mut next: Vec<&str> = vec![from];
        while let Some(module) = next.pop() {
            for to in self.0.get(module).into_iter().flatten() {
                if seen.insert(to.as_str()) {
                    next.push(to);
                }
            }
        }
        seen
    }
}

/// The name of a source file as a module: `operator::client` for `src/operator/client/mod.rs`.
fn module(source: &Source) -> String {
    let path = source.path.trim_start_matches("src/").trim_end_matches(".rs");
    path.trim_end_matches("/mod").replace('/', "::")
}

/// The paths that a file imports from this crate, one for each name.
fn uses(source: &Source) -> Vec<String> {
    let code = source.code().map(|(_, line)| line.trim()).collect::<Vec<_>>().join(" ");
    let statements =
        code.split(';').filter_map(|statement| statement.split_once("use ")).map(|(_, path)| path);
    let own = |path: &&str| ["crate::", "super::", "self::"].iter().any(|start| path.starts_with(start));
    statements.filter(own).flat_map(leaves).collect()
}

/// `a::{b, c::{d, e}}` as `a::b`, `a::c::d`, `a::c::e`.
fn leaves(tree: &str) -> Vec<String> {
    let tree = tree.trim();
    let Some((stem, group)) = tree.split_once('{') else {
        return vec![tree.split(" as ").next().unwrap_or_default().to_owned()];
    };
    let group = group.strip_suffix('}').unwrap_or(group);
    let (mut depth, mut parts) = (0_i32, vec![String::new()]);
    for letter in group.chars() {
        depth += i32::from(letter == '{') - i32::from(letter == '}');
        match letter {
            ',' if depth == 0 => parts.push(String::new()),
            _ => parts.last_mut().unwrap().push(letter),
        }
    }
    let parts = parts.iter().filter(|part| !part.trim().is_empty());
    parts.flat_map(|part| leaves(part)).map(|leaf| format!("{stem}{leaf}")).collect()
}

/// The module that a path leads to, seen from `from`.
fn target(from: &str, path: &str, modules: &BTreeSet<String>) -> Option<String> {
    let mut at: Vec<&str> = from.split("::").collect();
    for (index, part) in path.split("::").enumerate() {
        match part {
            "crate" => at.clear(),
            "self" => {}
            "super" => drop(at.pop()),
            _ if index > 0 => at.push(part),
            _ => return None,
        }
    }
    (1..=at.len()).rev().map(|parts| at[..parts].join("::")).find(|module| modules.contains(module))
}

/// The unit of a module, with its layer in the order of `LAYERS`.
fn unit(module: &str) -> Option<(usize, &'static str)> {
    let holds = |unit: &str| module == unit || module.starts_with(&format!("{unit}::"));
    let units =
        LAYERS.iter().enumerate().flat_map(|(layer, units)| units.iter().map(move |unit| (layer, *unit)));
    units.filter(|(_, unit)| holds(unit)).max_by_key(|(_, unit)| unit.len())
}

/// The largest folder below which both are, and what differs of each just below it.
fn siblings<'a>(one: &'a str, other: &'a str) -> Option<(&'a str, &'a str)> {
    let same = one.split("::").zip(other.split("::")).take_while(|(a, b)| a == b).count();
    let upto = |module: &'a str| {
        module.match_indices("::").map(|(at, _)| at).nth(same).map_or(module, |at| &module[..at])
    };
    let (one, other) = (upto(one), upto(other));
    // A file of a folder and the folder's own `mod.rs` are not two units.
    (one.split("::").count() == other.split("::").count()).then_some((one, other))
}

#[test]
fn every_file_is_in_the_layout() {
    let imports = Imports::read();
    let without = imports.0.keys().filter(|name| unit(name).is_none() && !CONTENTS.contains(&name.as_str()));
    let breaches: Vec<String> = without.map(|name| format!("{name} is in no line of LAYERS")).collect();
    none("every file of src has a place in the layout (LAYERS in tests/architecture/imports.rs)", &breaches);
}

#[test]
fn no_import_runs_upwards() {
    let imports = Imports::read();
    let upwards = imports.arrows().filter_map(|(from, to)| {
        let ((layer, own), (other_layer, other)) = (unit(from)?, unit(to)?);
        (own != other && other_layer >= layer)
            .then(|| format!("{from} imports {to}: {other} is not below {own}"))
    });
    none(
        "a unit imports units below it only (the order is LAYERS in tests/architecture/imports.rs)",
        &upwards.collect::<Vec<_>>(),
    );
}

#[test]
fn no_files_import_each_other_in_a_circle() {
    let imports = Imports::read();
    let round = imports.arrows().filter(|(from, to)| imports.reach(to).contains(from));
    let breaches: Vec<String> =
        round.map(|(from, to)| format!("{from} imports {to}, which leads back to it")).collect();
    none("no circle between files: move what both need to a file below them", &breaches);
}

#[test]
fn no_folders_import_each_other_in_a_circle() {
    let imports = Imports::read();
    let mut folders: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (one, other) in imports.arrows().filter_map(|(from, to)| siblings(from, to)) {
        folders.entry(one).or_default().insert(other);
    }
    let back = |one: &str, other: &str| folders.get(other).is_some_and(|to| to.contains(one));
    let both = folders.iter().flat_map(|(one, to)| to.iter().map(move |other| (*one, *other)));
    let breaches: Vec<String> = both
        .filter(|(one, other)| back(one, other))
        .map(|(one, other)| format!("{one} and {other} import each other"))
        .collect();
    none("no circle between folders: one of two imports the other", &breaches);
}

/// For people: `cargo test --test architecture -- --nocapture` prints the size of the layout.
#[test]
fn the_size_of_the_layout_is_printed() {
    let imports = Imports::read();
    for top in ["operator", "plan"] {
        let inside = |name: &str| name.starts_with(&format!("{top}::"));
        let arrows: Vec<_> = imports.arrows().filter(|(from, to)| inside(from) && inside(to)).collect();
        let units: BTreeSet<_> = arrows
            .iter()
            .filter_map(|(from, to)| Some((unit(from)?, unit(to)?)))
            .filter(|(a, b)| a.1 != b.1)
            .collect();
        let names: BTreeSet<_> =
            imports.0.keys().filter(|name| inside(name)).filter_map(|name| unit(name)).collect();
        let layers: BTreeSet<_> = names.iter().map(|(layer, _)| layer).collect();
        println!(
            "src/{top}: {} files in {} units on {} layers, {} imports between files, {} between units",
            imports.0.keys().filter(|name| inside(name)).count(),
            names.len(),
            layers.len(),
            arrows.len(),
            units.len()
        );
        assert!(!arrows.is_empty(), "the imports of src/{top} were not read");
    }
}
