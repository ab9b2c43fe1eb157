//! Laws of metrics: each that is served is documented, with its labels and their values, and those of an authority end with it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use mtls_operator::api::authority::Phase;
use mtls_operator::operator::metrics::Metrics;
use mtls_operator::operator::metrics::watches::Interruption;
use mtls_operator::operator::scheduler::requeue::Priority;
use mtls_operator::plan::authority::reason::AuthorityReason;
use mtls_operator::plan::identity::ready::ReadyReason;
use mtls_operator::plan::trust_bundle::published;
use mtls_operator::runtime::clock::Clock;
use mtls_operator::runtime::clock_check;
use mtls_operator::runtime::process_metrics;
use prometheus_client::encoding::text::encode;
use prometheus_client::registry::Registry;

use crate::vocabulary::{every_cause, every_error, every_transition};

const REFERENCE: &str = include_str!("../../docs/reference.md");

/// Every metric, with every value of the labels that the code lists.
fn every_figure() -> Metrics {
    let metrics = Metrics::default();
    for because in every_cause() {
        metrics.issued(because, Priority::New);
    }
    metrics.granted("mesh", &["edge".into()]);
    metrics.refreshed();
    metrics.requested("get", true);
    metrics.requested("get", false);
    for error in every_error() {
        metrics.failed(&error);
    }
    metrics.waiting(Priority::ALL.map(|class| (class, 0)), 0);
    metrics.workers(8);
    for transition in every_transition() {
        metrics.changed_roots("mesh", transition);
    }
    metrics.probes.session_ended("Mesh", "Accepted");
    metrics.probes.identities(|_| 1);
    for interruption in Interruption::ALL {
        metrics.watches.of("secrets").interrupted(interruption);
    }
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
    clock.observe_server_time(clock.monotonic(), clock.now());
    clock
}

/// The samples that a scrape gives.
fn samples(metrics: &Metrics) -> BTreeSet<String> {
    let mut registry = Registry::default();
    process_metrics::register(&mut registry, "0");
    clock_check::register(&mut registry, clock());
    metrics.register(&mut registry);
    let watch = metrics.watches.of("secrets");
    watch.told(1);
    let mut text = String::new();
    encode(&mut text, &registry).unwrap();
    text.lines().filter(|line| !line.starts_with('#')).map(str::to_owned).collect()
}

/// The cells of the tables in a section of the reference.
fn rows(heading: &str) -> Vec<Vec<&'static str>> {
    let (_, section) = REFERENCE.split_once(&format!("# {heading}\n")).unwrap();
    let section = section.split("\n#").next().unwrap();
    let rows = section.lines().filter(|line| line.starts_with("| `"));
    rows.map(|row| row.split('|').skip(1).map(str::trim).collect()).collect()
}

fn quoted(cell: &str) -> BTreeSet<String> {
    cell.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

/// The labels of a sample, with their values.
fn labels(sample: &str) -> BTreeMap<String, String> {
    let inner = sample.split_once('{').map_or("", |(_, rest)| rest.split('}').next().unwrap());
    let pairs = inner.split(',').filter_map(|pair| pair.split_once('='));
    pairs.map(|(name, value)| (name.to_owned(), value.trim_matches('"').to_owned())).collect()
}

fn name(sample: &str) -> String {
    sample.split(['{', ' ']).next().unwrap().to_owned()
}

/// The names of metrics in the source: a string that is such a name and nothing else.
fn registered(folder: &Path) -> BTreeSet<String> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let names = |path: PathBuf| {
        if path.is_dir() {
            return registered(&path);
        }
        let text = fs::read_to_string(path).unwrap();
        let quoted = text.split('"').filter(|text| text.starts_with("mtls_operator_"));
        let names = quoted.filter(|text| text.chars().all(|c| c.is_ascii_lowercase() || c == '_'));
        names.map(str::to_owned).collect()
    };
    entries.flat_map(names).collect()
}

