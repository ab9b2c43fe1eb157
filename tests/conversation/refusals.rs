//! What is refused is told once, and nothing is written but the telling.

use jiff::SignedDuration;
use mtls_operator::api::MtlsAuthoritySpec;
use mtls_operator::api::authority::{ProvidedSpec, RootSpec};
use mtls_operator::api::conditions::{STALLED, find};
use mtls_operator::api::word::Word;
use rcgen::{GeneralSubtree, NameConstraints};
use serde_json::{Value, json};
use test_support::ca::Ca;
use test_support::in_memory::api_server::{ApiServer, Fault};
use test_support::in_memory::harness::{A_WHILE, Harness, NOW, issued};

const TOLD: [&str; 2] = ["PATCH status orders/web", "POST events orders/"];

fn refused(reason: &str) -> (String, String) {
    ("False".into(), reason.into())
}

fn foreign() -> Value {
    json!({
        "apiVersion": "v1", "kind": "Secret", "type": "Opaque", "data": {"password": "aHVudGVyMg=="},
        "metadata": {"name": "web-mtls", "namespace": "orders"},
    })
}

#[tokio::test(start_paused = true)]
async fn a_foreign_secret_is_neither_written_nor_read_and_the_identity_says_whose_it_is_not() {
    let mut harness = Harness::set().await;
    harness.server.put("secrets", &foreign());
    let before = harness.secret("web-mtls");
    harness.apply("web", &json!({}));
    harness.watch();
    let calls = harness.calls().await;
    let expected = [
        "POST secrets orders/web-mtls",
        "GET mtlsidentities orders/web",
        "GET metadata orders/web-mtls",
        TOLD[0],
        // The status that was just written is news once; then the backoff begins.
        "GET metadata orders/web-mtls",
    ];
    assert_eq!(calls, expected);
    assert_eq!(harness.ready("web"), refused("SecretConflict"));
    assert_stalls_after_a_minute(&mut harness).await;
    harness.advance(A_WHILE);
    let later = harness.settle().await;
    assert!(later.iter().all(|call| call.starts_with("GET")), "{later:#?}");
    assert_eq!(harness.secret("web-mtls"), before);
}

#[tokio::test(start_paused = true)]
async fn a_conflict_ends_within_the_backoff_once_the_foreign_secret_is_gone() {
    let mut harness = Harness::set().await;
    harness.server.put("secrets", &foreign());
    harness.apply("web", &json!({}));
    harness.settle().await;
    harness.server.delete("secrets", "orders", "web-mtls");
    harness.advance(A_WHILE);
    harness.settle().await;
    assert_eq!(harness.ready("web"), issued());
}

#[tokio::test(start_paused = true)]
async fn whoever_asks_for_a_renewal_need_not_wait_for_the_next_look_at_a_conflict() {
    let mut harness = Harness::set().await;
    harness.server.put("secrets", &foreign());
    harness.apply("web", &json!({}));
    for _ in 0..400 {
        harness.advance(SignedDuration::from_secs(1));
        harness.settle().await;
    }
    let ask = |harness: &Harness, value: &str| {
        harness.server.edit("mtlsidentities", "orders", "web", |identity| {
            identity["metadata"]["annotations"] = json!({"mtls-operator.dev/renew": value});
        });
    };
    ask(&harness, "too early");
    assert!(!harness.settle().await.is_empty(), "it is looked at");
    assert_eq!(harness.ready("web"), refused("SecretConflict"));
    harness.server.delete("secrets", "orders", "web-mtls");
    ask(&harness, "now");
    harness.settle().await;
    assert_eq!(harness.ready("web"), issued());
    let status = harness.identity("web").status.unwrap();
    assert_eq!((status.last_handled_renew.as_deref(), status.revision), (Some("now"), Some(1)));
}

#[tokio::test(start_paused = true)]
async fn of_two_identities_that_want_one_secret_exactly_one_has_it() {
    let mut harness = Harness::set().await;
    for name in ["one", "two"] {
        harness.apply(name, &json!({"secret": {"name": "shared"}}));
    }
    harness.settle().await;
    for _ in 0..3 {
        harness.advance(A_WHILE);
        harness.settle().await;
    }
    let mut stand = [harness.ready("one"), harness.ready("two")];
    stand.sort();
    assert_eq!(stand, [refused("SecretConflict"), issued()]);
    let secret = harness.secret("shared").unwrap();
    let owner = secret["metadata"]["labels"]["mtls-operator.dev/identity"].as_str().unwrap().to_owned();
    let loser = if owner == "one" { "two" } else { "one" };
    assert!(harness.message(loser).contains(&format!("belongs to MtlsIdentity orders/{owner}")));
    assert_eq!(secret["metadata"]["annotations"]["mtls-operator.dev/revision"], "1", "they take turns");
}

