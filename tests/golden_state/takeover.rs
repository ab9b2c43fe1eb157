//! The present operator takes a generation over. By the audit log it writes nothing but its Lease, and every object is what
//! it was, in the version that it had. An authority that is new shows that the operator works at that time, and could have
//! written.

use std::collections::BTreeSet;
use std::path::Path;

use devcluster::audit::{self, Event};
use jiff::SignedDuration;
use k8s_openapi::api::core::v1::{Namespace, Secret};
use kube::Client;
use kube::api::{Api, Patch, PatchParams, PostParams};
use mtls_operator::api::{MtlsAuthority, MtlsIdentity};
use mtls_operator::runtime::clock::Clock;
use serde_json::{Value, json};
use test_support::cluster::TestCluster;
use test_support::installation::SYSTEM;
use test_support::namespace::TestNamespace;
use test_support::objects::note;
use test_support::wait::until;

use crate::authorities::says;
use crate::comparison::{Comparison, VERSION};
use crate::etcd::Etcd;
use crate::generation::{Generation, Object, text};
use crate::operator::Operator;
use crate::standby::{Former, of_operator};

/// Namespace, authority and first identity that show that the operator works.
const PROBE: &str = "takeover-probe";
/// The data that another program writes into Secrets.
const TOUCHED: &str = "touched";

/// Restores a generation, and checks that an operator leaves it as it is.
pub async fn check(generation: &Generation, faketime: &Path) {
    let cluster = TestCluster::without_operator(&["trustBundles.clusterTrustBundles=true"]);
    restore(&cluster, generation).await;
    let since = audit::end(&cluster.control_plane().audit_log()).unwrap();
    let behind = Clock::system().now().duration_since(generation.taken_at);
    let client = cluster.client().await;
    let former = Former::lead(&client).await;
    let operator = Operator::start(&cluster, "operator", faketime, whole_seconds(behind)).await;
    former.end(&cluster, since).await;
    let namespace = TestNamespace { client: client.clone(), name: PROBE.into() };
    wait_until_it_works(&namespace).await;
    wait_until_all_is_reconciled(&operator, generation).await;
    wait_until_it_has_counted(&namespace).await;
    let Comparison { changed, reworded } = compared(generation, &client).await;
    let written = writes(generation, &cluster, since, &reworded);
    assert!(
        changed.is_empty() && written.is_empty(),
        "{}: the operator has written {written:#?}, and these have changed: {changed:#?}",
        generation.name
    );
    assert_same_signers(generation, &namespace).await;
    assert_read_again(generation, &client).await;
    operator.kill();
}

const fn whole_seconds(span: SignedDuration) -> SignedDuration {
    SignedDuration::from_secs(span.as_secs())
}

async fn restore(cluster: &TestCluster, generation: &Generation) {
    let url = cluster.control_plane().etcd_url();
    cluster.control_plane().stop_api_server().unwrap();
    generation.restore(&Etcd::at(&url)).await;
    cluster.control_plane().start_api_server().unwrap();
    let client = cluster.client().await;
    let changed = Comparison::of(generation.objects.iter(), &client, &[]).await.changed;
    assert!(changed.is_empty(), "{}: not restored as it was: {changed:#?}", generation.name);
}

/// An authority that is made now signs, and publishes: the operator leads, and has reconciled every authority once.
async fn wait_until_it_works(namespace: &TestNamespace) {
    let labelled = json!({ "metadata": { "name": PROBE, "labels": { "probe": "yes" } } });
    let labelled: Namespace = serde_json::from_value(labelled).unwrap();
    Api::all(namespace.client.clone()).create(&PostParams::default(), &labelled).await.unwrap();
    let selected = json!({ "matchLabels": { "probe": "yes" } });
    namespace.create_authority(PROBE, json!({ "trustBundle": { "namespaces": selected } })).await;
    issue(namespace, PROBE, PROBE).await;
    says(namespace, PROBE, "Published", "True").await;
}

/// Issues a certificate of an authority; returns the key identifier of the signer.
async fn issue(namespace: &TestNamespace, name: &str, authority: &str) -> String {
    namespace.create(name, json!({ "authorityRef": { "name": authority } })).await;
    namespace.ready(name).await;
    note(&namespace.secret(&format!("{name}-mtls")).await, "authority-key-id").unwrap()
}

/// Waits until the operator has counted every authority, and no identity waits for a reconcile.
async fn wait_until_all_is_reconciled(operator: &Operator<'_>, generation: &Generation) {
    let served: Vec<String> =
        generation.of("mtlsauthorities").filter(|one| is_served(one)).map(metric).collect();
    assert!(!served.is_empty());
    until("the operator to have reconciled everything", || async {
        let metrics = operator.metrics().await;
        let stands = |one: &String| metrics.lines().any(|line| line.starts_with(one) && line.ends_with(" 1"));
        let mut depths = metrics.lines().filter(|line| line.starts_with("mtls_operator_queue_depth{"));
        let is_idle = depths.clone().count() == 3 && depths.all(|line| line.ends_with(" 0"));
        (is_idle && served.iter().all(stands)).then_some(())
    })
    .await;
}

/// Whether the operator serves an authority.
fn is_served(authority: &Object) -> bool {
    authority.value["metadata"]["annotations"]["mtls-operator.dev/operator-namespace"] == SYSTEM
}

/// The beginning of the metric lines that count authorities by reason.
fn metric(authority: &Object) -> String {
    format!("mtls_operator_authorities{{authority=\"{}\",", authority.name())
}

