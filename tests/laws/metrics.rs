//! Figures: what is served is documented, and nobody's figures outlive whoever keeps them.

use std::collections::BTreeSet;

use mtls_operator::api::authority::Phase;
use mtls_operator::operator::error::Error;
use mtls_operator::operator::metrics::Metrics;
use mtls_operator::operator::scheduler::requeue::Priority;
use mtls_operator::plan::authority::reason::AuthorityReason;
use mtls_operator::plan::identity::decide::IssueReason;
use mtls_operator::plan::identity::ready::ReadyReason;
use mtls_operator::plan::trust_bundle::published;
use mtls_operator::runtime::clock::Clock;
use mtls_operator::runtime::clock_check;
use mtls_operator::runtime::process_metrics;
use prometheus_client::encoding::text::encode;
use prometheus_client::registry::Registry;

const REFERENCE: &str = include_str!("../../docs/reference.md");

/// Every figure, once.
fn every_figure() -> Metrics {
    let metrics = Metrics::default();
    metrics.issued(IssueReason::New, Priority::New);
    metrics.granted("mesh", &["edge".into()]);
    metrics.refreshed();
    metrics.requested("get", true);
    metrics.failed(&Error::KeyPending);
    metrics.waiting(Priority::ALL.map(|class| (class, 0)), 0);
    metrics.changed_roots("mesh", "Announce");
    metrics.probes.session_ended("Mesh", "Accepted");
    metrics.probes.identities(|_| 1);
    about(&metrics, "mesh");
    metrics
}

fn about(metrics: &Metrics, authority: &str) {
    for reason in ReadyReason::ALL {
        metrics.identities(authority, reason, 1);
    }
    metrics.overdue(authority, 1);
    metrics.authority_ready(authority, AuthorityReason::Ready.as_str());
    metrics.root(authority, 1);
    metrics.rotation_phase(authority, Some(Phase::Announced));
    metrics.rotation_waiting(authority, Some(1));
    metrics.bundles(authority, &published::PublishedReason::ALL.map(|reason| (reason, 1)));
}

/// A clock that has been compared with the API server's.
fn clock() -> Clock {
    let clock = Clock::system();
    clock.hear(clock.monotonic(), clock.now());
    clock
}

/// The samples that a scrape gives.
fn samples(metrics: &Metrics) -> BTreeSet<String> {
    let mut registry = Registry::default();
    process_metrics::register(&mut registry, "0");
    clock_check::register(&mut registry, clock());
    metrics.register(&mut registry);
    let mut text = String::new();
    encode(&mut text, &registry).unwrap();
    text.lines().filter(|line| !line.starts_with('#')).map(str::to_owned).collect()
}

#[test]
fn every_figure_is_documented_and_no_other() {
    let name = |sample: &String| sample.split(['{', ' ']).next().unwrap().to_owned();
    let served: BTreeSet<String> = samples(&every_figure()).iter().map(name).collect();
    let (_, section) = REFERENCE.split_once("\n## Metrics").unwrap();
    let rows = section.split("\n## ").next().unwrap().lines().filter(|line| line.starts_with("| `"));
    let first_column = rows.map(|row| row.split('|').nth(1).unwrap());
    let documented: BTreeSet<String> =
        first_column.flat_map(|cell| cell.split('`').skip(1).step_by(2).map(str::to_owned)).collect();
    assert_eq!(served, documented);
}

#[test]
fn a_rotation_is_in_one_phase_or_nobody_knows_in_which() {
    let metrics = Metrics::default();
    for phase in [Phase::Announced, Phase::Draining] {
        metrics.rotation_phase("mesh", Some(phase));
        let samples = samples(&metrics);
        let phases: Vec<&String> =
            samples.iter().filter(|sample| sample.contains("rotation_phase")).collect();
        assert_eq!(phases.len(), Phase::ALL.len());
        let here = format!("phase=\"{}\"}} 1", phase.as_str());
        assert_eq!(phases.iter().filter(|sample| sample.ends_with(" 1")).count(), 1);
        assert!(phases.iter().any(|sample| sample.ends_with(&here)), "{phases:?}");
    }
    metrics.rotation_phase("mesh", None);
    assert!(!samples(&metrics).iter().any(|sample| sample.contains("rotation_phase")));
}

#[test]
fn an_authority_that_another_replica_looks_after_leaves_nothing_behind_but_what_has_happened() {
    let metrics = every_figure();
    let before = samples(&metrics);
    about(&metrics, "other");
    metrics.remove_gauges("other");
    assert_eq!(steady(samples(&metrics)), steady(before), "the figures of mesh stay, those of the other go");
    metrics.remove_gauges("mesh");
    let left = left_of_mesh(&metrics);
    // Counters say what has happened.
    assert_eq!(left.len(), 2, "{left:?}");
    assert!(left.iter().all(|sample| sample.contains("_total{")), "{left:?}");
}

#[test]
fn an_authority_that_is_gone_leaves_nothing_behind() {
    let metrics = every_figure();
    metrics.changed_roots("other", "Announce");
    metrics.granted("other", &["edge".into()]);
    let before = left_of_mesh(&metrics);
    metrics.remove_counters("other");
    assert_eq!(left_of_mesh(&metrics), before, "what was counted of mesh stays");
    assert!(!samples(&metrics).iter().any(|sample| sample.contains("\"other\"")));
    metrics.remove_gauges("mesh");
    metrics.remove_counters("mesh");
    assert_eq!(left_of_mesh(&metrics), [""; 0]);
}

fn steady(samples: BTreeSet<String>) -> BTreeSet<String> {
    samples.into_iter().filter(|sample| sample.starts_with("mtls_operator_")).collect()
}

fn left_of_mesh(metrics: &Metrics) -> Vec<String> {
    samples(metrics).into_iter().filter(|sample| sample.contains("\"mesh\"")).collect()
}