#[tokio::test(start_paused = true)]
async fn a_name_without_a_grant_is_refused_without_a_secret() {
    let mut harness = Harness::set().await;
    harness.apply("web", &json!({"dnsNames": ["example.com"]}));
    harness.watch();
    assert_eq!(harness.calls().await, TOLD[..1]);
    assert_eq!(harness.ready("web"), refused("NotPermitted"));
    assert_stalls_after_a_minute(&mut harness).await;
    harness.advance(A_WHILE);
    assert_eq!(harness.settle().await, [""; 0]);
}

/// The authority grants `example.com` to all namespaces.
async fn grant_example_com(harness: &mut Harness) {
    harness.server.edit("mtlsauthorities", "", "mesh", |authority| {
        authority["spec"]["grants"] =
            json!([{ "name": "edge", "namespaces": { "from": "All" }, "dnsNames": ["example.com"]}]);
    });
    harness.look_at_authority().await.unwrap();
    harness.settle().await;
}

#[tokio::test(start_paused = true)]
async fn a_grant_that_comes_later_lets_the_identity_have_its_leaf() {
    let mut harness = Harness::set().await;
    harness.apply("web", &json!({"dnsNames": ["example.com"]}));
    harness.settle().await;
    grant_example_com(&mut harness).await;
    assert_eq!(harness.ready("web"), issued());
}

#[tokio::test(start_paused = true)]
async fn a_lifetime_above_the_limit_is_refused() {
    let mut harness = Harness::set().await;
    harness.apply("web", &json!({"ttl": "1000h"}));
    harness.watch();
    assert_eq!(harness.calls().await, TOLD[..1]);
    assert_eq!(harness.ready("web"), refused("Invalid"));
    assert_stalls_after_a_minute(&mut harness).await;
}

/// Whether the identity `web` needs a person, by its conditions.
fn is_stalled(harness: &Harness) -> bool {
    let status = harness.identity("web").status.unwrap();
    find(&status.conditions, STALLED).is_some()
}

/// No person is asked to act before a minute has passed in which nothing has changed; then one status and one Event say so.
async fn assert_stalls_after_a_minute(harness: &mut Harness) {
    harness.advance(SignedDuration::from_secs(50));
    harness.settle().await;
    assert!(!is_stalled(harness), "what cures it may be on its way");
    harness.advance(SignedDuration::from_secs(11));
    let calls = harness.settle().await;
    let writes: Vec<&String> = calls.iter().filter(|call| !call.starts_with("GET")).collect();
    assert_eq!(writes, TOLD);
    assert!(is_stalled(harness));
}

/// The looks between grow ever more seldom, and the next one may be minutes away when the time has come.
#[tokio::test(start_paused = true)]
async fn a_conflict_is_told_to_need_a_person_in_time_however_often_it_was_looked_at() {
    let mut harness = Harness::set().await;
    harness.server.put("secrets", &foreign());
    harness.apply("web", &json!({}));
    for _ in 0..59 {
        harness.settle().await;
        harness.advance(SignedDuration::from_secs(1));
    }
    assert!(!is_stalled(&harness));
    for _ in 0..2 {
        harness.advance(SignedDuration::from_secs(1));
        harness.settle().await;
    }
    assert!(is_stalled(&harness));
}

/// What can cure a refusal lies in three objects: each change of one of them starts the minute again.
#[tokio::test(start_paused = true)]
async fn a_change_of_what_a_refusal_depends_on_begins_the_minute_anew() {
    let mut harness = Harness::set().await;
    harness.apply("web", &json!({"dnsNames": ["example.com"]}));
    harness.settle().await;
    let minute = SignedDuration::from_secs(59);
    harness.advance(minute);
    harness.server.edit("mtlsauthorities", "", "mesh", |authority| {
        authority["spec"]["leaf"]["maxTTL"] = json!("100h");
    });
    harness.look_at_authority().await.unwrap();
    harness.settle().await;
    harness.advance(minute);
    harness.settle().await;
    assert!(!is_stalled(&harness), "the terms have changed");
    harness.apply("web", &json!({"dnsNames": ["example.org"]}));
    harness.settle().await;
    harness.advance(minute);
    harness.settle().await;
    assert!(!is_stalled(&harness), "the spec has changed");
    harness.advance(minute);
    harness.settle().await;
    assert!(is_stalled(&harness));
    harness.apply("web", &json!({"dnsNames": ["example.net"]}));
    harness.settle().await;
    assert!(!is_stalled(&harness), "the status of a new generation takes it away");
}

#[tokio::test(start_paused = true)]
async fn a_grant_that_comes_a_second_later_leaves_no_trace() {
    let mut harness = Harness::set().await;
    harness.apply("web", &json!({"dnsNames": ["example.com"]}));
    harness.settle().await;
    harness.advance(SignedDuration::from_secs(1));
    grant_example_com(&mut harness).await;
    assert_eq!(harness.ready("web"), issued());
    assert!(harness.message("web").ends_with("; allowed by grant edge"), "{}", harness.message("web"));
    harness.advance(A_WHILE);
    assert!(!is_stalled(&harness));
}