fn condition<'a>(object: &'a Value, field: &str) -> &'a str {
    let conditions = object["status"]["conditions"].as_array().unwrap();
    text(conditions.iter().find(|condition| condition["type"] == "Ready").unwrap(), &format!("/{field}"))
}

/// Waits until the operator has counted twice. It counts for all authorities in one go, so that the first count is over then.
async fn wait_until_it_has_counted(namespace: &TestNamespace) {
    for total in 1..=2 {
        let counted = |authority: &MtlsAuthority| {
            let status = authority.status.as_ref();
            status.and_then(|status| status.identities.as_ref()).is_some_and(|found| found.total == total)
        };
        namespace.authority_where(PROBE, "its identities to be counted", counted).await;
        issue(namespace, &format!("counted-{total}"), PROBE).await;
    }
}

/// What differs, but for what the operator writes at each start.
async fn compared(generation: &Generation, client: &Client) -> Comparison {
    let (tried, others): (Vec<_>, Vec<_>) = generation.objects.iter().partition(|object| tries(object));
    let mut comparison = Comparison::of(others.into_iter(), client, &[]).await;
    comparison.changed.extend(Comparison::of(tried.into_iter(), client, &VERSION).await.changed);
    comparison
}

/// Whether this is an authority whose trust bundle's ConfigMap belongs to another program. The operator learns that only
/// when it tries, and until then the condition `Published` says that it is being written.
fn tries(object: &Object) -> bool {
    let conditions = object.value["status"]["conditions"].as_array().into_iter().flatten();
    let mut published = conditions.filter(|condition| condition["type"] == "Published");
    object.kind.plural == "mtlsauthorities" && published.any(|found| found["reason"] == "Conflict")
}

/// What the operator has written since then, or tried to, but for what is expected of each start.
fn writes(
    generation: &Generation,
    cluster: &TestCluster,
    since: u64,
    reworded: &BTreeSet<String>,
) -> Vec<String> {
    let tried: Vec<&Object> = generation.objects.iter().filter(|object| tries(object)).collect();
    let is_of_trial = |event: &Event| match event.resource.as_str() {
        "configmaps" => event.verb == "create" && event.code == 409,
        "events" => tried.iter().any(|one| event.name.starts_with(&format!("{}.", one.name()))),
        _ => tried.iter().any(|one| event.uri.starts_with(&format!("{}/status?", one.path()))),
    };
    let is_reworded = |event: &Event| {
        let path = event.uri.split('?').next().unwrap_or_default();
        event.verb == "patch" && reworded.contains(path)
    };
    let is_of_probe = |event: &Event| event.namespace == PROBE || event.name.contains(PROBE);
    let is_expected = |event: &Event| {
        event.resource == "leases" || is_of_probe(event) || is_of_trial(event) || is_reworded(event)
    };
    let events = of_operator(cluster, since).into_iter().filter(Event::is_mutating);
    let events = events.filter(|event| !is_expected(event));
    events.map(|event| format!("{} {} {}", event.verb, event.uri, event.code)).collect()
}

/// Every authority that signs goes on with the same root.
async fn assert_same_signers(generation: &Generation, namespace: &TestNamespace) {
    for authority in generation.of("mtlsauthorities") {
        if !is_served(authority) || condition(&authority.value, "status") != "True" {
            continue;
        }
        let roots = authority.value["status"]["roots"].as_array().unwrap();
        let signer = roots.iter().find(|root| root["role"] == "Signing").unwrap();
        let name = authority.name();
        assert_eq!(issue(namespace, name, name).await, text(signer, "/keyID"), "{name} has another signer");
    }
}

/// Every certificate is still what its identity asks for, where it has to be read again: another program has changed the
/// version of its Secret.
async fn assert_read_again(generation: &Generation, client: &Client) {
    let mut identities = Vec::new();
    let patch = Patch::Merge(json!({ "metadata": { "annotations": { TOUCHED: "yes" } } }));
    for identity in generation.of("mtlsidentities").filter(|identity| is_followed(identity)) {
        let namespace = text(&identity.value, "/metadata/namespace");
        let secrets = Api::<Secret>::namespaced(client.clone(), namespace);
        let secret = text(&identity.value, "/status/secret/name");
        let touched = secrets.patch(secret, &PatchParams::default(), &patch).await.unwrap();
        let namespace = TestNamespace { client: client.clone(), name: namespace.to_owned() };
        identities.push((namespace, identity.name(), touched.metadata.resource_version));
    }
    for (namespace, identity, version) in identities {
        let has_seen = |identity: &MtlsIdentity| {
            let secret = identity.status.as_ref().and_then(|status| status.secret.as_ref());
            secret.map(|secret| &secret.resource_version) == version.as_ref()
        };
        namespace.identity_where(identity, "its Secret to be read again", has_seen).await;
    }
    let touched = format!("/metadata/annotations/{TOUCHED}");
    let but_for = [&*touched, "/status/secret/resourceVersion", VERSION[0], VERSION[1]];
    let objects = generation.of("secrets").chain(generation.of("mtlsidentities"));
    let changed = Comparison::of(objects, client, &but_for).await.changed;
    assert!(changed.is_empty(), "{}: read again, these have changed: {changed:#?}", generation.name);
}

/// Whether the status of an identity goes on to say which version of its Secret was read last: not while it is being deleted,
/// nor while it has no signer and its condition says so.
fn is_followed(identity: &Object) -> bool {
    let is_ending = identity.value["metadata"]["deletionTimestamp"].is_string();
    let has_secret = identity.value["status"]["secret"].is_object();
    has_secret && !is_ending && condition(&identity.value, "reason") != "AuthorityNotReady"
}
