//! Evidence in labels and annotations of Secrets: it counts only where the identity is one of this authority and there is
//! no root.

use jiff::SignedDuration;
use mtls_operator::operator::client::watch::EventHandler as _;
use mtls_operator::operator::informers::LeafSecretHandler;
use serde_json::json;
use test_support::in_memory::harness::{NAMESPACE, SECRETS};

use super::{MANY, reads, squatted};
use crate::authority_controller::{down, looked_at};

#[tokio::test(start_paused = true)]
async fn a_labelled_secret_holds_the_first_root_back_only_where_its_identity_is_one_of_this_authority() {
    for (authority, uid, holds) in
        [("mesh", None, true), ("other", None, false), ("mesh", Some("of-another"), false)]
    {
        let harness = squatted(authority, uid);
        let why = looked_at(&harness).await;
        assert_eq!(why.starts_with("RootLost: "), holds, "{authority} {uid:?}: {why}");
        if holds {
            assert!(why.contains("Secret orders/trap") && why.contains("delete that Secret"), "{why}");
            let mut handler = LeafSecretHandler::new(harness.context.clone(), None);
            while harness.context.authorities.lock().next_due(harness.context.millis()).is_some() {}
            let trap = json!({ "metadata": harness.secret("trap").unwrap()["metadata"] });
            handler.delete(serde_json::from_value(trap).unwrap());
            harness.advance(SignedDuration::from_secs(2));
            assert!(
                harness.context.authorities.lock().next_due(harness.context.millis()).is_some(),
                "it is due in time"
            );
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_labelled_secret_stops_no_authority_that_has_its_root() {
    let harness = squatted("mesh", None);
    harness.server.delete(SECRETS, NAMESPACE, "trap");
    assert_eq!(looked_at(&harness).await, "");
    let trap = squatted("mesh", Some(&harness.identity("x").metadata.uid.unwrap())).secret("trap").unwrap();
    harness.server.put(SECRETS, &trap);
    assert_eq!(looked_at(&harness).await, "");
}

#[tokio::test(start_paused = true)]
async fn an_identity_is_read_once_however_many_secrets_claim_to_belong_to_it() {
    let mut harness = squatted("mesh", Some("of-another"));
    let trap = harness.secret("trap").unwrap();
    for number in 0..MANY {
        let mut secret = trap.clone();
        secret["metadata"]["name"] = json!(format!("trap-{number}"));
        secret["metadata"]["annotations"]["mtls-operator.dev/identity-uid"] = json!(format!("{number}"));
        harness.server.put(SECRETS, &secret);
    }
    assert_eq!((reads(&mut harness).await, down(&harness).as_str()), (1, ""));
}

#[tokio::test(start_paused = true)]
async fn many_made_up_identities_are_not_read_and_hide_none_that_the_index_does_not_know_yet() {
    for (uid, holds) in [(Some("of-another"), false), (None, true)] {
        let mut harness = squatted("mesh", uid);
        let trap = harness.secret("trap").unwrap();
        for number in 0..MANY {
            let mut secret = trap.clone();
            secret["metadata"]["name"] = json!(format!("trap-{number}"));
            secret["metadata"]["labels"]["mtls-operator.dev/identity"] = json!(format!("made-up-{number}"));
            harness.server.put(SECRETS, &secret);
        }
        harness.asked();
        // The watches have shown nothing yet.
        harness.reconcile_authority().await.unwrap();
        let asked = harness.asked();
        let reads = asked.iter().filter(|line| line.starts_with("GET mtlsidentities")).count();
        assert_eq!(reads, 1, "{asked:?}");
        assert_eq!(down(&harness).starts_with("RootLost: "), holds, "{}", down(&harness));
    }
}
