//! A fresh start: objects that exist before the writer or the operator starts, until each has its Secret and status. The bare
//! writers and the operator each get a cluster of their own, prepared in the same way, so that none finds what another left.

use std::path::Path;

use test_support::Failure;
use tokio::process::Command;

use crate::environment::{Environment, say};
use crate::meter::{Meter, with_memory};
use crate::metrics::{at_rest, until_issued};
use crate::payload::{Sample, sample};
use crate::population::{PLAIN, PREFIX, Population};
use crate::process;
use crate::report::figures::{Measurement, Name, count};
use crate::report::scenario::{Scenario, Subject};
use crate::storage::Storage;
use crate::writer::{Order, Target, Usage};

/// What the operator's service account may do besides, since the bare writers use it: the chart lets no other write a status, and
/// the admin's requests are not subject to priority and fairness.
const RIGHTS: &str = "
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: bench-writer}
rules:
  - {apiGroups: [bench.mtls-operator.dev], resources: [plains/status], verbs: [patch]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: bench-writer}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: bench-writer}
subjects: [{kind: ServiceAccount, name: mtls-operator, namespace: mtls-system}]
";

/// A cluster in which everything is ready for the start.
pub struct Prepared {
    pub environment: Environment,
    pub population: Population,
    sample: Sample,
    targets: Vec<Target>,
    /// Resident memory of an operator with one identity.
    base: f64,
}

/// Starts a cluster and creates a population in it.
pub async fn prepare(population: Population) -> Result<Prepared, Failure> {
    let mut prepared = prepare_empty(population).await?;
    prepared.fill().await?;
    prepared.environment.until_collected(&prepared.population.resource.plural).await?;
    Ok(prepared)
}

/// Starts a cluster for a population. Every cluster has seen an operator that issued one identity.
pub async fn prepare_empty(population: Population) -> Result<Prepared, Failure> {
    let environment = Environment::open()?;
    let pid = environment.start_operator()?;
    let sample = sample(&environment).await?;
    let (base, _) = process::memory(pid)?;
    environment.stop_operator().await?;
    environment.installation.apply(RIGHTS)?;
    environment.installation.apply(PLAIN)?;
    environment.installation.kubectl(&[
        "wait",
        "--for=condition=Established",
        "crd",
        "--all",
        "--timeout=60s",
    ])?;
    let client = environment.client().await?;
    population.create_namespaces(&client).await?;
    Ok(Prepared { environment, population, sample, targets: Vec::new(), base })
}

impl Prepared {
    /// Creates the population.
    pub async fn fill(&mut self) -> Result<(), Failure> {
        let client = self.environment.client().await?;
        self.targets = self.population.create(&client, &self.sample.spec).await?;
        let line = format!("{} {} exist", self.targets.len(), self.population.resource.plural);
        say(&self.environment.clock, &line);
        Ok(())
    }
}

/// One of the bare writers, in a cluster of its own.
pub async fn bare(subject: Subject, size: usize) -> Result<Measurement, Failure> {
    let population =
        if subject == Subject::Bare { Population::plain(size) } else { Population::identities(size) };
    let prepared = prepare(population).await?;
    let measurement = run_bare(&prepared, Measurement::new(Scenario::Fresh, subject, size)).await?;
    prepared.environment.close()?;
    Ok(measurement)
}

async fn run_bare(prepared: &Prepared, measurement: Measurement) -> Result<Measurement, Failure> {
    let Prepared { environment, population, sample, targets, .. } = prepared;
    let order = Order::new(&population.resource, sample.payload.clone(), targets.clone());
    let file = environment.file("order.json");
    std::fs::write(&file, serde_json::to_vec(&order)?)?;
    let kubeconfig = environment.operator_kubeconfig()?;
    let meter = Meter::open(environment, None)?;
    let usage = run_writer(&kubeconfig, &file).await?;
    let spent = meter.close_with(environment, usage.cpu)?;
    say(&environment.clock, &format!("written in {:.1} s", spent.wall.as_secs_f64()));
    Ok(spent
        .add_work_to(measurement, "", population.size)
        .with(Name::ResidentMebibytes, usage.resident)
        .with(Name::PeakMebibytes, usage.peak))
}

async fn run_writer(kubeconfig: &Path, order: &Path) -> Result<Usage, Failure> {
    let mut command = Command::new(std::env::current_exe()?);
    command.arg("write").arg(kubeconfig).arg(order).kill_on_drop(true);
    let output = command.output().await?;
    let text = String::from_utf8_lossy(&output.stdout);
    serde_json::from_str(text.trim()).map_err(|_| format!("the bare writer failed: {}", text.trim()).into())
}

/// An operator that has served a population, and runs.
pub struct Served {
    pub measurement: Measurement,
    pub pid: u32,
    /// Still open.
    pub meter: Meter,
}

/// The operator, in a cluster that stays.
pub async fn operator(prepared: &Prepared, scenario: Scenario) -> Result<Served, Failure> {
    let Prepared { environment, population, .. } = prepared;
    let storage = Storage::now(environment).await?;
    let meter = Meter::open(environment, None)?;
    let pid = environment.start_operator()?;
    until_issued(environment, population.size).await?;
    let measurement = served(prepared, scenario, &meter, pid).await?;
    let measurement = storage.add_growth_to(measurement, environment).await?;
    Ok(Served { measurement, pid, meter })
}

/// What an operator has used that has served a population.
pub async fn served(
    prepared: &Prepared,
    scenario: Scenario,
    meter: &Meter,
    pid: u32,
) -> Result<Measurement, Failure> {
    let Prepared { environment, population, base, .. } = prepared;
    at_rest(environment).await?;
    let spent = meter.close(environment, pid)?;
    say(&environment.clock, &format!("served in {:.1} s", spent.wall.as_secs_f64()));
    let measurement = Measurement::new(scenario, Subject::Operator, population.size);
    let measurement = spent.add_work_to(measurement, PREFIX, population.size);
    Ok(with_growth(with_memory(measurement, pid)?, *base))
}

/// What each identity has added to the operator's memory.
fn with_growth(measurement: Measurement, base: f64) -> Measurement {
    let resident = measurement.get(Name::ResidentMebibytes).unwrap_or(base);
    let each = (resident - base) * 1024.0 * 1024.0 / count(measurement.identities.max(1));
    measurement.with_if_many(Name::ResidentBytesEach, each)
}
