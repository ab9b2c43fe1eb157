//! Laws of the verdict about servers: what was seen gives exactly its own reason, and nobody is accused of what a change
//! on its way explains.

use jiff::{SignedDuration, Timestamp};
use mtls_operator::plan::serving::{
    Endpoint, Expected, NextRoot, Reason, Verdict, combined, findings, verdict,
};
use mtls_operator::plan::sighting::{
    Meeting, OfNextRoot, Reception, Refusal, ServedLeaf, Sighting, Strangers, holds_up,
};

use super::fixture::{HOUR, NOW};

const SECOND: SignedDuration = SignedDuration::from_secs(1);
pub const PROPAGATION: SignedDuration = SignedDuration::from_mins(5);
pub const UNKNOWN: Reception = Reception::Refused(Refusal::UnknownRoot);
const BAD: Reception = Reception::Refused(Refusal::Alert("BadCertificate"));
const WEB: &str = "spiffe://cluster.local/ns/shop/sa/web";

pub fn leaf(serial: &str) -> ServedLeaf {
    ServedLeaf {
        serial: serial.into(),
        key_id: "a1".into(),
        not_after: NOW + 24 * HOUR,
        spiffe_id: WEB.into(),
    }
}

/// A server as it should be, an hour after the issuance and the announcement.
pub fn good() -> Meeting {
    Meeting {
        leaf: Some(leaf("5e")),
        mesh: Reception::Accepted,
        next: Some(OfNextRoot { root: "r2".into(), reception: Reception::Accepted }),
        strangers: Some(Strangers { nobody: BAD, unrelated: UNKNOWN }),
    }
}

pub fn expected() -> Expected {
    Expected {
        serial: "5e".into(),
        spiffe_id: WEB.into(),
        issued_at: NOW,
        propagation: PROPAGATION,
        next: Some(NextRoot { fingerprint: "r2".into(), since: NOW }),
        allows_strangers: false,
    }
}

fn found(change: impl FnOnce(&mut Meeting)) -> Vec<Reason> {
    let mut meeting = good();
    change(&mut meeting);
    findings(&Sighting::Met(meeting), NOW + HOUR, &expected())
}

fn found_at(at: Timestamp, change: impl FnOnce(&mut Meeting)) -> Vec<Reason> {
    let mut meeting = good();
    change(&mut meeting);
    findings(&Sighting::Met(meeting), at, &expected())
}

pub fn next(reception: Reception) -> OfNextRoot {
    OfNextRoot { root: "r2".into(), reception }
}

#[test]
fn one_change_to_a_good_server_gives_exactly_its_own_reason() {
    type Change = fn(&mut Meeting);
    let cases: [(Change, &[Reason]); 16] = [
        (|_| (), &[]),
        (|seen| seen.leaf = Some(leaf("0d")), &[Reason::ServesOldLeaf]),
        (|seen| seen.leaf = None, &[Reason::ServesOtherLeaf]),
        (
            |seen| seen.leaf = Some(ServedLeaf { spiffe_id: "spiffe://x/ns/a/sa/b".into(), ..leaf("0d") }),
            &[Reason::ServesOtherLeaf],
        ),
        (|seen| seen.mesh = UNKNOWN, &[Reason::DoesNotTrustRoot]),
        (|seen| seen.mesh = BAD, &[Reason::RefusesProbe]),
        (|seen| seen.mesh = Reception::Unclear, &[]),
        (|seen| seen.next = Some(next(UNKNOWN)), &[Reason::DoesNotTrustNextRoot]),
        (|seen| seen.next = Some(next(BAD)), &[Reason::DoesNotTrustNextRoot]),
        (|seen| seen.next = Some(next(Reception::Unclear)), &[]),
        (|seen| seen.next = None, &[]),
        (|seen| seen.next = Some(OfNextRoot { root: "r3".into(), reception: UNKNOWN }), &[]),
        // Whoever refuses both may refuse the probe's name.
        (|seen| (seen.mesh, seen.next) = (BAD, Some(next(BAD))), &[Reason::RefusesProbe]),
        (
            |seen| seen.strangers = Some(Strangers { nobody: Reception::Accepted, unrelated: BAD }),
            &[Reason::AcceptsStrangers],
        ),
        (
            |seen| seen.strangers = Some(Strangers { nobody: BAD, unrelated: Reception::Accepted }),
            &[Reason::AcceptsStrangers],
        ),
        (
            |seen| {
                seen.strangers =
                    Some(Strangers { nobody: Reception::Unclear, unrelated: Reception::Unclear });
            },
            &[],
        ),
    ];
    for (number, (change, reasons)) in cases.into_iter().enumerate() {
        assert_eq!(found(change), reasons, "case {number}");
    }
}

#[test]
fn a_server_has_the_propagation_to_load_a_leaf_and_a_root() {
    let old = |seen: &mut Meeting| seen.leaf = Some(leaf("0d"));
    let distrusting = |seen: &mut Meeting| seen.next = Some(next(UNKNOWN));
    let end = NOW + PROPAGATION;
    assert_eq!(found_at(end - SECOND, old), []);
    assert_eq!(found_at(end, old), [Reason::ServesOldLeaf]);
    assert_eq!(found_at(end - SECOND, distrusting), []);
    assert_eq!(found_at(end, distrusting), [Reason::DoesNotTrustNextRoot]);
    // What was seen before the issuance says nothing about it.
    assert_eq!(found_at(NOW - HOUR, old), []);
}

