//! Probes of real Pods: those that never load a renewed certificate are found, a rotation waits for them, and servers that
//! accept untrusted clients are found, too.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use mtls_operator::api::MtlsIdentity;
use mtls_operator::api::authority::{Phase, RootRole, RotationStatus, WaitingFor};
use mtls_operator::api::conditions::SERVING;
use serde_json::json;
use test_support::Failure;
use test_support::reporter::Reporter;

use crate::cluster::E2eCluster;
use crate::cluster::{PATIENCE, ensure, until};
use crate::lifecycle::renew_all;
use crate::manifests::{deployment, identity, mount_singly, namespace, pod_spec, service};
use crate::policy::talk_to_pods_only;
use crate::workloads::name;

/// The namespace of these Pods, and the name of their own authority, so that no other rotation waits for them.
const WATCHED: &str = "watched";
/// How long they may take to load what has changed.
const PROPAGATION: jiff::SignedDuration = jiff::SignedDuration::from_secs(10);
const AUTHORITY: &str = "
apiVersion: mtls-operator.dev/v1alpha1
kind: MtlsAuthority
metadata: {name: watched}
spec:
  leaf: {ttl: 1h, maxTTL: 1h}
  rotation: {propagation: 10s, spreadOver: 0s}
";

/// Loads every change, and accepts clients of the mesh only.
const GOOD: &str = "good";
/// Mounts its files by `subPath`, so that they never change.
const SINGLE: &str = "single-files";
/// Loads its files once.
const NEVER_RELOADS: &str = "never-reloads";
/// Accepts every client.
const OPEN: &str = "open";
const SERVERS: [(&str, &[&str]); 4] = [
    (GOOD, &["serve"]),
    (SINGLE, &["serve"]),
    (NEVER_RELOADS, &["serve", "--never-reload"]),
    (OPEN, &["serve", "--accept-any-client"]),
];

/// The whole section.
pub async fn run(reporter: &mut Reporter, cluster: &E2eCluster) -> Result<(), Failure> {
    start(reporter, cluster).await?;
    renew(reporter, cluster).await?;
    announce(cluster).await?;
    release(reporter, cluster).await?;
    cluster.kubectl(&["delete", "namespace", WATCHED, "--wait=false"]).map(drop)
}

/// At first only one of them shows a fault.
async fn start(reporter: &mut Reporter, cluster: &E2eCluster) -> Result<(), Failure> {
    Reporter::section("The operator probes what Pods really serve");
    cluster.apply(AUTHORITY)?;
    cluster.apply(&cast())?;
    let started = reporter.clock();
    serve(
        cluster,
        &[(GOOD, "ServesAsIssued"), (SINGLE, "ServesAsIssued"), (NEVER_RELOADS, "ServesAsIssued")],
    )
    .await?;
    serve(cluster, &[(OPEN, "AcceptsStrangers")]).await?;
    reporter.took("from `kubectl apply` of four servers until the operator has probed each", started);
    tell(cluster).await
}

/// After a renewal those are found that have not loaded it.
async fn renew(reporter: &mut Reporter, cluster: &E2eCluster) -> Result<(), Failure> {
    Reporter::section("Their certificates are renewed: which of them still serve the old one?");
    let started = reporter.clock();
    renew_all(cluster, &[WATCHED], "watched").await?;
    serve(cluster, &[(SINGLE, "ServesOldLeaf"), (NEVER_RELOADS, "ServesOldLeaf")]).await?;
    reporter.took(
        "from a renewal until Pods that serve the old certificate are found (propagation 10 s)",
        started,
    );
    serve(cluster, &[(GOOD, "ServesAsIssued"), (OPEN, "AcceptsStrangers")]).await?;
    for stuck in [SINGLE, NEVER_RELOADS] {
        shown_is_loaded(cluster, stuck).await?;
    }
    tell(cluster).await
}

