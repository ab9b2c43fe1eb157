//! What somebody notices who looks at figures and logs only.

use std::pin::Pin;
use std::time::Duration;

use mtls_operator::operator::authority::controller::AuthorityController;
use mtls_operator::operator::scheduler::requeue::Priority;
use mtls_operator::runtime::leader::{LeaderConfig, Leadership, elect};
use mtls_operator::runtime::shutdown::Shutdown;
use prometheus_client::encoding::text::encode;
use prometheus_client::registry::Registry;
use serde_json::{Value, json};

use super::leases::{FakeApi, Weather};
use super::log::Log;
use super::mesh::Mesh;
use super::stage::{AUTHORITIES, SECRETS, Stage};

const ROOT: &str = "mtls-authority-mesh";
const LOST: &str = "mtls_operator_authorities{authority=\"mesh\",reason=\"RootLost\"} 1";
const READY: &str = "mtls_operator_authorities{authority=\"mesh\",reason=\"Ready\"} 1";
/// Long enough for the keeper to look and to count.
const A_MINUTE: Duration = Duration::from_mins(1);

/// An authority with one identity.
pub async fn served() -> Stage {
    let mut stage = Stage::set().await;
    stage.apply("web", &json!({}));
    stage.settle().await;
    stage
}

pub fn keeper(stage: &Stage) -> Pin<Box<dyn Future<Output = ()>>> {
    let keeper =
        AuthorityController::new(stage.context.clone(), Leadership::always(stage.context.clock.clone()));
    Box::pin(keeper.run())
}

/// The keeper works for a minute.
pub async fn keep(keeper: impl Future<Output = ()>) {
    assert!(tokio::time::timeout(A_MINUTE, keeper).await.is_err(), "a keeper never ends");
}

pub fn lose_root(stage: &Stage) -> Value {
    let root = stage.server.get(SECRETS, "mtls-system", ROOT).unwrap();
    stage.server.delete(SECRETS, "mtls-system", ROOT);
    stage.context.roster.lock().apply_secret(ROOT);
    root
}

/// What a scrape gives.
pub fn scrape(stage: &Stage) -> Vec<String> {
    let mut registry = Registry::default();
    stage.context.metrics.register(&mut registry);
    let mut text = String::new();
    encode(&mut text, &registry).unwrap();
    text.lines().map(str::to_owned).collect()
}

/// Whatever of it is not 0.
fn figures(stage: &Stage) -> Vec<String> {
    scrape(stage).into_iter().filter(|line| !line.ends_with(" 0")).collect()
}

fn shown(stage: &Stage, sample: &str) -> bool {
    figures(stage).iter().any(|line| line == sample)
}

#[tokio::test(start_paused = true)]
async fn a_lost_root_is_seen_in_the_figures_at_once_and_until_it_is_restored() {
    let stage = served().await;
    let mut keeper = keeper(&stage);
    keep(&mut keeper).await;
    assert!(shown(&stage, READY), "{:#?}", figures(&stage));
    let root = lose_root(&stage);
    keep(&mut keeper).await;
    assert!(shown(&stage, LOST) && !shown(&stage, READY), "{:#?}", figures(&stage));
    assert!(!figures(&stage).iter().any(|line| line.contains("root_not_after_timestamp_seconds{")));
    stage.server.put(SECRETS, &root);
    stage.context.roster.lock().apply_secret(ROOT);
    keep(&mut keeper).await;
    assert!(shown(&stage, READY) && !shown(&stage, LOST), "{:#?}", figures(&stage));
}

