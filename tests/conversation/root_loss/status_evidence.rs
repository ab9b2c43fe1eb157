//! Evidence in the status of identities: with the operator's proof it counts, without only where there is no root.

use jiff::SignedDuration;
use mtls_operator::api::MtlsIdentity;
use mtls_operator::operator::client::watch::EventHandler as _;
use mtls_operator::operator::informers::IdentityHandler;
use serde_json::json;
use test_support::in_memory::harness::{AUTHORITIES, Harness, IDENTITIES, NAMESPACE, issued};

use super::{FORGED, claimed, forge, replaced, status};
use crate::authority_controller::{down, looked_at, served};

#[tokio::test(start_paused = true)]
async fn a_status_that_names_another_signer_stops_nothing_and_is_put_right() {
    let proof = "ab".repeat(32);
    let forged = [
        json!({ "authorityKeyID": FORGED }),
        json!({ "authorityKeyID": FORGED, "proof": null }),
        json!({ "authorityKeyID": FORGED, "proof": proof, "notAfter": "2099-01-01T00:00:00Z" }),
    ];
    for forged in forged {
        let mut harness = served().await;
        let (before, serial) = (status(&harness, "web"), harness.serial("web"));
        forge(&harness, "web", &forged);
        assert_eq!(looked_at(&harness).await, "", "{forged}");
        let asked = harness.settle().await;
        assert!(asked.contains(&"GET secrets orders/web-mtls".to_owned()), "{forged}: {asked:?}");
        assert_eq!((status(&harness, "web"), harness.serial("web")), (before, serial), "{forged}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_status_that_names_the_announced_root_is_put_right_without_a_new_leaf() {
    let mut harness = served().await;
    harness.server.edit(AUTHORITIES, "", "mesh", |authority| {
        authority["metadata"]["annotations"]["mtls-operator.dev/rotate"] = json!("1");
    });
    harness.reconcile_authority().await.unwrap();
    harness.settle().await;
    let announced = harness.context.issuers.get("mesh").unwrap().next.as_ref().unwrap().key_id().to_string();
    let before = status(&harness, "web");
    forge(&harness, "web", &json!({ "authorityKeyID": announced }));
    assert_eq!(looked_at(&harness).await, "");
    harness.asked();
    let asked = harness.settle().await;
    assert_eq!(asked, ["GET secrets orders/web-mtls", "PATCH status orders/web"]);
    assert_eq!(status(&harness, "web"), before);
}

#[tokio::test(start_paused = true)]
async fn an_identity_restored_with_the_status_of_another_mesh_is_served() {
    let mut harness = served().await;
    harness.apply("restored", &json!({}));
    let foreign = json!({
        "observedGeneration": 1, "authorityKeyID": FORGED, "notAfter": "2099-01-01T00:00:00Z", "revision": 7,
        "secret": { "name": "restored-mtls", "resourceVersion": "123" }, "proof": status(&harness, "web")["proof"],
        "conditions": [{ "type": "Ready", "status": "True", "reason": "Issued", "message": "restored",
            "lastTransitionTime": "2026-05-29T00:00:00Z", "observedGeneration": 1 }],
    });
    forge(&harness, "restored", &foreign);
    assert_eq!(looked_at(&harness).await, "");
    harness.settle().await;
    assert_eq!(harness.ready("restored"), issued());
    assert_eq!(status(&harness, "restored")["authorityKeyID"], status(&harness, "web")["authorityKeyID"]);
}

#[tokio::test(start_paused = true)]
async fn an_authority_whose_loss_rests_on_an_identity_is_looked_at_when_that_changes_or_goes() {
    let seconds = SignedDuration::from_secs(2);
    let changes: [fn(&Harness, &mut IdentityHandler, MtlsIdentity); 3] = [
        |harness, handler, identity| {
            harness.server.delete(IDENTITIES, NAMESPACE, "web");
            handler.delete(mtls_operator::api::decoded::Decoded(identity));
        },
        |harness, handler, mut identity| {
            identity.status = None;
            harness.server.put(IDENTITIES, &identity);
            handler.apply(mtls_operator::api::decoded::Decoded(harness.identity("web")), false);
        },
        |harness, handler, _| {
            harness.server.delete(IDENTITIES, NAMESPACE, "web");
            handler.init();
            handler.init_done();
        },
    ];
    for change in changes {
        let harness = claimed();
        let why = looked_at(&harness).await;
        assert!(why.starts_with("RootLost: ") && why.contains("MtlsIdentity orders/web"), "{why}");
        while harness.context.authorities.lock().next_due(harness.context.millis()).is_some() {}
        harness.advance(seconds);
        assert!(
            harness.context.authorities.lock().next_due(harness.context.millis()).is_none(),
            "nothing has changed"
        );
        change(
            &harness,
            &mut IdentityHandler::new(harness.context.clone(), harness.consumers.probes.clone(), None),
            harness.identity("web"),
        );
        harness.advance(seconds);
        assert!(
            harness.context.authorities.lock().next_due(harness.context.millis()).is_some(),
            "it is due in time"
        );
        assert_eq!(looked_at(&harness).await, "", "the evidence has gone");
    }
}

#[tokio::test(start_paused = true)]
async fn a_loss_that_rests_on_what_people_may_have_written_says_what_to_do_if_there_was_none() {
    let harness = claimed();
    let why = looked_at(&harness).await;
    for word in ["restore Secret", "restored or forged", "delete that MtlsIdentity", "accept-root-loss=none"]
    {
        assert!(why.contains(word), "{word} is missing: {why}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_proves_a_later_root_is_left_as_it_is_until_the_authority_has_been_looked_at() {
    let (mut harness, _) = replaced().await;
    // As after a restart, when the root is read before any status is seen.
    let forgetful = Harness::bare(harness.server.clone(), harness.manual_clock.now());
    forgetful.reconcile_authority().await.unwrap();
    assert_eq!(down(&forgetful), "");
    while forgetful.context.authorities.lock().next_due(forgetful.context.millis()).is_some() {}
    let before = status(&harness, "web");
    harness.asked();
    forgetful.watch();
    let outcomes = forgetful.work().await;
    assert!(outcomes.iter().any(Result::is_err), "{outcomes:?}");
    let writes =
        harness.asked().into_iter().filter(|line| !line.starts_with("GET") && !line.starts_with("LIST"));
    assert_eq!(writes.collect::<Vec<_>>(), [""; 0]);
    assert_eq!(status(&harness, "web"), before);
    assert!(
        forgetful.context.authorities.lock().next_due(forgetful.context.millis()).is_some(),
        "its authority is due"
    );
    let why = looked_at(&forgetful).await;
    assert!(why.starts_with("RootLost: ") && why.contains("MtlsIdentity orders/web"), "{why}");
}
