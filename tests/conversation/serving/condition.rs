//! The condition `Serving`: what Pods serve, in few writes, and `Unknown` where it cannot be seen.

use jiff::SignedDuration;
use mtls_operator::operator::probe::controller::ProbeController;
use serde_json::json;
use test_support::in_memory::api_server::Fault;
use test_support::in_memory::harness::issued;

use super::pods::Pods;
use super::{PODS, SIX_MINUTES, STATUS, is, later, serving, set, status, verified};

#[tokio::test(start_paused = true)]
async fn pods_that_serve_as_issued_cost_one_write_and_then_none() {
    let (mut harness, mut pods) = set().await;
    assert_eq!(pods.dialed(), PODS);
    assert_eq!(harness.asked(), [STATUS]);
    assert_eq!(serving(&harness).0, is("True", "ServesAsIssued"));
    let served = status(&harness).served.unwrap();
    assert_eq!((served.endpoints, served.as_issued, served.differing.len()), (3, 3, 0));
    for _ in 0..5 {
        // The root Secret is confirmed before each new certificate of a probe: no write.
        let calls = later(&mut harness, &mut pods, SIX_MINUTES).await;
        assert!(calls.iter().all(|call| call.starts_with("GET metadata mtls-system/")), "{calls:?}");
        assert_eq!(pods.dialed(), PODS, "each Pod is still probed");
    }
    assert_eq!(harness.ready("web"), issued());
}

#[tokio::test(start_paused = true)]
async fn a_renewal_that_pods_load_costs_no_write_of_the_probes() {
    let (mut harness, mut pods) = set().await;
    harness.apply("web", &verified());
    harness.advance(SignedDuration::from_hours(17));
    harness.asked();
    harness.settle().await;
    // Not loaded yet, and within the time that loading may take.
    assert!(!later(&mut harness, &mut pods, SignedDuration::from_secs(1)).await.contains(&STATUS.to_owned()));
    for address in PODS {
        pods.load(&harness, address, "web");
    }
    assert!(!later(&mut harness, &mut pods, SIX_MINUTES).await.contains(&STATUS.to_owned()));
    assert_eq!(serving(&harness).0, is("True", "ServesAsIssued"));
}

#[tokio::test(start_paused = true)]
async fn a_pod_that_never_loads_its_new_certificate_is_found_once_it_had_the_time() {
    let (mut harness, mut pods) = set().await;
    let before = harness.serial("web");
    harness.advance(SignedDuration::from_hours(17));
    harness.settle().await;
    assert_ne!(harness.serial("web"), before);
    for address in &PODS[1..] {
        pods.load(&harness, address, "web");
    }
    later(&mut harness, &mut pods, SignedDuration::from_mins(4)).await;
    assert_eq!(serving(&harness).0, is("True", "ServesAsIssued"));
    later(&mut harness, &mut pods, SignedDuration::from_mins(2)).await;
    let (verdict, message) = serving(&harness);
    assert_eq!(verdict, is("False", "ServesOldLeaf"), "{message}");
    assert!(message.starts_with("1 of 3 endpoints (10.0.0.1:8443) present"), "{message}");
    let served = status(&harness).served.unwrap();
    assert_eq!((served.endpoints, served.as_issued), (3, 2));
    assert_eq!(served.differing[0].serial.as_deref(), Some(&*before));
    assert_eq!(harness.ready("web"), issued(), "`Ready` does not depend on what Pods serve");
    // The Pod is restarted: another address, probed at once.
    pods.load(&harness, "10.0.0.4", "web");
    Pods::publish(&harness, "web", &["10.0.0.2", "10.0.0.3", "10.0.0.4"]);
    later(&mut harness, &mut pods, SignedDuration::from_secs(11)).await;
    assert_eq!(serving(&harness).0, is("True", "ServesAsIssued"));
}

