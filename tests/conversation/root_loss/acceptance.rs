//! Which fingerprint of a lost root is accepted, and how few Secrets are read to find its certificate.

use serde_json::{Value, json};
use test_support::in_memory::harness::{Harness, IDENTITIES, NAMESPACE, SECRETS};

use super::{MANY, accept, reads, replaced, squatted};
use crate::authority_controller::{ROOT, controller, down, looked_at, lose_root, root, run_a_minute};

#[tokio::test(start_paused = true)]
async fn where_there_was_no_root_one_is_made_and_nothing_else_is_trusted() {
    let mut harness = squatted("mesh", None);
    looked_at(&harness).await;
    accept(&harness, "none");
    assert_eq!(looked_at(&harness).await, "");
    let made = root(&harness);
    assert_eq!(made["metadata"]["annotations"]["mtls-operator.dev/phase"], "Stable");
    let keys: Vec<&String> = made["data"].as_object().unwrap().keys().collect();
    assert_eq!(keys, ["ca.crt", "evidence.key", "tls.crt", "tls.key"]);
    // The annotation is still there when that root is lost.
    let mut controller = controller(&harness);
    run_a_minute(&mut controller).await;
    harness.settle().await;
    lose_root(&harness);
    let why = looked_at(&harness).await;
    assert!(why.starts_with("RootLost: ") && why.contains("says none, but there was a root"), "{why}");
    assert_eq!(harness.server.get(SECRETS, "mtls-system", ROOT), None);
}

#[tokio::test(start_paused = true)]
async fn a_root_that_status_does_not_name_is_accepted_only_if_bundles_of_two_namespaces_hold_it() {
    let (harness, lost) = replaced().await;
    accept(&harness, &lost);
    let why = looked_at(&harness).await;
    assert!(why.contains("only trust bundles in namespace orders hold a root"), "{why}");
    // A Secret that says it is of an identity in another namespace, and then one that is.
    let mut secret = harness.secret("web-mtls").unwrap();
    secret["metadata"]["namespace"] = json!("billing");
    harness.server.put(SECRETS, &secret);
    let mut identity = harness.server.get(IDENTITIES, NAMESPACE, "web").unwrap();
    identity["metadata"]["namespace"] = json!("billing");
    identity["metadata"]["uid"] = json!("another");
    harness.server.put(IDENTITIES, &identity);
    let why = looked_at(&harness).await;
    assert!(why.contains("only trust bundles in namespace orders hold a root"), "{why}");
    secret["metadata"]["annotations"]["mtls-operator.dev/identity-uid"] = json!("another");
    harness.server.put(SECRETS, &secret);
    assert_eq!(looked_at(&harness).await, "");
    assert_eq!(root(&harness)["metadata"]["annotations"]["mtls-operator.dev/phase"], "Draining");
}

/// Many more Secrets like that of the identity, by the hands of users of its namespace.
fn copy(harness: &Harness, change: impl Fn(usize, &mut Value)) {
    for number in 0..MANY {
        let mut secret = harness.secret("web-mtls").unwrap();
        secret["metadata"]["name"] = json!(format!("copy-{number}"));
        change(number, &mut secret);
        harness.server.put(SECRETS, &secret);
    }
}

#[tokio::test(start_paused = true)]
async fn a_fingerprint_that_nothing_holds_costs_one_read_of_each_trust_bundle() {
    let (mut harness, _) = replaced().await;
    copy(&harness, |_, _| {});
    let before = reads(&mut harness).await;
    accept(&harness, &"ab".repeat(32));
    let asked = reads(&mut harness).await;
    assert!(down(&harness).contains("no trust bundle of this authority holds a root"), "{}", down(&harness));
    assert_eq!(asked, before + 1, "all of them say that they hold the same trust bundle");
}

#[tokio::test(start_paused = true)]
async fn a_namespace_full_of_forged_secrets_costs_few_reads_and_other_namespaces_still_count() {
    let (mut harness, lost) = replaced().await;
    let (another, honest) = (root(&harness)["data"]["ca.crt"].clone(), harness.secret("web-mtls").unwrap());
    copy(&harness, |number, secret| {
        secret["metadata"]["annotations"]["mtls-operator.dev/trust"] = json!(format!("{number:064x}"));
        secret["data"]["ca.crt"] = another.clone();
    });
    let before = reads(&mut harness).await;
    accept(&harness, &lost);
    let asked = reads(&mut harness).await;
    let why = down(&harness);
    assert!(why.contains("only 32 Secrets of namespace orders were read"), "{why}");
    assert!(asked <= before + 32, "{asked} reads, and {before} before");
    for namespace in ["billing", "shop"] {
        let mut identity = harness.server.get(IDENTITIES, NAMESPACE, "web").unwrap();
        let mut secret = honest.clone();
        for object in [&mut identity, &mut secret] {
            object["metadata"]["namespace"] = json!(namespace);
        }
        harness.server.put(IDENTITIES, &identity);
        harness.server.put(SECRETS, &secret);
    }
    assert_eq!(looked_at(&harness).await, "");
    assert_eq!(root(&harness)["metadata"]["annotations"]["mtls-operator.dev/phase"], "Draining");
}
