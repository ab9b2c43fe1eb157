//! Runs the scenarios that were asked for, each in the cluster that it needs.

use test_support::Failure;
use test_support::reporter::Reporter;

use crate::create::create;
use crate::fresh::{Prepared, Served, bare, operator, prepare};
use crate::population::Population;
use crate::prompt::prompt;
use crate::renew::renew;
use crate::report::figures::Measurement;
use crate::report::scenario::{Scenario, Subject};
use crate::report::statistics::with_ratios;
use crate::rotation::rotations;
use crate::selection::Session;
use crate::single::single;
use crate::steady::{cut, restart, steady};
use crate::{expiry, mixed};

/// Runs all of them, and adds every measurement: what was measured before a failure is not lost.
pub async fn run(sessions: &[Session], measurements: &mut Vec<Measurement>) -> Result<(), Failure> {
    for session in sessions {
        Reporter::section(&format!("{}: {}", session.first.title(), session.size));
        measurements.extend(one(session).await?);
    }
    Ok(())
}

async fn one(session: &Session) -> Result<Vec<Measurement>, Failure> {
    let size = session.size;
    Ok(match session.first {
        Scenario::Fresh => fresh(session).await?,
        Scenario::Rotate => rotations(size).await?,
        Scenario::Expiry => vec![expiry::alone(size).await?],
        Scenario::Namespaces => vec![mixed::namespaces(size).await?],
        Scenario::Rsa => vec![mixed::rsa(size).await?],
        Scenario::Foreign => vec![mixed::foreign(size).await?],
        _ => {
            let (prepared, served) = create(size).await?;
            afterwards(prepared, served, &session.then).await?
        }
    })
}

async fn fresh(session: &Session) -> Result<Vec<Measurement>, Failure> {
    let mut measurements = Vec::new();
    for round in 1..=session.rounds {
        let then = if round == session.rounds { &session.then[..] } else { &[] };
        measurements.extend(round_of(session.size, then).await?);
    }
    Ok(measurements)
}

/// The bare writer, the operator, and the bare writer on the operator's kind, one after the other.
async fn round_of(size: usize, then: &[Scenario]) -> Result<Vec<Measurement>, Failure> {
    let mut round = vec![bare(Subject::Bare, size).await?];
    let prepared = prepare(Population::identities(size)).await?;
    let served = operator(&prepared, Scenario::Fresh).await?;
    let mut measured = afterwards(prepared, served, then).await?;
    round.push(measured.remove(0));
    round.push(bare(Subject::BareOnIdentity, size).await?);
    Ok([with_ratios(&round), measured].concat())
}

/// What follows in a cluster that holds a population, and its end.
async fn afterwards(
    prepared: Prepared,
    served: Served,
    scenarios: &[Scenario],
) -> Result<Vec<Measurement>, Failure> {
    let Prepared { environment, population, .. } = &prepared;
    let (mut pid, size) = (served.pid, population.size);
    let mut measurements = vec![served.measurement];
    for scenario in scenarios {
        measurements.extend(match scenario {
            Scenario::Renew => vec![renew(environment, population, pid).await?],
            Scenario::Single => vec![single(environment, pid, size).await?],
            Scenario::Prompt => prompt(environment, pid, size).await?,
            Scenario::Restart | Scenario::Cut => {
                let is_cut = *scenario == Scenario::Cut;
                let (measurement, another) =
                    if is_cut { cut(environment, size).await? } else { restart(environment, size).await? };
                pid = another;
                vec![measurement]
            }
            _ => vec![steady(environment, pid, size).await?],
        });
    }
    prepared.environment.close()?;
    Ok(measurements)
}
