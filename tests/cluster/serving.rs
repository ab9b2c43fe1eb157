//! Probes on a real API server, with the rights that the chart gives for them: `EndpointSlice`s lead to Pods, and status says
//! what they serve. The Pods are in this process, because there is no node to run them.

use std::collections::HashMap;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::api::{Api, PostParams};
use mtls_operator::api::MtlsIdentity;
use mtls_operator::api::conditions::find;
use mtls_operator::operator::probe::dial::Dialer;
use mtls_operator::operator::run::Settings;
use mtls_operator::plan::authority::safeguards::Safeguards;
use mtls_operator::runtime::clock::Clock;
use rustls::time_provider::DefaultTimeProvider;
use serde_json::{Value, json};
use test_support::cluster::TestCluster;
use test_support::in_process::{InProcessOperator, settings};
use test_support::namespace::TestNamespace;
use test_support::objects::value;
use test_support::pod::Pod;

/// Pods by their addresses.
#[derive(Clone, Default)]
struct Pods(Arc<Mutex<HashMap<SocketAddr, Pod>>>);

impl Pods {
    fn dialer(&self) -> Dialer {
        let pods = self.clone();
        Dialer::new(move |address| {
            let pod = pods.0.lock().unwrap().get(&address).cloned();
            let clock = Arc::new(DefaultTimeProvider);
            async move { pod.map(|pod| pod.connect(clock)).ok_or(ErrorKind::ConnectionRefused.into()) }
        })
    }

    /// A Pod that has mounted the Secret of an identity, ready behind the Service of its name.
    async fn run(&self, namespace: &TestNamespace, identity: &str, address: &str, accepts_any_client: bool) {
        self.run_kept_by("endpointslice-controller.k8s.io", namespace, identity, address, accepts_any_client)
            .await;
    }

    /// The same, in an `EndpointSlice` that names this controller as its author.
    async fn run_kept_by(
        &self,
        keeper: &str,
        namespace: &TestNamespace,
        identity: &str,
        address: &str,
        accepts_any_client: bool,
    ) {
        let secret = namespace.secret(&format!("{identity}-mtls")).await;
        let [chain, key, roots] = ["tls.crt", "tls.key", "ca.crt"].map(|key| value(&secret, key));
        let mut pod = Pod::of(&chain, &key, &roots);
        pod.accepts_any_client = accepts_any_client;
        self.0.lock().unwrap().insert(format!("{address}:8443").parse().unwrap(), pod);
        let slice: EndpointSlice = serde_json::from_value(json!({
            "metadata": {
                "name": identity, "labels": {
                    "kubernetes.io/service-name": identity,
                    "endpointslice.kubernetes.io/managed-by": keeper,
                },
            },
            "addressType": "IPv4",
            "endpoints": [{
                "addresses": [address], "conditions": { "ready": true },
                "targetRef": { "kind": "Pod", "name": identity, "namespace": namespace.name },
            }],
            "ports": [{ "name": "tls", "port": 8443, "protocol": "TCP" }],
        }))
        .unwrap();
        let slices: Api<EndpointSlice> = Api::namespaced(namespace.client.clone(), &namespace.name);
        slices.create(&PostParams::default(), &slice).await.unwrap();
    }
}

fn verified(authority: &str, service: &str) -> Value {
    json!({ "authorityRef": { "name": authority }, "probes": [{ "name": "tls", "serviceName": service, "targetPort": 8443 }] })
}

async fn serving(namespace: &TestNamespace, name: &str, reason: &str) -> MtlsIdentity {
    let is_so = |identity: &MtlsIdentity| {
        let conditions = identity.status.as_ref().map_or(&[][..], |status| &status.conditions);
        find(conditions, "Serving").is_some_and(|condition| condition.reason == reason)
    };
    namespace.identity_where(name, &format!("{name} to be Serving {reason}"), is_so).await
}

#[tokio::test]
async fn what_pods_serve_stands_in_the_status_of_their_identities() {
    let cluster = TestCluster::without_operator(&["endpointProbes.enabled=true"]);
    let pods = Pods::default();
    let settings = Settings { endpoint_probes: true, ..settings() };
    let operator = InProcessOperator::run_with(
        pods.dialer(),
        settings,
        Safeguards::ALL,
        Clock::system(),
        cluster.operator_client().await,
    );
    let namespace = cluster.namespace().await;
    let swift = json!({
        "root": { "ttl": "1h" }, "leaf": { "ttl": "5m", "maxTTL": "5m" }, "rotation": { "propagation": "10s" }
    });
    namespace.create_authority("swift", swift).await;
    for name in ["good", "open", "stuck", "forged"] {
        namespace.create(name, verified("swift", name)).await;
        namespace.ready(name).await;
    }
    pods.run(&namespace, "good", "10.0.0.1", false).await;
    pods.run(&namespace, "open", "10.0.0.2", true).await;
    pods.run(&namespace, "stuck", "10.0.0.3", false).await;
    pods.run_kept_by("me", &namespace, "forged", "10.0.0.4", false).await;
    namespace.create("idle", verified("swift", "absent")).await;

    serving(&namespace, "good", "ServesAsIssued").await;
    serving(&namespace, "open", "AcceptsStrangers").await;
    serving(&namespace, "idle", "NoEndpoints").await;
    serving(&namespace, "stuck", "ServesAsIssued").await;
    serving(&namespace, "forged", "NoEndpoints").await;
    // As with a subPath mount: the Secret changes, the Pod's file never does.
    let request = json!({ "metadata": { "annotations": { "mtls-operator.dev/renew": "now" } } });
    namespace.patch("stuck", request).await.unwrap();
    let stuck = serving(&namespace, "stuck", "ServesOldLeaf").await.status.unwrap();
    let served = stuck.served.unwrap();
    assert_eq!((served.endpoints, served.as_issued), (1, 0));
    assert_eq!(served.differing[0].address, "10.0.0.3:8443");
    assert_ne!(served.differing[0].serial, stuck.serial);
    namespace.ready("stuck").await;
    operator.stop().await;
}

#[tokio::test]
async fn an_operator_without_probes_says_so() {
    let namespace = TestCluster::shared().namespace().await;
    namespace.create("web", verified("mesh", "web")).await;
    let web = serving(&namespace, "web", "Disabled").await;
    let conditions = web.status.unwrap().conditions;
    assert_eq!(find(&conditions, "Serving").unwrap().status, "Unknown");
}
