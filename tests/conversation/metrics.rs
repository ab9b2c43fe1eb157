//! Metrics and log lines about authorities, identities and the queue.

use mtls_operator::operator::authority::controller::AuthorityController;
use mtls_operator::operator::scheduler::requeue::Priority;
use mtls_operator::runtime::leader::{LeaderConfig, elect};
use mtls_operator::runtime::shutdown::Shutdown;
use serde_json::json;
use test_support::in_memory::harness::{AUTHORITIES, Harness, SECRETS};
use test_support::in_memory::leases::{FakeApi, FaultProfile};
use test_support::in_memory::rotation_run::RotationRun;
use test_support::log::Log;

use crate::authority_controller::{ROOT, controller, lose_root, run_a_minute, scrape, served};

const LOST: &str = "mtls_operator_authorities{authority=\"mesh\",reason=\"RootLost\"} 1";
const READY: &str = "mtls_operator_authorities{authority=\"mesh\",reason=\"Ready\"} 1";

/// The samples of a scrape that are not 0.
fn figures(harness: &Harness) -> Vec<String> {
    scrape(harness).into_iter().filter(|line| !line.ends_with(" 0")).collect()
}

fn shown(harness: &Harness, sample: &str) -> bool {
    figures(harness).iter().any(|line| line == sample)
}

#[tokio::test(start_paused = true)]
async fn a_lost_root_is_seen_in_the_figures_at_once_and_until_it_is_restored() {
    let harness = served().await;
    let mut controller = controller(&harness);
    run_a_minute(&mut controller).await;
    assert!(shown(&harness, READY), "{:#?}", figures(&harness));
    let root = lose_root(&harness);
    run_a_minute(&mut controller).await;
    assert!(shown(&harness, LOST) && !shown(&harness, READY), "{:#?}", figures(&harness));
    assert!(!figures(&harness).iter().any(|line| line.contains("root_not_after_timestamp_seconds{")));
    harness.server.put(SECRETS, &root);
    harness.context.authorities.lock().apply_secret(ROOT);
    run_a_minute(&mut controller).await;
    assert!(shown(&harness, READY) && !shown(&harness, LOST), "{:#?}", figures(&harness));
}

/// For example a replica that led before: its write was on its way when it was killed.
#[tokio::test(start_paused = true)]
async fn counts_that_another_replica_has_written_late_are_corrected() {
    let harness = served().await;
    let mut controller = controller(&harness);
    run_a_minute(&mut controller).await;
    let status = |harness: &Harness| harness.server.get(AUTHORITIES, "", "mesh").unwrap()["status"].clone();
    let before = status(&harness);
    assert_eq!(before["identities"]["issued"], 1);
    harness.server.edit(AUTHORITIES, "", "mesh", |authority| {
        authority["status"]["identities"]["issued"] = json!(7);
        let waiting = json!([{ "kind": "Identity", "count": 1, "first": ["orders/web"] }]);
        authority["status"]["rotation"]["waitingFor"] = waiting;
    });
    harness
        .context
        .authorities
        .lock()
        .apply(serde_json::from_value(harness.server.get(AUTHORITIES, "", "mesh").unwrap()).unwrap());
    run_a_minute(&mut controller).await;
    assert_eq!(status(&harness), before);
    let writes = harness.server.writes();
    run_a_minute(&mut controller).await;
    assert_eq!(harness.server.writes(), writes, "what is right is not written again");
}

