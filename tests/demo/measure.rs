//! `make bench`: what an issuance costs, measured on the stage of the demo. Figures are of this machine and this run;
//! compare them with each other, not with another machine's.

use std::time::Duration;

use futures::{StreamExt as _, TryStreamExt as _, stream};
use k8s_openapi::api::core::v1::{Namespace, Secret};
use kube::api::{Api, ObjectMeta, PostParams};
use mtls_operator::api::{MtlsIdentity, MtlsIdentitySpec};

use crate::Failure;
use crate::account::{Account, Balance};
use crate::narrator::Narrator;
use crate::rotate::rotate;
use crate::theatre::{Theatre, until};

/// Where all of it takes place.
const NAMESPACE: &str = "bench";
const MANY: u16 = 1000;
const SAMPLES: u16 = 100;
/// Identities that are created at once.
pub const AT_ONCE: usize = 32;

/// Measures and tells.
pub async fn measure(narrator: &mut Narrator, theatre: &Theatre) -> Result<(), Failure> {
    theatre.kill_operator()?;
    let operator = theatre.start_operator()?;
    create_namespace(theatre, NAMESPACE).await?;
    one_by_one(narrator, theatre, operator).await?;
    many(narrator, theatre, operator).await?;
    restart(theatre).await?;
    rotate(narrator, theatre).await
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
    let account = Account::open(theatre)?;
    let mut times = Vec::new();
    for n in 0..SAMPLES {
        times.push(create_and_await(narrator, theatre, NAMESPACE, &format!("single-{n}")).await?);
    }
    Narrator::say(&percentiles(&mut times));
    count(&account.balance(theatre)?, SAMPLES);
    Ok(())
}

/// Creates an identity; returns how long its Secret took.
pub async fn create_and_await(
    narrator: &Narrator,
    theatre: &Theatre,
    namespace: &str,
    name: &str,
) -> Result<Duration, Failure> {
    let client = theatre.client().await?;
    let identities = Api::namespaced(client.clone(), namespace);
    let started = narrator.clock();
    create(&identities, name.to_owned(), MtlsIdentitySpec::default()).await?;
    let secrets: Api<Secret> = Api::namespaced(client, namespace);
    until(secrets, &format!("{name}-mtls"), |_| Some(())).await?;
    let time = narrator.since(started);
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

async fn many(narrator: &mut Narrator, theatre: &Theatre, operator: u32) -> Result<(), Failure> {
    Narrator::scene(&format!("{MANY} identities, created {AT_ONCE} at a time"));
    let identities: Api<MtlsIdentity> = Api::namespaced(theatre.client().await?, NAMESPACE);
    let account = Account::open(theatre)?;
    let cpu = cpu_ticks(operator)?;
    let started = narrator.clock();
    stream::iter(0..MANY)
        .map(|n| create(&identities, format!("many-{n}"), MtlsIdentitySpec::default()))
        .buffer_unordered(AT_ONCE)
        .try_collect::<Vec<()>>()
        .await?;
    let identities = usize::from(MANY + SAMPLES) + 1;
    theatre.all_ready(NAMESPACE, identities).await?;
    narrator.took(&format!("{MANY} identities are Ready"), started);
    let spent = cpu_ticks(operator)?.saturating_sub(cpu) * 10_000 / u64::from(MANY);
    Narrator::say(&format!("CPU of the operator per issuance: {spent} µs"));
    Narrator::say(&format!(
        "resident memory of the operator with {identities} identities: {}",
        resident(operator)?
    ));
    count(&account.balance(theatre)?, MANY);
    Ok(())
}

async fn restart(theatre: &Theatre) -> Result<(), Failure> {
    Narrator::scene("The operator is killed and started again; nothing has changed");
    theatre.kill_operator()?;
    let account = Account::open(theatre)?;
    let operator = theatre.start_operator()?;
    // One more identity shows that everything before it in the queue has been looked at.
    let identities: Api<MtlsIdentity> = Api::namespaced(theatre.client().await?, NAMESPACE);
    create(&identities, "last".into(), MtlsIdentitySpec::default()).await?;
    theatre.ready(NAMESPACE, "last").await?;
    Narrator::say(&format!("resident memory of the operator now: {}", resident(operator)?));
    count(&account.balance(theatre)?, 1);
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
fn count(balance: &Balance, issuances: u16) {
    Narrator::say(&format!("mutating requests: {} for {issuances} issuances", balance.writes(NAMESPACE)));
    let (secrets, identities) =
        (balance.reads(NAMESPACE, "secrets"), balance.reads(NAMESPACE, "mtlsidentities"));
    Narrator::say(&format!("Secrets read: {secrets}; identities read: {identities}"));
}

fn resident(pid: u32) -> Result<String, Failure> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).ok_or("no VmRSS")?;
    let kibibytes: u64 = line.trim().trim_end_matches(" kB").parse()?;
    Ok(format!("{}.{} MiB", kibibytes / 1024, kibibytes % 1024 * 10 / 1024))
}

/// User and system time, in hundredths of a second, see proc(5).
fn cpu_ticks(pid: u32) -> Result<u64, Failure> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
    let (_, fields) = stat.rsplit_once(')').ok_or("no fields")?;
    let ticks = fields.split_whitespace().skip(11).take(2).map(str::parse::<u64>);
    Ok(ticks.sum::<Result<u64, _>>()?)
}
