//! Golden state: the objects that each version of the operator has left in a cluster. The present one takes them over, issues
//! nothing and changes none of them. `tests/golden/state/README.md` says how a generation is written, once.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking, also in what its functions share"
)]

#[path = "golden_state/authorities.rs"]
mod authorities;
#[path = "golden_state/comparison.rs"]
mod comparison;
#[path = "golden_state/etcd.rs"]
mod etcd;
#[path = "golden_state/generation.rs"]
mod generation;
#[path = "golden_state/identities.rs"]
mod identities;
#[path = "golden_state/operator.rs"]
mod operator;
#[path = "golden_state/provided.rs"]
mod provided;
#[path = "api_policy/schema.rs"]
#[allow(dead_code, reason = "each test program uses a part of it")]
mod schema;
#[path = "golden_state/standby.rs"]
mod standby;
#[path = "golden_state/takeover.rs"]
mod takeover;
#[path = "golden_state/writing.rs"]
mod writing;

use std::collections::BTreeSet;

use generation::Generation;
use mtls_operator::plan::authority::reason::AuthorityReason;
use mtls_operator::plan::identity::ready::ReadyReason;
use test_support::tools::require_tool;

/// With a name here, a new generation of that name is written first.
const UPDATE: &str = "UPDATE_GOLDEN_STATE";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upgrade_issues_nothing_and_writes_nothing_of_what_earlier_versions_have_stored() {
    let Some(faketime) = require_tool("faketime") else { return };
    if let Ok(name) = std::env::var(UPDATE) {
        writing::write(&name, &faketime).await;
    }
    let generations = Generation::all();
    assert!(!generations.is_empty());
    for generation in generations {
        takeover::check(&generation, &faketime).await;
    }
}

/// The reasons of `Ready` that objects of this kind have in any generation.
fn reasons(plural: &str) -> BTreeSet<String> {
    let objects = Generation::all().into_iter().flat_map(|generation| generation.objects);
    let objects = objects.filter(|object| object.kind.plural == plural);
    let conditions = objects
        .flat_map(|object| object.value["status"]["conditions"].as_array().cloned().unwrap_or_default());
    let ready = conditions.filter(|condition| condition["type"] == "Ready");
    ready.map(|condition| condition["reason"].as_str().unwrap().to_owned()).collect()
}

/// `tests/golden/state/README.md` says why two are left out.
#[test]
fn a_generation_holds_each_reason_but_those_in_which_a_write_is_right() {
    let identities: BTreeSet<String> = ReadyReason::ALL
        .into_iter()
        .filter(|reason| *reason != ReadyReason::Issuing)
        .map(|reason| reason.as_str().to_owned())
        .collect();
    assert_eq!(reasons("mtlsidentities"), identities);
    let authorities: BTreeSet<String> = AuthorityReason::ALL
        .into_iter()
        .filter(|reason| *reason != AuthorityReason::ClockSkewed)
        .map(|reason| reason.as_str().to_owned())
        .collect();
    assert_eq!(reasons("mtlsauthorities"), authorities);
}
