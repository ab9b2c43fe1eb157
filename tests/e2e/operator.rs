//! The operator as the chart runs it: two replicas with the fewest rights, that talk to nobody but the policy's peers.

use std::collections::BTreeSet;
use std::fs;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Pod;
use serde_json::Value;

use crate::Failure;
use crate::narrator::Narrator;
use crate::town::{HERE, SYSTEM, Town};
use crate::waiting::{ensure, until};
use crate::workloads::{is_ready, name, namespace, restarts, seconds};

/// How the chart names its Pods.
pub const SELECTOR: &str = "app.kubernetes.io/name=mtls-operator";
/// The chart's replicas.
const REPLICAS: usize = 2;
/// User and group of the image, no capability, no way to one, and only the usual system calls.
const RIGHTS: [&str; 6] = [
    "Uid:\t65532\t65532\t65532\t65532",
    "Gid:\t65532\t65532\t65532\t65532",
    "CapEff:\t0000000000000000",
    "CapBnd:\t0000000000000000",
    "NoNewPrivs:\t1",
    "Seccomp:\t2",
];

/// Installs the chart, as its README says.
pub async fn install(narrator: &mut Narrator, town: &Town) -> Result<(), Failure> {
    Narrator::scene("Install the chart with helm, in a namespace that only lets \"restricted\" Pods in");
    town.apply(&namespace(SYSTEM))?;
    let started = narrator.clock();
    // The first authority is one whose certificates live for minutes: see the workloads.
    helm(town, "install", &["authority.create="])?;
    ready(town).await?;
    narrator.took("two replicas are Ready", started);
    town.show(&["get", "pods", "-n", SYSTEM, "-o", "wide"])?;
    for pod in town.pods(SYSTEM, SELECTOR).await? {
        check_rights(&pod)?;
    }
    let (listens, leads) = start_up(town).await?;
    narrator.found("from the start of the operator's process to its admin port", &listens);
    narrator.found("the same, until it has taken the Lease and works", &leads);
    Narrator::say(
        "both run as user 65532 without any capability, and with seccomp; Pod security has let them in",
    );
    Ok(())
}

/// `helm install` or `upgrade` of the chart with the built image, and these values.
pub fn helm(town: &Town, command: &str, values: &[&str]) -> Result<(), Failure> {
    let chart = format!("{HERE}/charts/mtls-operator");
    let mut arguments = vec![command, "mtls-operator", &chart, "-n", SYSTEM];
    // The API server of this cluster listens on a port that is not among the usual ones.
    let (_, port) = town.cluster.url().rsplit_once(':').ok_or("the API server has no port")?;
    let ports = format!("networkPolicy.apiServer.ports={{443,{port}}}");
    let values: Vec<&str> =
        ["image.pullPolicy=Never", &ports].into_iter().chain(values.iter().copied()).collect();
    arguments.extend(values.iter().flat_map(|value| ["--set", value]));
    Narrator::say(&format!("$ helm {}", arguments.join(" ").replace(HERE, ".")));
    town.helm(&arguments).map(drop)
}

/// Waits until all replicas are Ready, and no others are left.
pub async fn ready(town: &Town) -> Result<(), Failure> {
    until("two replicas of the operator to be Ready", || async {
        let pods = town.pods(SYSTEM, SELECTOR).await?;
        Ok((pods.len() == REPLICAS && pods.iter().all(is_ready)).then_some(()))
    })
    .await
}

