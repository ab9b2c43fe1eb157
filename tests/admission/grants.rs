//! A missing grant is reported at `kubectl apply` in the operator's words: the policy of the chart and `plan::policy` decide
//! the same, with the same sentences.

use std::collections::BTreeMap;
use std::net::IpAddr;

use mtls_operator::api::{MtlsAuthority, MtlsIdentity};
use mtls_operator::plan::authority::spec::AuthoritySpec;
use mtls_operator::plan::identity::policy::authorize;
use mtls_operator::plan::identity::ready::Refusal;
use mtls_operator::plan::identity::spec::IdentitySpec;
use serde_json::{Value, json};
use test_support::rng::{SEED, SeededRng};

use crate::policy::{Policy, write};

/// An identity that is applied, the authority it names, and the labels of its namespace.
#[derive(Debug)]
struct Case {
    identity: Value,
    authority: Value,
    labels: BTreeMap<String, String>,
}

impl Case {
    fn new(namespace: &str, names: &[String], addresses: &[String], authority: Value) -> Self {
        let identity = json!({
            "apiVersion": "mtls-operator.dev/v1alpha1", "kind": "MtlsIdentity",
            "metadata": { "name": "web", "namespace": namespace, "uid": "u" },
            "spec": { "authorityRef": { "name": "mesh" }, "dnsNames": names, "ipAddresses": addresses },
        });
        Self { identity, authority, labels: BTreeMap::new() }
    }

    /// The operator's decision.
    fn judged(&self) -> String {
        let authority: MtlsAuthority = serde_json::from_value(self.authority.clone()).unwrap();
        let identity: MtlsIdentity = serde_json::from_value(self.identity.clone()).unwrap();
        let (asked, terms) =
            (IdentitySpec::parse(&identity).unwrap(), AuthoritySpec::parse(&authority).unwrap());
        match authorize(&asked, &terms, &self.labels) {
            Ok(_) => "admitted".into(),
            Err(Refusal::NotPermitted(sentence)) => format!("denied\t{}", without_advice(&sentence)),
            Err(other) => panic!("refused for another reason: {other:?}"),
        }
    }

    /// The request in which the API server sees it, with what it was before.
    fn request(&self, before: &Value) -> Value {
        let mut request = write("tenant", "mtls-operator.dev:mtlsidentities", before, &self.identity);
        request["params"] = self.authority.clone();
        request["namespace"] = json!({
            "metadata": { "name": self.identity["metadata"]["namespace"], "labels": self.labels }
        });
        request
    }
}

/// The sentence without what the policy does not say: which labels are wanted, and which grant allows the rest.
fn without_advice(sentence: &str) -> &str {
    let end = [": its spec.namespaces", "; "].iter().filter_map(|advice| sentence.find(advice)).min();
    &sentence[..end.unwrap_or(sentence.len())]
}

fn authority(spec: &Value) -> Value {
    json!({
        "apiVersion": "mtls-operator.dev/v1alpha1", "kind": "MtlsAuthority", "spec": spec,
        "metadata": { "name": "mesh", "annotations": { "mtls-operator.dev/operator-namespace": "mtls-system" } },
    })
}

/// Makes cases.
struct Cases(SeededRng);

impl Cases {
    fn name(&mut self) -> String {
        let zones = [
            "orders.svc",
            "orders.svc.cluster.local",
            "orders.svc.k8s.example",
            "bank.svc",
            "xorders.svc",
            "svc",
            "orders",
            "example.com",
            "b.example.com",
            "orders.svc.example.com",
            "default.svc",
            "default.svc.cluster.local",
            "default",
            "cluster.local",
        ];
        let heads = ["a.", "b.", "kubernetes.", "*.", "a.b.", "*.a.", ""];
        let name = format!("{}{}", self.0.one_of(&heads), self.0.one_of(&zones));
        // The schema asks for two labels behind the asterisk.
        if name.starts_with("*.") && name.matches('.').count() < 2 { format!("{name}.test") } else { name }
    }

