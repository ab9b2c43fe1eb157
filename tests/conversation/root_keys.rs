//! Roots and keys: a root is made once, what is broken is healed, and no key is told to anybody.

use std::fs;

use mtls_operator::operator::issuers::Unready;
use mtls_operator::pki::KeyId;
use serde_json::json;
use test_support::in_memory::api_server::{ApiServer, Fault};
use test_support::in_memory::harness::{A_WHILE, AUTHORITIES, Harness, NOW, issued};
use tracing::level_filters::LevelFilter;

const ROOT: &str = "mtls-authority-mesh";

#[tokio::test(start_paused = true)]
async fn a_root_is_made_only_after_a_fresh_look_for_traces_of_another() {
    let server = ApiServer::default();
    let harness = Harness::bare(server.clone(), NOW);
    server.put(
        AUTHORITIES,
        &mtls_operator::api::MtlsAuthority::new("mesh", mtls_operator::api::MtlsAuthoritySpec::default()),
    );
    harness.look_at_authority().await.unwrap();
    let root = format!("GET secrets mtls-system/{ROOT}");
    let made = format!("POST secrets mtls-system/{ROOT}");
    assert_eq!(server.asked(), [root.as_str(), "LIST secrets", &made, &root]);
}

#[tokio::test(start_paused = true)]
async fn a_lost_root_is_not_made_again() {
    let mut harness = Harness::set().await;
    harness.apply("web", &json!({}));
    harness.settle().await;
    harness.server.delete("secrets", "mtls-system", ROOT);
    for harness in [&harness, &harness.restarted().await] {
        harness.look_at_authority().await.unwrap();
        let service = harness.context.issuers.get("mesh").unwrap();
        let Err(Unready::Down(why)) = &service.signer else { panic!("it still signs") };
        assert!(why.0.starts_with("RootLost: "), "{}", why.0);
        assert_eq!(harness.server.get("secrets", "mtls-system", ROOT), None);
    }
}

#[tokio::test(start_paused = true)]
async fn no_root_is_made_where_a_leaf_belongs_to_an_identity_that_the_index_was_not_told_of() {
    let mut harness = Harness::set().await;
    harness.apply("web", &json!({}));
    harness.settle().await;
    harness.server.delete("secrets", "mtls-system", ROOT);
    let harness = Harness::bare(harness.server.clone(), harness.hand.now());
    harness.look_at_authority().await.unwrap();
    assert_eq!(harness.server.get("secrets", "mtls-system", ROOT), None);
    harness.server.delete("mtlsidentities", "orders", "web");
    harness.look_at_authority().await.unwrap();
    assert_ne!(harness.server.get("secrets", "mtls-system", ROOT), None, "the leaf is nobody's");
}

/// The root Secret is gone, and a person accepts it. A new process is told of nobody but these.
fn lost_and_accepted(harness: &Harness, told_of: &[&str]) -> Harness {
    let service = harness.context.issuers.get("mesh").unwrap();
    let signer = &service.signer.as_ref().unwrap().authority;
    let lost = signer.fingerprint().to_string();
    harness.name_root(&lost, &signer.key_id().to_string());
    harness.server.delete("secrets", "mtls-system", ROOT);
    harness.server.edit(AUTHORITIES, "", "mesh", |authority| {
        authority["metadata"]["annotations"]["mtls-operator.dev/accept-root-loss"] = json!(lost);
    });
    let next = Harness::bare(harness.server.clone(), harness.hand.now());
    for name in told_of {
        let now = next.context.millis();
        next.context.scheduler.change(|board| board.apply_identity(&harness.identity(name), false, now));
    }
    next
}