/// What status says that a Pod serves is the one version that it has loaded; another Pod has loaded the new one.
async fn shown_is_loaded(cluster: &E2eCluster, stuck: &str) -> Result<(), Failure> {
    let status = cluster.identity(WATCHED, stuck).await?.status.unwrap_or_default();
    let served = status.served.unwrap_or_default();
    let shown: Vec<_> = served.differing.iter().filter_map(|one| one.serial.clone()).collect();
    let loaded = loaded(cluster, stuck).await?;
    ensure(shown == loaded && loaded.len() == 1, || {
        format!("{stuck} has loaded {loaded:?}; status says that it serves {shown:?}")
    })?;
    ensure(status.serial.as_ref() != loaded.first(), || format!("{stuck} was not renewed"))?;
    let good = self::loaded(cluster, GOOD).await?;
    ensure(good.len() > 1, || format!("{GOOD} has not loaded what was renewed: {good:?}"))?;
    Reporter::say(&format!("{stuck} has loaded 1 version of its Secret, {GOOD} {}", good.len()));
    Ok(())
}

/// Serials of the certificates that a Pod has loaded.
async fn loaded(cluster: &E2eCluster, app: &str) -> Result<Vec<String>, Failure> {
    let pod = cluster.pods(WATCHED, &format!("app={app}")).await?.pop().ok_or("a server has no Pod")?;
    let mut loaded = cluster.pod_log(WATCHED, &name(&pod)).await?.loaded();
    loaded.dedup_by(|later, earlier| later.state.leaf.serial == earlier.state.leaf.serial);
    Ok(loaded.into_iter().map(|one| one.state.leaf.serial).collect())
}

/// A root is announced; those that do not load it hold it up for as long as they are there.
async fn announce(cluster: &E2eCluster) -> Result<(), Failure> {
    Reporter::section("A root is announced, which two of them do not load: they hold it up");
    cluster.kubectl(&["annotate", "mtlsauthority", WATCHED, "mtls-operator.dev/rotate=watched"])?;
    waits_for(cluster, &[SINGLE, NEVER_RELOADS]).await?;
    until("both to be reported", || async {
        let distrusts = |served: &str| served.contains("do not trust the next root");
        let said = said(cluster).await?;
        Ok([SINGLE, NEVER_RELOADS]
            .iter()
            .all(|app| said.get(*app).is_some_and(|(_, said)| distrusts(said)))
            .then_some(()))
    })
    .await?;
    talk_to_pods_only(cluster).await?;
    let since = cluster.authority(WATCHED).await?.status;
    let since = since.and_then(|status| status.rotation?.phase_time);
    let since = since.ok_or("the authority does not say since when")?.0;
    // Three times as long as a root waits when every Pod is ready: that something does not happen can only be seen in time.
    cluster.clock.sleep_until(since + PROPAGATION * 3, PATIENCE).await;
    let waiting = waiting(cluster, Phase::Announced).await?.ok_or("nothing holds the root up")?;
    let is_endpoints = |one: &WaitingFor| (one.kind.as_str(), one.count) == ("Endpoint", 2);
    ensure(matches!(&*waiting.waiting_for, [one] if is_endpoints(one)), || {
        format!("it waits for {waiting:?}")
    })?;
    Reporter::say(
        "every Secret carries it, and for three times as long as it would have to it does not sign",
    );
    tell(cluster).await?;
    let path = "jsonpath={.status.rotation.phase}: {.status.rotation.waitingFor}{\"\\n\"}";
    cluster.show(&["get", "mtlsauthority", WATCHED, "-o", path])
}

/// One is excluded, the other restarted: the root signs.
async fn release(reporter: &mut Reporter, cluster: &E2eCluster) -> Result<(), Failure> {
    Reporter::section("One of them is excluded, the other is started again");
    let exclude = format!("mtls-operator.dev/rotation-exclude={WATCHED}/{SINGLE}");
    cluster.show(&["annotate", "mtlsauthority", WATCHED, &exclude])?;
    waits_for(cluster, &[NEVER_RELOADS]).await?;
    let waiting = waiting(cluster, Phase::Announced).await?.ok_or("nothing holds the root up")?;
    ensure(waiting.excluded == [format!("{WATCHED}/{SINGLE}")], || format!("it waits for {waiting:?}"))?;
    Reporter::say(&format!("{SINGLE} is excluded; {NEVER_RELOADS} still holds it up"));
    let started = reporter.clock();
    cluster.show(&["rollout", "restart", "deployment", NEVER_RELOADS, "-n", WATCHED])?;
    until("the announced root to sign", || async {
        let status = cluster.authority(WATCHED).await?.status.unwrap_or_default();
        Ok((status.phase() == Some(Phase::Draining)).then_some(()))
    })
    .await?;
    reporter.took("from the restart until the announced root signs", started);
    until("the good one to serve a certificate of the new root", || async {
        let roots = cluster.authority(WATCHED).await?.status.unwrap_or_default().roots;
        let signing = roots.into_iter().find(|root| root.role == RootRole::Signing.as_str());
        let good = cluster.identity(WATCHED, GOOD).await?;
        let is_new = good.status.as_ref().and_then(|status| status.authority_key_id.clone());
        let is_well = serving(&good).is_some_and(|serving| serving.reason == "ServesAsIssued");
        Ok((is_well && is_new == signing.map(|root| root.key_id)).then_some(()))
    })
    .await?;
    Reporter::say("the good one has a certificate of the new root, and serves as issued");
    Ok(())
}

