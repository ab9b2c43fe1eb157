//! What the endpoints of an identity's probes amount to, each probe apart.

use super::endpoint_slices::{Endpoints, Slices};
use super::expectation::ProbeTarget;
use super::store::{ProbedIdentity, Target};
use crate::api::MtlsIdentity;
use crate::api::probe::ProbeSpec;
use crate::plan::probe::verdict::{Endpoint, Expected, ServingReason, ServingVerdict, combined, verdict};

/// The ready endpoints of each probe of an identity.
pub(super) fn found<'a>(identity: &'a MtlsIdentity, slices: &Slices) -> Vec<(ProbeSpec, Endpoints)> {
    let namespace = identity.metadata.namespace.as_deref().unwrap_or_default();
    let endpoints = |probe: &'a ProbeSpec| {
        let port = u16::try_from(probe.target_port).unwrap_or_default();
        (probe.clone(), slices.endpoints(namespace, &probe.service_name, port))
    };
    identity.spec.probes.iter().map(endpoints).collect()
}

pub(super) fn disabled() -> ServingVerdict {
    ServingVerdict::unseen(
        ServingReason::Disabled,
        "the operator does not probe; start it with --endpoint-probes (chart value endpointProbes.enabled)"
            .into(),
    )
}

/// What an identity's endpoints amount to; `None` while one of them was never looked at.
pub(super) fn judge(
    ward: &ProbedIdentity,
    found: &[(ProbeSpec, Endpoints)],
    outlook: &ProbeTarget,
) -> Option<ServingVerdict> {
    let verdicts = found.iter().map(|(probe, endpoints)| {
        let verdict = judge_probe(ward, probe, endpoints, &outlook.expects(probe))?;
        Some((probe.name.clone(), verdict))
    });
    combined(verdicts.collect::<Option<Vec<_>>>()?)
}

fn judge_probe(
    ward: &ProbedIdentity,
    probe: &ProbeSpec,
    endpoints: &Endpoints,
    expected: &Expected,
) -> Option<ServingVerdict> {
    if endpoints.ready.is_empty() {
        return Some(ServingVerdict::unseen(ServingReason::NoEndpoints, without_endpoints(probe, endpoints)));
    }
    let seen = endpoints.ready.iter().map(|address| {
        let look = ward.looks.get(&Target { probe: probe.name.clone(), address: *address })?;
        Some(Endpoint { address: address.to_string(), sighting: &look.sighting, at: look.at })
    });
    Some(verdict(&probe.name, &seen.collect::<Option<Vec<_>>>()?, expected))
}

fn without_endpoints(probe: &ProbeSpec, endpoints: &Endpoints) -> String {
    let ProbeSpec { name, service_name, target_port, .. } = probe;
    let ports: Vec<String> = endpoints.ports.iter().map(u16::to_string).collect();
    let others = if ports.is_empty() {
        String::new()
    } else {
        format!(
            "; its Pods declare {}: targetPort of probe {name} is the port that they listen on",
            ports.join(", ")
        )
    };
    format!("Service {service_name} has no ready endpoint with port {target_port}{others}")
}