#[test]
fn whose_certificate_it_is_needs_no_time() {
    assert_eq!(found_at(NOW, |seen| seen.leaf = None), [Reason::ServesOtherLeaf]);
}

#[test]
fn strangers_may_be_allowed() {
    let meeting =
        Meeting { strangers: Some(Strangers { nobody: Reception::Accepted, unrelated: BAD }), ..good() };
    let allowed = Expected { allows_strangers: true, ..expected() };
    assert_eq!(findings(&Sighting::Met(meeting), NOW + HOUR, &allowed), []);
}

#[test]
fn a_switch_is_held_up_by_whoever_was_seen_well_and_not_to_trust_the_root() {
    let held = |change: fn(&mut Meeting)| {
        let mut meeting = good();
        change(&mut meeting);
        holds_up(&meeting, "r2")
    };
    assert!(!held(|_| ()));
    assert!(held(|seen| seen.next = Some(next(UNKNOWN))));
    assert!(held(|seen| seen.next = Some(next(BAD))));
    assert!(held(|seen| seen.next = None), "it was seen, and not asked yet");
    assert!(held(|seen| seen.next = Some(OfNextRoot { root: "r1".into(), reception: UNKNOWN })));
    assert!(!held(|seen| seen.next = Some(next(Reception::Unclear))), "only an alert counts");
    assert!(!held(|seen| (seen.mesh, seen.next) = (BAD, Some(next(BAD)))));
    assert!(!held(|seen| (seen.mesh, seen.next) = (Reception::Unclear, None)));
}

fn judged(seen: &[(&str, Sighting)]) -> Verdict {
    let mut endpoints = Vec::new();
    for (address, sighting) in seen {
        endpoints.push(Endpoint { address: (*address).to_owned(), sighting, at: NOW + HOUR });
    }
    verdict("tls", &endpoints, &expected())
}

#[test]
fn the_worst_finding_is_the_reason_and_the_message_tells_all_of_them() {
    let old = Sighting::Met(Meeting { leaf: Some(leaf("0d")), ..good() });
    let open =
        Meeting { strangers: Some(Strangers { nobody: Reception::Accepted, unrelated: BAD }), ..good() };
    let seen = [
        ("10.0.0.1:8443", Sighting::Met(good())),
        ("10.0.0.2:8443", Sighting::Met(open)),
        ("10.0.0.3:8443", old),
        ("10.0.0.4:8443", Sighting::Unreachable),
    ];
    let verdict = judged(&seen);
    assert_eq!((verdict.reason, verdict.endpoints, verdict.as_issued), (Reason::ServesOldLeaf, 4, 1));
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
    let seen: Vec<(String, Sighting)> = (0..1000)
        .map(|number| (format!("10.0.{}.{}:1", number / 256, number % 256), Sighting::NoTls))
        .collect();
    let seen: Vec<(&str, Sighting)> =
        seen.iter().map(|(address, sighting)| (address.as_str(), sighting.clone())).collect();
    let verdict = judged(&seen);
    assert_eq!((verdict.endpoints, verdict.as_issued, verdict.differing.len()), (1000, 0, 5));
    assert!(verdict.message.starts_with("1000 of 1000 endpoints ("), "{}", verdict.message);
    assert!(verdict.message.contains(", …)") && verdict.message.len() < 300, "{}", verdict.message);
}

#[test]
fn each_of_several_probes_is_told_apart_and_the_worst_is_the_reason() {
    let one = |probe: &str, sighting: Sighting| {
        let endpoint = Endpoint { address: "10.0.0.1:1".into(), sighting: &sighting, at: NOW + HOUR };
        (probe.to_owned(), verdict(probe, &[endpoint], &expected()))
    };
    let alone = combined(vec![one("web", Sighting::Met(good()))]).unwrap();
    assert!(alone.message.starts_with("every endpoint (1)"), "{}", alone.message);
    let both = combined(vec![one("admin", Sighting::NoTls), one("web", Sighting::Met(good()))]).unwrap();
    assert_eq!((both.reason, both.endpoints, both.as_issued), (Reason::SpeaksNoTls, 2, 1));
    let found = both.differing.iter().map(|one| (one.probe.as_str(), one.address.as_str()));
    assert_eq!(found.collect::<Vec<_>>(), [("admin", "10.0.0.1:1")]);
    assert!(both.message.starts_with("admin: 1 of 1 endpoints"), "{}", both.message);
    assert!(both.message.contains(". web: every endpoint (1)"), "{}", both.message);
    assert_eq!(combined(Vec::new()), None);
}

#[test]
fn a_condition_is_false_only_where_something_wrong_was_seen() {
    for reason in Reason::ALL {
        let status = match reason {
            Reason::ServesAsIssued => "True",
            Reason::Unreachable | Reason::RefusesProbe | Reason::NoEndpoints | Reason::Disabled => "Unknown",
            _ => "False",
        };
        assert_eq!(reason.status(), status, "{}", reason.as_str());
    }
    assert_eq!(judged(&[("10.0.0.1:1", Sighting::Met(good()))]).reason, Reason::ServesAsIssued);
}