#[tokio::test(start_paused = true)]
async fn the_end_that_is_shown_is_that_of_the_root_that_signs() {
    let mut mesh = RotationRun::of(&["a"], RotationRun::swift()).await;
    let end = |mesh: &RotationRun| -> i64 {
        let figures = figures(&mesh.harness);
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
    let made = mesh.harness.manual_clock.now().as_second();
    assert_eq!(end(&mesh), first);
    mesh.until("Draining", 180, 1).await;
    assert_eq!(end(&mesh), made + 3600, "root.ttl is an hour");
}

#[tokio::test(start_paused = true)]
async fn a_lost_root_is_logged_once_and_once_again_when_it_is_restored() {
    let (log, _guard) = Log::listen();
    let harness = served().await;
    let mut controller = controller(&harness);
    run_a_minute(&mut controller).await;
    let about = |log: &Log| -> Vec<String> {
        log.lines().into_iter().filter(|line| line.contains("an authority is")).collect()
    };
    assert_eq!(about(&log), [""; 0]);
    let root = lose_root(&harness);
    run_a_minute(&mut controller).await;
    harness.context.authorities.lock().apply_secret(ROOT);
    run_a_minute(&mut controller).await;
    let lines = about(&log);
    assert!(lines.len() == 1 && lines[0].starts_with("WARN"), "{lines:#?}");
    assert!(lines[0].contains("reason=\"RootLost\"") && lines[0].contains("restore Secret"), "{lines:#?}");
    harness.server.put(SECRETS, &root);
    harness.context.authorities.lock().apply_secret(ROOT);
    run_a_minute(&mut controller).await;
    let lines = about(&log);
    assert!(lines.len() == 1 && lines[0].starts_with("INFO"), "{lines:#?}");
}

#[tokio::test(start_paused = true)]
async fn an_identity_that_cannot_be_renewed_says_so_once_and_is_counted() {
    let mut harness = served().await;
    lose_root(&harness);
    run_a_minute(controller(&harness)).await;
    harness.asked();
    assert_eq!(harness.settle().await, [""; 0], "before its renewal nothing is missing");
    harness.manual_clock.set(harness.identity("web").status.unwrap().renewal_time.unwrap().0);
    let calls = harness.settle().await;
    assert!(calls.iter().any(|call| call == "PATCH status orders/web"), "{calls:#?}");
    assert_eq!(harness.ready("web"), test_support::in_memory::harness::issued());
    let message = harness.message("web");
    assert!(
        message.contains("its renewal is due and the authority does not sign: MtlsAuthority mesh"),
        "{message}"
    );
    assert_eq!(harness.identity("web").status.unwrap().renewal_time, None);
    harness.advance(test_support::in_memory::harness::A_WHILE);
    assert_eq!(harness.settle().await, [""; 0]);
    run_a_minute(controller(&harness)).await;
    let overdue = "mtls_operator_identities_overdue{authority=\"mesh\"} 1";
    assert!(shown(&harness, overdue), "{:#?}", figures(&harness));
}

#[tokio::test(start_paused = true)]
async fn identities_whose_authority_is_not_there_are_counted_under_one_name() {
    let mut harness = served().await;
    let mut controller = controller(&harness);
    for authority in ["mehs", "mash"] {
        harness.apply(authority, &json!({ "authorityRef": { "name": authority } }));
    }
    harness.settle().await;
    run_a_minute(&mut controller).await;
    let counted = |reason: &str, count: usize| {
        format!("mtls_operator_identities{{authority=\"(missing)\",reason=\"{reason}\"}} {count}")
    };
    assert!(shown(&harness, &counted("AuthorityNotReady", 2)), "{:#?}", figures(&harness));
    assert!(!figures(&harness).iter().any(|line| line.contains("mehs")), "{:#?}", figures(&harness));
    harness.server.delete(AUTHORITIES, "", "mesh");
    harness.context.authorities.lock().remove("mesh");
    harness
        .context
        .scheduler
        .change(|scheduler| scheduler.remove_authority("mesh", harness.context.millis()));
    run_a_minute(&mut controller).await;
    assert!(shown(&harness, &counted("Issued", 1)), "{:#?}", figures(&harness));
}

#[tokio::test(start_paused = true)]
async fn each_reason_of_an_identity_is_logged_once_however_often_it_is_tried_again() {
    let (log, _guard) = Log::listen();
    let mut harness = Harness::set().await;
    let told = |log: &Log| -> Vec<String> {
        log.lines().into_iter().filter(|line| line.contains("an identity ")).collect()
    };
    harness.apply("web", &json!({}));
    harness.settle().await;
    assert_eq!(told(&log), [""; 0], "a first leaf has another line");
    harness.apply("web", &json!({ "ttl": "1000h" }));
    for _ in 0..3 {
        harness.settle().await;
        harness.advance(test_support::in_memory::harness::A_WHILE);
    }
    // Once immediately, and once when the refusal is said to need a person.
    let lines = told(&log);
    assert!(lines.len() == 2 && lines[1].starts_with("WARN"), "{lines:#?}");
    for part in ["name=\"web\"", "before=\"Issued\"", "reason=\"Invalid\"", "leaf.maxTTL"] {
        assert!(lines[0].contains(part), "{part}: {lines:#?}");
    }
    harness.apply("web", &json!({}));
    harness.settle().await;
    let lines = told(&log);
    assert!(lines.len() == 1 && lines[0].starts_with("INFO"), "{lines:#?}");
    assert!(lines[0].contains("reason=\"Issued\""), "{lines:#?}");
}

#[tokio::test(start_paused = true)]
async fn a_replica_that_leads_no_more_shows_no_queue() {
    let harness = served().await;
    let leases = FakeApi::default();
    let (shutdown, _stop) = Shutdown::manual();
    let config = LeaderConfig::new("mtls-system", "mtls-operator", "first");
    let (leadership, election) =
        elect(leases.client("first"), config, harness.context.clock.clone(), shutdown);
    let election = tokio::spawn(election);
    let mut controller =
        Box::pin(AuthorityController::new(harness.consumers.clone(), leadership.clone()).run());
    run_a_minute(&mut controller).await;
    assert!(leadership.is_leader());
    harness.context.metrics.waiting(Priority::ALL.map(|class| (class, 3)), 5);
    leases.set_faults("first", FaultProfile::Lost);
    run_a_minute(&mut controller).await;
    assert!(!leadership.is_leader());
    let shown = figures(&harness);
    let of_the_queue =
        |line: &&String| line.contains("queue_depth{") || line.starts_with("mtls_operator_retrying");
    assert_eq!(shown.iter().filter(of_the_queue).collect::<Vec<_>>(), [""; 0]);
    election.abort();
}
