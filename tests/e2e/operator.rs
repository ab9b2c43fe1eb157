//! The operator as the chart runs it: two replicas with the fewest rights.

use std::fs;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Pod;
use serde_json::Value;
use test_support::Failure;
use test_support::REPOSITORY;
use test_support::markdown::block;
use test_support::reporter::Reporter;
use test_support::shell::Shell;

use crate::cluster::{E2eCluster, SYSTEM};
use crate::cluster::{ensure, until};
use crate::manifests::namespace;
use crate::workloads::{is_ready, name, restarts, seconds};

/// The label of the chart's Pods.
pub const SELECTOR: &str = "app.kubernetes.io/name=mtls-operator";
/// The chart's replicas.
pub const REPLICAS: usize = 2;
/// User and group of the image, no capability, no way to one, and only the usual system calls.
const RIGHTS: [&str; 6] = [
    "Uid:\t65532\t65532\t65532\t65532",
    "Gid:\t65532\t65532\t65532\t65532",
    "CapEff:\t0000000000000000",
    "CapBnd:\t0000000000000000",
    "NoNewPrivs:\t1",
    "Seccomp:\t2",
];

/// Probes of endpoints are enabled.
pub const PROBES: &str = "endpointProbes.enabled=true";

/// Installs the chart, as its README says.
pub async fn install(reporter: &mut Reporter, cluster: &E2eCluster) -> Result<(), Failure> {
    Reporter::section("Install the chart with helm, in a namespace that only lets \"restricted\" Pods in");
    cluster.apply(&namespace(SYSTEM))?;
    let started = reporter.clock();
    // The first authority is one whose certificates live for minutes: see the workloads.
    helm(cluster, "install", &["authority.create=false", PROBES])?;
    ready(cluster).await?;
    reporter.took("two replicas are Ready", started);
    cluster.show(&["get", "pods", "-n", SYSTEM, "-o", "wide"])?;
    for pod in cluster.pods(SYSTEM, SELECTOR).await? {
        check_rights(&pod)?;
    }
    read_logs(cluster).await?;
    let (listens, leads) = start_up(cluster).await?;
    reporter.found("from the start of the operator's process to its admin port", &listens);
    reporter.found("the same, until it has taken the Lease and works", &leads);
    Reporter::say(
        "both run as user 65532 without any capability, and with seccomp; Pod security has let them in",
    );
    Ok(())
}

/// Reads the log of every replica, as the documents say.
async fn read_logs(cluster: &E2eCluster) -> Result<(), Failure> {
    let shell = Shell::new().ok_or("jq and make are needed")?;
    for commands in [
        block("docs/operations.md", "Logs", "kubectl -n mtls-system logs"),
        block("docs/runbooks.md", "First look", "kubectl -n mtls-system logs"),
    ] {
        let logs = shell.run_on(&cluster.installation.cluster, &commands)?;
        for pod in cluster.pods(SYSTEM, SELECTOR).await? {
            let says = |line: &str| line.starts_with(&format!("[pod/{}/", name(&pod)));
            ensure(logs.lines().any(says), || format!("there is no log of {}: {logs}", name(&pod)))?;
        }
    }
    Ok(())
}

/// `helm install` or `upgrade` of the chart with the built image, and these values.
pub fn helm(cluster: &E2eCluster, command: &str, values: &[&str]) -> Result<(), Failure> {
    let chart = format!("{REPOSITORY}/charts/mtls-operator");
    let mut arguments = vec![command, "mtls-operator", &chart, "-n", SYSTEM];
    // The API server of this cluster listens on a port that is not among the usual ones.
    let (_, port) =
        cluster.installation.cluster.url().rsplit_once(':').ok_or("the API server has no port")?;
    let ports = format!("networkPolicy.apiServer.ports={{443,{port}}}");
    let values: Vec<&str> =
        ["image.pullPolicy=Never", &ports].into_iter().chain(values.iter().copied()).collect();
    arguments.extend(values.iter().flat_map(|value| ["--set", value]));
    Reporter::say(&format!("$ helm {}", arguments.join(" ").replace(REPOSITORY, ".")));
    cluster.helm(&arguments).map(drop)
}

