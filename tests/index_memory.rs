//! How many octets of the heap an identity takes in the index, with its Secret and its place in the queue or among the deadlines:
//! counted by the allocator of this program.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking, also in what its functions share")]

use std::sync::Arc;

use jiff::SignedDuration;
use mtls_operator::api::{MtlsAuthority, MtlsIdentity};
use mtls_operator::operator::index::metadata::LeafMetadata;
use mtls_operator::operator::index::policy::NamespaceEntry;
use mtls_operator::operator::scheduler::Scheduler;
use mtls_operator::plan::authority::spec::AuthoritySpec;
use mtls_operator::plan::identity::profile::{AuthoritySpecHash, IdentitySpecHash, ProfileHash};
use mtls_operator::plan::identity::spec::IdentitySpec;
use peak_alloc::PeakAlloc;
use serde_json::{Value, json};
use test_support::in_memory::harness::{Harness, IDENTITIES, NAMESPACE, NOW, SECRETS};

#[global_allocator]
static HEAP: PeakAlloc = PeakAlloc;

/// As full as the tables of 100,000 are those of so many.
const COUNT: usize = 12_500;
/// The budget, in octets for each identity.
const BUDGET: usize = 500;

/// One of many, like this one whose name is `web`.
fn nth(like: &Value, number: usize) -> Value {
    let text = like.to_string().replace("web", &format!("service-{number:06}"));
    let mut object: Value = serde_json::from_str(&text).unwrap();
    object["metadata"]["resourceVersion"] = json!(format!("{}", 1_000_000 + 2 * number));
    object
}

fn uid(number: usize) -> Value {
    json!(format!("6a1f70c2-9d2e-4f0c-8a3b-{number:012x}"))
}

fn nth_identity(like: &Value, number: usize) -> MtlsIdentity {
    let mut identity = nth(like, number);
    identity["metadata"]["uid"] = uid(number);
    identity["metadata"]["managedFields"] = json!([{
        "manager": "kubectl-client-side-apply", "operation": "Update", "time": NOW + SignedDuration::from_secs(i64::try_from(number).unwrap()),
    }]);
    if identity["status"]["serial"].is_string() {
        identity["status"]["serial"] = json!(format!("4{number:039x}"));
        identity["status"]["proof"] = json!(format!("{number:064x}"));
        identity["status"]["secret"]["resourceVersion"] = json!(format!("{}", 1_000_001 + 2 * number));
    }
    serde_json::from_value(identity).unwrap()
}

fn nth_secret(
    like: &Value,
    identity: &MtlsIdentity,
    authority: &MtlsAuthority,
    number: usize,
) -> LeafMetadata {
    let (spec, authority) =
        (IdentitySpec::parse(identity).unwrap(), AuthoritySpec::parse(authority).unwrap());
    let profile = ProfileHash::of(IdentitySpecHash::of(&spec), AuthoritySpecHash::of(&authority));
    let mut secret = nth(like, number);
    secret["metadata"]["uid"] = json!(format!("7b1f70c2-9d2e-4f0c-8a3b-{number:012x}"));
    secret["metadata"]["resourceVersion"] = json!(format!("{}", 1_000_001 + 2 * number));
    secret["metadata"]["annotations"]["mtls-operator.dev/identity-uid"] = uid(number);
    secret["metadata"]["annotations"]["mtls-operator.dev/profile"] = json!(profile.to_string());
    serde_json::from_value(secret["metadata"].clone()).unwrap()
}

/// A scheduler that knows the authority of this mesh and its signer.
fn scheduler(harness: &Harness) -> Scheduler {
    let (now, mut scheduler) = (harness.context.millis(), Scheduler::default());
    scheduler.apply_namespace(NAMESPACE, NamespaceEntry::default(), now);
    let spec = AuthoritySpec::parse(&harness.authority()).unwrap();
    scheduler.apply_authority(&Arc::new(spec), now);
    let signer = {
        let known = harness.context.scheduler.lock();
        let id = known.index().find(NAMESPACE, "web").unwrap();
        known.policy().signer(known.index().entry(id).unwrap().authority).cloned()
    };
    scheduler.apply_issuer("mesh", signer, now);
    scheduler
}

/// The octets that each identity takes after this has been done for each.
fn octets_each(scheduler: &mut Scheduler, mut apply: impl FnMut(&mut Scheduler, usize)) -> usize {
    let before = HEAP.current_usage();
    (0..COUNT).for_each(|number| apply(scheduler, number));
    (HEAP.current_usage() - before) / COUNT
}

#[tokio::test(start_paused = true)]
async fn an_identity_takes_at_most_500_octets_whether_it_is_up_to_date_or_waits() {
    let mut harness = Harness::set().await;
    harness.apply("web", &json!({}));
    let fresh = harness.server.get(IDENTITIES, NAMESPACE, "web").unwrap();
    harness.settle().await;
    let issued = harness.server.get(IDENTITIES, NAMESPACE, "web").unwrap();
    let secret = harness.server.get(SECRETS, NAMESPACE, "web-mtls").unwrap();
    let (now, authority) = (harness.context.millis(), harness.authority());

    let mut up_to_date = scheduler(&harness);
    let settled = octets_each(&mut up_to_date, |scheduler, number| {
        let identity = nth_identity(&issued, number);
        scheduler.apply_secret(nth_secret(&secret, &identity, &authority, number), true, now);
        scheduler.apply_identity(&identity, true, now);
    });
    assert!(up_to_date.queue().is_empty(), "they are up to date");
    assert!(up_to_date.index().entries().all(|(_, entry)| entry.kept.is_some()), "none has to be read");
    drop(up_to_date);

    let mut waiting = scheduler(&harness);
    let fresh = octets_each(&mut waiting, |scheduler, number| {
        scheduler.apply_identity(&nth_identity(&fresh, number), true, now);
    });
    assert!(waiting.index().entries().all(|(id, _)| waiting.queue().is_waiting(id)), "they wait");
    println!("up to date {settled}, waiting {fresh} octets an identity");
    assert!(settled <= BUDGET && fresh <= BUDGET, "{settled} and {fresh} octets");
}