    fn names(&mut self, most: u64) -> Vec<String> {
        let mut names: Vec<String> = (0..self.0.below(most + 1)).map(|_| self.name()).collect();
        names.sort();
        names.dedup();
        names
    }

    fn labels(&mut self) -> BTreeMap<String, String> {
        let keys = self.0.some_of(2, &["team", "tier"]);
        keys.into_iter().map(|key| (key, self.0.one_of(&["red", "blue", ""]).to_owned())).collect()
    }

    fn selector(&mut self) -> Value {
        let mut selector = json!({});
        match self.0.below(8) {
            0..3 => return json!({ "from": "All" }),
            3 => selector["from"] = json!("Selector"),
            // Of another version, and what the schema would refuse.
            4 => selector["from"] = json!(self.0.one_of(&["Expression", "All"])),
            _ => {}
        }
        if self.0.below(2) == 0 {
            selector["matchLabels"] = json!(self.labels());
        }
        if self.0.below(2) == 0 {
            selector["matchExpressions"] = (0..=self.0.below(2)).map(|_| self.requirement()).collect();
        }
        selector
    }

    fn requirement(&mut self) -> Value {
        let operator = self.0.one_of(&["In", "NotIn", "Exists", "DoesNotExist", "In", "NotIn", "Like"]);
        let key = self.0.one_of(&["team", "tier"]);
        let values = self.0.some_of(2, &["red", "blue", ""]);
        if values.is_empty() && operator.ends_with("xist") || operator == "Exists" {
            return json!({ "key": key, "operator": operator });
        }
        json!({ "key": key, "operator": operator, "values": values })
    }

    fn grant(&mut self, number: u64) -> Value {
        let ranges =
            ["10.0.0.0/8", "10.1.0.0/16", "192.0.2.7/32", "fd00::/32", "::/0", "0.0.0.0/0", "fd00::1/128"];
        json!({
            "name": format!("g{number}"), "namespaces": self.selector(), "dnsNames": self.names(3), "cidrs": self.0.some_of(2, &ranges),
        })
    }

    fn case(&mut self) -> Case {
        let addresses = ["10.0.0.1", "10.1.2.3", "192.0.2.7", "192.0.2.8", "fd00::1", "fd01::1", "::1"];
        let mut addresses: Vec<IpAddr> =
            self.0.some_of(2, &addresses).iter().map(|text| text.parse().unwrap()).collect();
        addresses.sort_unstable();
        let addresses: Vec<String> = addresses.iter().map(ToString::to_string).collect();
        let grants: Vec<Value> = (0..self.0.below(4)).map(|number| self.grant(number)).collect();
        let selects_all = self.0.below(4) > 0;
        let namespaces = if selects_all { json!({ "from": "All" }) } else { self.selector() };
        let spec = json!({
            "clusterDomain": self.0.one_of(&["cluster.local", "k8s.example", "example.com"]),
            "namespaces": namespaces, "grants": grants,
        });
        let namespace = self.0.one_of(&["orders", "orders", "bank", "svc", "a", "default"]);
        let names = self.names(2);
        let mut case = Case::new(namespace, &names, &addresses, authority(&spec));
        match self.0.below(4) {
            0 => case.identity["metadata"]["name"] = json!("kubernetes"),
            1 => {
                case.identity["spec"]["services"] = json!(self.0.some_of(2, &["kubernetes", "a", "default"]));
            }
            _ => {}
        }
        Case { labels: self.labels(), ..case }
    }
}

#[test]
fn the_policy_judges_as_the_operator_does_in_the_same_words() {
    let mut random = Cases(SeededRng::of(0));
    let cases: Vec<Case> = (0..4000).map(|_| random.case()).collect();
    let requests: Vec<Value> = cases.iter().map(|case| case.request(&Value::Null)).collect();
    let Some(verdicts) = Policy::of("grants", &[]).judge(&requests) else { return };
    let mut admitted = 0;
    for (case, verdict) in cases.iter().zip(verdicts) {
        assert_eq!(verdict, case.judged(), "MTLS_SEED={}: {case:?}", *SEED);
        admitted += usize::from(verdict == "admitted");
    }
    assert!((300..3700).contains(&admitted), "{admitted} of 4000 were admitted: too few of one kind to tell");
}

