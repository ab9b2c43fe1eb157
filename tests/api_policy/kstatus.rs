//! Flux and Helm apply all objects of a commit, then wait as kstatus judges, and give up at the first object that has failed:
//! an identity whose grant arrives a moment later must not fail the commit that brings both.

use std::io::BufReader;
use std::process::{Child, ChildStdout, Stdio};

use serde_json::de::{Deserializer, IoRead, StreamDeserializer};
use serde_json::{Value, json};
use test_support::cluster::TestCluster;
use test_support::tools::judges::ask;

const PATCH_GRANT: &str =
    r#"{"spec":{"grants":[{"name":"edge","namespaces":{"from":"All"},"dnsNames":["cart.example.com"]}]}}"#;

fn identity(name: &str, dns_name: &str) -> Value {
    json!({
        "apiVersion": "mtls-operator.dev/v1alpha1", "kind": "MtlsIdentity",
        "metadata": { "name": name, "namespace": "default" }, "spec": { "dnsNames": [dns_name] },
    })
}

/// A watch that prints every version of an identity, from its creation on.
struct Watch {
    kubectl: Child,
    versions: StreamDeserializer<'static, IoRead<BufReader<ChildStdout>>, Value>,
}

impl Watch {
    fn of(cluster: &TestCluster, name: &str) -> Self {
        let selector = format!("--field-selector=metadata.name={name}");
        let mut kubectl = cluster.control_plane().kubectl();
        kubectl.args(["get", "mtlsidentities", "-n", "default", &selector, "--watch", "-o", "json"]);
        let mut kubectl = kubectl.stdout(Stdio::piped()).spawn().unwrap();
        let output = BufReader::new(kubectl.stdout.take().unwrap());
        Self { kubectl, versions: Deserializer::from_reader(output).into_iter() }
    }

    /// Every version until one is so.
    fn until(&mut self, is_so: impl Fn(&Value) -> bool) -> Vec<Value> {
        let mut versions = Vec::new();
        for version in self.versions.by_ref() {
            versions.push(version.unwrap());
            if is_so(versions.last().unwrap()) {
                break;
            }
        }
        versions
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let _ = self.kubectl.kill();
        let _ = self.kubectl.wait();
    }
}

fn condition<'a>(version: &'a Value, type_: &str) -> Option<&'a Value> {
    version["status"]["conditions"].as_array()?.iter().find(|condition| condition["type"] == type_)
}

/// What kstatus says of these versions, one after the other; nothing where there is no Go.
fn judged(versions: &[Value]) -> Option<Vec<String>> {
    let objects: Vec<String> = versions.iter().map(ToString::to_string).collect();
    let answers = ask("kstatus", &[], &objects.join("\n"))?;
    Some(answers.lines().map(|line| line.split('\t').next().unwrap().to_owned()).collect())
}

#[test]
fn a_grant_that_comes_a_second_later_fails_no_commit_and_one_that_never_comes_does_after_a_minute() {
    let cluster = TestCluster::new(&[]);
    cluster.kubectl(&["wait", "mtlsauthority/mesh", "--for=create", "--timeout=90s"]);
    cluster.kubectl(&["wait", "mtlsauthority/mesh", "--for=condition=Ready", "--timeout=90s"]);
    let (mut granted, mut refused) = (Watch::of(&cluster, "cart"), Watch::of(&cluster, "other"));
    let folder = tempfile::tempdir().unwrap();
    for object in [identity("cart", "cart.example.com"), identity("other", "other.example.com")] {
        let file = folder.path().join("identity.json");
        std::fs::write(&file, object.to_string()).unwrap();
        cluster.kubectl(&["apply", "-f", file.to_str().unwrap()]);
    }
    let is_refused =
        |version: &Value| condition(version, "Ready").is_some_and(|ready| ready["reason"] == "NotPermitted");
    let is_ready =
        |version: &Value| condition(version, "Ready").is_some_and(|ready| ready["status"] == "True");
    let mut versions = granted.until(is_refused);
    cluster.kubectl(&["patch", "mtlsauthority", "mesh", "--type=merge", "-p", PATCH_GRANT]);
    versions.extend(granted.until(is_ready));
    let Some(verdicts) = judged(&versions) else { return };
    assert!(!verdicts.contains(&"Failed".to_owned()), "{verdicts:?}");
    assert_eq!(verdicts.last().unwrap(), "Current");
    let versions = refused.until(|version| condition(version, "Stalled").is_some());
    let verdicts = judged(&versions).unwrap();
    let (last, before) = verdicts.split_last().unwrap();
    assert_eq!(last, "Failed", "{verdicts:?}");
    assert!(before.iter().all(|verdict| verdict == "InProgress"), "{verdicts:?}");
}
