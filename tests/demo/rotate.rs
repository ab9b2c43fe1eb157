//! `make bench`: what a rotation of the root costs, prompt and spread over a lifetime, from the request to the last
//! bundle without the former root; and what a new identity notices of it. Counts are asserted, times are told.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures::{StreamExt as _, TryStreamExt as _, stream};
use k8s_openapi::api::core::v1::Secret;
use kube::api::{Api, ListParams, Patch, PatchParams};
use mtls_operator::api::authority::Phase;
use mtls_operator::api::names::{annotation, label};
use mtls_operator::api::{MtlsAuthority, MtlsIdentity, MtlsIdentitySpec};
use serde_json::{Value, json};

use crate::Failure;
use crate::account::{Account, Balance, Figures};
use crate::measure::{AT_ONCE, create, create_and_await, create_namespace, percentile, percentiles};
use crate::narrator::Narrator;
use crate::theatre::Theatre;

const FLEET: &str = "fleet";
const NEWCOMERS: &str = "newcomers";
const IDENTITIES: usize = 2000;
/// Lifetime of every certificate of the fleet: so short that the former root can be dropped while we watch.
const LIFETIME: Duration = Duration::from_mins(3);
/// A certificate is renewed when a third of its life is left, less a jitter of up to a tenth.
const SHORTEST_PERIOD: Duration = Duration::from_secs(LIFETIME.as_secs() * 17 / 30);
/// Newcomers in the quiet case.
const QUIET: usize = 200;
/// From one newcomer to the next.
const PACE: Duration = Duration::from_millis(100);
/// What a prompt rotation may cost: a Secret and a status for each of its three steps.
const PROMPT_WRITES: usize = 6;

const APPLY: &str = "
apiVersion: mtls-operator.dev/v1alpha1
kind: MtlsAuthority
metadata: {name: fleet}
spec:
  root: {ttl: 1h}
  leaf: {ttl: 3m, maxTTL: 3m}
  rotation: {propagation: 10s, spreadOver: 0s}
";

/// Rotates the root of a fleet twice: at once, and with the renewals.
pub async fn rotate(narrator: &mut Narrator, theatre: &Theatre) -> Result<(), Failure> {
    muster(narrator, theatre).await?;
    let mut quiet = Newcomers::default();
    for _ in 0..QUIET {
        quiet.take_one(narrator, theatre).await?;
    }
    Narrator::say(&format!(
        "{QUIET} new identities meanwhile, to their Secret: {}",
        percentiles(&mut quiet.times)
    ));
    let mut meanwhile = prompt(narrator, theatre).await?;
    let (before, during) = (percentile(&mut quiet.times, 99), percentile(&mut meanwhile, 99));
    let ratio = 100 * during.as_micros() / before.as_micros().max(1);
    Narrator::say(&format!(
        "p99 against the quiet case: {}.{:02} times (the aim is 2)",
        ratio / 100,
        ratio % 100
    ));
    spread(narrator, theatre).await
}

/// The fleet, and its newest certificates in force.
async fn muster(narrator: &mut Narrator, theatre: &Theatre) -> Result<(), Failure> {
    Narrator::scene(&format!(
        "{IDENTITIES} identities with certificates of three minutes, renewed all the time"
    ));
    theatre.apply(APPLY)?;
    create_namespace(theatre, FLEET).await?;
    create_namespace(theatre, NEWCOMERS).await?;
    let identities: Api<MtlsIdentity> = Api::namespaced(theatre.client().await?, FLEET);
    let started = narrator.clock();
    let spec = MtlsIdentitySpec { authority: FLEET.into(), ..MtlsIdentitySpec::default() };
    stream::iter(0..IDENTITIES)
        .map(|n| create(&identities, format!("member-{n}"), spec.clone()))
        .buffer_unordered(AT_ONCE)
        .try_collect::<Vec<()>>()
        .await?;
    theatre.all_ready(FLEET, IDENTITIES).await?;
    narrator.took(&format!("{IDENTITIES} identities are Ready"), started);
    Ok(())
}

