//! `make bench`: what an issuance costs, measured on the stage of the demo. Figures are of this machine and this run;
//! compare them with each other, not with another machine's.

use std::time::Duration;

use devcluster::audit::Event;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use k8s_openapi::api::core::v1::{Namespace, Secret};
use kube::api::{Api, ObjectMeta, PostParams};
use kube::runtime::watcher::watch_object;
use mtls_operator::api::{MtlsIdentity, MtlsIdentitySpec};

use crate::Failure;
use crate::narrator::Narrator;
use crate::rotate::rotate;
use crate::theatre::Theatre;

/// Where all of it takes place.
pub const NAMESPACE: &str = "bench";
const MANY: u16 = 1000;
const SAMPLES: u16 = 100;
const AT_ONCE: usize = 32;

/// Measures and tells.
pub async fn measure(narrator: &mut Narrator, theatre: &Theatre) -> Result<(), Failure> {
    theatre.kill_operator()?;
    let operator = theatre.start_operator()?;
    create_namespace(theatre).await?;
    one_by_one(narrator, theatre, operator).await?;
    many(narrator, theatre, operator).await?;
    restart(theatre).await?;
    rotate(narrator, theatre).await
}

async fn create_namespace(theatre: &Theatre) -> Result<(), Failure> {
    let metadata = ObjectMeta { name: Some(NAMESPACE.into()), ..ObjectMeta::default() };
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
    // The first authority is made while the first identity waits.
    create(&identities, "warm-up".into()).await?;
    theatre.ready(NAMESPACE, "warm-up").await?;
    Narrator::say(&format!("resident memory of the operator with one identity: {}", resident(operator)?));
    let (_, offset) = theatre.requests_since(0)?;
    let mut times = Vec::new();
    for n in 0..SAMPLES {
        times.push(create_and_await(narrator, theatre, &format!("single-{n}")).await?);
    }
    Narrator::say(&percentiles(&mut times));
    count(theatre, offset, SAMPLES)
}

/// Creates an identity; returns how long its Secret took.
pub async fn create_and_await(
    narrator: &Narrator,
    theatre: &Theatre,
    name: &str,
) -> Result<Duration, Failure> {
    let client = theatre.client().await?;
    let started = narrator.clock();
    create(&Api::namespaced(client.clone(), NAMESPACE), name.to_owned()).await?;
    appears(Api::namespaced(client, NAMESPACE), &format!("{name}-mtls")).await?;
    let time = narrator.since(started);
    theatre.ready(NAMESPACE, name).await?;
    Ok(time)
}

/// What is typical of these times, and what is not.
pub fn percentiles(times: &mut [Duration]) -> String {
    times.sort_unstable();
    let last = times.len().saturating_sub(1);
    let at = |percent: usize| times.get(last * percent / 100).copied().unwrap_or_default().as_micros();
    format!("median {} µs, p90 {} µs, p99 {} µs", at(50), at(90), at(99))
}

async fn many(narrator: &mut Narrator, theatre: &Theatre, operator: u32) -> Result<(), Failure> {
    Narrator::scene(&format!("{MANY} identities, created {AT_ONCE} at a time"));
    let identities: Api<MtlsIdentity> = Api::namespaced(theatre.client().await?, NAMESPACE);
    let (_, offset) = theatre.requests_since(0)?;
    let cpu = cpu_ticks(operator)?;
    let started = narrator.clock();
    stream::iter(0..MANY)
        .map(|n| create(&identities, format!("many-{n}")))
        .buffer_unordered(AT_ONCE)
        .try_collect::<Vec<()>>()
        .await?;
    for n in 0..MANY {
        theatre.ready(NAMESPACE, &format!("many-{n}")).await?;
    }
    narrator.took("all of them are Ready", started);
    let spent = cpu_ticks(operator)?.saturating_sub(cpu) * 10_000 / u64::from(MANY);
    Narrator::say(&format!("CPU of the operator per issuance: {spent} µs"));
    let identities = MANY + SAMPLES + 1;
    Narrator::say(&format!(
        "resident memory of the operator with {identities} identities: {}",
        resident(operator)?
    ));
    count(theatre, offset, MANY)
}

async fn restart(theatre: &Theatre) -> Result<(), Failure> {
    Narrator::scene("The operator is killed and started again; nothing has changed");
    theatre.kill_operator()?;
    let (_, offset) = theatre.requests_since(0)?;
    let operator = theatre.start_operator()?;
    // One more identity shows that everything before it in the queue has been looked at.
    let identities: Api<MtlsIdentity> = Api::namespaced(theatre.client().await?, NAMESPACE);
    create(&identities, "last".into()).await?;
    theatre.ready(NAMESPACE, "last").await?;
    Narrator::say(&format!("resident memory of the operator now: {}", resident(operator)?));
    count(theatre, offset, 1)
}

async fn create(identities: &Api<MtlsIdentity>, name: String) -> Result<(), Failure> {
    let identity = MtlsIdentity::new(&name, MtlsIdentitySpec::default());
    identities.create(&PostParams::default(), &identity).await?;
    Ok(())
}

async fn appears(secrets: Api<Secret>, name: &str) -> Result<(), Failure> {
    let mut seen = watch_object(secrets, name).boxed();
    while let Some(secret) = seen.try_next().await? {
        if secret.is_some() {
            return Ok(());
        }
    }
    Err(format!("the watch of Secret {name} ended").into())
}

/// What the API server was asked for, by its audit log.
fn count(theatre: &Theatre, offset: u64, issuances: u16) -> Result<(), Failure> {
    count_for(theatre, offset, &format!("{issuances} issuances"))
}

/// The same, for whatever it was asked for.
pub fn count_for(theatre: &Theatre, offset: u64, what: &str) -> Result<(), Failure> {
    let (requests, _) = theatre.requests_since(offset)?;
    let is_leaf = |event: &&Event| event.namespace == NAMESPACE;
    let of = |verbs: &[&str], resource: &str| {
        requests
            .iter()
            .filter(is_leaf)
            .filter(|e| verbs.contains(&e.verb.as_str()) && e.resource == resource)
            .count()
    };
    let mutating = requests.iter().filter(is_leaf).filter(|event| event.is_mutating()).count();
    Narrator::say(&format!("mutating requests: {mutating} for {what}"));
    let (secrets, identities) = (of(&["get"], "secrets"), of(&["get"], "mtlsidentities"));
    Narrator::say(&format!("Secrets read: {secrets}; identities read: {identities}"));
    Ok(())
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