/// By a replica that led before, say: its write was on its way when it was killed.
#[tokio::test(start_paused = true)]
async fn counts_that_somebody_else_has_written_late_are_put_right() {
    let stage = served().await;
    let mut keeper = keeper(&stage);
    keep(&mut keeper).await;
    let status = |stage: &Stage| stage.server.get(AUTHORITIES, "", "mesh").unwrap()["status"].clone();
    let before = status(&stage);
    assert_eq!(before["identities"]["issued"], 1);
    stage.server.edit(AUTHORITIES, "", "mesh", |authority| {
        authority["status"]["identities"]["issued"] = json!(7);
        let waiting = json!([{ "kind": "Identity", "count": 1, "first": ["orders/web"] }]);
        authority["status"]["rotation"]["waitingFor"] = waiting;
    });
    stage
        .context
        .roster
        .lock()
        .apply(serde_json::from_value(stage.server.get(AUTHORITIES, "", "mesh").unwrap()).unwrap());
    keep(&mut keeper).await;
    assert_eq!(status(&stage), before);
    let writes = stage.server.writes();
    keep(&mut keeper).await;
    assert_eq!(stage.server.writes(), writes, "what is right is not written again");
}

#[tokio::test(start_paused = true)]
async fn the_end_that_is_shown_is_that_of_the_root_that_signs() {
    let mut mesh = Mesh::of(&["a"], Mesh::swift()).await;
    let end = |mesh: &Mesh| -> i64 {
        let figures = figures(&mesh.stage);
        let line =
            figures.iter().find(|line| line.starts_with("mtls_operator_root_not_after_timestamp_seconds{"));
        line.unwrap().rsplit(' ').next().unwrap().parse().unwrap()
    };
    let first = end(&mesh);
    for _ in 0..24 {
        mesh.tick(15).await;
    }
    mesh.ask("1");
    mesh.until("Announced", 30, 1).await;
    let made = mesh.stage.hand.now().as_second();
    assert_eq!(end(&mesh), first);
    mesh.until("Draining", 180, 1).await;
    assert_eq!(end(&mesh), made + 3600, "root.ttl is an hour");
}

#[tokio::test(start_paused = true)]
async fn a_lost_root_is_logged_once_and_once_again_when_it_is_restored() {
    let (log, _guard) = Log::listen();
    let stage = served().await;
    let mut keeper = keeper(&stage);
    keep(&mut keeper).await;
    let about = |log: &Log| -> Vec<String> {
        log.lines().into_iter().filter(|line| line.contains("an authority is")).collect()
    };
    assert_eq!(about(&log), [""; 0]);
    let root = lose_root(&stage);
    keep(&mut keeper).await;
    stage.context.roster.lock().apply_secret(ROOT);
    keep(&mut keeper).await;
    let lines = about(&log);
    assert!(lines.len() == 1 && lines[0].starts_with("WARN"), "{lines:#?}");
    assert!(lines[0].contains("reason=\"RootLost\"") && lines[0].contains("restore Secret"), "{lines:#?}");
    stage.server.put(SECRETS, &root);
    stage.context.roster.lock().apply_secret(ROOT);
    keep(&mut keeper).await;
    let lines = about(&log);
    assert!(lines.len() == 1 && lines[0].starts_with("INFO"), "{lines:#?}");
}

#[tokio::test(start_paused = true)]
async fn an_identity_that_nobody_can_renew_says_so_once_and_is_counted() {
    let mut stage = served().await;
    lose_root(&stage);
    keep(keeper(&stage)).await;
    stage.asked();
    assert_eq!(stage.settle().await, [""; 0], "before its renewal nothing is missing");
    stage.hand.set(stage.identity("web").status.unwrap().renewal_time.unwrap().0);
    let calls = stage.settle().await;
    assert!(calls.iter().any(|call| call == "PATCH status orders/web"), "{calls:#?}");
    assert_eq!(stage.ready("web"), super::stage::issued());
    let message = stage.message("web");
    assert!(
        message.contains("its renewal is due and the authority does not sign: MtlsAuthority mesh"),
        "{message}"
    );
    assert_eq!(stage.identity("web").status.unwrap().renewal_time, None);
    stage.advance(super::stage::A_WHILE);
    assert_eq!(stage.settle().await, [""; 0]);
    keep(keeper(&stage)).await;
    let overdue = "mtls_operator_identities_overdue{authority=\"mesh\"} 1";
    assert!(shown(&stage, overdue), "{:#?}", figures(&stage));
}