/// Waits until the announced root waits for the Pods of these, and for nothing else.
async fn waits_for(cluster: &E2eCluster, apps: &[&str]) -> Result<(), Failure> {
    until(&format!("the announced root to wait for {apps:?}"), || async {
        let Some(waiting) = waiting(cluster, Phase::Announced).await? else { return Ok(None) };
        let is_one = |name: &String| apps.iter().any(|app| name.starts_with(&format!("{WATCHED}/{app} ")));
        let endpoints = waiting.waiting_for.iter().find(|one| one.kind == "Endpoint");
        let names = endpoints.map(|one| one.first.as_slice()).unwrap_or_default();
        Ok((names.len() == apps.len() && names.iter().all(is_one)).then_some(()))
    })
    .await
}

async fn waiting(cluster: &E2eCluster, phase: Phase) -> Result<Option<RotationStatus>, Failure> {
    let status = cluster.authority(WATCHED).await?.status.unwrap_or_default();
    let is_there = status.phase() == Some(phase);
    let rotation = status.rotation.filter(|_| is_there);
    Ok(rotation.filter(|rotation| !rotation.waiting_for.is_empty() || !rotation.excluded.is_empty()))
}

/// Waits until the operator says this of them.
async fn serve(cluster: &E2eCluster, expected: &[(&str, &str)]) -> Result<(), Failure> {
    until(&format!("the operator to see that {expected:?}"), || async {
        let said = said(cluster).await?;
        let is_so = |(app, reason): &(&str, &str)| said.get(*app).is_some_and(|(said, _)| said == reason);
        Ok(expected.iter().all(is_so).then_some(()))
    })
    .await
}

/// Reason and message of the condition `Serving`.
async fn said(cluster: &E2eCluster) -> Result<BTreeMap<String, (String, String)>, Failure> {
    let identities = cluster.identities().await?.into_iter();
    let watched = identities.filter(|identity| identity.metadata.namespace.as_deref() == Some(WATCHED));
    let said = watched.filter_map(|identity| {
        let serving = serving(&identity)?;
        Some((identity.metadata.name?, (serving.reason, serving.message)))
    });
    Ok(said.collect())
}

/// What the operator says of the servers of an identity.
pub fn serving(identity: &MtlsIdentity) -> Option<Condition> {
    let conditions = identity.status.iter().flat_map(|status| &status.conditions);
    conditions.into_iter().find(|condition| condition.type_ == SERVING).cloned()
}

async fn tell(cluster: &E2eCluster) -> Result<(), Failure> {
    for (app, (reason, message)) in said(cluster).await? {
        Reporter::say(&format!("{app}: {reason}: {message}"));
    }
    Ok(())
}

fn cast() -> String {
    let actors = SERVERS.map(|(app, arguments)| {
        let arguments: Vec<String> =
            arguments.iter().copied().chain(["--look-every=50"]).map(str::to_owned).collect();
        let mut pod = pod_spec(&format!("{app}-mtls"), &arguments);
        if app == SINGLE {
            mount_singly(&mut pod);
        }
        [
            identity(
                WATCHED,
                app,
                &json!({ "authorityRef": { "name": WATCHED }, "probes": [{ "name": "tls", "serviceName": app, "targetPort": 8443 }] }),
            ),
            service(WATCHED, app),
            deployment(WATCHED, app, 1, &json!({ "app": app }), &pod),
        ]
        .join("---\n")
    });
    [namespace(WATCHED)].into_iter().chain(actors).collect::<Vec<_>>().join("---\n")
}