/// New identities of the authority that does not rotate.
#[derive(Default)]
struct Newcomers {
    count: usize,
    times: Vec<Duration>,
}

impl Newcomers {
    async fn take_one(&mut self, narrator: &Narrator, theatre: &Theatre) -> Result<(), Failure> {
        // Names of both series must differ.
        let name = format!("newcomer-{:x}", narrator.clock().as_micros());
        self.times.push(create_and_await(narrator, theatre, NEWCOMERS, &name).await?);
        self.count += 1;
        tokio::time::sleep(PACE).await;
        Ok(())
    }
}

/// A rotation at once; returns how long new identities took while the fleet was being written.
async fn prompt(narrator: &mut Narrator, theatre: &Theatre) -> Result<Vec<Duration>, Failure> {
    Narrator::scene(&format!(
        "The root of {IDENTITIES} identities rotates at once: spreadOver 0s, propagation 10s"
    ));
    let mut newcomers = Newcomers::default();
    let cost = rotation(narrator, theatre, "at once", &mut newcomers).await?;
    Narrator::say(&format!(
        "{} new identities while the fleet was written, to their Secret: {}",
        newcomers.count,
        percentiles(&mut newcomers.times)
    ));
    cost.tell();
    cost.ensure_renewals_were_due()?;
    let is_within = cost.beyond_renewals() <= PROMPT_WRITES * IDENTITIES;
    ensure(is_within, "a prompt rotation costs more than 6 writes an identity")?;
    ensure(cost.rotated <= IDENTITIES, "an identity was issued anew twice for one rotation")?;
    Ok(newcomers.times)
}

/// A rotation in which each step rides on the renewals.
async fn spread(narrator: &mut Narrator, theatre: &Theatre) -> Result<(), Failure> {
    Narrator::scene(&format!(
        "The root of {IDENTITIES} identities rotates with their renewals: spreadOver 3m"
    ));
    let spread = json!({ "spec": { "rotation": { "spreadOver": "3m" } } });
    patch(theatre, spread).await?;
    let cost = rotation(narrator, theatre, "with the renewals", &mut Newcomers::default()).await?;
    cost.tell();
    cost.ensure_renewals_were_due()?;
    let is_free = cost.beyond_renewals() + cost.rotated + cost.refreshed == 0;
    ensure(is_free, "a rotation that is spread over a lifetime costs writes of its own")
}

/// What a rotation has cost, renewals that fell due meanwhile included.
struct Cost {
    balance: Balance,
    took: Duration,
    /// Certificates that were issued because they were due.
    due: usize,
    /// Certificates that were issued because their signer is retiring.
    rotated: usize,
    /// Secrets that were written without a new certificate.
    refreshed: usize,
}

impl Cost {
    fn between(before: &Figures, after: &Figures, balance: Balance, took: Duration) -> Self {
        let issued = |because| after.issued(because) - before.issued(because);
        let refreshed = after.refreshed() - before.refreshed();
        Self { balance, took, due: issued("Due"), rotated: issued("Rotated"), refreshed }
    }

    fn beyond_renewals(&self) -> usize {
        self.balance.writes(FLEET).saturating_sub(2 * self.due)
    }

    fn tell(&self) {
        let Self { due, rotated, refreshed, .. } = self;
        Narrator::say(&format!("mutating requests for the fleet: {}", self.balance.writes(FLEET)));
        self.balance.tell(FLEET);
        Narrator::say(&format!(
            "certificates issued: {due} that were due, {rotated} for the rotation; bundles written alone: {refreshed}"
        ));
        let (beyond, tenths) = (self.beyond_renewals(), 10 * self.beyond_renewals() / IDENTITIES);
        Narrator::say(&format!(
            "beyond two for each renewal that fell due: {beyond}, {}.{} an identity",
            tenths / 10,
            tenths % 10
        ));
    }

