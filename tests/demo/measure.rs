//! `make bench`: what an issuance costs, measured in the environment of the demo. Figures are of this machine and this run;
//! compare them with each other, not with another machine's.

use std::time::Duration;

use futures::{StreamExt as _, TryStreamExt as _, stream};
use k8s_openapi::api::core::v1::{Namespace, Secret};
use kube::api::{Api, ObjectMeta, PostParams};
use mtls_operator::api::{MtlsIdentity, MtlsIdentitySpec};
use mtls_operator::runtime::clock::Clock;
use test_support::Failure;
use test_support::reporter::Reporter;

use crate::audit::AuditLog;
use crate::environment::Environment;
use crate::environment::until;
use crate::rotation_bench::rotate;

/// Where all of it takes place.
const NAMESPACE: &str = "bench";
const MANY: usize = 1000;
const SAMPLES: usize = 100;
/// How long the operator is watched doing nothing.
const IDLE: Duration = Duration::from_mins(1);
/// Processes are charged in hundredths of a second, see proc(5).
const MICROS_PER_TICK: u64 = 10_000;
/// Identities that are created at once.
pub const AT_ONCE: usize = 32;

/// What is to be measured.
pub struct Bench {
    /// What issuing so many costs.
    issued: Option<usize>,
    /// What a rotation costs.
    is_rotated: bool,
}

impl Bench {
    /// What these arguments ask for, if they ask for anything to be measured.
    pub fn asked(arguments: &[String]) -> Result<Option<Self>, Failure> {
        let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
        Ok(Some(match words[..] {
            [] => return Ok(None),
            ["bench"] => Self { issued: Some(MANY), is_rotated: true },
            ["bench", "issue"] => Self { issued: Some(MANY), is_rotated: false },
            ["bench", "issue", many] => Self { issued: Some(many.parse()?), is_rotated: false },
            ["bench", "rotate"] => Self { issued: None, is_rotated: true },
            _ => return Err("expected no arguments, or: bench [issue [NUMBER] | rotate]".into()),
        }))
    }

    /// Measures and tells.
    pub async fn run(&self, reporter: &mut Reporter, environment: &Environment) -> Result<(), Failure> {
        if let Some(many) = self.issued {
            issue(reporter, environment, many).await?;
        }
        if self.is_rotated {
            rotate(reporter, environment).await?;
        }
        Ok(())
    }
}

async fn issue(reporter: &mut Reporter, environment: &Environment, many: usize) -> Result<(), Failure> {
    environment.kill_operator()?;
    let operator = environment.start_operator()?;
    create_namespace(environment, NAMESPACE).await?;
    one_by_one(reporter, environment, operator).await?;
    at_once(reporter, environment, operator, many).await?;
    let operator = restart(environment).await?;
    idle(reporter, environment, operator, many + SAMPLES + 2).await
}

/// Creates a namespace.
pub async fn create_namespace(environment: &Environment, name: &str) -> Result<(), Failure> {
    let metadata = ObjectMeta { name: Some(name.into()), ..ObjectMeta::default() };
    let namespace = Namespace { metadata, ..Namespace::default() };
    Api::all(environment.client().await?).create(&PostParams::default(), &namespace).await?;
    Ok(())
}

/// From the request that creates an identity to the event of its Secret.
async fn one_by_one(
    reporter: &mut Reporter,
    environment: &Environment,
    operator: u32,
) -> Result<(), Failure> {
    Reporter::section(&format!(
        "From creating an identity to its Secret, {SAMPLES} times, one after the other"
    ));
    let client = environment.client().await?;
    let identities: Api<MtlsIdentity> = Api::namespaced(client.clone(), NAMESPACE);
    environment.authority_ready("mesh").await?;
    Reporter::say(&format!("resident memory of the operator without an identity: {}", resident(operator)?));
    create(&identities, "warm-up".into(), MtlsIdentitySpec::default()).await?;
    environment.ready(NAMESPACE, "warm-up").await?;
    let (account, clock) = (AuditLog::open(environment)?, reporter.stopwatch());
    let mut times = Vec::new();
    for n in 0..SAMPLES {
        times.push(create_and_await(&clock, environment, NAMESPACE, &format!("single-{n}")).await?);
    }
    Reporter::say(&percentiles(&mut times));
    count(environment, &account, SAMPLES).await?;
    Ok(())
}

/// Creates an identity; returns how long its Secret took.
pub async fn create_and_await(
    clock: &Clock,
    environment: &Environment,
    namespace: &str,
    name: &str,
) -> Result<Duration, Failure> {
    let client = environment.client().await?;
    let identities = Api::namespaced(client.clone(), namespace);
    let started = clock.monotonic();
    create(&identities, name.to_owned(), MtlsIdentitySpec::default()).await?;
    let secrets: Api<Secret> = Api::namespaced(client, namespace);
    until(secrets, &format!("{name}-mtls"), |_| Some(())).await?;
    let time = clock.monotonic().saturating_sub(started);
    environment.ready(namespace, name).await?;
    Ok(time)
}

