use mtls_operator::plan::safeguards::{Safeguard::*, Safeguards};
use rotation_model::*;

fn run(name: &str, scope: Scope) {
    let report = explore(scope);
    let what = report.violation.as_ref().map(|v| format!("{:?} in {} events", v.promise, v.trace.len()));
    println!("{name}: {} states, {} steps: {}", report.states, report.steps, what.unwrap_or("holds".into()));
    if std::env::var("TRACE").is_ok_and(|t| name.contains(&t)) {
        if let Some(v) = report.violation {
            println!("{v}");
        }
    }
}

#[test]
fn table() {
    const ALL: Safeguards = Safeguards::ALL;
    let p = Scope::PLAIN;
    let only = std::env::var("ONLY").unwrap_or_default();
    let no_cross =
        |s: Scope| Scope { stubborn: false, safeguards: s.safeguards.without(CrossCertificates), ..s };
    let flaws = |f: &[Flaw]| Flaws::of(f);
    let rows: Vec<(&str, Scope)> = vec![
        ("full", p),
        ("no gate, cross", Scope { safeguards: ALL.without(Gate), ..p }),
        ("no wait, cross", Scope { safeguards: ALL.without(Wait), ..p }),
        ("no gate, no cross", no_cross(Scope { safeguards: ALL.without(Gate), ..p })),
        ("no wait, no cross", no_cross(Scope { safeguards: ALL.without(Wait), ..p })),
        ("no cross", no_cross(p)),
        ("no cross, stubborn", Scope { stubborn: true, ..no_cross(p) }),
        ("no cross 2 rot", no_cross(Scope { rotations: 2, ..p })),
        (
            "cross dropped, no gate",
            Scope { stubborn: false, safeguards: ALL.without(LastingCrosses).without(Gate), ..p },
        ),
        (
            "cross dropped, no wait",
            Scope { stubborn: false, safeguards: ALL.without(LastingCrosses).without(Wait), ..p },
        ),
        (
            "cross dropped, no gate, no wait",
            Scope {
                stubborn: false,
                safeguards: ALL.without(LastingCrosses).without(Wait).without(Gate),
                ..p
            },
        ),
        ("cross dropped", Scope { stubborn: false, safeguards: ALL.without(LastingCrosses), ..p }),
        ("cross dropped, stubborn", Scope { safeguards: ALL.without(LastingCrosses), ..p }),
        ("observation only", Scope { safeguards: ALL.without(DrainBound), ..p }),
        ("observation only, no keepers", Scope { keepers: false, safeguards: ALL.without(DrainBound), ..p }),
        ("bound only", Scope { safeguards: ALL.without(DrainSight), ..p }),
        ("bound only, slow root", Scope { slow_root_writes: true, safeguards: ALL.without(DrainSight), ..p }),
        ("no F+W", Scope { safeguards: ALL.without(LateLeaves), ..p }),
        ("no F+W, steps", Scope { clocks: Clocks::Step, safeguards: ALL.without(LateLeaves), ..p }),
        ("no F+W, ahead", Scope { clocks: Clocks::SecondAhead, safeguards: ALL.without(LateLeaves), ..p }),
        ("ahead", Scope { clocks: Clocks::SecondAhead, ..p }),
        ("behind", Scope { clocks: Clocks::SecondBehind, ..p }),
        ("steps", Scope { clocks: Clocks::Step, ..p }),
        ("steps, no keepers", Scope { clocks: Clocks::Step, keepers: false, ..p }),
        (
            "no F+W, steps, no keepers",
            Scope { clocks: Clocks::Step, keepers: false, safeguards: ALL.without(LateLeaves), ..p },
        ),
        ("slow consumers, no cross", no_cross(Scope { flaws: flaws(&[Flaw::SlowConsumers]), ..p })),
        ("slow consumers", Scope { flaws: flaws(&[Flaw::SlowConsumers]), ..p }),
        ("newest cross only", Scope { rotations: 2, flaws: flaws(&[Flaw::NewestCrossOnly]), ..p }),
        ("since last write", Scope { flaws: flaws(&[Flaw::WaitsSinceLastWrite]), ..p }),
        ("paused", Scope { paused: true, ..p }),
        ("paused, expired blocks", Scope { paused: true, flaws: flaws(&[Flaw::ExpiredLeavesBlock]), ..p }),
        (
            "paused, expired evidence",
            Scope { paused: true, flaws: flaws(&[Flaw::ExpiredLeavesAreEvidence]), ..p },
        ),
        ("stuck", Scope { stuck: true, first_end: 24, ..p }),
        ("stuck, no force", Scope { stuck: true, first_end: 24, safeguards: ALL.without(ForcedSwitch), ..p }),
        ("empty", Scope { begins_empty: true, ..p }),
        ("deletions", Scope { deletions: true, ..p }),
        ("deletions no cross", no_cross(Scope { deletions: true, ..p })),
        ("restores", Scope { restores: true, roots: 3, ..p }),
        (
            "stale index creates",
            Scope { restores: true, roots: 3, flaws: flaws(&[Flaw::CreatesByStaleIndex]), ..p },
        ),
        ("no evidence", Scope { restores: true, roots: 3, flaws: flaws(&[Flaw::NoEvidence]), ..p }),
        ("slow root", Scope { slow_root_writes: true, ..p }),
        ("slow root, no cross", no_cross(Scope { slow_root_writes: true, ..p })),
        ("interruptions, no cross", no_cross(Scope { interruptions: true, ..p })),
        (
            "interruptions ignored, no cross",
            no_cross(Scope { interruptions: true, flaws: flaws(&[Flaw::IgnoresInterruptions]), ..p }),
        ),
        (
            "interruptions ignored",
            Scope { interruptions: true, flaws: flaws(&[Flaw::IgnoresInterruptions]), ..p },
        ),
        (
            "interruptions unconfirmed, no cross",
            no_cross(Scope { interruptions: true, flaws: flaws(&[Flaw::Unconfirmed]), ..p }),
        ),
        ("old refresh", Scope { flaws: flaws(&[Flaw::RefreshesFromOldView]), ..p }),
        ("old refresh, no cross", no_cross(Scope { flaws: flaws(&[Flaw::RefreshesFromOldView]), ..p })),
        ("old sign", Scope { flaws: flaws(&[Flaw::SignsWithOldView]), ..p }),
        ("forgets, no cross", no_cross(Scope { flaws: flaws(&[Flaw::ForgetsBetweenLooks]), ..p })),
        ("leads", Scope { second: Second::Leads, ..p }),
        ("longer", Scope { longer_leaves: true, ..p }),
        ("longer, unrecorded", Scope { longer_leaves: true, safeguards: ALL.without(RecordedLifetime), ..p }),
        ("spread", Scope { spread: 2, ..p }),
        ("finite", Scope { first_end: 24, ..p }),
        ("finite, unclamped", Scope { first_end: 24, flaws: flaws(&[Flaw::Unclamped]), ..p }),
        ("finite, no ask", Scope { first_end: 24, rotations: 0, ..p }),
        ("three", Scope { workloads: 3, ..p }),
        ("two rotations", Scope { rotations: 2, ..p }),
    ];
    let skip: usize = std::env::var("SKIP").ok().and_then(|s| s.parse().ok()).unwrap_or(0);
    for (name, scope) in rows.into_iter().skip(skip) {
        if name.contains(&only) && !(only.is_empty() && name.contains("steps")) {
            run(name, scope);
        }
    }
}
