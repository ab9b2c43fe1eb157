//! The verdict on an identity, from the records of its endpoints. Each probe is judged by itself.
//!
//! There is no verdict while an endpoint was never probed.

use super::endpoint_records::EndpointKey;
use super::endpoint_slices::Endpoints;
use super::probed_identity::ProbedIdentity;
use super::probed_object::Probe;
use crate::plan::probe::verdict::{
    EndpointObservation, Expected, ServingReason, ServingVerdict, combined, verdict,
};

/// The verdict of an operator that does not probe.
pub(super) fn disabled() -> ServingVerdict {
    ServingVerdict::unobserved(
        ServingReason::Disabled,
        "the operator does not probe; start it with --endpoint-probes (chart value endpointProbes.enabled)"
            .into(),
    )
}

/// The verdict on an identity; `None` while one of its endpoints was never probed.
pub(super) fn judge(
    probed: &ProbedIdentity,
    endpoints: &[Endpoints],
    expected: &Expected,
) -> Option<ServingVerdict> {
    let verdicts = probed.object.probes.iter().zip(endpoints).map(|(probe, endpoints)| {
        let verdict = judge_probe(probed, probe, endpoints, &probe.expected(expected))?;
        Some((probe.name.to_string(), verdict))
    });
    combined(verdicts.collect::<Option<Vec<_>>>()?)
}

fn judge_probe(
    probed: &ProbedIdentity,
    probe: &Probe,
    endpoints: &Endpoints,
    expected: &Expected,
) -> Option<ServingVerdict> {
    if endpoints.ready.is_empty() {
        return Some(ServingVerdict::unobserved(
            ServingReason::NoEndpoints,
            without_endpoints(probe, endpoints),
        ));
    }
    let observations = endpoints.ready.iter().map(|address| {
        let record = probed.records.get(&EndpointKey { probe: probe.name.clone(), address: *address })?;
        Some(EndpointObservation { address: *address, observation: &record.observation, at: record.at })
    });
    Some(verdict(&probe.name, &observations.collect::<Option<Vec<_>>>()?, expected))
}

fn without_endpoints(probe: &Probe, endpoints: &Endpoints) -> String {
    let Probe { name, service, port, .. } = probe;
    let ports: Vec<String> = endpoints.ports.iter().map(u16::to_string).collect();
    let others = if ports.is_empty() {
        String::new()
    } else {
        format!(
            "; its Pods declare {}: targetPort of probe {name} is the port that they listen on",
            ports.join(", ")
        )
    };
    format!("Service {service} has no ready endpoint with port {port}{others}")
}
