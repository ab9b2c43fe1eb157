//! A clock that differs from the API server's: nothing is signed, time changes no root, and all else goes on (I14).

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use mtls_operator::api::MtlsAuthority;
use mtls_operator::operator::authority::controller::AuthorityController;
use mtls_operator::operator::authority::reconcile::pass;
use mtls_operator::operator::error::Error;
use mtls_operator::plan::authority::decision::RootDecision;
use mtls_operator::plan::authority::reason::AuthorityReason;
use mtls_operator::plan::authority::spec::AuthoritySpec;
use mtls_operator::runtime::clock::Clock;
use mtls_operator::runtime::leader::Leadership;
use serde_json::{Value, json};

use super::server::ApiServer;
use super::stage::{AUTHORITIES, NAMESPACE, NOW, SECRETS, Stage, issued};

const ROOT: &str = "mtls-authority-mesh";
const HOUR: SignedDuration = SignedDuration::from_hours(1);

/// The operator's clock jumps, and that of the API server goes on.
fn step(stage: &Stage, by: SignedDuration) {
    let (_, apart) = Clock::manual(stage.server.time().unwrap());
    stage.server.set_clock(&apart);
    stage.hand.advance(by);
}

async fn with_web() -> Stage {
    let mut stage = Stage::set().await;
    stage.apply("web", &json!({}));
    stage.settle().await;
    stage
}

fn root(stage: &Stage) -> Option<Value> {
    stage.server.get(SECRETS, "mtls-system", ROOT)
}

async fn decided(stage: &Stage) -> RootDecision {
    let object = stage.server.get(AUTHORITIES, "", "mesh").unwrap();
    let authority: MtlsAuthority = serde_json::from_value(object).unwrap();
    pass(&stage.context, &authority, &AuthoritySpec::parse(&authority).unwrap()).await.unwrap().decision
}

