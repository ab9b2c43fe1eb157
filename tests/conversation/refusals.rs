//! What is refused is told once, and nothing is written but the telling.

use jiff::SignedDuration;
use k8s_openapi::ByteString;
use mtls_operator::api::MtlsAuthoritySpec;
use mtls_operator::api::authority::{ProvidedSpec, RootSpec};
use mtls_operator::api::conditions::{STALLED, find};
use mtls_operator::api::word::Word;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType, GeneralSubtree, IsCa,
    KeyPair, KeyUsagePurpose, NameConstraints,
};
use serde_json::{Value, json};

use super::server::{ApiServer, Mishap};
use super::stage::{A_WHILE, NOW, Stage, issued};

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
    let mut stage = Stage::set().await;
    stage.server.put("secrets", &foreign());
    let before = stage.secret("web-mtls");
    stage.apply("web", &json!({}));
    stage.watch();
    let calls = stage.calls().await;
    let expected = [
        "POST secrets orders/web-mtls",
        "GET mtlsidentities orders/web",
        "GET metadata orders/web-mtls",
        TOLD[0],
        // The status that was just written is news once; then the backoff begins.
        "GET metadata orders/web-mtls",
    ];
    assert_eq!(calls, expected);
    assert_eq!(stage.ready("web"), refused("SecretConflict"));
    assert_stalls_after_a_minute(&mut stage).await;
    stage.advance(A_WHILE);
    let later = stage.settle().await;
    assert!(later.iter().all(|call| call.starts_with("GET")), "{later:#?}");
    assert_eq!(stage.secret("web-mtls"), before);
}

#[tokio::test(start_paused = true)]
async fn a_conflict_ends_within_the_backoff_once_the_foreign_secret_is_gone() {
    let mut stage = Stage::set().await;
    stage.server.put("secrets", &foreign());
    stage.apply("web", &json!({}));
    stage.settle().await;
    stage.server.delete("secrets", "orders", "web-mtls");
    stage.advance(A_WHILE);
    stage.settle().await;
    assert_eq!(stage.ready("web"), issued());
}

#[tokio::test(start_paused = true)]
async fn whoever_asks_for_a_renewal_need_not_wait_for_the_next_look_at_a_conflict() {
    let mut stage = Stage::set().await;
    stage.server.put("secrets", &foreign());
    stage.apply("web", &json!({}));
    for _ in 0..400 {
        stage.advance(SignedDuration::from_secs(1));
        stage.settle().await;
    }
    let ask = |stage: &Stage, value: &str| {
        stage.server.edit("mtlsidentities", "orders", "web", |identity| {
            identity["metadata"]["annotations"] = json!({"mtls-operator.dev/renew": value});
        });
    };
    ask(&stage, "too early");
    assert!(!stage.settle().await.is_empty(), "it is looked at");
    assert_eq!(stage.ready("web"), refused("SecretConflict"));
    stage.server.delete("secrets", "orders", "web-mtls");
    ask(&stage, "now");
    stage.settle().await;
    assert_eq!(stage.ready("web"), issued());
    let status = stage.identity("web").status.unwrap();
    assert_eq!((status.last_handled_renew.as_deref(), status.revision), (Some("now"), Some(1)));
}

#[tokio::test(start_paused = true)]
async fn of_two_identities_that_want_one_secret_exactly_one_has_it() {
    let mut stage = Stage::set().await;
    for name in ["one", "two"] {
        stage.apply(name, &json!({"secret": {"name": "shared"}}));
    }
    stage.settle().await;
    for _ in 0..3 {
        stage.advance(A_WHILE);
        stage.settle().await;
    }
    let mut stand = [stage.ready("one"), stage.ready("two")];
    stand.sort();
    assert_eq!(stand, [refused("SecretConflict"), issued()]);
    let secret = stage.secret("shared").unwrap();
    let owner = secret["metadata"]["labels"]["mtls-operator.dev/identity"].as_str().unwrap().to_owned();
    let loser = if owner == "one" { "two" } else { "one" };
    assert!(stage.message(loser).contains(&format!("belongs to MtlsIdentity orders/{owner}")));
    assert_eq!(secret["metadata"]["annotations"]["mtls-operator.dev/revision"], "1", "they take turns");
}

#[tokio::test(start_paused = true)]
async fn a_name_without_a_grant_is_refused_without_a_secret() {
    let mut stage = Stage::set().await;
    stage.apply("web", &json!({"dnsNames": ["example.com"]}));
    stage.watch();
    assert_eq!(stage.calls().await, TOLD[..1]);
    assert_eq!(stage.ready("web"), refused("NotPermitted"));
    assert_stalls_after_a_minute(&mut stage).await;
    stage.advance(A_WHILE);
    assert_eq!(stage.settle().await, [""; 0]);
}

