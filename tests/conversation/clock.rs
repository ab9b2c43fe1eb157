//! A clock that differs from the API server's: nothing is signed, no root changes by time, and everything else goes on (I14).

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use mtls_operator::api::MtlsAuthority;
use mtls_operator::operator::authority::controller::AuthorityController;
use mtls_operator::operator::error::Error;
use mtls_operator::plan::authority::decision::RootDecision;
use mtls_operator::plan::authority::reason::AuthorityReason;
use mtls_operator::runtime::clock::Clock;
use mtls_operator::runtime::leader::Leadership;
use serde_json::{Value, json};
use test_support::in_memory::api_server::ApiServer;
use test_support::in_memory::harness::{AUTHORITIES, Harness, NAMESPACE, NOW, SECRETS, issued};

const ROOT: &str = "mtls-authority-mesh";
const HOUR: SignedDuration = SignedDuration::from_hours(1);

/// The operator's clock jumps, and that of the API server goes on.
fn step(harness: &Harness, by: SignedDuration) {
    let (_, apart) = Clock::manual(harness.server.time().unwrap());
    harness.server.set_clock(&apart);
    harness.manual_clock.advance(by);
}

async fn with_web() -> Harness {
    let mut harness = Harness::set().await;
    harness.apply("web", &json!({}));
    harness.settle().await;
    harness
}

fn root(harness: &Harness) -> Option<Value> {
    harness.server.get(SECRETS, "mtls-system", ROOT)
}

async fn decided(harness: &Harness) -> RootDecision {
    harness.root_outcome().await.0.decision
}