    /// What the operator calls due must have been due.
    fn ensure_renewals_were_due(&self) -> Result<(), Failure> {
        let periods = usize::try_from(self.took.as_secs() / SHORTEST_PERIOD.as_secs())? + 1;
        ensure(self.due <= periods * IDENTITIES, "certificates were renewed before they were due")
    }
}

fn ensure(is_so: bool, otherwise: &str) -> Result<(), Failure> {
    if is_so { Ok(()) } else { Err(otherwise.into()) }
}

/// One rotation, from the request until no bundle holds the former root. While the fleet is being written beyond its
/// renewals, newcomers come.
async fn rotation(
    narrator: &mut Narrator,
    theatre: &Theatre,
    request: &str,
    newcomers: &mut Newcomers,
) -> Result<Cost, Failure> {
    let former = fleet(theatre).await?.0;
    let (account, before) = (Account::open(theatre)?, Figures::of(theatre).await?);
    let started = narrator.clock();
    patch(theatre, json!({ "metadata": { "annotations": { annotation::ROTATE: request } } })).await?;
    for (phase, what) in [
        (Phase::Announced, "the next root is announced"),
        (Phase::Draining, "every Secret has carried both roots for 10 s, and the next one signs"),
        (
            Phase::Stable,
            "the last certificate of the former root can have expired, and none was seen for 10 s",
        ),
    ] {
        while !is_in(theatre, phase).await? {
            while is_being_written(theatre).await? {
                newcomers.take_one(narrator, theatre).await?;
            }
            tokio::time::sleep(PACE).await;
        }
        narrator.took(&format!("{request}: {what}"), started);
    }
    loop {
        while is_being_written(theatre).await? {
            newcomers.take_one(narrator, theatre).await?;
        }
        let (signers, bundles) = fleet(theatre).await?;
        if bundles.len() == 1 && signers.is_disjoint(&former) {
            break;
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    narrator.took(&format!("{request}: no bundle holds the former root"), started);
    let (balance, after) = (account.balance(theatre)?, Figures::of(theatre).await?);
    Ok(Cost::between(&before, &after, balance, narrator.since(started)))
}

async fn is_in(theatre: &Theatre, phase: Phase) -> Result<bool, Failure> {
    let authorities: Api<MtlsAuthority> = Api::all(theatre.client().await?);
    Ok(authorities.get(FLEET).await?.status.and_then(|status| status.phase) == Some(phase))
}

async fn is_being_written(theatre: &Theatre) -> Result<bool, Failure> {
    Ok(Figures::of(theatre).await?.get("mtls_operator_queue_depth{class=\"Background\"}") > 0)
}

async fn patch(theatre: &Theatre, patch: Value) -> Result<(), Failure> {
    let authorities: Api<MtlsAuthority> = Api::all(theatre.client().await?);
    authorities.patch(FLEET, &PatchParams::default(), &Patch::Merge(patch)).await?;
    Ok(())
}

/// Who signed the certificates of the fleet, and which bundles lie beside them, by what the Secrets say of it.
async fn fleet(theatre: &Theatre) -> Result<(BTreeSet<String>, BTreeSet<String>), Failure> {
    let secrets: Api<Secret> = Api::namespaced(theatre.client().await?, FLEET);
    let labels = format!("{}={}", label::MANAGED_BY, label::MANAGER);
    let list = secrets.list_metadata(&ListParams::default().labels(&labels)).await?;
    ensure(list.items.len() == IDENTITIES, "a Secret of the fleet is missing")?;
    let of = |notes: &BTreeMap<String, String>, key: &str| notes.get(key).cloned().unwrap_or_default();
    let notes = list.items.into_iter().filter_map(|secret| secret.metadata.annotations);
    Ok(notes.map(|notes| (of(&notes, annotation::AUTHORITY_KEY_ID), of(&notes, annotation::TRUST))).unzip())
}
