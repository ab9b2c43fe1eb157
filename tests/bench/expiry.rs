//! Renewals that fall due by time: what each costs, and whether every successor is there before the end.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Secret;
use kube::api::Api;
use kube::core::PartialObjectMeta;
use mtls_operator::api::names::annotation;
use test_support::Failure;
use test_support::wait::for_any_object;

use crate::cost::Costs;
use crate::environment::{Environment, PATIENCE};
use crate::fleet::Fleet;
use crate::meter::with_memory;
use crate::report::figures::{Measurement, Name};
use crate::report::scenario::{Scenario, Subject};
use crate::secrets::FLEET;

/// How long it is watched: every certificate is renewed once at least.
const WATCHED: Duration = Duration::from_mins(2);

/// Renewals of a fleet of its own.
pub async fn alone(size: usize) -> Result<Measurement, Failure> {
    let fleet = Fleet::muster(size).await?;
    let measurement = expiry(&fleet).await?;
    fleet.environment.close()?;
    Ok(measurement)
}

/// Renewals of a fleet.
pub async fn expiry(fleet: &Fleet) -> Result<Measurement, Failure> {
    let Fleet { environment, pid, size } = fleet;
    let costs = Costs::open(environment, *pid).await?;
    let mut ends = Ends::default();
    tokio::select! {
        failed = watch(environment, &mut ends) => failed?,
        () = environment.clock.sleep(WATCHED) => (),
    }
    let cost = costs.spent(environment, *pid).await?;
    let measurement = cost.add_renewals_to(Measurement::new(Scenario::Expiry, Subject::Operator, *size));
    let measurement = match ends.shortest {
        Some(left) => measurement.with(Name::ShortestLeftSeconds, left),
        None => measurement,
    };
    with_memory(measurement, *pid)
}

/// When the certificates of all Secrets end.
#[derive(Default)]
struct Ends {
    of: BTreeMap<String, Timestamp>,
    /// Shortest time in seconds that a certificate had left when its successor was seen.
    shortest: Option<f64>,
}

impl Ends {
    fn saw(&mut self, name: String, end: Timestamp, now: Timestamp) {
        let former = self.of.insert(name, end).filter(|former| *former != end);
        if let Some(former) = former {
            let left = former.duration_since(now).as_secs_f64();
            self.shortest = Some(self.shortest.map_or(left, |shortest| shortest.min(left)));
        }
    }
}

async fn watch(environment: &Environment, ends: &mut Ends) -> Result<(), Failure> {
    let secrets: Api<PartialObjectMeta<Secret>> = Api::namespaced(environment.client().await?, FLEET);
    for_any_object(PATIENCE, secrets, "Secrets of the fleet", |secret| {
        let annotations = secret.metadata.annotations.unwrap_or_default();
        let end = annotations.get(annotation::NOT_AFTER).and_then(|end| end.parse().ok());
        if let Some((name, end)) = secret.metadata.name.zip(end) {
            ends.saw(name, end, environment.clock.now());
        }
        None
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn the_shortest_time_left_is_that_of_the_latest_successor_and_negative_after_the_end() {
        let mut ends = Ends::default();
        ends.saw("a".into(), at(100), at(10));
        ends.saw("a".into(), at(100), at(50));
        assert_eq!(ends.shortest, None, "nothing was renewed");
        ends.saw("a".into(), at(190), at(80));
        ends.saw("b".into(), at(100), at(10));
        assert_eq!(ends.shortest, Some(20.0));
        ends.saw("b".into(), at(190), at(103));
        assert_eq!(ends.shortest, Some(-3.0));
    }
}