/// The authority grants `example.com` to all namespaces.
async fn grant_example_com(stage: &mut Stage) {
    stage.server.edit("mtlsauthorities", "", "mesh", |authority| {
        authority["spec"]["grants"] =
            json!([{ "name": "edge", "namespaces": { "from": "All" }, "dnsNames": ["example.com"]}]);
    });
    stage.look_at_authority().await.unwrap();
    stage.settle().await;
}

#[tokio::test(start_paused = true)]
async fn a_grant_that_comes_later_lets_the_identity_have_its_leaf() {
    let mut stage = Stage::set().await;
    stage.apply("web", &json!({"dnsNames": ["example.com"]}));
    stage.settle().await;
    grant_example_com(&mut stage).await;
    assert_eq!(stage.ready("web"), issued());
}

#[tokio::test(start_paused = true)]
async fn a_lifetime_above_the_limit_is_refused() {
    let mut stage = Stage::set().await;
    stage.apply("web", &json!({"ttl": "1000h"}));
    stage.watch();
    assert_eq!(stage.calls().await, TOLD[..1]);
    assert_eq!(stage.ready("web"), refused("Invalid"));
    assert_stalls_after_a_minute(&mut stage).await;
}

/// Whether the identity `web` needs a person, by its conditions.
fn is_stalled(stage: &Stage) -> bool {
    let status = stage.identity("web").status.unwrap();
    find(&status.conditions, STALLED).is_some()
}

/// No person is asked to act before a minute has passed in which nothing has changed; then one status and one Event say so.
async fn assert_stalls_after_a_minute(stage: &mut Stage) {
    stage.advance(SignedDuration::from_secs(50));
    stage.settle().await;
    assert!(!is_stalled(stage), "what cures it may be on its way");
    stage.advance(SignedDuration::from_secs(11));
    let calls = stage.settle().await;
    let writes: Vec<&String> = calls.iter().filter(|call| !call.starts_with("GET")).collect();
    assert_eq!(writes, TOLD);
    assert!(is_stalled(stage));
}

/// The looks between grow ever more seldom, and the next one may be minutes away when the time has come.
#[tokio::test(start_paused = true)]
async fn a_conflict_is_told_to_need_a_person_in_time_however_often_it_was_looked_at() {
    let mut stage = Stage::set().await;
    stage.server.put("secrets", &foreign());
    stage.apply("web", &json!({}));
    for _ in 0..59 {
        stage.settle().await;
        stage.advance(SignedDuration::from_secs(1));
    }
    assert!(!is_stalled(&stage));
    for _ in 0..2 {
        stage.advance(SignedDuration::from_secs(1));
        stage.settle().await;
    }
    assert!(is_stalled(&stage));
}

/// What can cure a refusal lies in three objects: each change of one of them starts the minute again.
#[tokio::test(start_paused = true)]
async fn a_change_of_what_a_refusal_depends_on_begins_the_minute_anew() {
    let mut stage = Stage::set().await;
    stage.apply("web", &json!({"dnsNames": ["example.com"]}));
    stage.settle().await;
    let minute = SignedDuration::from_secs(59);
    stage.advance(minute);
    stage.server.edit("mtlsauthorities", "", "mesh", |authority| {
        authority["spec"]["leaf"]["maxTTL"] = json!("100h");
    });
    stage.look_at_authority().await.unwrap();
    stage.settle().await;
    stage.advance(minute);
    stage.settle().await;
    assert!(!is_stalled(&stage), "the terms have changed");
    stage.apply("web", &json!({"dnsNames": ["example.org"]}));
    stage.settle().await;
    stage.advance(minute);
    stage.settle().await;
    assert!(!is_stalled(&stage), "the spec has changed");
    stage.advance(minute);
    stage.settle().await;
    assert!(is_stalled(&stage));
    stage.apply("web", &json!({"dnsNames": ["example.net"]}));
    stage.settle().await;
    assert!(!is_stalled(&stage), "the status of a new generation takes it away");
}

#[tokio::test(start_paused = true)]
async fn a_grant_that_comes_a_second_later_leaves_no_trace() {
    let mut stage = Stage::set().await;
    stage.apply("web", &json!({"dnsNames": ["example.com"]}));
    stage.settle().await;
    stage.advance(SignedDuration::from_secs(1));
    grant_example_com(&mut stage).await;
    assert_eq!(stage.ready("web"), issued());
    assert!(stage.message("web").ends_with("; allowed by grant edge"), "{}", stage.message("web"));
    stage.advance(A_WHILE);
    assert!(!is_stalled(&stage));
}

