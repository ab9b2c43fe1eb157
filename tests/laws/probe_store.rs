//! Laws of what is remembered of Pods: whom a switch waits for, and for how long a look counts.

use std::time::Duration;

use mtls_operator::api::{MtlsIdentity, MtlsIdentitySpec};
use mtls_operator::operator::probe::store::{SharedProbeState, Target};
use mtls_operator::plan::probe::observation::{ClientOutcome, Observation, ObservedServer};
use mtls_operator::plan::probe::schedule::{FRESH_FOR, ProbeRecord};
use serde_json::json;

use super::fixture::{HOUR, NOW};
use super::probe_verdict::{UNKNOWN, expected, good, next};

const SEEN: Duration = Duration::from_hours(1);

fn identity(name: &str, version: u32) -> MtlsIdentity {
    let spec = json!({ "authorityRef": { "name": "mesh" }, "probes": [{ "name": "tls", "serviceName": name, "targetPort": 8443 }] });
    let mut identity = MtlsIdentity::new(name, serde_json::from_value::<MtlsIdentitySpec>(spec).unwrap());
    identity.metadata.namespace = Some("shop".into());
    identity.metadata.uid = Some(format!("uid-{name}"));
    identity.metadata.resource_version = Some(version.to_string());
    identity
}

/// Probes that have seen one endpoint of this identity, which was not asked about the next root yet.
fn probes() -> SharedProbeState {
    let probes = SharedProbeState::default();
    probes.saw(&identity("web", 7));
    let sighting = Observation::Met(ObservedServer { next: None, ..good() });
    let look = ProbeRecord::new(sighting, NOW + HOUR, SEEN, expected());
    let name = ("shop".to_owned(), "web".to_owned());
    let target = Target { probe: "tls".into(), address: "10.0.0.7:8443".parse().unwrap() };
    probes.lock().wards.get_mut(&name).unwrap().looks.insert(target, look);
    probes
}

fn holders(probes: &SharedProbeState, authority: &str, age: Duration) -> Vec<String> {
    let holders = probes.holding_up(authority, "r2", SEEN + age);
    holders.into_iter().map(|holder| format!("{} {}", holder.identity, holder.address)).collect()
}

#[test]
fn a_switch_waits_for_endpoints_of_its_authority_as_long_as_the_look_is_fresh() {
    let probes = probes();
    assert_eq!(holders(&probes, "mesh", FRESH_FOR), ["shop/web 10.0.0.7:8443"]);
    assert!(holders(&probes, "mesh", FRESH_FOR + Duration::from_secs(1)).is_empty());
    assert!(holders(&probes, "other", Duration::ZERO).is_empty());
}

/// Whether a server holds a switch up that has shown this, one after the other, a minute apart; and for how long.
fn held_for(sightings: &[Observation]) -> Option<u64> {
    let minute = Duration::from_mins(1);
    let looks = (0..).zip(sightings).map(|(minutes, sighting)| {
        ProbeRecord::new(sighting.clone(), NOW + HOUR, SEEN + minute * minutes, expected())
    });
    let last = looks.reduce(|before, look| look.after(&before)).unwrap();
    (0..=30).filter(|minutes| last.holds_up("r2", SEEN + minute * *minutes)).map(u64::from).next_back()
}

#[test]
fn what_was_seen_counts_for_ten_minutes_whatever_fails_meanwhile_until_it_is_refuted() {
    let met = |mesh, next| Observation::Met(ObservedServer { mesh, next, ..good() });
    let trusting = Observation::Met(good());
    let [refused, vague] =
        [UNKNOWN, ClientOutcome::Unclear].map(|seen| met(ClientOutcome::Accepted, Some(next(seen))));
    let unasked = met(ClientOutcome::Accepted, None);
    let broken = met(ClientOutcome::Unclear, None);
    for failed in [Observation::Unreachable, Observation::NoTls] {
        assert_eq!(held_for(std::slice::from_ref(&failed)), None, "who was never met holds nobody up");
        assert_eq!(held_for(&[trusting.clone(), failed.clone()]), None);
        assert_eq!(held_for(&[unasked.clone(), failed.clone()]), Some(10));
        assert_eq!(held_for(&[refused.clone(), failed.clone(), failed.clone()]), Some(10), "not renewed");
        assert_eq!(held_for(&[refused.clone(), failed.clone(), refused.clone()]), Some(12));
        assert_eq!(held_for(&[refused.clone(), failed, trusting.clone()]), None);
    }
    for unclear in [vague.clone(), broken.clone()] {
        assert_eq!(held_for(&[refused.clone(), unclear.clone()]), Some(10), "it was not refuted");
        assert_eq!(held_for(&[trusting.clone(), unclear]), None);
    }
    assert_eq!(held_for(&[unasked.clone(), broken]), Some(10), "it is not asked yet");
    assert_eq!(held_for(&[unasked, vague]), None, "it was asked, and has not refused");
    assert_eq!(held_for(&[refused, met(UNKNOWN, None)]), None);
}

#[test]
fn who_begins_to_lead_goes_by_nothing_that_was_seen_before() {
    let probes = probes();
    probes.forget();
    assert!(holders(&probes, "mesh", Duration::ZERO).is_empty());
}

/// The version of the identity that is remembered, and how many looks at its endpoints are.
fn version(probes: &SharedProbeState) -> (String, usize) {
    let memory = probes.lock();
    let ward = memory.wards.values().next().unwrap();
    (ward.identity.metadata.resource_version.clone().unwrap(), ward.looks.len())
}

/// A restored backup counts its versions from an earlier one.
#[test]
fn a_list_is_believed_whatever_its_version_and_an_answer_if_nothing_was_seen_since_the_question() {
    let probes = probes();
    probes.listed(&identity("web", 3));
    assert_eq!(version(&probes), ("3".into(), 1));
    probes.asked_again(&identity("web", 3), &identity("web", 2));
    assert_eq!(version(&probes), ("2".into(), 1));
    probes.asked_again(&identity("web", 3), &identity("web", 1));
    assert_eq!(version(&probes), ("2".into(), 1), "the watch has told of it since");
}

#[test]
fn a_late_event_changes_nothing_and_another_object_of_the_name_begins_anew() {
    let probes = probes();
    probes.saw(&identity("web", 6));
    assert_eq!(version(&probes), ("7".into(), 1));
    probes.saw(&identity("web", 8));
    assert_eq!(version(&probes), ("8".into(), 1));
    let mut other = identity("web", 5);
    other.metadata.uid = Some("uid-other".into());
    probes.saw(&other);
    assert_eq!(version(&probes), ("5".into(), 0));
}

#[test]
fn whoever_does_not_ask_or_is_going_is_not_looked_at() {
    let silent = MtlsIdentity { spec: MtlsIdentitySpec::default(), ..identity("web", 8) };
    let mut going = identity("web", 8);
    going.metadata.deletion_timestamp = Some(k8s_openapi::apimachinery::pkg::apis::meta::v1::Time(NOW));
    for seen in [silent, going] {
        let probes = probes();
        probes.saw(&seen);
        assert!(probes.lock().wards.is_empty());
    }
}
