//! The chart's network policy, compared with the traffic of the operator's Pods. The network of the node does not enforce
//! policies: nothing is blocked.

use std::collections::BTreeSet;
use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use k8s_openapi::api::core::v1::Pod;
use serde_json::Value;
use test_support::Failure;
use test_support::reporter::Reporter;

use crate::cluster::{E2eCluster, SYSTEM};
use crate::cluster::{ensure, until};
use crate::operator::{REPLICAS, leader, process_of};
use crate::workloads::name;

/// The port of health checks, which the policy opens to no Pod: the kubelet's probes come from the node.
const HEALTH: u16 = 8081;

/// Compares the policy with the traffic of the operator's Pods before there is any Pod to probe.
pub async fn keep_to_the_policy(cluster: &E2eCluster) -> Result<(), Failure> {
    Reporter::section("The NetworkPolicy and the observed traffic");
    let policy = policy(cluster)?;
    let selector = selector(&policy["spec"]["podSelector"]["matchLabels"]);
    let (selected, all) = (cluster.pods(SYSTEM, &selector).await?, cluster.pods(SYSTEM, "").await?);
    ensure(selected.len() == REPLICAS && all.len() == REPLICAS, || {
        format!("the policy selects {} of {} Pods by {selector}", selected.len(), all.len())
    })?;
    Reporter::say(&format!("it selects both Pods, and no others, by {selector}"));
    let (ingress, egress) = (ports(&policy["spec"]["ingress"]), ports(&policy["spec"]["egress"]));
    for pod in &selected {
        let traffic = Traffic::of(pod)?;
        let expected = ingress.iter().copied().chain([HEALTH]).collect();
        ensure(!ingress.contains(&HEALTH) && traffic.listens == expected, || {
            format!(
                "{} listens on {:?}; the policy allows {ingress:?}, and {HEALTH} is the kubelet's",
                name(pod),
                traffic.listens
            )
        })?;
        let talks_to: BTreeSet<u16> = traffic.talks_to.iter().map(|(_, port)| *port).collect();
        ensure(!talks_to.is_empty() && talks_to.is_subset(&egress), || {
            format!("{} connects to ports {talks_to:?}; the policy allows {egress:?}", name(pod))
        })?;
        Reporter::say(&format!(
            "{}: listens on {:?}, connects to ports {talks_to:?}",
            name(pod),
            traffic.listens
        ));
    }
    Reporter::say(&format!("let in: {ingress:?}; let out: {egress:?} (53 for names of the API server)"));
    behind_the_service(cluster, &egress)?;
    Reporter::say("(the network of this node does not enforce policies: this compares, it does not block)");
    Ok(())
}

/// A policy is applied to the address behind the Service `kubernetes`.
fn behind_the_service(cluster: &E2eCluster, egress: &BTreeSet<u16>) -> Result<(), Failure> {
    let path = "jsonpath={.items[*].ports[*].port}";
    let label = "kubernetes.io/service-name=kubernetes";
    let port = cluster.kubectl(&["get", "endpointslices", "-n", "default", "-l", label, "-o", path])?;
    ensure(egress.contains(&port.trim().parse()?), || {
        format!("port {port} of the API server is not let out")
    })?;
    Reporter::say(&format!(
        "behind the Service kubernetes the API server listens on {port}, which is let out"
    ));
    Ok(())
}

/// While the leader probes Pods: beyond the ports that are open to every destination it connects to Pods only, as the rule
/// for `endpointProbes.enabled` allows.
pub async fn talk_to_pods_only(cluster: &E2eCluster) -> Result<(), Failure> {
    let policy = policy(cluster)?;
    let egress = ports(&policy["spec"]["egress"]);
    let rules = policy["spec"]["egress"].as_array().into_iter().flatten();
    let lets_pods = rules.filter(|rule| rule["ports"].is_null()).filter_map(|rule| rule["to"].as_array());
    ensure(lets_pods.flatten().any(|to| to.get("namespaceSelector").is_some()), || {
        "the policy does not let the operator's probes out".into()
    })?;
    let seen = until("a probe of the operator to be seen on its way", || async {
        let leader = leader(cluster)?;
        let operators = cluster.pods(SYSTEM, "").await?;
        let pod = operators.iter().find(|pod| name(pod) == leader).ok_or("no replica leads")?;
        let mut elsewhere = Traffic::of(pod)?.talks_to;
        elsewhere.retain(|(_, port)| !egress.contains(port));
        Ok((!elsewhere.is_empty()).then_some(elsewhere))
    })
    .await?;
    let pods = cluster.addresses().await?;
    let outside: Vec<_> = seen.iter().filter(|(address, _)| !pods.contains(address)).collect();
    ensure(outside.is_empty(), || format!("the operator connects to {outside:?}, which are not Pods"))?;
    Reporter::say(&format!(
        "besides the API server the operator connects to {} Pods, and to no other address",
        seen.len()
    ));
    Ok(())
}

fn policy(cluster: &E2eCluster) -> Result<Value, Failure> {
    let get = ["get", "networkpolicy", "mtls-operator", "-n", SYSTEM, "-o", "json"];
    Ok(serde_json::from_str(&cluster.kubectl(&get)?)?)
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

/// The sockets of a Pod, seen from inside its network.
#[derive(Default)]
struct Traffic {
    listens: BTreeSet<u16>,
    talks_to: BTreeSet<(IpAddr, u16)>,
}

impl Traffic {
    fn of(pod: &Pod) -> Result<Self, Failure> {
        let process = process_of(pod).ok_or_else(|| format!("{} has no process here", name(pod)))?;
        let mut traffic = Self::default();
        for table in ["tcp", "tcp6", "udp", "udp6"] {
            let sockets = fs::read_to_string(format!("/proc/{process}/net/{table}")).unwrap_or_default();
            let sockets: Vec<Socket> = sockets.lines().filter_map(Socket::parse).collect();
            let listens = sockets.iter().filter(|socket| socket.state == LISTENS);
            traffic.listens.extend(listens.map(|socket| socket.local));
            // An incoming connection is allowed by its local port.
            let gone_out =
                |socket: &&Socket| socket.state != LISTENS && !traffic.listens.contains(&socket.local);
            traffic.talks_to.extend(sockets.iter().filter(gone_out).map(|socket| socket.remote));
        }
        Ok(traffic)
    }
}

/// How `/proc/net/tcp` says that a socket listens.
const LISTENS: u8 = 0x0A;

/// A line of `/proc/net/tcp`.
struct Socket {
    local: u16,
    remote: (IpAddr, u16),
    state: u8,
}

impl Socket {
    fn parse(line: &str) -> Option<Self> {
        let mut words = line.split_whitespace().skip(1);
        let ((_, local), remote) = (place(words.next()?)?, place(words.next()?)?);
        Some(Self { local, remote, state: u8::from_str_radix(words.next()?, 16).ok()? })
    }
}

/// An address and a port, in hex; each 32 bits of the address are a number of this machine.
fn place(text: &str) -> Option<(IpAddr, u16)> {
    let (address, port) = text.split_once(':')?;
    let word =
        |at: usize| u32::from_str_radix(address.get(at * 8..at * 8 + 8)?, 16).ok().map(u32::to_ne_bytes);
    let address = if address.len() == 8 {
        IpAddr::from(Ipv4Addr::from(word(0)?))
    } else {
        let words = [word(0)?, word(1)?, word(2)?, word(3)?];
        let octets: [u8; 16] = words.concat().try_into().ok()?;
        IpAddr::from(Ipv6Addr::from(octets)).to_canonical()
    };
    Some((address, u16::from_str_radix(port, 16).ok()?))
}