/// What is typical of these times, and what is not.
pub fn percentiles(times: &mut [Duration]) -> String {
    let [median, p90, p99] = [50, 90, 99].map(|percent| percentile(times, percent).as_micros());
    format!("median {median} µs, p90 {p90} µs, p99 {p99} µs")
}

/// The time that so many percent of them do not exceed.
pub fn percentile(times: &mut [Duration], percent: usize) -> Duration {
    times.sort_unstable();
    let last = times.len().saturating_sub(1);
    times.get(last * percent / 100).copied().unwrap_or_default()
}

async fn at_once(
    reporter: &mut Reporter,
    environment: &Environment,
    operator: u32,
    many: usize,
) -> Result<(), Failure> {
    Reporter::section(&format!("{many} identities, created {AT_ONCE} at a time"));
    let identities: Api<MtlsIdentity> = Api::namespaced(environment.client().await?, NAMESPACE);
    let account = AuditLog::open(environment)?;
    let cpu = cpu_ticks(operator)?;
    let started = reporter.clock();
    stream::iter(0..many)
        .map(|n| create(&identities, format!("many-{n}"), MtlsIdentitySpec::default()))
        .buffer_unordered(AT_ONCE)
        .try_collect::<Vec<()>>()
        .await?;
    let identities = many + SAMPLES + 1;
    environment.all_ready(NAMESPACE, identities).await?;
    reporter.took(&format!("{many} identities are Ready"), started);
    let spent = (cpu_ticks(operator)? - cpu) * MICROS_PER_TICK / u64::try_from(many)?;
    Reporter::say(&format!("CPU of the operator per issuance: {spent} µs"));
    Reporter::say(&format!(
        "resident memory of the operator with {identities} identities: {}",
        resident(operator)?
    ));
    count(environment, &account, many).await?;
    Ok(())
}

async fn restart(environment: &Environment) -> Result<u32, Failure> {
    Reporter::section("The operator is killed and started again; nothing has changed");
    environment.kill_operator()?;
    let account = AuditLog::open(environment)?;
    let operator = environment.start_operator()?;
    // One more identity shows that everything before it in the queue has been looked at.
    let identities: Api<MtlsIdentity> = Api::namespaced(environment.client().await?, NAMESPACE);
    create(&identities, "last".into(), MtlsIdentitySpec::default()).await?;
    environment.ready(NAMESPACE, "last").await?;
    Reporter::say(&format!("resident memory of the operator now: {}", resident(operator)?));
    count(environment, &account, 1).await?;
    Ok(operator)
}

/// What the operator does where there is nothing to do.
async fn idle(
    reporter: &Reporter,
    environment: &Environment,
    operator: u32,
    identities: usize,
) -> Result<(), Failure> {
    Reporter::section(&format!("{identities} identities and nothing to do for {} s", IDLE.as_secs()));
    let (account, cpu) = (AuditLog::open(environment)?, cpu_ticks(operator)?);
    reporter.stopwatch().sleep(IDLE).await;
    let spent = (cpu_ticks(operator)? - cpu) * MICROS_PER_TICK;
    let permille = 1000 * u128::from(spent) / IDLE.as_micros();
    Reporter::say(&format!("CPU of the operator: {}.{} % of a core", permille / 10, permille % 10));
    Reporter::say(&format!("mutating requests: {}", account.balance(environment)?.all_writes()));
    Ok(())
}

/// Creates an identity.
pub async fn create(
    identities: &Api<MtlsIdentity>,
    name: String,
    spec: MtlsIdentitySpec,
) -> Result<(), Failure> {
    let identity = MtlsIdentity::new(&name, spec);
    identities.create(&PostParams::default(), &identity).await?;
    Ok(())
}

/// What the API server was asked for.
async fn count(environment: &Environment, account: &AuditLog, issuances: usize) -> Result<(), Failure> {
    let balance = account.settled(environment, NAMESPACE, 2 * issuances).await?;
    Reporter::say(&format!("mutating requests: {} for {issuances} issuances", balance.writes(NAMESPACE)));
    let (secrets, identities) =
        (balance.reads(NAMESPACE, "secrets"), balance.reads(NAMESPACE, "mtlsidentities"));
    Reporter::say(&format!("Secrets read: {secrets}; identities read: {identities}"));
    Ok(())
}

fn resident(pid: u32) -> Result<String, Failure> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).ok_or("no VmRSS")?;
    let kibibytes: u64 = line.trim().trim_end_matches(" kB").parse()?;
    Ok(format!("{}.{} MiB", kibibytes / 1024, kibibytes % 1024 * 10 / 1024))
}

/// User and system time.
fn cpu_ticks(pid: u32) -> Result<u64, Failure> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
    let (_, fields) = stat.rsplit_once(')').ok_or("no fields")?;
    let ticks = fields.split_whitespace().skip(11).take(2).map(str::parse::<u64>);
    Ok(ticks.sum::<Result<u64, _>>()?)
}
