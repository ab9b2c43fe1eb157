//! Laws of the probe state: which endpoints block a switch, and for how long an observation counts.

use std::time::Duration;

use mtls_operator::api::namespaced_name::NamespacedName;
use mtls_operator::api::{MtlsIdentity, MtlsIdentitySpec};
use mtls_operator::operator::probe::store::{EndpointKey, ProbeState};
use mtls_operator::plan::probe::observation::{ClientOutcome, Observation, ObservedServer};
use mtls_operator::plan::probe::schedule::{FRESH_FOR, ProbeRecord};
use serde_json::json;

use super::fixture::{HOUR, NOW};
use super::probe_verdict::{UNKNOWN, expected, good, next};

const SEEN: Duration = Duration::from_hours(1);
const ADDRESS: &str = "10.0.0.7:8443";

fn identity(name: &str, version: u32) -> MtlsIdentity {
    let spec = json!({ "authorityRef": { "name": "mesh" }, "probes": [{ "name": "tls", "serviceName": name, "targetPort": 8443 }] });
    let mut identity = MtlsIdentity::new(name, serde_json::from_value::<MtlsIdentitySpec>(spec).unwrap());
    identity.metadata.namespace = Some("shop".into());
    identity.metadata.uid = Some(format!("uid-{name}"));
    identity.metadata.resource_version = Some(version.to_string());
    identity
}

fn record(observation: Observation, monotonic: Duration) -> ProbeRecord {
    ProbeRecord::new(ADDRESS.parse().unwrap(), observation, NOW + HOUR, monotonic, &expected())
}

/// The state with one endpoint of an identity that was observed, and not probed with the next root yet.
fn probes() -> ProbeState {
    let mut probes = ProbeState::default();
    probes.apply(&identity("web", 7));
    let name = NamespacedName::new("shop", "web");
    let endpoint = EndpointKey { probe: "tls".into(), address: ADDRESS.parse().unwrap() };
    let record = record(Observation::Server(ObservedServer { next: None, ..good() }), SEEN);
    probes.identities.get_mut(&name).unwrap().records.insert(endpoint, record);
    probes
}

fn blocking(probes: &ProbeState, authority: &str, age: Duration) -> Vec<String> {
    let endpoints = probes.blocking_endpoints(authority, "r2", SEEN + age);
    endpoints.into_iter().map(|endpoint| format!("{} {}", endpoint.identity, endpoint.address)).collect()
}

#[test]
fn a_switch_waits_for_endpoints_of_its_authority_as_long_as_the_observation_is_fresh() {
    let probes = probes();
    assert_eq!(blocking(&probes, "mesh", FRESH_FOR), ["shop/web 10.0.0.7:8443"]);
    assert!(blocking(&probes, "mesh", FRESH_FOR + Duration::from_secs(1)).is_empty());
    assert!(blocking(&probes, "other", Duration::ZERO).is_empty());
}

/// For how many minutes a server blocks a switch after these observations, which are a minute apart; `None` if it never does.
fn blocked_for(observations: &[Observation]) -> Option<u64> {
    let minute = Duration::from_mins(1);
    let records = (0..)
        .zip(observations)
        .map(|(minutes, observation)| record(observation.clone(), SEEN + minute * minutes));
    let last = records.reduce(|before, record| record.after(&before)).unwrap();
    (0..=30).filter(|minutes| last.blocks_switch("r2", SEEN + minute * *minutes)).map(u64::from).next_back()
}