#[tokio::test(start_paused = true)]
async fn a_loss_is_accepted_though_the_index_was_not_told_of_whoever_holds_the_lost_root() {
    let mut harness = Harness::set().await;
    harness.apply("web", &json!({}));
    harness.settle().await;
    let harness = lost_and_accepted(&harness, &[]);
    harness.look_at_authority().await.unwrap();
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
    harness.look_at_authority().await.unwrap();
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

/// The user of a namespace says what he likes in Secrets that are his.
fn forge(harness: &Harness) {
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
    harness.look_at_authority().await.unwrap();
    let root = harness.server.get("secrets", "mtls-system", ROOT).expect("its certificate is found");
    let notes = root["metadata"]["annotations"].as_object().unwrap();
    let size: usize = notes.iter().map(|(key, note)| key.len() + note.as_str().unwrap().len()).sum();
    assert!(size < 32 * 1024, "{size} bytes of annotations, of which a Secret can have 256 KiB");
    let former = notes["mtls-operator.dev/former-key-ids"].as_str().unwrap();
    let former: Vec<serde_json::Value> = serde_json::from_str(former).unwrap();
    assert!(!former.is_empty(), "among them could be one that has signed");
    for key in former {
        let key_id = key["keyID"].as_str().unwrap();
        assert!(key_id.parse::<KeyId>().is_ok() && key_id.len() == 40, "{key_id} is no key id");
        let until: jiff::Timestamp = key["until"].as_str().unwrap().parse().unwrap();
        assert!(until <= end, "until {until}, though the lost root ended at {end}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_root_whose_first_answer_was_lost_is_found_and_used() {
    let server = ApiServer::default();
    let mut harness = Harness::bare(server.clone(), NOW);
    server.put(
        AUTHORITIES,
        &mtls_operator::api::MtlsAuthority::new("mesh", mtls_operator::api::MtlsAuthoritySpec::default()),
    );
    server.next("POST secrets", Fault::AnswerLost);
    assert!(harness.look_at_authority().await.is_err());
    let made = server.get("secrets", "mtls-system", ROOT);
    harness.look_at_authority().await.unwrap();
    assert_eq!(server.get("secrets", "mtls-system", ROOT), made);
    harness.apply("web", &json!({}));
    harness.settle().await;
    assert_eq!(harness.ready("web"), issued());
}

#[tokio::test(start_paused = true)]
async fn what_people_break_in_a_secret_is_healed() {
    type Breakage = (&'static str, fn(&mut serde_json::Value), bool);
    let breakages: [Breakage; 7] = [
        ("certificate", |secret| secret["data"]["tls.crt"] = json!("eA=="), true),
        ("key", |secret| secret["data"]["tls.key"] = json!("eA=="), true),
        ("key gone", |secret| drop(secret["data"].as_object_mut().unwrap().remove("tls.key")), true),
        ("bundle", |secret| secret["data"]["ca.crt"] = json!("eA=="), false),
        ("annotations", |secret| secret["metadata"]["annotations"] = json!({}), false),
        ("owner", |secret| secret["metadata"]["ownerReferences"] = json!([]), false),
        (
            "serial",
            |secret| secret["metadata"]["annotations"]["mtls-operator.dev/serial"] = json!("0"),
            false,
        ),
    ];
    for (what, breakage, is_reissued) in breakages {
        let mut harness = Harness::set().await;
        harness.apply("web", &json!({}));
        harness.settle().await;
        let before = harness.secret("web-mtls").unwrap();
        harness.server.edit("secrets", "orders", "web-mtls", breakage);
        harness.settle().await;
        let after = harness.secret("web-mtls").unwrap();
        assert_eq!(harness.ready("web"), issued(), "{what}");
        assert_eq!(after["data"] != before["data"], is_reissued, "{what}");
        assert_eq!(after["metadata"]["ownerReferences"], before["metadata"]["ownerReferences"], "{what}");
        assert_eq!(harness.identity("web").status.unwrap().serial, Some(harness.serial("web")), "{what}");
        harness.advance(A_WHILE);
        assert_eq!(harness.settle().await, [""; 0], "{what}");
    }
}

#[tokio::test(start_paused = true)]
async fn stripped_labels_come_back_without_a_new_key() {
    let mut harness = Harness::set().await;
    harness.apply("web", &json!({}));
    harness.settle().await;
    let before = harness.secret("web-mtls").unwrap();
    harness.server.edit("secrets", "orders", "web-mtls", |secret| secret["metadata"]["labels"] = json!({}));
    harness.settle().await;
    let after = harness.secret("web-mtls").unwrap();
    assert_eq!(
        (&after["data"], &after["metadata"]["labels"]),
        (&before["data"], &before["metadata"]["labels"])
    );
}

#[tokio::test(start_paused = true)]
async fn an_identity_made_anew_under_its_old_name_takes_its_secret_over_with_a_new_key() {
    let mut harness = Harness::set().await;
    harness.apply("web", &json!({}));
    harness.settle().await;
    let before = harness.secret("web-mtls").unwrap();
    harness.server.delete("mtlsidentities", "orders", "web");
    harness.watch();
    harness.apply("web", &json!({}));
    harness.settle().await;
    let after = harness.secret("web-mtls").unwrap();
    assert_eq!(harness.ready("web"), issued());
    assert_ne!(after["data"]["tls.key"], before["data"]["tls.key"]);
    let owners = after["metadata"]["ownerReferences"].as_array().unwrap();
    let uid = harness.identity("web").metadata.uid.unwrap();
    assert_eq!((owners.len(), owners[0]["uid"].as_str()), (1, Some(uid.as_str())));
}

#[tokio::test(start_paused = true)]
async fn neither_status_nor_events_carry_a_key_or_a_certificate() {
    let mut harness = Harness::set().await;
    harness.apply("web", &json!({}));
    harness.apply("refused", &json!({"ttl": "1000h"}));
    harness.server.next("POST secrets", Fault::Broken);
    harness.settle().await;
    harness.advance(A_WHILE);
    harness.settle().await;
    harness
        .server
        .edit("secrets", "orders", "web-mtls", |secret| secret["data"]["tls.key"] = json!("c2VjcmV0"));
    harness.server.next("PATCH secrets", Fault::AnswerLost);
    harness.settle().await;
    harness.advance(A_WHILE);
    harness.settle().await;
    assert_eq!(harness.ready("web"), issued());
    assert!(harness.told.len() >= 4, "{:#?}", harness.told);
    let key = harness.secret("web-mtls").unwrap()["data"]["tls.key"].as_str().unwrap().to_owned();
    // The second one is how base64 spells `-----BEGIN`.
    for word in ["-----BEGIN", "LS0tLS1CRUdJTi", "PRIVATE KEY", "c2VjcmV0", &key] {
        assert!(harness.told.iter().all(|body| !body.contains(word)), "{word} is told");
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_cannot_be_read_is_not_logged() {
    let harness = Harness::set().await;
    let file = tempfile::NamedTempFile::new().unwrap();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(LevelFilter::TRACE)
        .with_writer(file.reopen().unwrap())
        .finish();
    let guard = tracing::subscriber::set_default(subscriber);
    harness.server.next(&format!("GET secrets mtls-system/{ROOT}"), Fault::AnswerCut);
    let error = harness.look_at_authority().await.unwrap_err().to_string();
    tracing::info!(error, "the look ended");
    drop(guard);
    let log = fs::read_to_string(file.path()).unwrap();
    assert!(log.contains("the answer cannot be read from line 1, column"), "{error}");
    assert!(!log.contains("LS0tLS1CRUdJTi"), "a key or certificate is logged");
}