/// What the kernel says of the process: a user of no rights, and no way to more.
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
async fn start_up(town: &Town) -> Result<(String, String), Failure> {
    let leader = leader(town)?;
    let pods = town.pods(SYSTEM, SELECTOR).await?;
    let pod = pods.iter().find(|pod| name(pod) == leader).ok_or("the replica that leads has no Pod")?;
    let started = process_of(pod)
        .and_then(|process| started(process, town.clock.now()))
        .ok_or("the replica that leads has no process")?;
    let log = town.kubectl(&["logs", &leader, "-n", SYSTEM])?;
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

/// Compares the policy with what the operator's Pods do.
pub async fn keep_to_the_policy(town: &Town) -> Result<(), Failure> {
    Narrator::scene("The NetworkPolicy and the traffic that is seen");
    let policy: Value = serde_json::from_str(&town.kubectl(&[
        "get",
        "networkpolicy",
        "mtls-operator",
        "-n",
        SYSTEM,
        "-o",
        "json",
    ])?)?;
    let selector = selector(&policy["spec"]["podSelector"]["matchLabels"]);
    let (selected, all) = (town.pods(SYSTEM, &selector).await?, town.pods(SYSTEM, "").await?);
    ensure(selected.len() == REPLICAS && all.len() == REPLICAS, || {
        format!("the policy selects {} of {} Pods by {selector}", selected.len(), all.len())
    })?;
    Narrator::say(&format!("it selects both Pods, and no others, by {selector}"));
    let (ingress, egress) = (ports(&policy["spec"]["ingress"]), ports(&policy["spec"]["egress"]));
    for pod in &selected {
        let traffic = Traffic::of(pod)?;
        ensure(traffic.listens == ingress, || {
            format!("{} listens on {:?}; the policy lets {ingress:?} in", name(pod), traffic.listens)
        })?;
        ensure(!traffic.talks_to.is_empty() && traffic.talks_to.is_subset(&egress), || {
            format!("{} talks to ports {:?}; the policy lets {egress:?} out", name(pod), traffic.talks_to)
        })?;
        Narrator::say(&format!(
            "{}: listens on {:?}, talks to ports {:?}",
            name(pod),
            traffic.listens,
            traffic.talks_to
        ));
    }
    Narrator::say(&format!("let in: {ingress:?}; let out: {egress:?} (53 for names of the API server)"));
    behind_the_service(town, &egress)?;
    Narrator::say("(the network of this node does not enforce policies: this compares, it does not block)");
    Ok(())
}

/// A policy is applied to the address behind the Service `kubernetes`.
fn behind_the_service(town: &Town, egress: &BTreeSet<u16>) -> Result<(), Failure> {
    let path = "jsonpath={.items[*].ports[*].port}";
    let label = "kubernetes.io/service-name=kubernetes";
    let port = town.kubectl(&["get", "endpointslices", "-n", "default", "-l", label, "-o", path])?;
    ensure(egress.contains(&port.trim().parse()?), || {
        format!("port {port} of the API server is not let out")
    })?;
    Narrator::say(&format!(
        "behind the Service kubernetes the API server listens on {port}, which is let out"
    ));
    Ok(())
}

fn selector(labels: &Value) -> String {
    let labels = labels.as_object().into_iter().flatten();
    labels
        .map(|(key, value)| format!("{key}={}", value.as_str().unwrap_or_default()))
        .collect::<Vec<_>>()
        .join(",")
}

fn ports(rules: &Value) -> BTreeSet<u16> {
    let rules = rules.as_array().into_iter().flatten();
    let ports = rules.flat_map(|rule| rule["ports"].as_array().into_iter().flatten());
    ports.filter_map(|port| u16::try_from(port["port"].as_u64()?).ok()).collect()
}

/// The ports of a Pod's sockets, seen from inside its network.
struct Traffic {
    listens: BTreeSet<u16>,
    talks_to: BTreeSet<u16>,
}

impl Traffic {
    fn of(pod: &Pod) -> Result<Self, Failure> {
        let process = process_of(pod).ok_or_else(|| format!("{} has no process here", name(pod)))?;
        let mut traffic = Self { listens: BTreeSet::new(), talks_to: BTreeSet::new() };
        for table in ["tcp", "tcp6", "udp", "udp6"] {
            let sockets = fs::read_to_string(format!("/proc/{process}/net/{table}")).unwrap_or_default();
            for (local, remote, state) in sockets.lines().filter_map(socket) {
                match state {
                    LISTENS => traffic.listens.insert(local),
                    // Who came in is let in by the port that it came to.
                    _ if traffic.listens.contains(&local) => continue,
                    _ => traffic.talks_to.insert(remote),
                };
            }
        }
        Ok(traffic)
    }
}

/// How `/proc/net/tcp` says that a socket listens.
const LISTENS: u8 = 0x0A;

/// Local port, remote port and state in a line of `/proc/net/tcp`.
fn socket(line: &str) -> Option<(u16, u16, u8)> {
    let mut words = line.split_whitespace().skip(1);
    let mut port = || u16::from_str_radix(words.next()?.rsplit_once(':')?.1, 16).ok();
    let (local, remote) = (port()?, port()?);
    Some((local, remote, u8::from_str_radix(words.next()?, 16).ok()?))
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

/// The Pod that works; empty while there is none.
pub fn leader(town: &Town) -> Result<String, Failure> {
    Ok(holder(town)?.split('_').next().unwrap_or_default().to_owned())
}

/// The process that works, as the Lease names it.
pub fn holder(town: &Town) -> Result<String, Failure> {
    town.kubectl(&["get", "lease", "mtls-operator", "-n", SYSTEM, "-o", "jsonpath={.spec.holderIdentity}"])
}