#[tokio::test(start_paused = true)]
async fn an_unknown_authority_is_asked_for_before_anybody_is_told() {
    let mut harness = Harness::set().await;
    harness.apply("web", &json!({"authorityRef": { "name": "other" }}));
    harness.watch();
    assert_eq!(harness.calls().await, ["GET mtlsauthorities other", TOLD[0]]);
    assert_eq!(harness.ready("web"), refused("AuthorityNotReady"));
    harness.advance(A_WHILE);
    assert_eq!(harness.settle().await, [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_paused_identity_is_told_and_left_alone() {
    let mut harness = Harness::set().await;
    harness.apply("web", &json!({"paused": true}));
    harness.watch();
    assert_eq!(harness.calls().await, TOLD);
    assert_eq!(harness.ready("web"), refused("Paused"));
    harness.apply("web", &json!({}));
    harness.settle().await;
    assert_eq!(harness.ready("web"), issued());
    harness.apply("web", &json!({"paused": true}));
    harness.settle().await;
    assert_eq!(harness.ready("web"), ("True".into(), "Paused".into()));
}

/// What a certificate was asked to be stays noted while no other can be issued. The index would take the note of what is asked now
/// for a certificate that is as asked.
#[tokio::test(start_paused = true)]
async fn names_that_are_asked_while_paused_are_not_noted_as_those_of_the_certificate() {
    let mut harness = Harness::set().await;
    harness.apply("web", &json!({}));
    harness.settle().await;
    let noted = |harness: &Harness| {
        harness.secret("web-mtls").unwrap()["metadata"]["annotations"]["mtls-operator.dev/profile"].clone()
    };
    let before = noted(&harness);
    harness.apply("web", &json!({"paused": true, "services": ["web", "api"]}));
    harness.settle().await;
    assert_eq!((harness.ready("web"), noted(&harness)), (refused("Paused"), before));
    // Another look finds the same, by metadata alone.
    let mut restarted = harness.restarted().await;
    restarted.settle().await;
    assert_eq!(restarted.ready("web"), refused("Paused"));
}

#[tokio::test(start_paused = true)]
async fn an_event_that_is_lost_is_lost() {
    let mut harness = Harness::set().await;
    harness.apply("web", &json!({"ttl": "1000h"}));
    harness.watch();
    harness.settle().await;
    harness.server.next("POST events", Fault::Broken);
    assert_stalls_after_a_minute(&mut harness).await;
    assert_eq!(harness.settle().await, [""; 0]);
}

/// A CA that may sign for `x.test` only, as an organisation might hand it out.
fn constrained_ca() -> Value {
    let ca = Ca::root_with("constrained", NOW, |params| {
        let permitted_subtrees = vec![GeneralSubtree::DnsName("x.test".into())];
        params.name_constraints = Some(NameConstraints { permitted_subtrees, excluded_subtrees: vec![] });
    });
    ca.secret("corporate-ca", "mesh", &ca.pem())
}

#[tokio::test(start_paused = true)]
async fn a_name_that_the_provided_ca_must_not_sign_is_told_to_whoever_asked_for_it() {
    let harness = Harness::bare(ApiServer::default(), NOW);
    harness.server.put("secrets", &constrained_ca());
    let root = RootSpec {
        provided: Some(ProvidedSpec {
            secret_name: "corporate-ca".into(),
            cross_certificates: Word::default(),
        }),
        ..RootSpec::default()
    };
    let mut harness =
        harness.with_authority(MtlsAuthoritySpec { root, ..MtlsAuthoritySpec::default() }).await;
    harness.apply("web", &json!({}));
    harness.apply("client", &json!({"services": []}));
    harness.settle().await;
    assert_eq!(harness.ready("client"), issued());
    assert_eq!(harness.ready("web"), refused("Invalid"));
    assert!(harness.message("web").contains("name constraints"), "{}", harness.message("web"));
    assert_eq!(harness.secret("web-mtls"), None);
    harness.advance(A_WHILE);
    let told = harness.settle().await;
    assert_eq!(told.iter().filter(|call| !call.starts_with("GET")).collect::<Vec<_>>(), TOLD);
    harness.advance(A_WHILE);
    harness.watch();
    let outcomes = harness.work().await;
    assert!(
        !outcomes.is_empty() && outcomes.iter().all(Result::is_ok),
        "a refusal is no error: {outcomes:?}"
    );
    let later = harness.settle().await;
    assert!(later.iter().all(|call| call.starts_with("GET")), "it is told once: {later:#?}");
    harness.apply("web", &json!({"services": []}));
    harness.settle().await;
    assert_eq!(harness.ready("web"), issued());
}