#[test]
fn an_observation_counts_for_ten_minutes_whatever_fails_meanwhile_until_it_is_refuted() {
    let server = |mesh, next| Observation::Server(ObservedServer { mesh, next, ..good() });
    let trusting = Observation::Server(good());
    let [refused, vague] =
        [UNKNOWN, ClientOutcome::Unclear].map(|seen| server(ClientOutcome::Accepted, Some(next(seen))));
    let unasked = server(ClientOutcome::Accepted, None);
    let broken = server(ClientOutcome::Unclear, None);
    for failed in [Observation::Unreachable, Observation::NoTls] {
        assert_eq!(
            blocked_for(std::slice::from_ref(&failed)),
            None,
            "a server that never answered does not block"
        );
        assert_eq!(blocked_for(&[trusting.clone(), failed.clone()]), None);
        assert_eq!(blocked_for(&[unasked.clone(), failed.clone()]), Some(10));
        assert_eq!(blocked_for(&[refused.clone(), failed.clone(), failed.clone()]), Some(10), "not renewed");
        assert_eq!(blocked_for(&[refused.clone(), failed.clone(), refused.clone()]), Some(12));
        assert_eq!(blocked_for(&[refused.clone(), failed, trusting.clone()]), None);
    }
    for unclear in [vague.clone(), broken.clone()] {
        assert_eq!(blocked_for(&[refused.clone(), unclear.clone()]), Some(10), "it was not refuted");
        assert_eq!(blocked_for(&[trusting.clone(), unclear]), None);
    }
    assert_eq!(blocked_for(&[unasked.clone(), broken]), Some(10), "it is not probed with the next root yet");
    assert_eq!(blocked_for(&[unasked, vague]), None, "it was probed, and has not refused");
    assert_eq!(blocked_for(&[refused, server(UNKNOWN, None)]), None);
}

#[test]
fn a_new_leader_uses_no_former_observation() {
    let mut probes = probes();
    probes.clear_observations();
    assert!(blocking(&probes, "mesh", Duration::ZERO).is_empty());
}

/// The version of the identity that is known, and how many of its endpoints have a record.
fn version(probes: &ProbeState) -> (String, usize) {
    let known = probes.identities.values().next().unwrap();
    (known.object.version.to_string(), known.records.len())
}

/// A restored backup counts its versions from an earlier one.
#[test]
fn a_list_is_believed_whatever_its_version_and_an_answer_if_nothing_was_seen_since_the_question() {
    let mut probes = probes();
    probes.apply_listed(&identity("web", 3));
    assert_eq!(version(&probes), ("3".into(), 1));
    probes.apply_read(3, &identity("web", 2));
    assert_eq!(version(&probes), ("2".into(), 1));
    probes.apply_read(3, &identity("web", 1));
    assert_eq!(version(&probes), ("2".into(), 1), "the watch has shown another state since");
}

#[test]
fn a_late_event_changes_nothing_and_another_object_of_the_name_has_no_records() {
    let mut probes = probes();
    probes.apply(&identity("web", 6));
    assert_eq!(version(&probes), ("7".into(), 1));
    probes.apply(&identity("web", 8));
    assert_eq!(version(&probes), ("8".into(), 1));
    let mut other = identity("web", 5);
    other.metadata.uid = Some("uid-other".into());
    probes.apply(&other);
    assert_eq!(version(&probes), ("5".into(), 0));
}

#[test]
fn an_identity_without_probes_or_being_deleted_is_not_probed() {
    let silent = MtlsIdentity { spec: MtlsIdentitySpec::default(), ..identity("web", 8) };
    let mut going = identity("web", 8);
    going.metadata.deletion_timestamp = Some(k8s_openapi::apimachinery::pkg::apis::meta::v1::Time(NOW));
    for seen in [silent, going] {
        let mut probes = probes();
        probes.apply(&seen);
        assert!(probes.identities.is_empty());
    }
}

#[test]
fn a_response_that_comes_late_brings_no_deleted_identity_back() {
    let mut probes = probes();
    probes.apply_response(&identity("web", 8));
    assert_eq!(version(&probes), ("8".into(), 1));
    probes.delete("shop", "web");
    probes.apply_response(&identity("web", 9));
    probes.apply_read(8, &identity("web", 9));
    assert!(probes.identities.is_empty());
}
