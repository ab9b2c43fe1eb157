//! The table of rights in `docs/security.md` against the roles that the chart renders, with each value that changes them.

use std::collections::BTreeSet;

use serde_json::Value;
use test_support::chart::render;
use test_support::installation::{RELEASE, SYSTEM};

use crate::pages::Page;

/// The namespaces that are served where not all are.
const WATCHED: [&str; 2] = ["blue", "red"];

/// What may be done to one resource.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Right {
    /// A namespace, or `*` for all of them and what has none.
    place: String,
    /// As `kubectl auth can-i --list` prints it.
    resource: String,
    /// The only name that it is for, or nothing.
    name: String,
    verbs: BTreeSet<String>,
}

/// A row of the table.
struct Row {
    cells: Vec<String>,
}

impl Row {
    fn all() -> Vec<Self> {
        let text = Page::read("docs/security.md").text;
        let (_, section) = text.split_once("\n## What the operator may do\n").unwrap();
        let lines = section.split("\n## ").next().unwrap().lines().filter(|line| line.starts_with('|'));
        let cells = |line: &str| {
            let inner = line.strip_prefix('|').and_then(|line| line.strip_suffix('|')).unwrap();
            inner.split('|').map(|cell| cell.trim().to_owned()).collect()
        };
        let rows: Vec<Self> = lines.skip(2).map(|line| Self { cells: cells(line) }).collect();
        assert!(rows.len() > 10 && rows.iter().all(|row| row.cells.len() == 4));
        rows
    }

    /// The value that this right is only there with.
    fn value(&self) -> &str {
        self.cells[3].trim_matches('`')
    }

    fn rights(&self, is_narrow: bool) -> Vec<Right> {
        let [place, resource, verbs, _] = &*self.cells else { panic!("{:?}", self.cells) };
        let places = match place.as_str() {
            "served namespaces" if is_narrow => WATCHED.to_vec(),
            "cluster" | "served namespaces" => vec!["*"],
            "own namespace" => vec![SYSTEM],
            "`default`" => vec!["default"],
            other => panic!("no place is called {other}"),
        };
        let (resource, name) = resource.split_once(" named ").unwrap_or((resource, ""));
        let right = |place: &str| Right {
            place: place.to_owned(),
            resource: resource.trim_matches('`').to_owned(),
            name: name.trim_matches('`').to_owned(),
            verbs: verbs.split(", ").map(str::to_owned).collect(),
        };
        places.into_iter().map(right).collect()
    }
}

/// The words of a list.
fn words(list: &Value) -> impl Iterator<Item = &str> {
    list.as_array().into_iter().flatten().filter_map(Value::as_str)
}

/// What one rule of a role allows.
fn allowed(place: &str, rule: &Value) -> Vec<Right> {
    assert!(rule.get("nonResourceURLs").is_none(), "{rule}");
    let names: Vec<&str> = rule.get("resourceNames").map_or(vec![""], |names| words(names).collect());
    let mut rights = Vec::new();
    for group in words(&rule["apiGroups"]) {
        for resource in words(&rule["resources"]) {
            let (kind, subresource) = resource.split_at(resource.find('/').unwrap_or(resource.len()));
            let dot = if group.is_empty() { "" } else { "." };
            rights.extend(names.iter().map(|name| Right {
                place: place.to_owned(),
                resource: format!("{kind}{dot}{group}{subresource}"),
                name: (*name).to_owned(),
                verbs: words(&rule["verbs"]).map(str::to_owned).collect(),
            }));
        }
    }
    rights
}

/// What the objects of the chart allow the operator's account.
fn granted(objects: &[Value]) -> BTreeSet<Right> {
    let is_operator = |subject: &Value| {
        subject["kind"] == "ServiceAccount" && subject["name"] == RELEASE && subject["namespace"] == SYSTEM
    };
    let bindings = objects
        .iter()
        .filter(|object| object["subjects"].as_array().is_some_and(|all| all.iter().any(is_operator)));
    let mut rights = BTreeSet::new();
    for binding in bindings {
        let namespace = &binding["metadata"]["namespace"];
        let is_bound = |role: &&Value| {
            let (kind, name) = (&binding["roleRef"]["kind"], &binding["roleRef"]["name"]);
            &role["kind"] == kind
                && &role["metadata"]["name"] == name
                && (kind == "ClusterRole" || &role["metadata"]["namespace"] == namespace)
        };
        let role = objects.iter().find(is_bound).unwrap_or_else(|| panic!("no role of {binding}"));
        let rules = role["rules"].as_array().unwrap();
        rights.extend(rules.iter().flat_map(|rule| allowed(namespace.as_str().unwrap_or("*"), rule)));
    }
    rights
}

#[test]
fn the_table_of_rights_is_what_the_chart_grants_with_each_value_that_changes_it() {
    let rows = Row::all();
    let watched = format!("watchNamespaces={{{}}}", WATCHED.join(","));
    // The values of a rendering, and those of the table that are set with them.
    let default = ["authority.create", "trustBundles.configMaps"];
    let with = |value: &'static str| [&default[..], &[value]].concat();
    let renderings: [(&str, Vec<&str>); 6] = [
        ("authority.create=true", default.to_vec()),
        ("authority.create=false", vec!["trustBundles.configMaps"]),
        ("trustBundles.configMaps=false", vec!["authority.create"]),
        ("endpointProbes.enabled=true", with("endpointProbes.enabled")),
        ("trustBundles.clusterTrustBundles=true", with("trustBundles.clusterTrustBundles")),
        (&watched, with("watchNamespaces")),
    ];
    for row in &rows {
        let is_tried = renderings.iter().any(|(_, set)| set.contains(&row.value()));
        assert!(row.value().is_empty() || is_tried, "no rendering has {}", row.value());
    }
    for (value, set) in renderings {
        let is_narrow = set.contains(&"watchNamespaces");
        let there = rows.iter().filter(|row| row.value().is_empty() || set.contains(&row.value()));
        let listed: BTreeSet<Right> = there.flat_map(|row| row.rights(is_narrow)).collect();
        let granted = granted(&render(&[value]));
        let differing: Vec<&Right> = granted.symmetric_difference(&listed).collect();
        assert!(differing.is_empty(), "with {value} only one of chart and table has {differing:#?}");
    }
}
