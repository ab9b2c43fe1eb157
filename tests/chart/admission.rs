//! The admission policies on a real API server: what they refuse, what they tell, and that they do not refuse the operator.

use std::io::Write as _;
use std::process::Stdio;

use jiff::SignedDuration;
use mtls_operator::runtime::clock::Clock;
use serde_json::{Value, json};
use test_support::chart::CHART;
use test_support::cluster::TestCluster;
use test_support::installation::SYSTEM;

const OPERATOR: &str = "--as=system:serviceaccount:mtls-system:mtls-operator";
/// The API server looks for new definitions every 30 s: as long it may take until a policy knows of authorities.
const PATIENCE: SignedDuration = SignedDuration::from_mins(3);

fn identity(namespace: &str, name: &str, spec: &Value) -> Value {
    json!({
        "apiVersion": "mtls-operator.dev/v1alpha1", "kind": "MtlsIdentity",
        "metadata": { "name": name, "namespace": namespace }, "spec": spec,
    })
}

/// A namespace with an identity `web` that has its certificate, and with a user `tenant` who may do everything in it.
fn at_work(cluster: &TestCluster, namespace: &str) {
    cluster.kubectl(&["create", "namespace", namespace]);
    let all =
        ["create", "rolebinding", "all", "--clusterrole=cluster-admin", "--user=tenant", "-n", namespace];
    cluster.kubectl(&all);
    cluster.let_accounts_read_status(namespace);
    assert!(sent(cluster, &["create"], &identity(namespace, "web", &json!({}))).is_ok());
    cluster.wait("mtlsidentity/web", namespace, "condition=Ready");
}

