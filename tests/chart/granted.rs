//! Everything that the operator may do with the chart as it is by default, as the API server itself tells it.
//!
//! What is added to a role has to be added here, and so is seen.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use test_support::cluster::TestCluster;
use test_support::installation::{SYSTEM, succeed_with};

/// In every namespace: verb, then the resource, with its group where it has one.
const EVERYWHERE: [&str; 24] = [
    "create configmaps",
    "create events.events.k8s.io",
    "create mtlsauthorities.mtls-operator.dev/mesh",
    "create secrets",
    "delete configmaps",
    "get configmaps",
    "get mtlsauthorities.mtls-operator.dev",
    "get mtlsidentities.mtls-operator.dev",
    "get secrets",
    "list configmaps",
    "list mtlsauthorities.mtls-operator.dev",
    "list mtlsidentities.mtls-operator.dev",
    "list namespaces",
    "list secrets",
    "patch configmaps",
    "patch mtlsauthorities.mtls-operator.dev",
    "patch mtlsauthorities.mtls-operator.dev#status",
    "patch mtlsidentities.mtls-operator.dev#status",
    "patch secrets",
    "watch configmaps",
    "watch mtlsauthorities.mtls-operator.dev",
    "watch mtlsidentities.mtls-operator.dev",
    "watch namespaces",
    "watch secrets",
];

/// In its own namespace besides.
const AT_HOME: [&str; 3] = [
    "create leases.coordination.k8s.io",
    "get leases.coordination.k8s.io/mtls-operator",
    "update leases.coordination.k8s.io/mtls-operator",
];

/// All that an account may do in a namespace.
fn rights(account: &str, namespace: &str) -> BTreeSet<String> {
    let review = json!({
        "apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectRulesReview", "spec": { "namespace": namespace },
    });
    let mut kubectl = TestCluster::shared().control_plane().kubectl();
    kubectl.args(["create", "-o", "json", "--validate=false", "-f", "-", &format!("--as={account}")]);
    let answer = succeed_with(&mut kubectl, review.to_string().as_bytes()).unwrap();
    let answer: Value = serde_json::from_str(&answer).unwrap();
    assert_eq!(answer["status"]["incomplete"], false);
    let rules = answer["status"]["resourceRules"].as_array().unwrap();
    rules.iter().flat_map(of_rule).collect()
}

fn texts(rule: &Value, key: &str) -> Vec<String> {
    let found = rule[key].as_array().into_iter().flatten();
    found.map(|text| text.as_str().unwrap().to_owned()).collect()
}

/// Each right of a rule.
fn of_rule(rule: &Value) -> Vec<String> {
    let (groups, mut names) = (texts(rule, "apiGroups"), texts(rule, "resourceNames"));
    names = if names.is_empty() { vec![String::new()] } else { names };
    let mut rights = Vec::new();
    for verb in texts(rule, "verbs") {
        for resource in texts(rule, "resources") {
            let (resource, subresource) = resource.split_once('/').unwrap_or((&resource, ""));
            for group in &groups {
                for name in &names {
                    let mark = |mark: &str, text: &str| {
                        if text.is_empty() { String::new() } else { format!("{mark}{text}") }
                    };
                    let what =
                        [resource.to_owned(), mark(".", group), mark("#", subresource), mark("/", name)];
                    rights.push(format!("{verb} {}", what.concat()));
                }
            }
        }
    }
    rights
}

#[test]
fn the_operator_may_do_this_and_nothing_else() {
    let operator = format!("system:serviceaccount:{SYSTEM}:mtls-operator");
    let default_account = "system:serviceaccount:default:default";
    for (namespace, besides) in [("default", &[][..]), (SYSTEM, &AT_HOME[..])] {
        let found: BTreeSet<String> =
            rights(&operator, namespace).difference(&rights(default_account, namespace)).cloned().collect();
        let wanted: BTreeSet<String> =
            EVERYWHERE.iter().chain(besides).map(|right| (*right).to_owned()).collect();
        assert_eq!(found, wanted, "in namespace {namespace}");
    }
}