/// One without a sample would be compared neither with the reference nor with what must end with its authority.
#[test]
fn every_metric_in_the_source_has_a_sample_here() {
    let samples = samples(&every_figure());
    let served: BTreeSet<String> = samples.iter().map(|sample| name(sample)).collect();
    let is_served = |name: &String| {
        ["", "_total", "_info"].iter().any(|suffix| served.contains(&format!("{name}{suffix}")))
    };
    let registered = registered(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"));
    assert!(registered.len() > 20, "{registered:?}");
    let missing: Vec<&String> = registered.iter().filter(|name| !is_served(name)).collect();
    assert_eq!(missing, [""; 0], "give each a value in every_figure");
    let authorities: BTreeSet<String> =
        samples.iter().filter_map(|sample| labels(sample).remove("authority")).collect();
    assert_eq!(authorities, ["mesh".to_owned()].into(), "the tests below look for what is left of mesh");
}

#[test]
fn every_figure_is_documented_with_its_labels_and_no_other() {
    let samples = samples(&every_figure());
    let served: BTreeMap<String, BTreeSet<String>> =
        samples.iter().map(|sample| (name(sample), labels(sample).into_keys().collect())).collect();
    let documented: BTreeMap<String, BTreeSet<String>> =
        rows("Metrics").iter().map(|row| (quoted(row[0]).pop_first().unwrap(), quoted(row[1]))).collect();
    assert_eq!(served, documented);
}

#[test]
fn every_value_of_a_label_is_documented_and_no_other() {
    let samples = samples(&every_figure());
    let served = |label: &str| -> BTreeSet<String> {
        samples.iter().filter_map(|sample| labels(sample).remove(label)).collect()
    };
    let documented: BTreeMap<String, BTreeSet<String>> = rows("Values of labels")
        .iter()
        .map(|row| (quoted(row[0]).pop_first().unwrap(), quoted(row[1])))
        .collect();
    for label in ["because", "class", "transition", "phase", "kind", "result"] {
        assert_eq!(served(label), documented[label], "{label}");
    }
    // Of these the code has no list.
    for label in ["client", "outcome", "resource", "verb"] {
        assert!(served(label).is_subset(&documented[label]), "{label}");
    }
    let closed: BTreeSet<String> = samples.iter().flat_map(|sample| labels(sample).into_keys()).collect();
    let open = ["authority", "grant", "version", "reason", "state"].map(str::to_owned);
    let listed: BTreeSet<String> = documented.into_keys().chain(open).collect();
    assert_eq!(closed, listed, "every label has its values, or is open, or has those of a condition");
}

#[test]
fn what_interrupts_a_watch_is_documented() {
    let rows = rows("Metrics");
    let row = rows.iter().find(|row| row[0].contains("mtls_operator_watch_errors_total")).unwrap();
    let documented = quoted(row[2]);
    let words = Interruption::ALL.map(|interruption| interruption.as_str().to_owned());
    assert_eq!(documented, words.into());
}

#[test]
fn a_watch_that_has_ended_tells_no_time() {
    let metrics = Metrics::default();
    let (one, other) = (metrics.watches.of("configmaps"), metrics.watches.of("namespaces"));
    one.told(1);
    other.told(2);
    drop(one);
    let times = samples(&metrics).into_iter().filter(|sample| sample.contains("last_event"));
    let resources: BTreeSet<String> = times.filter_map(|sample| labels(&sample).remove("resource")).collect();
    assert_eq!(resources, ["namespaces", "secrets"].map(str::to_owned).into());
}

#[test]
fn a_rotation_is_in_one_phase_or_the_phase_is_unknown() {
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
fn of_an_authority_of_another_replica_only_counters_stay() {
    let metrics = every_figure();
    let before = samples(&metrics);
    about(&metrics, "other");
    metrics.remove_gauges("other");
    assert_eq!(steady(samples(&metrics)), steady(before), "the figures of mesh stay, those of the other go");
    metrics.remove_gauges("mesh");
    let left = left_of_mesh(&metrics);
    // Counters say what has happened: a grant that was used, and each change of the roots.
    assert_eq!(left.len(), 1 + every_transition().len(), "{left:?}");
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
