//! `make bench`: what an issuance costs, measured on the stage of the demo. Figures are of this machine and this run;
//! compare them with each other, not with another machine's.

use std::time::Duration;

use futures::{StreamExt as _, TryStreamExt as _, stream};
use k8s_openapi::api::core::v1::{Namespace, Secret};
use kube::api::{Api, ObjectMeta, PostParams};
use mtls_operator::api::{MtlsIdentity, MtlsIdentitySpec};
use mtls_operator::runtime::clock::Clock;

use crate::Failure;
use crate::account::Account;
use crate::narrator::Narrator;
use crate::rotate::rotate;
use crate::theatre::Theatre;
use crate::waiting::until;

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
    pub async fn run(&self, narrator: &mut Narrator, theatre: &Theatre) -> Result<(), Failure> {
        if let Some(many) = self.issued {
            issue(narrator, theatre, many).await?;
        }
        if self.is_rotated {
            rotate(narrator, theatre).await?;
        }
        Ok(())
    }
}

async fn issue(narrator: &mut Narrator, theatre: &Theatre, many: usize) -> Result<(), Failure> {
    theatre.kill_operator()?;
    let operator = theatre.start_operator()?;
    create_namespace(theatre, NAMESPACE).await?;
    one_by_one(narrator, theatre, operator).await?;
    at_once(narrator, theatre, operator, many).await?;
    let operator = restart(theatre).await?;
    idle(narrator, theatre, operator, many + SAMPLES + 2).await
}

/// Creates a namespace.
pub async fn create_namespace(theatre: &Theatre, name: &str) -> Result<(), Failure> {
    let metadata = ObjectMeta { name: Some(name.into()), ..ObjectMeta::default() };
    let namespace = Namespace { metadata, ..Namespace::default() };
    Api::all(theatre.client().await?).create(&PostParams::default(), &namespace).await?;
    Ok(())
}

/// From the request that creates an identity to the event of its Secret.
async fn one_by_one(narrator: &mut Narrator, theatre: &Theatre, operator: u32) -> Result<(), Failure> {
    Narrator::scene(&format!(
        "From creating an identity to its Secret, {SAMPLES} times, one after the other"
    ));
    let client = theatre.client().await?;
    let identities: Api<MtlsIdentity> = Api::namespaced(client.clone(), NAMESPACE);
    theatre.authority_ready("mesh").await?;
    Narrator::say(&format!("resident memory of the operator without an identity: {}", resident(operator)?));
    create(&identities, "warm-up".into(), MtlsIdentitySpec::default()).await?;
    theatre.ready(NAMESPACE, "warm-up").await?;
    let (account, clock) = (Account::open(theatre)?, narrator.stopwatch());
    let mut times = Vec::new();
    for n in 0..SAMPLES {
        times.push(create_and_await(&clock, theatre, NAMESPACE, &format!("single-{n}")).await?);
    }
    Narrator::say(&percentiles(&mut times));
    count(theatre, &account, SAMPLES).await?;
    Ok(())
}

/// Creates an identity; returns how long its Secret took.
pub async fn create_and_await(
    clock: &Clock,
    theatre: &Theatre,
    namespace: &str,
    name: &str,
) -> Result<Duration, Failure> {
    let client = theatre.client().await?;
    let identities = Api::namespaced(client.clone(), namespace);
    let started = clock.monotonic();
    create(&identities, name.to_owned(), MtlsIdentitySpec::default()).await?;
    let secrets: Api<Secret> = Api::namespaced(client, namespace);
    until(secrets, &format!("{name}-mtls"), |_| Some(())).await?;
    let time = clock.monotonic().saturating_sub(started);
    theatre.ready(namespace, name).await?;
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
    narrator: &mut Narrator,
    theatre: &Theatre,
    operator: u32,
    many: usize,
) -> Result<(), Failure> {
    Narrator::scene(&format!("{many} identities, created {AT_ONCE} at a time"));
    let identities: Api<MtlsIdentity> = Api::namespaced(theatre.client().await?, NAMESPACE);
    let account = Account::open(theatre)?;
    let cpu = cpu_ticks(operator)?;
    let started = narrator.clock();
    stream::iter(0..many)
        .map(|n| create(&identities, format!("many-{n}"), MtlsIdentitySpec::default()))
        .buffer_unordered(AT_ONCE)
        .try_collect::<Vec<()>>()
        .await?;
    let identities = many + SAMPLES + 1;
    theatre.all_ready(NAMESPACE, identities).await?;
    narrator.took(&format!("{many} identities are Ready"), started);
    let spent = (cpu_ticks(operator)? - cpu) * MICROS_PER_TICK / u64::try_from(many)?;
    Narrator::say(&format!("CPU of the operator per issuance: {spent} µs"));
    Narrator::say(&format!(
        "resident memory of the operator with {identities} identities: {}",
        resident(operator)?
    ));
    count(theatre, &account, many).await?;
    Ok(())
}

async fn restart(theatre: &Theatre) -> Result<u32, Failure> {
    Narrator::scene("The operator is killed and started again; nothing has changed");
    theatre.kill_operator()?;
    let account = Account::open(theatre)?;
    let operator = theatre.start_operator()?;
    // One more identity shows that everything before it in the queue has been looked at.
    let identities: Api<MtlsIdentity> = Api::namespaced(theatre.client().await?, NAMESPACE);
    create(&identities, "last".into(), MtlsIdentitySpec::default()).await?;
    theatre.ready(NAMESPACE, "last").await?;
    Narrator::say(&format!("resident memory of the operator now: {}", resident(operator)?));
    count(theatre, &account, 1).await?;
    Ok(operator)
}

/// What the operator does where there is nothing to do.
async fn idle(
    narrator: &Narrator,
    theatre: &Theatre,
    operator: u32,
    identities: usize,
) -> Result<(), Failure> {
    Narrator::scene(&format!("{identities} identities and nothing to do for {} s", IDLE.as_secs()));
    let (account, cpu) = (Account::open(theatre)?, cpu_ticks(operator)?);
    narrator.stopwatch().sleep(IDLE).await;
    let spent = (cpu_ticks(operator)? - cpu) * MICROS_PER_TICK;
    let permille = 1000 * u128::from(spent) / IDLE.as_micros();
    Narrator::say(&format!("CPU of the operator: {}.{} % of a core", permille / 10, permille % 10));
    Narrator::say(&format!("mutating requests: {}", account.balance(theatre)?.all_writes()));
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
async fn count(theatre: &Theatre, account: &Account, issuances: usize) -> Result<(), Failure> {
    let balance = account.settled(theatre, NAMESPACE, 2 * issuances).await?;
    Narrator::say(&format!("mutating requests: {} for {issuances} issuances", balance.writes(NAMESPACE)));
    let (secrets, identities) =
        (balance.reads(NAMESPACE, "secrets"), balance.reads(NAMESPACE, "mtlsidentities"));
    Narrator::say(&format!("Secrets read: {secrets}; identities read: {identities}"));
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
