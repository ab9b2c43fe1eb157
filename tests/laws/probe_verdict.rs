//! Laws of the verdict on servers: each observation gives exactly its own reason, and a change that has not reached a server
//! yet is no fault of it.

use jiff::{SignedDuration, Timestamp};
use mtls_operator::plan::probe::observation::{
    ClientOutcome, NextRootOutcome, Observation, ObservedServer, ServedLeaf, TlsAlert, UntrustedClients,
    blocks_switch,
};
use mtls_operator::plan::probe::verdict::{
    EndpointObservation, Expected, NextRoot, ServingReason, ServingVerdict, combined, findings, verdict,
};

use super::fixture::{HOUR, NOW};

const SECOND: SignedDuration = SignedDuration::from_secs(1);
pub const PROPAGATION: SignedDuration = SignedDuration::from_mins(5);
pub const UNKNOWN: ClientOutcome = ClientOutcome::Refused(TlsAlert::UnknownRoot);
const BAD: ClientOutcome = ClientOutcome::Refused(TlsAlert::Alert("BadCertificate"));
const WEB: &str = "spiffe://cluster.local/ns/shop/sa/web";

pub fn leaf(serial: &str) -> ServedLeaf {
    ServedLeaf {
        serial: serial.into(),
        key_id: "a1".into(),
        not_after: NOW + 24 * HOUR,
        spiffe_id: WEB.into(),
    }
}

/// A server as expected, an hour after the issuance and the announcement.
pub fn good() -> ObservedServer {
    ObservedServer {
        leaf: Some(leaf("5e")),
        mesh: ClientOutcome::Accepted,
        next: Some(NextRootOutcome { root: "r2".into(), outcome: ClientOutcome::Accepted }),
        untrusted: Some(untrusted(BAD, UNKNOWN)),
    }
}

const fn untrusted(without_certificate: ClientOutcome, unrelated_root: ClientOutcome) -> UntrustedClients {
    UntrustedClients { without_certificate, unrelated_root }
}

pub fn expected() -> Expected {
    Expected {
        serial: "5e".into(),
        spiffe_id: WEB.into(),
        issued_at: NOW,
        propagation: PROPAGATION,
        next: Some(NextRoot { fingerprint: "r2".into(), since: NOW }),
        allows_untrusted: false,
    }
}

fn found(change: impl FnOnce(&mut ObservedServer)) -> Vec<ServingReason> {
    let mut server = good();
    change(&mut server);
    findings(&Observation::Server(server), NOW + HOUR, &expected())
}

fn found_at(at: Timestamp, change: impl FnOnce(&mut ObservedServer)) -> Vec<ServingReason> {
    let mut server = good();
    change(&mut server);
    findings(&Observation::Server(server), at, &expected())
}

pub fn next(outcome: ClientOutcome) -> NextRootOutcome {
    NextRootOutcome { root: "r2".into(), outcome }
}

