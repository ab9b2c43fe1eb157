//! The operator starts as a replica that stands by, as in an upgrade: the one before it leads until the new one sees
//! everything. So it has listed every kind of object before it writes anything.

use devcluster::audit::{self, Event};
use k8s_openapi::api::coordination::v1::Lease;
use kube::Client;
use kube::api::{Api, Patch, PatchParams, PostParams};
use serde_json::json;
use test_support::cluster::TestCluster;
use test_support::installation::SYSTEM;
use test_support::wait::until;

use crate::generation::KINDS;

/// Name of the Lease.
const LEASE: &str = "mtls-operator";
/// User name of the operator, as the audit log has it.
const OPERATOR: &str = "system:serviceaccount:mtls-system:mtls-operator";

/// The Lease of the replica before, which leads until the test releases it.
pub struct Former(Api<Lease>);

impl Former {
    /// It leads. The operator must not have been started.
    pub async fn lead(client: &Client) -> Self {
        let leases = Api::namespaced(client.clone(), SYSTEM);
        let spec = json!({ "holderIdentity": "former", "leaseDurationSeconds": 3600 });
        let lease = json!({ "metadata": { "name": LEASE }, "spec": spec });
        leases.create(&PostParams::default(), &serde_json::from_value(lease).unwrap()).await.unwrap();
        Self(leases)
    }

    /// It ends once the operator watches every kind of object, and the operator leads.
    pub async fn end(self, cluster: &TestCluster, since: u64) {
        let watches = |events: &[Event], plural| {
            events.iter().any(|event| event.verb == "watch" && event.resource == plural && event.code == 200)
        };
        until("the operator to watch every kind of object", || async {
            let events = of_operator(cluster, since);
            KINDS.iter().all(|kind| watches(&events, kind.plural)).then_some(())
        })
        .await;
        let free = Patch::Merge(json!({ "spec": { "holderIdentity": "" } }));
        self.0.patch(LEASE, &PatchParams::default(), &free).await.unwrap();
    }
}

/// What the operator has asked for since then.
pub fn of_operator(cluster: &TestCluster, since: u64) -> Vec<Event> {
    let log = cluster.control_plane().audit_log();
    let events = audit::read(&log, since).unwrap();
    events.into_iter().filter(|event| event.user == OPERATOR).collect()
}
