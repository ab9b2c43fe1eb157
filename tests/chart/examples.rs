//! Every example is accepted by the API server and ends as it says.

use std::fs;

use test_support::cluster::TestCluster;

const EXAMPLES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/deploy/examples");

/// Every identity of the examples, and how it stands in the end.
const ENDS: [(&str, &str, &str); 12] = [
    ("default", "hello", "Issued"),
    ("shop", "server", "Issued"),
    ("shop", "client", "Issued"),
    ("shop", "gateway", "Issued"),
    ("default", "legacy", "Issued"),
    ("default", "blink", "Issued"),
    ("default", "ledger", "Issued"),
    ("default", "frozen", "Paused"),
    ("default", "billing", "Issued"),
    ("default", "till", "Issued"),
    ("reports", "catalog", "Issued"),
    ("default", "report", "Issued"),
];

#[test]
fn every_example_is_applied_and_ends_as_it_says() {
    let cluster = TestCluster::shared();
    let mut files: Vec<_> = fs::read_dir(EXAMPLES).unwrap().map(|file| file.unwrap().path()).collect();
    files.sort();
    for file in &files {
        cluster.kubectl(&["apply", "--validate=strict", "-f", file.to_str().unwrap()]);
    }
    for (namespace, name, reason) in ENDS {
        let condition = format!("jsonpath={{.status.conditions[?(@.type==\"Ready\")].reason}}={reason}");
        cluster.wait(&format!("mtlsidentity/{name}"), namespace, &condition);
    }
    // The CA that example 06 names is for people to provide.
    let missing = "jsonpath={.status.conditions[?(@.type==\"Ready\")].reason}=ProvidedMissing";
    cluster.wait("mtlsauthority/corporate", "default", missing);
    let published = "jsonpath={.status.conditions[?(@.type==\"Published\")].status}=True";
    cluster.wait("mtlsauthority/public", "default", published);
    let bundle = cluster.get(&["configmap", "public-trust-bundle", "-n", "reports"]);
    assert!(bundle["data"]["ca.crt"].is_string(), "{bundle}");
    let identities = cluster.get(&["mtlsidentities", "-A"]);
    let named = identities["items"].as_array().unwrap().iter().filter(|identity| {
        let meta = &identity["metadata"];
        ENDS.iter().any(|(namespace, name, _)| meta["namespace"] == *namespace && meta["name"] == *name)
    });
    let in_files: usize = files
        .iter()
        .map(|file| fs::read_to_string(file).unwrap().matches("kind: MtlsIdentity").count())
        .sum();
    assert_eq!(
        (named.count(), in_files),
        (ENDS.len(), ENDS.len()),
        "an example has an identity that this test does not check"
    );
}