#[test]
fn one_change_to_a_good_server_gives_exactly_its_own_reason() {
    type Change = fn(&mut ObservedServer);
    let cases: [(Change, &[ServingReason]); 16] = [
        (|_| (), &[]),
        (|seen| seen.leaf = Some(leaf("0d")), &[ServingReason::ServesOldLeaf]),
        (|seen| seen.leaf = None, &[ServingReason::ServesOtherLeaf]),
        (
            |seen| seen.leaf = Some(ServedLeaf { spiffe_id: "spiffe://x/ns/a/sa/b".into(), ..leaf("0d") }),
            &[ServingReason::ServesOtherLeaf],
        ),
        (|seen| seen.mesh = UNKNOWN, &[ServingReason::DoesNotTrustRoot]),
        (|seen| seen.mesh = BAD, &[ServingReason::RefusesProbe]),
        (|seen| seen.mesh = ClientOutcome::Unclear, &[]),
        (|seen| seen.next = Some(next(UNKNOWN)), &[ServingReason::DoesNotTrustNextRoot]),
        (|seen| seen.next = Some(next(BAD)), &[ServingReason::DoesNotTrustNextRoot]),
        (|seen| seen.next = Some(next(ClientOutcome::Unclear)), &[]),
        (|seen| seen.next = None, &[]),
        (|seen| seen.next = Some(NextRootOutcome { root: "r3".into(), outcome: UNKNOWN }), &[]),
        // A server that refuses both may refuse the probe's name.
        (|seen| (seen.mesh, seen.next) = (BAD, Some(next(BAD))), &[ServingReason::RefusesProbe]),
        (
            |seen| seen.untrusted = Some(untrusted(ClientOutcome::Accepted, BAD)),
            &[ServingReason::AcceptsStrangers],
        ),
        (
            |seen| seen.untrusted = Some(untrusted(BAD, ClientOutcome::Accepted)),
            &[ServingReason::AcceptsStrangers],
        ),
        (|seen| seen.untrusted = Some(untrusted(ClientOutcome::Unclear, ClientOutcome::Unclear)), &[]),
    ];
    for (number, (change, reasons)) in cases.into_iter().enumerate() {
        assert_eq!(found(change), reasons, "case {number}");
    }
}

#[test]
fn a_server_has_the_propagation_to_load_a_leaf_and_a_root() {
    let old = |seen: &mut ObservedServer| seen.leaf = Some(leaf("0d"));
    let distrusting = |seen: &mut ObservedServer| seen.next = Some(next(UNKNOWN));
    let end = NOW + PROPAGATION;
    assert_eq!(found_at(end - SECOND, old), []);
    assert_eq!(found_at(end, old), [ServingReason::ServesOldLeaf]);
    assert_eq!(found_at(end - SECOND, distrusting), []);
    assert_eq!(found_at(end, distrusting), [ServingReason::DoesNotTrustNextRoot]);
    // What was seen before the issuance says nothing about it.
    assert_eq!(found_at(NOW - HOUR, old), []);
}

#[test]
fn a_certificate_of_another_identity_is_reported_at_once() {
    assert_eq!(found_at(NOW, |seen| seen.leaf = None), [ServingReason::ServesOtherLeaf]);
}

#[test]
fn untrusted_clients_may_be_allowed() {
    let server = ObservedServer { untrusted: Some(untrusted(ClientOutcome::Accepted, BAD)), ..good() };
    let allowed = Expected { allows_untrusted: true, ..expected() };
    assert_eq!(findings(&Observation::Server(server), NOW + HOUR, &allowed), []);
}

#[test]
fn a_switch_is_blocked_by_a_server_that_accepts_the_current_root_and_not_the_next() {
    let held = |change: fn(&mut ObservedServer)| {
        let mut server = good();
        change(&mut server);
        blocks_switch(&server, "r2")
    };
    assert!(!held(|_| ()));
    assert!(held(|seen| seen.next = Some(next(UNKNOWN))));
    assert!(held(|seen| seen.next = Some(next(BAD))));
    assert!(held(|seen| seen.next = None), "it was not probed with the next root yet");
    assert!(held(|seen| seen.next = Some(NextRootOutcome { root: "r1".into(), outcome: UNKNOWN })));
    assert!(!held(|seen| seen.next = Some(next(ClientOutcome::Unclear))), "only an alert counts");
    assert!(!held(|seen| (seen.mesh, seen.next) = (BAD, Some(next(BAD)))));
    assert!(!held(|seen| (seen.mesh, seen.next) = (ClientOutcome::Unclear, None)));
}

fn judged(seen: &[(&str, Observation)]) -> ServingVerdict {
    let mut endpoints = Vec::new();
    for (address, observation) in seen {
        let address = address.parse().unwrap();
        endpoints.push(EndpointObservation { address, observation, at: NOW + HOUR });
    }
    verdict("tls", &endpoints, &expected())
}