/// Sends an object with kubectl: what it prints beside its answer, or against the object.
fn sent(cluster: &TestCluster, arguments: &[&str], object: &Value) -> Result<String, String> {
    let mut kubectl = cluster.control_plane().kubectl();
    kubectl
        .args(arguments)
        .args(["-f", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut running = kubectl.spawn().unwrap();
    running.stdin.take().unwrap().write_all(object.to_string().as_bytes()).unwrap();
    let output = running.wait_with_output().unwrap();
    let told = String::from_utf8(output.stderr).unwrap();
    if output.status.success() { Ok(told) } else { Err(told) }
}

/// Tries until it is as it should be.
fn eventually<T>(what: &str, is_so: impl Fn() -> Option<T>) -> T {
    let (clock, begun) = (Clock::system(), Clock::system().now());
    loop {
        if let Some(found) = is_so() {
            return found;
        }
        assert!(clock.now().duration_since(begun) < PATIENCE, "waited in vain for {what}");
    }
}

/// What kubectl says against a patch; `None` where the patch is accepted.
fn against(cluster: &TestCluster, words: &[&str]) -> Option<String> {
    let output = cluster.control_plane().kubectl().arg("patch").args(words).output().unwrap();
    (!output.status.success()).then(|| String::from_utf8(output.stderr).unwrap())
}

#[test]
fn status_is_written_by_the_operator_alone() {
    let cluster = TestCluster::shared();
    at_work(cluster, "statuses");
    let to = |user: &str, object: &[&str]| {
        let patch =
            ["--subresource=status", "--type=merge", "-p", r#"{"status":{"observedGeneration":1}}"#, user];
        against(cluster, &[object, &patch].concat())
    };
    let (identity, authority) =
        (&["mtlsidentity", "web", "-n", "statuses"][..], &["mtlsauthority", "mesh"][..]);
    assert_eq!(to(OPERATOR, identity), None);
    assert_eq!(to(OPERATOR, authority), None);
    let refused = to("--as=tenant", identity).unwrap();
    assert!(refused.contains("only mtls-operator writes the status of an MtlsIdentity"), "{refused}");
    let administrator = ["--as=root", "--as-group=system:masters"].map(String::from);
    for (object, kind) in [(identity, "MtlsIdentity"), (authority, "MtlsAuthority")] {
        let told = eventually("the administrator to be refused", || {
            let group = administrator[1].as_str();
            to(&administrator[0], &[object, &[group]].concat())
        });
        let sentence =
            format!("only mtls-operator writes the status of an {kind}; admissionPolicies.writers");
        assert!(told.contains(&sentence), "{told}");
    }
}

#[test]
fn the_operators_account_writes_what_is_its_own_and_nothing_else() {
    let cluster = TestCluster::shared();
    at_work(cluster, "writes");
    let token = json!({
        "apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/service-account-token", "metadata": {
            "name": "stolen", "namespace": "kube-system",
            "annotations": { "kubernetes.io/service-account.name": "default", "mtls-operator.dev/identity-uid": "x" },
        },
    });
    let refused = sent(cluster, &["create", OPERATOR], &token).unwrap_err();
    assert!(refused.contains("mtls-operator writes only Secrets of its own"), "{refused}");
    cluster.kubectl(&["create", "configmap", "coredns", "-n", "kube-system", "--from-literal=Corefile=."]);
    let patch = ["configmap", "coredns", "-n", "kube-system", OPERATOR, "-p"];
    for content in
        [r#"{"data":{"Corefile":"x"}}"#, r#"{"metadata":{"annotations":{"mtls-operator.dev/trust":"x"}}}"#]
    {
        let refused = against(cluster, &[&patch[..], &[content]].concat()).unwrap();
        assert!(refused.contains("mtls-operator writes only ConfigMaps of its own"), "{refused}");
    }
    let refused = cluster.refused(&["delete", "configmap", "coredns", "-n", "kube-system", OPERATOR]);
    assert!(refused.contains("mtls-operator writes only ConfigMaps of its own"), "{refused}");
    let granting =
        r#"{"spec":{"grants":[{"name":"all","namespaces":{"from":"All"},"cidrs":["0.0.0.0/0"]}]}}"#;
    let refused =
        against(cluster, &["mtlsauthority", "mesh", "--type=merge", OPERATOR, "-p", granting]).unwrap();
    assert!(refused.contains("mtls-operator changes no spec of an MtlsAuthority"), "{refused}");
    let label = r#"{"metadata":{"labels":{"tried":"yes"}}}"#;
    assert_eq!(against(cluster, &["secret", "web-mtls", "-n", "writes", OPERATOR, "-p", label]), None);
}

#[test]
fn a_name_without_a_grant_is_a_warning_at_apply_and_refused_where_that_is_configured() {
    let cluster = TestCluster::new(&[]);
    at_work(&cluster, "told");
    let asking = |name: &str| identity("default", name, &json!({ "dnsNames": ["shop.example.com"] }));
    let is_told = |told: String| told.contains("needs a grant").then_some(told);
    let told = eventually("the warning", || {
        is_told(sent(&cluster, &["apply", "--dry-run=server"], &asking("tried")).unwrap())
    });
    let sentence = "spec.dnsNames shop.example.com needs a grant (spec.grants[].dnsNames) in MtlsAuthority mesh for namespace default";
    assert!(told.starts_with("Warning: ") && told.contains(sentence), "{told}");
    assert!(sent(&cluster, &["apply"], &asking("warned")).unwrap().contains(sentence));
    let values = "admissionPolicies.grants=Deny";
    cluster.helm(&["upgrade", "mtls-operator", CHART, "-n", SYSTEM, "--set", values]);
    let refused =
        eventually("the refusal", || sent(&cluster, &["apply", "--dry-run=server"], &asking("tried")).err());
    assert!(refused.contains("Forbidden") && refused.contains(sentence), "{refused}");
    // What was there before is not judged again.
    assert!(sent(&cluster, &["apply"], &asking("warned")).is_ok());
    cluster.kubectl(&["label", "mtlsidentity", "warned", "team=red"]);
    assert!(sent(&cluster, &["apply"], &identity("default", "plain", &json!({}))).is_ok());
}

/// The new Pods do not start, so the old leader, under the old account, is all there is.
#[test]
fn the_old_leader_goes_on_under_its_account_after_an_upgrade_that_renames_it_and_fails() {
    let cluster = TestCluster::new(&[]);
    at_work(&cluster, "renamed");
    let renews = |request: &str| {
        let note = format!("mtls-operator.dev/renew={request}");
        cluster.kubectl(&["annotate", "--overwrite", "mtlsidentity", "web", "-n", "renamed", &note]);
        let handled = format!("jsonpath={{.status.lastHandledRenew}}={request}");
        cluster.wait("mtlsidentity/web", "renamed", &handled);
    };
    let upgrade = |values: &str| {
        let values = format!("image.repository=registry.invalid/none,serviceAccount.name=new{values}");
        cluster.helm(&["upgrade", "mtls-operator", CHART, "-n", SYSTEM, "--set", &values]);
    };
    upgrade(",serviceAccount.formerNames={mtls-operator}");
    // Policies count a moment after they are written; from then on the new account writes status, too.
    let status = [
        "mtlsidentity",
        "web",
        "-n",
        "renamed",
        "--subresource=status",
        "--type=merge",
        "-p",
        r#"{"status":{"observedGeneration":1}}"#,
    ];
    let new = "--as=system:serviceaccount:mtls-system:new";
    let refusal = |user| against(&cluster, &[&status[..], &[user]].concat());
    eventually("the new account to write status", || refusal(new).is_none().then_some(()));
    renews("1");
    upgrade(",serviceAccount.formerNames=null");
    eventually("the old account to be refused", || refusal(OPERATOR));
    cluster.refused(&["get", "serviceaccount", "mtls-operator", "-n", SYSTEM]);
    assert_eq!(refusal(new), None);
}
