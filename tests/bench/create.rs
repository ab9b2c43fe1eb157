//! Identities that are created while the operator runs, 32 at a time: how it keeps up.

use test_support::Failure;

use crate::fresh::{Prepared, Served, prepare_empty, served};
use crate::meter::Meter;
use crate::metrics::until_issued;
use crate::population::Population;
use crate::report::scenario::Scenario;

/// Creates so many in a cluster that stays.
pub async fn create(size: usize) -> Result<(Prepared, Served), Failure> {
    let mut prepared = prepare_empty(Population::identities(size)).await?;
    let pid = prepared.environment.start_operator()?;
    prepared.environment.operator_ready().await?;
    prepared.environment.until_collected(&prepared.population.resource.plural).await?;
    let meter = Meter::open(&prepared.environment, Some(pid))?;
    prepared.fill().await?;
    until_issued(&prepared.environment, size).await?;
    let measurement = served(&prepared, Scenario::Create, &meter, pid).await?;
    Ok((prepared, Served { measurement, pid, meter }))
}
