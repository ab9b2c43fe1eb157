//! How long a lost root stays trusted and its key identifier known, whatever the index lacks and Secrets claim.

use mtls_operator::pki::KeyId;
use serde_json::json;
use test_support::in_memory::harness::{A_WHILE, AUTHORITIES, Harness, NOW};

use crate::authority_controller::ROOT;

/// The root Secret is gone, and a person accepts it. The index of a new process holds these identities only.
fn lost_and_accepted(harness: &Harness, told_of: &[&str]) -> Harness {
    let service = harness.context.issuers.get("mesh").unwrap();
    let signer = &service.signer.as_ref().unwrap().authority;
    let lost = signer.fingerprint().to_string();
    harness.name_root(&lost, &signer.key_id().to_string());
    harness.server.delete("secrets", "mtls-system", ROOT);
    harness.server.edit(AUTHORITIES, "", "mesh", |authority| {
        authority["metadata"]["annotations"]["mtls-operator.dev/accept-root-loss"] = json!(lost);
    });
    let next = Harness::bare(harness.server.clone(), harness.manual_clock.now());
    for name in told_of {
        let now = next.context.millis();
        next.context
            .scheduler
            .change(|scheduler| scheduler.apply_identity(&harness.identity(name), false, now));
    }
    next
}

#[tokio::test(start_paused = true)]
async fn a_loss_is_accepted_though_the_index_lacks_the_identity_that_holds_the_lost_root() {
    let mut harness = Harness::set().await;
    harness.apply("web", &json!({}));
    harness.settle().await;
    let harness = lost_and_accepted(&harness, &[]);
    harness.reconcile_authority().await.unwrap();
    let root = harness.server.get("secrets", "mtls-system", ROOT).expect("its certificate is found");
    assert_eq!(root["metadata"]["annotations"]["mtls-operator.dev/phase"], "Draining");
}

#[tokio::test(start_paused = true)]
async fn a_lost_root_stays_trusted_as_long_as_leaves_can_be_asked_for_whatever_secrets_say_of_theirs() {
    let mut harness = Harness::set().await;
    harness.apply("web", &json!({}));
    harness.apply("long", &json!({"ttl": "168h"}));
    harness.settle().await;
    let (day, status) = (jiff::SignedDuration::from_hours(24), harness.identity("long").status.unwrap());
    harness
        .server
        .edit(AUTHORITIES, "", "mesh", |authority| authority["spec"]["leaf"]["maxTTL"] = json!("24h"));
    let harness = lost_and_accepted(&harness, &["web"]);
    harness.reconcile_authority().await.unwrap();
    let root = harness.server.get("secrets", "mtls-system", ROOT).expect("its certificate is found");
    let retiring = root["metadata"]["annotations"]["mtls-operator.dev/retiring"].as_str().unwrap();
    let retiring: serde_json::Value = serde_json::from_str(retiring).unwrap();
    let until: jiff::Timestamp = retiring[0]["until"].as_str().unwrap().parse().unwrap();
    assert!(until > NOW + day && until < NOW + day + A_WHILE, "trusted until {until}");
    // A leaf that stays longer, because its identity is paused, is no evidence of another loss.
    let former = root["metadata"]["annotations"]["mtls-operator.dev/former-key-ids"].as_str().unwrap();
    let former: Vec<serde_json::Value> = serde_json::from_str(former).unwrap();
    let known = former.iter().find(|key| key["keyID"] == json!(status.authority_key_id)).unwrap();
    let known: jiff::Timestamp = known["until"].as_str().unwrap().parse().unwrap();
    assert!(known >= status.not_after.unwrap().0, "known until {known}");
}

/// A user of the namespace forges the annotations of a thousand Secrets.
pub fn forge(harness: &Harness) {
    let forged = |number: usize| match number % 3 {
        0 => format!("{number:040x}"),
        1 => format!("{number:0500x}"),
        _ => format!("no key at all, {}", "x".repeat(number)),
    };
    for number in 0..1000 {
        let mut secret = harness.secret("web-mtls").unwrap();
        secret["metadata"]["name"] = json!(format!("forged-{number}"));
        let notes = &mut secret["metadata"]["annotations"];
        notes["mtls-operator.dev/authority-key-id"] = json!(forged(number));
        notes["mtls-operator.dev/not-after"] = json!("9999-12-30T00:00:00Z");
        harness.server.put("secrets", &secret);
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_forged_in_secrets_neither_outlives_the_lost_root_nor_fills_the_next() {
    let mut harness = Harness::set().await;
    harness.apply("web", &json!({}));
    harness.settle().await;
    forge(&harness);
    let service = harness.context.issuers.get("mesh").unwrap();
    let end = service.signer.as_ref().unwrap().facts.window.not_after;
    let harness = lost_and_accepted(&harness, &["web"]);
    harness.reconcile_authority().await.unwrap();
    let root = harness.server.get("secrets", "mtls-system", ROOT).expect("its certificate is found");
    let notes = root["metadata"]["annotations"].as_object().unwrap();
    let size: usize = notes.iter().map(|(key, note)| key.len() + note.as_str().unwrap().len()).sum();
    assert!(size < 32 * 1024, "{size} bytes of annotations, of which a Secret can have 256 KiB");
    let former = notes["mtls-operator.dev/former-key-ids"].as_str().unwrap();
    let former: Vec<serde_json::Value> = serde_json::from_str(former).unwrap();
    assert!(!former.is_empty(), "one of them may have signed");
    for key in former {
        let key_id = key["keyID"].as_str().unwrap();
        assert!(key_id.parse::<KeyId>().is_ok() && key_id.len() == 40, "{key_id} is no key id");
        let until: jiff::Timestamp = key["until"].as_str().unwrap().parse().unwrap();
        assert!(until <= end, "until {until}, though the lost root ended at {end}");
    }
}
