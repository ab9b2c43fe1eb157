//! The document, pure: every crate that the binary needs is a component of it, and every component but the two libraries
//! of the toolchain has its edges.

use serde_json::{Value, json};

use crate::Failure;
use crate::sources::{Crate, Sources};

/// The bill of materials.
pub fn of(sources: &Sources) -> Result<Value, Failure> {
    let packages = sources.metadata["packages"].as_array().ok_or("cargo metadata lists no packages")?;
    let mut needed: Vec<&Value> =
        packages.iter().filter(|package| sources.needed.contains(&name_of(package))).collect();
    needed.sort_by_key(|package| name_of(package));
    let (own, others): (Vec<&Value>, Vec<&Value>) =
        needed.iter().copied().partition(|package| package["name"] == sources.package.as_str());
    let own = own.first().ok_or_else(|| format!("there is no package {}", sources.package))?;
    let mut components: Vec<Value> = others.iter().map(|package| component(package, sources)).collect();
    components.extend(toolchain(sources));
    Ok(json!({
        "$schema": "http://cyclonedx.org/schema/bom-1.5.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": { "component": {
            "type": "application", "bom-ref": purl(&name_of(own)), "purl": purl(&name_of(own)),
            "name": own["name"], "version": own["version"], "licenses": licences(own),
        } },
        "components": components,
        "dependencies": edges(sources, &needed),
    }))
}

fn component(package: &Value, sources: &Sources) -> Value {
    let name = name_of(package);
    let mut component = json!({
        "type": "library", "bom-ref": purl(&name), "purl": purl(&name),
        "name": name.0, "version": name.1,
        // A macro, and what only macros use, runs where the binary is built and is not in it.
        "scope": if sources.linked.contains(&name) { "required" } else { "excluded" },
        "licenses": licences(package),
    });
    if let Some(checksum) = sources.checksums.get(&name) {
        component["hashes"] = json!([{ "alg": "SHA-256", "content": checksum }]);
    }
    if let Some(repository) = package["repository"].as_str() {
        component["externalReferences"] = json!([{ "type": "vcs", "url": repository }]);
    }
    component
}

/// What the toolchain links into every static binary.
fn toolchain(sources: &Sources) -> [Value; 2] {
    let library = |name: &str, version: &str, licence: &str| {
        let purl = format!("pkg:generic/{name}@{version}");
        json!({
            "type": "library", "bom-ref": purl, "purl": purl, "name": name, "version": version,
            "scope": "required", "licenses": [{ "expression": licence }],
        })
    };
    [
        library("glibc", &sources.libc, "LGPL-2.1-or-later"),
        library("rust-std", &sources.rust, "MIT OR Apache-2.0"),
    ]
}

fn edges(sources: &Sources, needed: &[&Value]) -> Vec<Value> {
    let nodes = sources.metadata["resolve"]["nodes"].as_array().map(Vec::as_slice).unwrap_or_default();
    let by_id =
        |id: &Value| needed.iter().find(|package| package["id"] == *id).map(|package| name_of(package));
    let of = |node: &Value| {
        let from = by_id(&node["id"])?;
        let mut to: Vec<String> = list(&node["deps"])
            .iter()
            .filter(|edge| list(&edge["dep_kinds"]).iter().any(|kind| kind["kind"].is_null()))
            .filter_map(|edge| by_id(&edge["pkg"]))
            .map(|name| purl(&name))
            .collect();
        to.sort();
        Some(json!({ "ref": purl(&from), "dependsOn": to }))
    };
    nodes.iter().filter_map(of).collect()
}

fn licences(package: &Value) -> Value {
    let licence = package["license"].as_str();
    // A slash is how licences were once said to be alternatives.
    licence.map_or_else(|| json!([]), |licence| json!([{ "expression": licence.replace('/', " OR ") }]))
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

fn name_of(package: &Value) -> Crate {
    let word = |key: &str| package[key].as_str().unwrap_or_default().to_owned();
    (word("name"), word("version"))
}

fn purl((name, version): &Crate) -> String {
    format!("pkg:cargo/{name}@{}", version.replace('+', "%2B"))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn package(name: &str, licence: &str) -> Value {
        json!({ "id": name, "name": name, "version": "1.0.0", "license": licence })
    }

    fn edge(to: &str, kind: &Value) -> Value {
        json!({ "pkg": to, "dep_kinds": [{ "kind": kind }] })
    }

    fn sources() -> Sources {
        let named = |name: &str| (name.to_owned(), "1.0.0".to_owned());
        let normal = Value::Null;
        Sources {
            package: "app".into(),
            metadata: json!({
                "packages": [package("test", "MIT"), package("macro", "MIT/Apache-2.0"), package("lib", "MIT"), package("app", "ISC")],
                "resolve": { "nodes": [
                    { "id": "app", "deps": [edge("lib", &normal), edge("test", &json!("dev")), edge("macro", &normal)] },
                    { "id": "test", "deps": [edge("lib", &normal)] },
                    { "id": "lib", "deps": [edge("macro", &json!("build"))] },
                ] },
            }),
            needed: ["app", "lib", "macro"].map(named).into(),
            linked: ["app", "lib"].map(named).into(),
            checksums: BTreeMap::from([(named("lib"), "ab".to_owned())]),
            rust: "1.95.0".into(),
            libc: "2.36".into(),
        }
    }

    #[test]
    fn what_the_binary_needs_is_listed_and_what_its_tests_need_is_not() {
        let document = of(&sources()).unwrap();
        let names: Vec<_> = list(&document["components"]).iter().map(|found| found["name"].clone()).collect();
        assert_eq!(names, ["lib", "macro", "glibc", "rust-std"]);
        assert_eq!(document["metadata"]["component"]["name"], "app");
    }

    #[test]
    fn a_macro_is_not_in_the_binary() {
        let document = of(&sources()).unwrap();
        assert_eq!(document["components"][0]["scope"], "required");
        assert_eq!(document["components"][0]["hashes"][0]["content"], "ab");
        assert_eq!(document["components"][1]["scope"], "excluded");
        assert_eq!(document["components"][1]["licenses"][0]["expression"], "MIT OR Apache-2.0");
    }

    #[test]
    fn edges_are_those_of_the_binary() {
        let document = of(&sources()).unwrap();
        let app = &document["dependencies"][0];
        assert_eq!(
            *app,
            json!({ "ref": "pkg:cargo/app@1.0.0", "dependsOn": ["pkg:cargo/lib@1.0.0", "pkg:cargo/macro@1.0.0"] })
        );
        assert_eq!(
            document["dependencies"][1]["dependsOn"],
            json!([]),
            "a build dependency is no part of it"
        );
        assert_eq!(list(&document["dependencies"]).len(), 2);
    }
}
