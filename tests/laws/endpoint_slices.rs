//! Laws of endpoints: only ready Pods of the Service's own namespace with the declared port are dialed, and only those that
//! the controller of Kubernetes names.

use std::net::SocketAddr;

use mtls_operator::operator::probe::endpoint_slices::Slices;
use mtls_operator::operator::probe::slice_object::{SliceLabels, SliceObject};
use serde_json::{Value, json};

fn pod(address: &str) -> Value {
    json!({ "addresses": [address], "conditions": { "ready": true }, "targetRef": { "kind": "Pod", "namespace": "shop" } })
}

fn slice(name: &str, endpoints: Value) -> SliceObject {
    serde_json::from_value(json!({
        "metadata": { "name": name, "namespace": "shop", "labels": labels("web") },
        "addressType": "IPv4",
        "endpoints": endpoints,
        "ports": [{ "port": 8443 }, { "port": 53, "protocol": "UDP" }],
    }))
    .unwrap()
}

fn labels(service: &str) -> Value {
    json!({
        "kubernetes.io/service-name": service,
        "endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io",
    })
}

fn ready(slices: &Slices, port: u16) -> Vec<String> {
    slices.endpoints("shop", "web", port).ready.iter().map(SocketAddr::to_string).collect()
}

#[test]
fn the_ready_pods_of_all_slices_are_the_endpoints() {
    let mut slices = Slices::default();
    assert!(slices.apply(&slice("a", json!([pod("10.0.0.2"), pod("10.0.0.1")]))));
    assert!(slices.apply(&slice("b", json!([pod("fd00::7"), pod("10.0.0.1")]))));
    assert_eq!(ready(&slices, 8443), ["10.0.0.1:8443", "10.0.0.2:8443", "[fd00::7]:8443"]);
    assert!(!slices.apply(&slice("b", json!([pod("fd00::7"), pod("10.0.0.1")]))), "no news");
    assert!(slices.delete("shop", "a") && !slices.delete("shop", "a"));
    assert_eq!(ready(&slices, 8443), ["10.0.0.1:8443", "[fd00::7]:8443"]);
    assert_eq!(slices.endpoints("other", "web", 8443).ready.len(), 0);
}

#[test]
fn no_other_address_is_dialed() {
    let not = |change: fn(&mut Value)| {
        let mut endpoint = pod("10.0.0.1");
        change(&mut endpoint);
        let mut slices = Slices::default();
        slices.apply(&slice("a", json!([endpoint])));
        ready(&slices, 8443)
    };
    assert_eq!(not(|_| ()), ["10.0.0.1:8443"]);
    assert_eq!(not(|pod| pod["conditions"] = json!({})), ["10.0.0.1:8443"], "absent means ready");
    let none: [&str; 0] = [];
    assert_eq!(not(|pod| pod["conditions"]["ready"] = json!(false)), none);
    assert_eq!(not(|pod| pod["targetRef"] = Value::Null), none);
    assert_eq!(not(|pod| pod["targetRef"]["kind"] = json!("Node")), none);
    assert_eq!(not(|pod| pod["targetRef"]["namespace"] = json!("other")), none);
    assert_eq!(not(|pod| pod["addresses"] = json!(["example.com"])), none);
}

#[test]
fn only_a_declared_tcp_port_is_dialed_and_the_others_are_known() {
    let mut slices = Slices::default();
    slices.apply(&slice("a", json!([pod("10.0.0.1")])));
    for port in [53, 443] {
        let endpoints = slices.endpoints("shop", "web", port);
        assert!(endpoints.ready.is_empty());
        assert_eq!(endpoints.ports, [8443].into());
    }
}

#[test]
fn a_slice_that_changes_its_service_leaves_the_former_one() {
    let mut slices = Slices::default();
    slices.apply(&slice("a", json!([pod("10.0.0.1")])));
    let mut other = slice("a", json!([pod("10.0.0.1")]));
    other.metadata.labels = serde_json::from_value(labels("api")).unwrap();
    assert!(slices.apply(&other));
    assert!(ready(&slices, 8443).is_empty());
    assert_eq!(slices.endpoints("shop", "api", 8443).ready.len(), 1);
    other.metadata.labels = SliceLabels::default();
    assert!(slices.apply(&other));
    assert_eq!(slices.names(None), []);
}

#[test]
fn a_slice_that_the_controller_does_not_keep_counts_for_nothing() {
    for manager in [Value::Null, json!("endpointslicemirroring-controller.k8s.io"), json!("me")] {
        let mut slices = Slices::default();
        let mut forged = slice("a", json!([pod("192.0.2.1")]));
        let mut labels = labels("web");
        labels["endpointslice.kubernetes.io/managed-by"] = manager.clone();
        labels.as_object_mut().unwrap().retain(|_, value| !value.is_null());
        forged.metadata.labels = serde_json::from_value(labels).unwrap();
        assert!(!slices.apply(&forged) && ready(&slices, 8443).is_empty(), "{manager}");
        slices.apply(&slice("a", json!([pod("10.0.0.1")])));
        assert!(slices.apply(&forged) && ready(&slices, 8443).is_empty(), "{manager}: it was taken over");
    }
}