#[test]
fn the_worst_finding_is_the_reason_and_the_message_names_all_of_them() {
    let old = Observation::Server(ObservedServer { leaf: Some(leaf("0d")), ..good() });
    let open = ObservedServer { untrusted: Some(untrusted(ClientOutcome::Accepted, BAD)), ..good() };
    let seen = [
        ("10.0.0.1:8443", Observation::Server(good())),
        ("10.0.0.2:8443", Observation::Server(open)),
        ("10.0.0.3:8443", old),
        ("10.0.0.4:8443", Observation::Unreachable),
    ];
    let verdict = judged(&seen);
    assert_eq!((verdict.reason, verdict.endpoints, verdict.as_issued), (ServingReason::ServesOldLeaf, 4, 1));
    let order: Vec<&str> = verdict.differing.iter().map(|one| one.address.as_str()).collect();
    assert_eq!(order, ["10.0.0.3:8443", "10.0.0.2:8443", "10.0.0.4:8443"]);
    assert_eq!(verdict.differing[0].leaf, Some(leaf("0d")));
    for words in [
        "1 of 4 endpoints (10.0.0.3:8443) present a certificate from before the last issuance",
        "1 of 4 endpoints (10.0.0.2:8443) let in clients without a certificate",
        "1 of 4 endpoints (10.0.0.4:8443) could not be reached",
    ] {
        assert!(verdict.message.contains(words), "{}", verdict.message);
    }
}

#[test]
fn what_is_told_is_bounded_however_many_endpoints_there_are() {
    let seen: Vec<(String, Observation)> = (0..1000)
        .map(|number| (format!("10.0.{}.{}:1", number / 256, number % 256), Observation::NoTls))
        .collect();
    let seen: Vec<(&str, Observation)> =
        seen.iter().map(|(address, observation)| (address.as_str(), observation.clone())).collect();
    let verdict = judged(&seen);
    assert_eq!((verdict.endpoints, verdict.as_issued, verdict.differing.len()), (1000, 0, 5));
    assert!(verdict.message.starts_with("1000 of 1000 endpoints ("), "{}", verdict.message);
    assert!(verdict.message.contains(", …)") && verdict.message.len() < 300, "{}", verdict.message);
}

#[test]
fn each_of_several_probes_is_named_and_the_worst_is_the_reason() {
    let one = |probe: &str, observation: Observation| {
        let address = "10.0.0.1:1".parse().unwrap();
        let endpoint = EndpointObservation { address, observation: &observation, at: NOW + HOUR };
        (probe.to_owned(), verdict(probe, &[endpoint], &expected()))
    };
    let alone = combined(vec![one("web", Observation::Server(good()))]).unwrap();
    assert!(alone.message.starts_with("every endpoint (1)"), "{}", alone.message);
    let both =
        combined(vec![one("admin", Observation::NoTls), one("web", Observation::Server(good()))]).unwrap();
    assert_eq!((both.reason, both.endpoints, both.as_issued), (ServingReason::SpeaksNoTls, 2, 1));
    let found = both.differing.iter().map(|one| (one.probe.as_str(), one.address.as_str()));
    assert_eq!(found.collect::<Vec<_>>(), [("admin", "10.0.0.1:1")]);
    assert!(both.message.starts_with("admin: 1 of 1 endpoints"), "{}", both.message);
    assert!(both.message.contains(". web: every endpoint (1)"), "{}", both.message);
    assert_eq!(combined(Vec::new()), None);
}

#[test]
fn a_condition_is_false_only_where_something_wrong_was_seen() {
    for reason in ServingReason::ALL {
        let status = match reason {
            ServingReason::ServesAsIssued => "True",
            ServingReason::Unreachable
            | ServingReason::RefusesProbe
            | ServingReason::NoEndpoints
            | ServingReason::Disabled => "Unknown",
            _ => "False",
        };
        assert_eq!(reason.status(), status, "{}", reason.as_str());
    }
    assert_eq!(judged(&[("10.0.0.1:1", Observation::Server(good()))]).reason, ServingReason::ServesAsIssued);
}