#[tokio::test(start_paused = true)]
async fn a_pod_that_accepts_untrusted_clients_is_found_unless_it_may() {
    let (mut harness, mut pods) = set().await;
    pods.accept_untrusted(PODS[2]);
    later(&mut harness, &mut pods, SIX_MINUTES).await;
    let (verdict, message) = serving(&harness);
    assert_eq!(verdict, is("False", "AcceptsStrangers"), "{message}");
    assert!(message.contains("(10.0.0.3:8443) let in clients without a certificate"), "{message}");
    harness.apply("web", &json!({ "probes": [{ "name": "tls", "serviceName": "web", "targetPort": 8443, "clientCertificates": "NotChecked" }] }));
    harness.settle().await;
    later(&mut harness, &mut pods, SIX_MINUTES).await;
    assert_eq!(serving(&harness).0, is("True", "ServesAsIssued"));
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_seen_is_said_to_be_unknown() {
    let (mut harness, mut pods) = set().await;
    pods.stop(PODS[0]);
    later(&mut harness, &mut pods, SIX_MINUTES).await;
    assert_eq!(serving(&harness).0, is("Unknown", "Unreachable"));
    Pods::publish(&harness, "web", &[]);
    later(&mut harness, &mut pods, SIX_MINUTES).await;
    assert_eq!(
        serving(&harness),
        (is("Unknown", "NoEndpoints"), "Service web has no ready endpoint with port 8443".into())
    );
    Pods::publish(&harness, "web", &PODS[1..]);
    harness.apply("web", &json!({ "probes": [{ "name": "tls", "serviceName": "web", "targetPort": 443 }] }));
    harness.settle().await;
    later(&mut harness, &mut pods, SIX_MINUTES).await;
    let (verdict, message) = serving(&harness);
    assert_eq!(verdict, is("Unknown", "NoEndpoints"));
    assert!(message.contains("its Pods declare 8443: targetPort of probe tls is the port"), "{message}");
}

#[tokio::test(start_paused = true)]
async fn an_operator_that_does_not_probe_says_so_and_dials_no_pod() {
    let (mut harness, mut pods) = set().await;
    pods.controller = ProbeController::new(harness.context.clone(), harness.consumers.probes.clone(), None);
    harness.asked();
    assert_eq!(later(&mut harness, &mut pods, SignedDuration::from_secs(11)).await, [STATUS]);
    let (verdict, message) = serving(&harness);
    assert_eq!(verdict, is("Unknown", "Disabled"));
    assert!(message.contains("--endpoint-probes"), "{message}");
    assert_eq!(status(&harness).served, None);
    let nothing: [&str; 0] = [];
    assert_eq!(later(&mut harness, &mut pods, SIX_MINUTES).await, nothing);
}

#[tokio::test(start_paused = true)]
async fn an_identity_that_asks_no_more_forgets_what_was_seen() {
    let (mut harness, mut pods) = set().await;
    harness.asked();
    harness.apply("web", &json!({ "paused": false }));
    let calls = harness.settle().await;
    assert_eq!(calls.iter().filter(|call| !call.starts_with("GET")).collect::<Vec<_>>(), [STATUS]);
    assert!(status(&harness).conditions.iter().all(|condition| condition.type_ != "Serving"));
    assert_eq!(status(&harness).served, None);
    let nothing: [&str; 0] = [];
    assert_eq!(later(&mut harness, &mut pods, SIX_MINUTES).await, nothing);
}

#[tokio::test(start_paused = true)]
async fn a_status_that_another_client_writes_meanwhile_is_written_the_next_time() {
    let (mut harness, mut pods) = set().await;
    pods.stop(PODS[0]);
    harness.server.next(STATUS, Fault::Overtaken);
    later(&mut harness, &mut pods, SIX_MINUTES).await;
    later(&mut harness, &mut pods, SignedDuration::from_secs(11)).await;
    assert_eq!(serving(&harness).0, is("Unknown", "Unreachable"));
}

#[tokio::test(start_paused = true)]
async fn several_probes_of_one_workload_are_run_and_judged_apart() {
    let (mut harness, mut pods) = set().await;
    let probe = |name: &str, clients: &str| json!({ "name": name, "serviceName": "web", "targetPort": 8443, "clientCertificates": clients });
    harness.apply("web", &json!({ "probes": [probe("open", "NotChecked"), probe("strict", "Required")] }));
    harness.settle().await;
    pods.accept_untrusted(PODS[2]);
    later(&mut harness, &mut pods, SIX_MINUTES).await;
    later(&mut harness, &mut pods, SIX_MINUTES).await;
    let (verdict, message) = serving(&harness);
    assert_eq!(verdict, is("False", "AcceptsStrangers"), "{message}");
    assert!(message.starts_with("open: every endpoint (3)"), "{message}");
    assert!(message.contains(". strict: 1 of 3 endpoints (10.0.0.3:8443) let in"), "{message}");
    let served = status(&harness).served.unwrap();
    assert_eq!((served.endpoints, served.as_issued), (6, 5));
    let differing: Vec<_> = served.differing.iter().map(|one| (&*one.probe, &*one.address)).collect();
    assert_eq!(differing, [("strict", "10.0.0.3:8443")]);
}
