//! The workloads: client and server of example 02, and a ring of programs that all connect to each other. In the example's
//! Pods a peer takes the place of proxy and application; everything else is as in the example.

use std::fs;

use k8s_openapi::api::core::v1::Pod;
use mtls_operator::api::MtlsIdentity;
use serde::Deserialize as _;
use serde_json::{Value, json};
use test_support::Failure;
use test_support::REPOSITORY;
use test_support::reporter::Reporter;

use crate::cluster::E2eCluster;
use crate::cluster::{ensure, until};
use crate::manifests::{deployment, identity, image, lone_pod, namespace, pod_spec, service};

/// Members of the ring; the last has two replicas.
pub const RING: [&str; 3] = ["north", "east", "west"];
/// Namespaces of the workloads that shake hands all the time.
pub const NAMESPACES: [&str; 2] = ["shop", "ring"];
/// Those Pods of them that are there all the time.
pub const WORKLOAD_PODS: &str = "workload=true";

/// An authority as the chart makes it, but with certificates so short that many renewals fall into a few minutes. It is
/// so from its start, since a rotation waits for the longest certificate that its root may ever have signed.
const MESH: &str = "
apiVersion: mtls-operator.dev/v1alpha1
kind: MtlsAuthority
metadata: {name: mesh}
spec:
  leaf: {ttl: 3m, maxTTL: 3m}
  rotation: {propagation: 10s, spreadOver: 0s}
";

/// Applies everything, and measures how long it takes to the first handshake.
pub async fn settle(reporter: &mut Reporter, cluster: &E2eCluster) -> Result<(), Failure> {
    Reporter::section("Workloads: example 02, and a ring of programs that all connect to each other");
    cluster.apply(MESH)?;
    Reporter::say("authority mesh gives certificates of 3 minutes (propagation 10s, spreadOver 0s)");
    cluster.kubectl(&["wait", "mtlsauthority/mesh", "--for=condition=Ready", "--timeout=120s"])?;
    cluster.show(&["get", "mtlsauthorities"])?;
    early_bird(reporter, cluster).await?;
    let started = reporter.clock();
    let applied = cluster.clock.now().as_millisecond();
    cluster.apply(&example()?)?;
    let first = until("the first handshake of example 02", || first_handshake(cluster)).await?;
    let took = u64::try_from(i64::try_from(first)? - applied)?;
    reporter.found("from `kubectl apply` of identity and Deployment to the first handshake", &seconds(took));
    cluster.apply(&ring())?;
    until("all workload Pods to be Ready", || async {
        let pods = workload_pods(cluster).await?;
        Ok((pods.len() == RING.len() + 3 && pods.iter().all(|(_, pod)| is_ready(pod))).then_some(()))
    })
    .await?;
    reporter.took("all of them run and are Ready, under Pod security \"restricted\"", started);
    cluster.show(&["get", "pods", "-A", "-l", WORKLOAD_PODS, "-o", "wide"])?;
    cluster.show(&["get", "mtlsidentities", "-A"])
}

async fn first_handshake(cluster: &E2eCluster) -> Result<Option<u64>, Failure> {
    let Some(pod) = cluster.pods("shop", "app=client").await?.pop() else { return Ok(None) };
    // Until the container has started there is no log.
    let Ok(pod_log) = cluster.pod_log("shop", &name(&pod)).await else { return Ok(None) };
    Ok(pod_log.tallies().values().find_map(|tally| tally.first_granted))
}

/// A Pod whose identity comes later: it waits for its Secret, and then runs.
async fn early_bird(reporter: &mut Reporter, cluster: &E2eCluster) -> Result<(), Failure> {
    cluster.apply(&namespace("ring"))?;
    cluster.apply(&lone_pod("early", "early-mtls", &["serve"]).to_string())?;
    until("the kubelet to say that the Secret is missing", || async {
        let events =
            cluster.kubectl(&["get", "events", "-n", "ring", "--field-selector=reason=FailedMount"])?;
        Ok(events.contains("secret \"early-mtls\" not found").then_some(()))
    })
    .await?;
    let pod = cluster.pods("ring", "app=early").await?.pop().ok_or("the Pod has gone")?;
    ensure(!is_ready(&pod), || "a Pod runs without its Secret".into())?;
    let started = reporter.clock();
    cluster.apply(&identity("ring", "early", &json!({})))?;
    until("the early Pod to run", || async {
        Ok(cluster.pods("ring", "app=early").await?.first().is_some_and(is_ready).then_some(()))
    })
    .await?;
    reporter.took("a Pod that was there before its identity waited for it, and runs", started);
    cluster.kubectl(&["delete", "pod", "early", "-n", "ring", "--wait=false"])?;
    cluster.kubectl(&["delete", "mtlsidentity", "early", "-n", "ring"]).map(drop)
}

