//! What the project has set itself as limits, and whether a run keeps to them.
//!
//! Only limits on requests are promises that fail a run: times depend on what else the machine does.

use super::figures::{Measurement, Name};
use super::scenario::{Scenario, Subject};
use super::table::grouped;

/// A limit, and what it is set on.
#[derive(Clone, Copy)]
struct Limit {
    what: &'static str,
    at_most: f64,
    unit: &'static str,
    is_promise: bool,
    scenarios: &'static [Scenario],
    subjects: &'static [Subject],
    /// The value that is limited.
    value: fn(&Measurement) -> Option<f64>,
}

const OPERATOR: &[Subject] = &[Subject::Operator];
const ISSUING: &[Scenario] = &[
    Scenario::Fresh,
    Scenario::Create,
    Scenario::Single,
    Scenario::Namespaces,
    Scenario::Rsa,
    Scenario::Foreign,
];

const fn limit(
    what: &'static str,
    (at_most, unit): (f64, &'static str),
    scenarios: &'static [Scenario],
    value: fn(&Measurement) -> Option<f64>,
) -> Limit {
    Limit { what, at_most, unit, is_promise: false, scenarios, subjects: OPERATOR, value }
}

const fn promise(limit: Limit) -> Limit {
    Limit { is_promise: true, ..limit }
}

const fn of(subjects: &'static [Subject], limit: Limit) -> Limit {
    Limit { subjects, ..limit }
}

const FRESH: &[Scenario] = &[Scenario::Fresh];
const RESTART: &[Scenario] = &[Scenario::Restart];
const STEADY: &[Scenario] = &[Scenario::Steady];
const ROTATE: &[Scenario] = &[Scenario::Rotate];
const RENEWING: &[Scenario] = &[Scenario::Renew, Scenario::Expiry];
const BY_TIME: &[Scenario] = &[Scenario::Expiry];

static LIMITS: [Limit; 18] = [
    promise(limit("writes per issuance", (2.0, ""), ISSUING, |one| one.get(Name::WritesEach))),
    promise(limit("writes per renewal", (2.0, ""), RENEWING, |one| one.get(Name::WritesEach))),
    limit("identities read while issuing", (0.0, ""), ISSUING, |one| one.get(Name::IdentityReads)),
    limit("Secrets read while renewing", (0.0, ""), RENEWING, |one| one.get(Name::SecretReads)),
    limit("time of a fresh start, × bare writer", (1.25, ""), FRESH, |one| many(one, Name::WallRatio)),
    limit("API server's CPU, × bare writer", (1.15, ""), FRESH, |one| many(one, Name::ApiServerCpuRatio)),
    limit("own CPU per issuance", (0.5, " ms"), FRESH, |one| {
        Some(one.each(Name::CpuSeconds)? * 1000.0).filter(|_| one.is_large())
    }),
    limit("memory for each identity", (500.0, " B"), FRESH, |one| many(one, Name::ResidentBytesEach)),
    limit("peak memory", (128.0, " MiB"), &Scenario::ALL, |one| one.get(Name::PeakMebibytes)),
    promise(limit("writes at a restart", (0.0, ""), RESTART, |one| one.get(Name::Writes))),
    promise(limit("Secrets read at a restart", (0.0, ""), RESTART, |one| one.get(Name::SecretReads))),
    limit("ready after a restart", (15.0, " s"), RESTART, |one| one.get(Name::ReadySeconds)),
    promise(limit("writes in an idle minute, but the Lease", (0.0, ""), STEADY, |one| one.get(Name::Writes))),
    limit("own CPU in an idle minute", (0.6, " s"), STEADY, |one| one.get(Name::CpuSeconds)),
    of(
        &[Subject::AtOnce],
        limit("p99 of new identities during a rotation, × quiet", (2.0, ""), ROTATE, |one| {
            one.get(Name::P99Ratio)
        }),
    ),
    limit("time by which a renewal is late", (0.0, " s"), BY_TIME, |one| {
        Some((-one.get(Name::ShortestLeftSeconds)?).max(0.0))
    }),
    promise(of(
        &[Subject::AtOnce],
        limit("writes of a rotation at once beyond renewals, for each", (6.0, ""), ROTATE, |one| {
            one.get(Name::WritesBeyondRenewalsEach)
        }),
    )),
    promise(of(
        &[Subject::Spread],
        limit("writes of a spread rotation beyond renewals", (0.0, ""), ROTATE, |one| {
            one.get(Name::WritesBeyondRenewalsEach)
        }),
    )),
];

/// A figure of a population that is so large that the start and the buffers do not outweigh it.
fn many(one: &Measurement, name: Name) -> Option<f64> {
    one.get(name).filter(|_| one.is_large())
}

/// A limit that a run shows to be kept or not.
pub struct Verdict {
    /// What was limited, how far, and what was measured.
    pub line: String,
    /// Whether it is kept.
    pub is_met: bool,
    /// Whether the run fails if it is not.
    pub is_promise: bool,
}

/// The verdicts on what was measured, each by the measurement that is worst.
pub fn verdicts(measurements: &[Measurement]) -> Vec<Verdict> {
    LIMITS.iter().filter_map(|limit| verdict(limit, measurements)).collect()
}

fn verdict(limit: &Limit, measurements: &[Measurement]) -> Option<Verdict> {
    let is_limited =
        |one: &&Measurement| limit.scenarios.contains(&one.scenario) && limit.subjects.contains(&one.subject);
    let values = measurements.iter().filter(is_limited).filter_map(|one| Some(((limit.value)(one)?, one)));
    let (value, at) = values.max_by(|(one, _), (other, _)| one.total_cmp(other))?;
    let is_met = value <= limit.at_most;
    let Limit { what, at_most, unit, is_promise, .. } = limit;
    let (met, at) = (if is_met { "met" } else { "missed" }, grouped(at.identities));
    let line = format!("{met}: {what}: {value:.2}{unit} at {at} identities (at most {at_most}{unit})");
    Some(Verdict { line, is_met, is_promise: *is_promise })
}

/// The verdicts as a list in Markdown.
pub fn markdown(verdicts: &[Verdict]) -> String {
    let lines: Vec<String> = verdicts.iter().map(|verdict| format!("- {}", verdict.line)).collect();
    format!("### Budgets\n\n{}\n", lines.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict_on(scenario: Scenario, name: Name, value: f64) -> (bool, bool, String) {
        let one = Measurement::new(scenario, Subject::Operator, 20_000).with(name, value);
        let [verdict] = &verdicts(&[one])[..] else { panic!("one limit is set on this figure") };
        (verdict.is_met, verdict.is_promise, verdict.line.clone())
    }

    #[test]
    fn a_limit_is_kept_up_to_itself() {
        let (met, _, line) = verdict_on(Scenario::Fresh, Name::WallRatio, 1.25);
        assert!(met, "{line}");
        let (met, fails, line) = verdict_on(Scenario::Fresh, Name::WallRatio, 1.26);
        assert_eq!((met, fails), (false, false), "a time never fails a run");
        assert_eq!(
            line,
            "missed: time of a fresh start, × bare writer: 1.26 at 20,000 identities (at most 1.25)"
        );
    }

    #[test]
    fn one_request_too_many_fails_the_run() {
        for (scenario, name, value) in [
            (Scenario::Fresh, Name::WritesEach, 2.001),
            (Scenario::Renew, Name::WritesEach, 2.001),
            (Scenario::Restart, Name::SecretReads, 1.0),
            (Scenario::Restart, Name::Writes, 1.0),
            (Scenario::Steady, Name::Writes, 1.0),
        ] {
            let (met, fails, line) = verdict_on(scenario, name, value);
            assert_eq!((met, fails), (false, true), "{line}");
        }
    }

    #[test]
    fn the_worst_of_several_sizes_decides_and_what_was_not_measured_is_not_judged() {
        let at = |size, ratio| {
            Measurement::new(Scenario::Fresh, Subject::Operator, size).with(Name::WallRatio, ratio)
        };
        let [verdict] = &verdicts(&[at(1000, 1.9), at(10_000, 1.4), at(50_000, 1.1)])[..] else {
            panic!("one limit")
        };
        assert!(verdict.line.contains("1.40 at 10,000"), "{}", verdict.line);
    }

    #[test]
    fn a_certificate_that_ended_before_its_successor_is_late() {
        assert!(verdict_on(Scenario::Expiry, Name::ShortestLeftSeconds, 12.0).0);
        assert!(!verdict_on(Scenario::Expiry, Name::ShortestLeftSeconds, -0.5).0);
    }
}
