//! Manifests of what is applied: programs with the fewest rights, as "restricted" asks for, that mount a Secret.

use serde_json::{Value, json};

/// The image of the peer.
pub fn image() -> String {
    format!("localhost/peer:{}", env!("CARGO_PKG_VERSION"))
}

/// A namespace that admits only Pods with the fewest rights.
pub fn namespace(name: &str) -> String {
    let namespace = json!({
        "apiVersion": "v1", "kind": "Namespace",
        "metadata": { "name": name, "labels": { "pod-security.kubernetes.io/enforce": "restricted" } },
    });
    format!("{namespace}\n")
}

/// An identity; its Secret is `<name>-mtls`.
pub fn identity(namespace: &str, name: &str, spec: &Value) -> String {
    let identity = json!({
        "apiVersion": "mtls-operator.dev/v1alpha1", "kind": "MtlsIdentity",
        "metadata": { "name": name, "namespace": namespace }, "spec": spec,
    });
    format!("{identity}\n")
}

/// The Service of the Pods with the label `app` of this name.
pub fn service(namespace: &str, name: &str) -> String {
    let service = json!({
        "apiVersion": "v1", "kind": "Service",
        "metadata": { "name": name, "namespace": namespace },
        "spec": { "selector": { "app": name }, "ports": [{ "port": 8443 }] },
    });
    format!("{service}\n")
}

/// Pods with these labels, one of which is `app`, its name.
pub fn deployment(namespace: &str, name: &str, replicas: usize, labels: &Value, pod: &Value) -> String {
    let deployment = json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": { "name": name, "namespace": namespace },
        "spec": {
            "replicas": replicas, "selector": { "matchLabels": { "app": name } },
            "template": { "metadata": { "labels": labels }, "spec": pod },
        },
    });
    format!("{deployment}\n")
}

/// A Pod of its own in the ring's namespace, that mounts one Secret.
pub fn lone_pod(name: &str, secret: &str, arguments: &[&str]) -> Value {
    let arguments: Vec<String> = arguments.iter().map(ToString::to_string).collect();
    json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": { "name": name, "namespace": "ring", "labels": { "app": name } },
        "spec": pod_spec(secret, &arguments),
    })
}

/// What a Pod of a non-root program needs to read its key, and what "restricted" asks for.
pub fn pod_spec(secret: &str, arguments: &[String]) -> Value {
    json!({
        "automountServiceAccountToken": false,
        "securityContext": {
            "runAsNonRoot": true, "runAsUser": 1000, "fsGroup": 1000,
            "seccompProfile": { "type": "RuntimeDefault" },
        },
        "containers": [{
            "name": "peer", "image": image(), "imagePullPolicy": "Never", "args": arguments,
            "securityContext": {
                "allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true,
                "capabilities": { "drop": ["ALL"] },
            },
            "volumeMounts": [{ "name": "mtls", "mountPath": "/mtls", "readOnly": true }],
        }],
        "volumes": [{ "name": "mtls", "secret": { "secretName": secret, "defaultMode": 0o440 } }],
    })
}

/// Lets a Pod mount the files one by one, with `subPath`, so that they never change.
pub fn mount_singly(pod: &mut Value) {
    let mount = |file| json!({ "name": "mtls", "mountPath": format!("/mtls/{file}"), "subPath": file });
    pod["containers"][0]["volumeMounts"] = json!(["tls.crt", "tls.key", "ca.crt"].map(mount));
}