#[tokio::test(start_paused = true)]
async fn identities_whose_authority_is_not_there_are_counted_under_one_name() {
    let mut stage = served().await;
    let mut keeper = keeper(&stage);
    for authority in ["mehs", "mash"] {
        stage.apply(authority, &json!({ "authorityRef": { "name": authority } }));
    }
    stage.settle().await;
    keep(&mut keeper).await;
    let counted = |reason: &str, count: usize| {
        format!("mtls_operator_identities{{authority=\"(missing)\",reason=\"{reason}\"}} {count}")
    };
    assert!(shown(&stage, &counted("AuthorityNotReady", 2)), "{:#?}", figures(&stage));
    assert!(!figures(&stage).iter().any(|line| line.contains("mehs")), "{:#?}", figures(&stage));
    stage.server.delete(AUTHORITIES, "", "mesh");
    stage.context.roster.lock().remove("mesh");
    stage.context.board.change(|board| board.remove_authority("mesh", stage.context.millis()));
    keep(&mut keeper).await;
    assert!(shown(&stage, &counted("Issued", 1)), "{:#?}", figures(&stage));
}

#[tokio::test(start_paused = true)]
async fn each_way_to_stand_is_logged_once_however_often_it_is_tried_again() {
    let (log, _guard) = Log::listen();
    let mut stage = Stage::set().await;
    let told = |log: &Log| -> Vec<String> {
        log.lines().into_iter().filter(|line| line.contains("an identity ")).collect()
    };
    stage.apply("web", &json!({}));
    stage.settle().await;
    assert_eq!(told(&log), [""; 0], "a first leaf has a line of its own");
    stage.apply("web", &json!({ "ttl": "1000h" }));
    for _ in 0..3 {
        stage.settle().await;
        stage.advance(super::stage::A_WHILE);
    }
    // Once at once, and once when it has begun to need a person.
    let lines = told(&log);
    assert!(lines.len() == 2 && lines[1].starts_with("WARN"), "{lines:#?}");
    for part in ["name=\"web\"", "before=\"Issued\"", "reason=\"Invalid\"", "leaf.maxTTL"] {
        assert!(lines[0].contains(part), "{part}: {lines:#?}");
    }
    stage.apply("web", &json!({}));
    stage.settle().await;
    let lines = told(&log);
    assert!(lines.len() == 1 && lines[0].starts_with("INFO"), "{lines:#?}");
    assert!(lines[0].contains("reason=\"Issued\""), "{lines:#?}");
}

#[tokio::test(start_paused = true)]
async fn a_replica_that_leads_no_more_shows_no_queue() {
    let stage = served().await;
    let leases = FakeApi::default();
    let (shutdown, _stop) = Shutdown::manual();
    let config = LeaderConfig::new("mtls-system", "mtls-operator", "first");
    let (leadership, election) = elect(leases.client("first"), config, stage.context.clock.clone(), shutdown);
    let election = tokio::spawn(election);
    let mut keeper = Box::pin(AuthorityController::new(stage.context.clone(), leadership.clone()).run());
    keep(&mut keeper).await;
    assert!(leadership.is_leader());
    stage.context.metrics.waiting(Priority::ALL.map(|class| (class, 3)), 5);
    leases.set_weather("first", Weather::Lost);
    keep(&mut keeper).await;
    assert!(!leadership.is_leader());
    let shown = figures(&stage);
    let of_the_queue =
        |line: &&String| line.contains("queue_depth{") || line.starts_with("mtls_operator_retrying");
    assert_eq!(shown.iter().filter(of_the_queue).collect::<Vec<_>>(), [""; 0]);
    election.abort();
}