fn told(time: Timestamp) -> String {
    Timestamp::from_second(time.as_second()).unwrap().to_string()
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_steps_changes_no_root_and_signs_nothing_until_it_is_set_right() {
    // The last of them lies beyond the end of the root.
    for by in [HOUR * 8, HOUR * -8, HOUR * 24 * 300, HOUR * 24 * 730] {
        let mut stage = with_web().await;
        let (made, serial) = (root(&stage), stage.serial("web"));
        step(&stage, by);
        stage.look_at_authority().await.unwrap();
        let verdict = decided(&stage).await.verdict();
        assert_eq!((verdict.ready, verdict.reason), (false, AuthorityReason::ClockSkewed.as_str()), "{by:#}");
        stage.apply("new", &json!({}));
        stage.settle().await;
        assert_eq!((root(&stage), stage.serial("web"), stage.ready("web")), (made.clone(), serial, issued()));
        assert_eq!((stage.secret("new-mtls"), stage.ready("new").1.as_str()), (None, "AuthorityNotReady"));
        let (message, api_server) = (stage.message("new"), stage.server.time().unwrap());
        assert!(message.contains(&told(stage.hand.now())), "{message}");
        // Whole seconds tell it to the second.
        let near = [-1, 0, 1].map(|off| told(api_server + SignedDuration::from_secs(off)));
        assert!(near.iter().any(|time| message.contains(time)), "{message}");
        stage.hand.advance(-by);
        stage.look_at_authority().await.unwrap();
        stage.settle().await;
        assert_eq!((root(&stage), stage.ready("new")), (made, issued()), "{by:#}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_step_stops_signing_before_the_authority_is_looked_at_again() {
    let mut stage = with_web().await;
    step(&stage, HOUR);
    stage.apply("new", &json!({}));
    stage.watch();
    let outcomes = stage.work().await;
    assert!(matches!(outcomes[..], [Err(Error::Clock(_))]), "{outcomes:?}");
    assert!(!stage.asked().iter().any(|line| line.starts_with("POST")));
    assert!(stage.context.roster.lock().next_due(0).is_some(), "the authority says why at once");
}

#[tokio::test(start_paused = true)]
async fn trust_goes_on_while_nothing_is_signed() {
    let mut stage = with_web().await;
    let serial = stage.serial("web");
    step(&stage, HOUR * 8);
    stage.look_at_authority().await.unwrap();
    let before = stage.secret("web-mtls").unwrap()["data"].clone();
    stage.server.edit(SECRETS, NAMESPACE, "web-mtls", |secret| secret["data"]["ca.crt"] = json!("AAAA"));
    stage.settle().await;
    assert_eq!(stage.secret("web-mtls").unwrap()["data"], before);
    assert_eq!((stage.serial("web"), stage.ready("web")), (serial, issued()));
}

#[tokio::test(start_paused = true)]
async fn a_valid_leaf_that_is_due_stays_ready_and_is_renewed_when_the_clock_is_right() {
    let mut stage = with_web().await;
    let serial = stage.serial("web");
    step(&stage, HOUR * -48);
    let renewal = stage.identity("web").status.unwrap().renewal_time.unwrap().0;
    let (_, due) = Clock::manual(renewal + HOUR);
    stage.server.set_clock(&due);
    // What was heard before counts no more.
    tokio::time::advance(Duration::from_mins(1)).await;
    stage.look_at_authority().await.unwrap();
    stage.settle().await;
    assert_eq!((stage.serial("web"), stage.ready("web")), (serial.clone(), issued()));
    assert!(stage.message("web").contains("ClockSkewed"), "{}", stage.message("web"));
    stage.hand.set(renewal + HOUR);
    stage.look_at_authority().await.unwrap();
    stage.settle().await;
    assert_ne!(stage.serial("web"), serial);
    assert!(!stage.message("web").contains("ClockSkewed"), "{}", stage.message("web"));
}

#[tokio::test(start_paused = true)]
async fn no_root_is_made_before_an_answer_has_told_the_time() {
    let stage = Stage::bare(ApiServer::default(), NOW);
    stage.server.hide_time();
    stage
        .server
        .put(AUTHORITIES, &MtlsAuthority::new("mesh", mtls_operator::api::MtlsAuthoritySpec::default()));
    stage.look_at_authority().await.unwrap();
    let decision = decided(&stage).await;
    assert_eq!((decision.reason, root(&stage)), (AuthorityReason::ClockSkewed, None));
    assert!(decision.message.contains("Date"), "{}", decision.message);
    stage.server.set_clock(&stage.hand);
    stage.look_at_authority().await.unwrap();
    assert!(root(&stage).is_some());
}

#[tokio::test(start_paused = true)]
async fn a_leaf_that_was_issued_by_a_clock_that_was_ahead_is_issued_again() {
    let mut stage = Stage::set().await;
    // Both clocks are wrong, as on a machine that runs the API server as well.
    stage.advance(HOUR * 8);
    stage.apply("web", &json!({}));
    stage.settle().await;
    let early = stage.serial("web");
    stage.advance(HOUR * -8);
    stage.settle().await;
    assert_ne!(stage.serial("web"), early);
    let status = stage.identity("web").status.unwrap();
    assert!(status.not_before.unwrap().0 < stage.hand.now());
    assert_eq!(stage.ready("web"), issued());
    let again = stage.serial("web");
    stage.settle().await;
    assert_eq!(stage.serial("web"), again);
}

/// The reason of `Ready`, as the status of the authority says it.
fn reason(stage: &Stage) -> String {
    let authority = stage.server.get(AUTHORITIES, "", "mesh").unwrap();
    let conditions = authority["status"]["conditions"].as_array().unwrap().clone();
    let ready = conditions.into_iter().find(|condition| condition["type"] == "Ready").unwrap();
    ready["reason"].as_str().unwrap().to_owned()
}

#[tokio::test(start_paused = true)]
async fn an_authority_says_within_seconds_that_the_clocks_differ_and_that_they_agree_again() {
    let stage = with_web().await;
    let leadership = Leadership::always(stage.context.clock.clone());
    let keeper = tokio::spawn(AuthorityController::new(stage.context.clone(), leadership).run());
    for by in [HOUR * 24 * 730, HOUR * -8] {
        tokio::time::sleep(Duration::from_secs(15)).await;
        assert_eq!(reason(&stage), "Ready", "{by:#}");
        step(&stage, by);
        tokio::time::sleep(Duration::from_secs(15)).await;
        assert_eq!(reason(&stage), "ClockSkewed", "{by:#}");
        stage.server.calls();
        tokio::time::sleep(Duration::from_mins(1)).await;
        let writes = stage.server.asked().into_iter().filter(|line| !line.starts_with("GET"));
        assert_eq!(writes.collect::<Vec<_>>(), [""; 0], "what has been said is not said again");
        stage.hand.advance(-by);
    }
    keeper.abort();
}