/// Pods that shake hands all the time, with their namespaces.
pub async fn workload_pods(cluster: &E2eCluster) -> Result<Vec<(&'static str, Pod)>, Failure> {
    let mut pods = Vec::new();
    for namespace in NAMESPACES {
        pods.extend(cluster.pods(namespace, WORKLOAD_PODS).await?.into_iter().map(|pod| (namespace, pod)));
    }
    Ok(pods)
}

/// Whether an identity is that of workload Pods.
pub fn is_of_workload(identity: &MtlsIdentity) -> bool {
    NAMESPACES.contains(&identity.metadata.namespace.as_deref().unwrap_or_default())
}

pub fn name(pod: &Pod) -> String {
    pod.metadata.name.clone().unwrap_or_default()
}

pub fn is_ready(pod: &Pod) -> bool {
    let conditions = pod.status.as_ref().and_then(|status| status.conditions.as_ref());
    conditions.is_some_and(|all| all.iter().any(|one| one.type_ == "Ready" && one.status == "True"))
}

/// How often its containers were started again.
pub fn restarts(pod: &Pod) -> i32 {
    let statuses = pod.status.as_ref().and_then(|status| status.container_statuses.as_ref());
    statuses.into_iter().flatten().map(|status| status.restart_count).sum()
}

/// The Secret that a workload Pod mounts.
pub fn secret_of(pod: &Pod) -> Option<String> {
    let volumes = pod.spec.as_ref()?.volumes.as_ref()?;
    volumes.iter().find_map(|volume| volume.secret.as_ref()?.secret_name.clone())
}

pub fn seconds(milliseconds: u64) -> String {
    format!("{}.{:02} s", milliseconds / 1000, milliseconds % 1000 / 10)
}

/// Example 02, with a peer in place of its containers.
fn example() -> Result<String, Failure> {
    let text = fs::read_to_string(format!("{REPOSITORY}/deploy/examples/02-client-and-server.yaml"))?;
    let documents = serde_norway::Deserializer::from_str(&text);
    let mut objects = vec![namespace("shop")];
    for document in documents {
        let mut object = Value::deserialize(document)?;
        match object["kind"].as_str() {
            // The manifest of the test is stricter.
            Some("Namespace") => continue,
            Some("Deployment") => recast(&mut object)?,
            _ => {}
        }
        objects.push(format!("{object}\n"));
    }
    Ok(objects.join("---\n"))
}

/// Puts a peer into a Deployment that does what its proxy would do, with the same mounts and rights.
fn recast(deployment: &mut Value) -> Result<(), Failure> {
    let template = &mut deployment["spec"]["template"];
    template["metadata"]["labels"]["workload"] = json!("true");
    let proxy = template["spec"]["containers"][0].clone();
    let flag = |name: &str| {
        let flags = proxy["args"].as_array().into_iter().flatten().filter_map(Value::as_str);
        flags.into_iter().find_map(|flag| flag.strip_prefix(name)).map(str::to_owned)
    };
    let arguments = match (flag("--allow-uri="), flag("--target="), flag("--verify-uri=")) {
        (Some(who), ..) => vec!["serve".to_owned(), format!("--allow={who}")],
        (None, Some(target), Some(who)) => vec!["dial".to_owned(), format!("--peer={target}={who}")],
        _ => return Err("example 02 has changed: neither server nor client".into()),
    };
    template["spec"]["containers"] = json!([{
        "name": "peer", "image": image(), "imagePullPolicy": "Never",
        "args": arguments.into_iter().chain(["--look-every=50".into()]).collect::<Vec<_>>(),
        "securityContext": proxy["securityContext"], "volumeMounts": proxy["volumeMounts"],
    }]);
    Ok(())
}

fn ring() -> String {
    let members = RING.iter().enumerate().map(|(place, member)| {
        let others =
            RING.iter().filter(|other| *other != member).map(|other| format!("--peer={}", target(other)));
        let mut arguments = vec!["serve".to_owned(), "--every=200".into(), "--look-every=50".into()];
        arguments.extend(others);
        let replicas = if place + 1 == RING.len() { 2 } else { 1 };
        let labels = json!({ "app": member, "workload": "true" });
        let spec = pod_spec(&format!("{member}-mtls"), &arguments);
        [
            identity(
                "ring",
                member,
                &json!({ "probes": [{ "name": "tls", "serviceName": member, "targetPort": 8443 }] }),
            ),
            service("ring", member),
            deployment("ring", member, replicas, &labels, &spec),
        ]
        .join("---\n")
    });
    members.collect::<Vec<_>>().join("---\n")
}

/// The target to dial for a member of the ring: address and SPIFFE ID.
pub fn target(member: &str) -> String {
    format!("{member}.ring.svc:8443=spiffe://cluster.local/ns/ring/sa/{member}")
}