#[test]
fn only_what_asks_for_more_than_before_is_judged() {
    let asking = |names: &[&str], addresses: &[&str]| {
        let owned = |texts: &[&str]| -> Vec<String> { texts.iter().map(ToString::to_string).collect() };
        let spec = json!({ "clusterDomain": "cluster.local", "namespaces": { "from": "All" }, "grants": [] });
        Case::new("orders", &owned(names), &owned(addresses), authority(&spec))
    };
    let before = asking(&["a.example", "b.example"], &["10.0.0.1", "10.0.0.2"]).identity;
    let same = asking(&["a.example", "b.example"], &["10.0.0.1", "10.0.0.2"]);
    let mut paused = asking(&["a.example"], &[]);
    paused.identity["spec"]["paused"] = json!(true);
    let mut moved = before.clone();
    moved["spec"]["authorityRef"]["name"] = json!("former");
    let mut of_others = asking(&["a.example"], &[]);
    of_others.authority["metadata"]["annotations"] =
        json!({ "mtls-operator.dev/operator-namespace": "other" });
    let mut unclaimed = asking(&["a.example"], &[]);
    unclaimed.authority["metadata"]["annotations"] = Value::Null;
    let serving = |services: &[&str]| {
        let mut case = asking(&[], &[]);
        case.identity["metadata"]["namespace"] = json!("default");
        case.identity["spec"]["services"] = json!(services);
        case
    };
    let serves = serving(&["web", "kubernetes"]);
    Policy::of("grants", &[]).says(&[
        ("outside", serving(&["kubernetes"]).request(&serves.identity)),
        ("denied", serves.request(&serving(&["web"]).identity)),
        ("outside", same.request(&before)),
        ("outside", paused.request(&before)),
        ("outside", of_others.request(&Value::Null)),
        ("outside", unclaimed.request(&Value::Null)),
        ("denied", same.request(&Value::Null)),
        ("denied", same.request(&moved)),
        ("denied", asking(&["a.example", "c.example"], &[]).request(&before)),
        ("denied", asking(&[], &["10.0.0.3"]).request(&before)),
        ("admitted", asking(&["x.orders.svc"], &[]).request(&before)),
    ]);
}

/// The largest that the README of the chart promises: all names and grants that the definitions allow, and 65,536 pairs of
/// an address and a range. None matches, so all are compared.
#[test]
fn at_the_documented_size_it_judges_within_its_budget() {
    let names: Vec<String> =
        (0..64).map(|number| format!("n{number}.{}example.com", "x.".repeat(60))).collect();
    let addresses: Vec<String> = (0..16).map(|number| format!("192.168.1.{number}")).collect();
    let requirement = |number: u64| json!({ "key": format!("k{number}"), "operator": "NotIn", "values": ["a", "b", "c", "d"] });
    let selector = json!({ "matchExpressions": (0..4).map(requirement).collect::<Vec<_>>() });
    let grant = |number: u64| {
        let names: Vec<String> = (0..64).map(|each| format!("g{number}-{each}.example.org")).collect();
        let ranges: Vec<String> =
            (0..8).map(|each| format!("10.{}.{}.0/24", number % 256, number / 256 * 8 + each)).collect();
        json!({ "name": format!("g{number}"), "namespaces": selector, "dnsNames": names, "cidrs": ranges })
    };
    let grants: Vec<Value> = (0..512).map(grant).collect();
    let spec = json!({ "clusterDomain": "cluster.local", "namespaces": { "from": "All" }, "grants": grants });
    let largest = Case::new("orders", &names, &addresses, authority(&spec));
    // The sentence that names them all would be longer than a message may be.
    let told = "denied\ta name in spec.dnsNames or an address in spec.ipAddresses needs a grant in the MtlsAuthority";
    assert!(largest.judged().len() > 5 * 1024);
    Policy::of("grants", &[]).says(&[(told, largest.request(&Value::Null))]);
}