/// Waits until all replicas are Ready, and no others are left.
pub async fn ready(cluster: &E2eCluster) -> Result<(), Failure> {
    until("two replicas of the operator to be Ready", || async {
        let pods = cluster.pods(SYSTEM, SELECTOR).await?;
        Ok((pods.len() == REPLICAS && pods.iter().all(is_ready)).then_some(()))
    })
    .await
}

/// The process in the kernel's words: a user without rights and without a way to more.
fn check_rights(pod: &Pod) -> Result<(), Failure> {
    let process = process_of(pod).ok_or_else(|| format!("{} has no process here", name(pod)))?;
    let status = fs::read_to_string(format!("/proc/{process}/status"))?;
    for line in RIGHTS {
        let key = line.split('\t').next().unwrap_or_default();
        let found = status.lines().find(|found| found.split('\t').next() == Some(key)).unwrap_or_default();
        ensure(found == line, || format!("{}: {found:?} instead of {line:?}", name(pod)))?;
    }
    ensure(restarts(pod) == 0, || format!("{} was restarted", name(pod)))
}

/// How long the replica that works took from the start of its process.
async fn start_up(cluster: &E2eCluster) -> Result<(String, String), Failure> {
    let leader = leader(cluster)?;
    let pods = cluster.pods(SYSTEM, SELECTOR).await?;
    let pod = pods.iter().find(|pod| name(pod) == leader).ok_or("the replica that leads has no Pod")?;
    let started = process_of(pod)
        .and_then(|process| started(process, cluster.clock.now()))
        .ok_or("the replica that leads has no process")?;
    let log = cluster.kubectl(&["logs", &leader, "-n", SYSTEM])?;
    let events: Vec<Value> = log.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let after = |said: &str| {
        let event =
            events.iter().find(|event| event["message"].as_str().is_some_and(|text| text.contains(said)));
        let moment: Timestamp = event?["timestamp"].as_str()?.parse().ok()?;
        u64::try_from(moment.as_millisecond() - started).ok().map(seconds)
    };
    let said = after("admin server listens").zip(after("this replica leads"));
    said.ok_or_else(|| "the log does not tell when it began to work".into())
}

/// When a process was started, in milliseconds since 1970.
fn started(process: u32, now: Timestamp) -> Option<i64> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // Behind the name, in which anything may stand; in hundredths of a second since the machine was started.
    let started: i64 = stat.rsplit_once(')')?.1.split_whitespace().nth(19)?.parse().ok()?;
    let uptime = fs::read_to_string("/proc/uptime").ok()?;
    let uptime: i64 = uptime.split_whitespace().next()?.replace('.', "").parse().ok()?;
    Some(now.as_millisecond() - (uptime - started) * 10)
}

/// The operator's process in a Pod, by the Pod's control group.
pub fn process_of(pod: &Pod) -> Option<u32> {
    let uid = pod.metadata.uid.as_ref()?;
    let processes = fs::read_dir("/proc").ok()?.flatten();
    let mut pids = processes.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    pids.find(|pid| {
        let read = |file: &str| fs::read_to_string(format!("/proc/{pid}/{file}")).unwrap_or_default();
        read("cgroup").contains(uid.as_str()) && read("cmdline").starts_with("/mtls-operator\0")
    })
}

/// The Pod that leads; empty while there is none.
pub fn leader(cluster: &E2eCluster) -> Result<String, Failure> {
    Ok(holder(cluster)?.split('_').next().unwrap_or_default().to_owned())
}

/// The process that leads, as the Lease names it.
pub fn holder(cluster: &E2eCluster) -> Result<String, Failure> {
    cluster.kubectl(&["get", "lease", "mtls-operator", "-n", SYSTEM, "-o", "jsonpath={.spec.holderIdentity}"])
}
