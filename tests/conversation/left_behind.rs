//! An authority that is deleted, or that another operator claims, is forgotten in all parts of this process.

use mtls_operator::api::decoded::Decoded;
use mtls_operator::operator::client::watch::EventHandler as _;
use mtls_operator::operator::informers::AuthorityHandler;
use mtls_operator::operator::metrics::MISSING;
use mtls_operator::plan::identity::ready::ReadyReason;
use serde_json::json;
use test_support::in_memory::harness::{AUTHORITIES, Harness};
use test_support::in_memory::rotation_run::RotationRun;

use crate::authority_controller::{controller, run_a_minute, scrape};

/// The watch shows that the authority was deleted.
fn deleted(harness: &Harness) {
    let mut authority = harness.authority();
    authority.metadata.resource_version = Some("1000000".into());
    harness.server.delete(AUTHORITIES, "", "mesh");
    AuthorityHandler::new(harness.context.clone()).delete(Decoded(authority));
}

/// The watch shows that another operator serves the authority.
fn claimed_by_another(harness: &Harness) {
    harness.server.edit(AUTHORITIES, "", "mesh", |authority| {
        authority["metadata"]["annotations"]["mtls-operator.dev/operator-namespace"] = json!("elsewhere");
    });
    AuthorityHandler::new(harness.context.clone()).apply(Decoded(harness.authority()), false);
}

/// A count that only the next recount corrects.
const WRONG: &str = "mtls_operator_identities{authority=\"(missing)\",reason=\"Expired\"} 99";

/// Whether identities are counted again though nothing has changed.
async fn is_recounted(harness: &Harness, controller: &mut (impl Future<Output = ()> + Unpin)) -> bool {
    run_a_minute(&mut *controller).await;
    harness.context.metrics.identities(MISSING, ReadyReason::Expired, 99);
    run_a_minute(controller).await;
    !scrape(harness).iter().any(|line| line == WRONG)
}

#[tokio::test(start_paused = true)]
async fn an_authority_that_goes_in_mid_rotation_leaves_nothing_behind() {
    for goes in [deleted, claimed_by_another] {
        let mut mesh = RotationRun::of(&["a"], json!({ "rotation": { "propagation": "30m" } })).await;
        mesh.ask("1");
        mesh.until("Announced", 30, 1).await;
        let harness = &mesh.harness;
        let mut controller = controller(harness);
        assert!(is_recounted(harness, &mut controller).await, "what a rotation waits for changes with time");
        assert_eq!(mesh.phase(), "Announced");
        goes(harness);
        assert!(!is_recounted(harness, &mut controller).await, "no rotation is under way any more");
        assert!(harness.context.issuers.get("mesh").is_none());
        let of_mesh = |line: &&String| line.contains("authority=\"mesh\"") && !line.ends_with(" 0");
        assert_eq!(scrape(harness).iter().filter(of_mesh).collect::<Vec<_>>(), [""; 0]);
    }
}
