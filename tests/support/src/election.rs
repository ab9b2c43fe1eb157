//! Leader election among replicas: which of them leads, and signals to one of them.

use std::process::Command;

use k8s_openapi::api::coordination::v1::Lease;
use kube::Api;

use crate::installation::SYSTEM;
use crate::namespace::TestNamespace;
use crate::wait::wait;

/// Waits until the Lease has a holder that is accepted, or none, and returns it.
pub async fn holder(
    namespace: &TestNamespace,
    what: &str,
    is_accepted: impl Fn(Option<&str>) -> bool,
) -> Option<String> {
    let leases = Api::<Lease>::namespaced(namespace.client.clone(), SYSTEM);
    let holder_of = |lease: &Lease| lease.spec.as_ref().and_then(|spec| spec.holder_identity.clone());
    wait(leases, "mtls-operator", what, |lease| {
        let holder = holder_of(lease?).filter(|holder| !holder.is_empty());
        is_accepted(holder.as_deref()).then_some(holder)
    })
    .await
}

/// Waits until one of these leads, and returns which.
pub async fn leader_among(namespace: &TestNamespace, replicas: &[&'static str]) -> &'static str {
    let is = |replica: &str, holder: &str| holder.starts_with(&format!("{replica}_"));
    let found = holder(namespace, "a leader", |holder| {
        holder.is_some_and(|holder| replicas.iter().any(|replica| is(replica, holder)))
    });
    let found = found.await.unwrap();
    replicas.iter().find(|replica| is(replica, &found)).unwrap()
}

/// Sends a signal to a process.
pub fn signal(name: &str, pid: u32) {
    let sent = Command::new("kill").args([&format!("-{name}"), &pid.to_string()]).status().unwrap();
    assert!(sent.success(), "SIG{name} to {pid}");
}