#[tokio::test(start_paused = true)]
async fn an_unknown_authority_is_asked_for_before_anybody_is_told() {
    let mut stage = Stage::set().await;
    stage.apply("web", &json!({"authorityRef": { "name": "other" }}));
    stage.watch();
    assert_eq!(stage.calls().await, ["GET mtlsauthorities other", TOLD[0]]);
    assert_eq!(stage.ready("web"), refused("AuthorityNotReady"));
    stage.advance(A_WHILE);
    assert_eq!(stage.settle().await, [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_paused_identity_is_told_and_left_alone() {
    let mut stage = Stage::set().await;
    stage.apply("web", &json!({"paused": true}));
    stage.watch();
    assert_eq!(stage.calls().await, TOLD);
    assert_eq!(stage.ready("web"), refused("Paused"));
    stage.apply("web", &json!({}));
    stage.settle().await;
    assert_eq!(stage.ready("web"), issued());
    stage.apply("web", &json!({"paused": true}));
    stage.settle().await;
    assert_eq!(stage.ready("web"), ("True".into(), "Paused".into()));
}

/// What a certificate was asked to be stays noted while no other can be issued. The index would take the note of what is asked now
/// for a certificate that is as asked.
#[tokio::test(start_paused = true)]
async fn names_that_are_asked_while_paused_are_not_noted_as_those_of_the_certificate() {
    let mut stage = Stage::set().await;
    stage.apply("web", &json!({}));
    stage.settle().await;
    let noted = |stage: &Stage| {
        stage.secret("web-mtls").unwrap()["metadata"]["annotations"]["mtls-operator.dev/profile"].clone()
    };
    let before = noted(&stage);
    stage.apply("web", &json!({"paused": true, "services": ["web", "api"]}));
    stage.settle().await;
    assert_eq!((stage.ready("web"), noted(&stage)), (refused("Paused"), before));
    // Another look finds the same, by metadata alone.
    let mut restarted = stage.restarted().await;
    restarted.settle().await;
    assert_eq!(restarted.ready("web"), refused("Paused"));
}

#[tokio::test(start_paused = true)]
async fn an_event_that_is_lost_is_lost() {
    let mut stage = Stage::set().await;
    stage.apply("web", &json!({"ttl": "1000h"}));
    stage.watch();
    stage.settle().await;
    stage.server.next("POST events", Mishap::Broken);
    assert_stalls_after_a_minute(&mut stage).await;
    assert_eq!(stage.settle().await, [""; 0]);
}

/// A CA that may sign for `x.test` only, as an organisation might hand it out.
fn constrained_ca() -> Value {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, "constrained");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    let permitted_subtrees = vec![GeneralSubtree::DnsName("x.test".into())];
    params.name_constraints = Some(NameConstraints { permitted_subtrees, excluded_subtrees: vec![] });
    params.not_before = time::OffsetDateTime::from_unix_timestamp(NOW.as_second()).unwrap();
    params.not_after = params.not_before + time::Duration::days(365);
    let ca = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let (certificate, key) = (ca.pem().into_bytes(), ca.key().serialize_pem().into_bytes());
    json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": {
            "name": "corporate-ca", "namespace": "mtls-system",
            "annotations": {"mtls-operator.dev/provides-for": "mesh"},
        },
        "data": {"tls.crt": ByteString(certificate.clone()), "tls.key": ByteString(key), "ca.crt": ByteString(certificate)},
    })
}

#[tokio::test(start_paused = true)]
async fn a_name_that_the_provided_ca_must_not_sign_is_told_to_whoever_asked_for_it() {
    let stage = Stage::bare(ApiServer::default(), NOW);
    stage.server.put("secrets", &constrained_ca());
    let root = RootSpec {
        provided: Some(ProvidedSpec {
            secret_name: "corporate-ca".into(),
            cross_certificates: Word::default(),
        }),
        ..RootSpec::default()
    };
    let mut stage = stage.with_authority(MtlsAuthoritySpec { root, ..MtlsAuthoritySpec::default() }).await;
    stage.apply("web", &json!({}));
    stage.apply("client", &json!({"services": []}));
    stage.settle().await;
    assert_eq!(stage.ready("client"), issued());
    assert_eq!(stage.ready("web"), refused("Invalid"));
    assert!(stage.message("web").contains("name constraints"), "{}", stage.message("web"));
    assert_eq!(stage.secret("web-mtls"), None);
    stage.advance(A_WHILE);
    let told = stage.settle().await;
    assert_eq!(told.iter().filter(|call| !call.starts_with("GET")).collect::<Vec<_>>(), TOLD);
    stage.advance(A_WHILE);
    stage.watch();
    let outcomes = stage.work().await;
    assert!(
        !outcomes.is_empty() && outcomes.iter().all(Result::is_ok),
        "a refusal is no error: {outcomes:?}"
    );
    let later = stage.settle().await;
    assert!(later.iter().all(|call| call.starts_with("GET")), "it is told once: {later:#?}");
    stage.apply("web", &json!({"services": []}));
    stage.settle().await;
    assert_eq!(stage.ready("web"), issued());
}