fn told(time: Timestamp) -> String {
    Timestamp::from_second(time.as_second()).unwrap().to_string()
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_steps_changes_no_root_and_signs_nothing_until_it_is_set_right() {
    // The last of them is beyond the end of the root.
    for by in [HOUR * 8, HOUR * -8, HOUR * 24 * 300, HOUR * 24 * 730] {
        let mut harness = with_web().await;
        let (made, serial) = (root(&harness), harness.serial("web"));
        step(&harness, by);
        harness.reconcile_authority().await.unwrap();
        let verdict = decided(&harness).await.ready();
        assert_eq!((verdict.ready, verdict.reason), (false, AuthorityReason::ClockSkewed), "{by:#}");
        harness.apply("new", &json!({}));
        harness.settle().await;
        assert_eq!(
            (root(&harness), harness.serial("web"), harness.ready("web")),
            (made.clone(), serial, issued())
        );
        assert_eq!(
            (harness.secret("new-mtls"), harness.ready("new").1.as_str()),
            (None, "AuthorityNotReady")
        );
        let (message, api_server) = (harness.message("new"), harness.server.time().unwrap());
        assert!(message.contains(&told(harness.manual_clock.now())), "{message}");
        // The message has whole seconds.
        let near = [-1, 0, 1].map(|off| told(api_server + SignedDuration::from_secs(off)));
        assert!(near.iter().any(|time| message.contains(time)), "{message}");
        harness.manual_clock.advance(-by);
        harness.reconcile_authority().await.unwrap();
        harness.settle().await;
        assert_eq!((root(&harness), harness.ready("new")), (made, issued()), "{by:#}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_step_stops_signing_before_the_authority_is_looked_at_again() {
    let mut harness = with_web().await;
    step(&harness, HOUR);
    harness.apply("new", &json!({}));
    harness.watch();
    let outcomes = harness.work().await;
    assert!(matches!(outcomes[..], [Err(Error::Clock(_))]), "{outcomes:?}");
    assert!(!harness.asked().iter().any(|line| line.starts_with("POST")));
    assert!(harness.context.authorities.lock().next_due(0).is_some(), "the authority says why at once");
}

#[tokio::test(start_paused = true)]
async fn trust_goes_on_while_nothing_is_signed() {
    let mut harness = with_web().await;
    let serial = harness.serial("web");
    step(&harness, HOUR * 8);
    harness.reconcile_authority().await.unwrap();
    let before = harness.secret("web-mtls").unwrap()["data"].clone();
    harness.server.edit(SECRETS, NAMESPACE, "web-mtls", |secret| secret["data"]["ca.crt"] = json!("AAAA"));
    harness.settle().await;
    assert_eq!(harness.secret("web-mtls").unwrap()["data"], before);
    assert_eq!((harness.serial("web"), harness.ready("web")), (serial, issued()));
}

#[tokio::test(start_paused = true)]
async fn a_valid_leaf_that_is_due_stays_ready_and_is_renewed_when_the_clock_is_right() {
    let mut harness = with_web().await;
    let serial = harness.serial("web");
    step(&harness, HOUR * -48);
    let renewal = harness.identity("web").status.unwrap().renewal_time.unwrap().0;
    let (_, due) = Clock::manual(renewal + HOUR);
    harness.server.set_clock(&due);
    // The earlier `Date` of the API server counts no more.
    tokio::time::advance(Duration::from_mins(1)).await;
    harness.reconcile_authority().await.unwrap();
    harness.settle().await;
    assert_eq!((harness.serial("web"), harness.ready("web")), (serial.clone(), issued()));
    assert!(harness.message("web").contains("ClockSkewed"), "{}", harness.message("web"));
    harness.manual_clock.set(renewal + HOUR);
    harness.reconcile_authority().await.unwrap();
    harness.settle().await;
    assert_ne!(harness.serial("web"), serial);
    assert!(!harness.message("web").contains("ClockSkewed"), "{}", harness.message("web"));
}

#[tokio::test(start_paused = true)]
async fn no_root_is_made_before_an_answer_has_told_the_time() {
    let harness = Harness::bare(ApiServer::default(), NOW);
    harness.server.hide_time();
    harness
        .server
        .put(AUTHORITIES, &MtlsAuthority::new("mesh", mtls_operator::api::MtlsAuthoritySpec::default()));
    harness.reconcile_authority().await.unwrap();
    let decision = decided(&harness).await;
    assert_eq!((decision.reason, root(&harness)), (AuthorityReason::ClockSkewed, None));
    assert!(decision.message.contains("Date"), "{}", decision.message);
    harness.server.set_clock(&harness.manual_clock);
    harness.reconcile_authority().await.unwrap();
    assert!(root(&harness).is_some());
}

#[tokio::test(start_paused = true)]
async fn a_leaf_that_was_issued_by_a_clock_that_was_ahead_is_issued_again() {
    let mut harness = Harness::set().await;
    // Both clocks are wrong, as on a machine that also runs the API server.
    harness.advance(HOUR * 8);
    harness.apply("web", &json!({}));
    harness.settle().await;
    let early = harness.serial("web");
    harness.advance(HOUR * -8);
    harness.settle().await;
    assert_ne!(harness.serial("web"), early);
    let status = harness.identity("web").status.unwrap();
    assert!(status.not_before.unwrap().0 < harness.manual_clock.now());
    assert_eq!(harness.ready("web"), issued());
    let again = harness.serial("web");
    harness.settle().await;
    assert_eq!(harness.serial("web"), again);
}

/// The reason of `Ready`, as the status of the authority says it.
fn reason(harness: &Harness) -> String {
    let authority = harness.server.get(AUTHORITIES, "", "mesh").unwrap();
    let conditions = authority["status"]["conditions"].as_array().unwrap().clone();
    let ready = conditions.into_iter().find(|condition| condition["type"] == "Ready").unwrap();
    ready["reason"].as_str().unwrap().to_owned()
}

#[tokio::test(start_paused = true)]
async fn an_authority_says_within_seconds_that_the_clocks_differ_and_that_they_agree_again() {
    let harness = with_web().await;
    let leadership = Leadership::always(harness.context.clock.clone());
    let controller = tokio::spawn(AuthorityController::new(harness.consumers.clone(), leadership).run());
    for by in [HOUR * 24 * 730, HOUR * -8] {
        tokio::time::sleep(Duration::from_secs(15)).await;
        assert_eq!(reason(&harness), "Ready", "{by:#}");
        step(&harness, by);
        tokio::time::sleep(Duration::from_secs(15)).await;
        assert_eq!(reason(&harness), "ClockSkewed", "{by:#}");
        harness.server.calls();
        tokio::time::sleep(Duration::from_mins(1)).await;
        let writes = harness.server.asked().into_iter().filter(|line| !line.starts_with("GET"));
        assert_eq!(writes.collect::<Vec<_>>(), [""; 0], "an unchanged condition is not written again");
        harness.manual_clock.advance(-by);
    }
    controller.abort();
}
