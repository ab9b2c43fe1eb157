//! Identities whose Secret cannot be written during a rotation, for whatever reason, are named and waited for; the others
//! wait for nothing but the switch, which comes once the reason is gone.

use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::api::rbac::v1::{ClusterRole, PolicyRule, Role, RoleBinding};
use kube::api::{Api, Patch, PatchParams, PostParams};
use mtls_operator::api::authority::Phase;
use mtls_operator::api::conditions::{ROTATING, find};
use mtls_operator::api::{MtlsAuthority, MtlsIdentity};
use serde_json::json;
use test_support::cluster::TestCluster;
use test_support::installation::{OPERATOR, SYSTEM};
use test_support::namespace::TestNamespace;
use test_support::objects::{note, ready_of, value};
use test_support::wait::until;

use crate::admission_policy::{DenyPolicy, in_force};
use crate::bundle_rotation::{ask, is_waited_for, phase};

/// The chart's name for the operator's rights in the namespaces of identities.
const RIGHTS: &str = "mtls-operator-identities";

/// An authority of which nothing falls due meanwhile but what the rotation brings.
async fn authority(namespace: &TestNamespace, name: &str) -> String {
    let name = namespace.unique(name);
    let spec = json!({
        "root": { "ttl": "24h" }, "leaf": { "ttl": "1h", "maxTTL": "1h" },
        "rotation": { "propagation": "10s", "spreadOver": "0s" },
    });
    namespace.create_authority(&name, spec).await;
    name
}

async fn issue(namespace: &TestNamespace, name: &str, authority: &str) {
    namespace.create(name, json!({ "authorityRef": { "name": authority } })).await;
    namespace.ready(name).await;
}

fn roots(secret: &Secret) -> usize {
    String::from_utf8(value(secret, "ca.crt")).unwrap().matches("BEGIN CERTIFICATE").count()
}

async fn carries_both_roots(namespace: &TestNamespace, name: &str) -> Secret {
    namespace.secret_where(&format!("{name}-mtls"), "both roots", |secret| roots(secret) == 2).await
}

/// The right to change Secrets, taken from the operator in all namespaces but one.
struct Lost {
    roles: Api<ClusterRole>,
    rules: Vec<PolicyRule>,
}

impl Lost {
    async fn everywhere_but(namespace: &TestNamespace) -> Self {
        grant(namespace).await;
        let granted: Api<ClusterRole> = Api::all(namespace.client.clone());
        let rules = granted.get(RIGHTS).await.unwrap().rules.unwrap();
        let mut fewer = rules.clone();
        let of_secrets =
            |rule: &&mut PolicyRule| rule.resources.iter().flatten().any(|kind| kind == "secrets");
        fewer.iter_mut().filter(of_secrets).for_each(|rule| rule.verbs.retain(|verb| verb != "patch"));
        assert_ne!(fewer, rules, "the chart gives the right in another way");
        let lost = Self { roles: granted, rules };
        lost.set(&fewer).await;
        lost
    }

    async fn set(&self, rules: &[PolicyRule]) {
        let patch = Patch::Merge(json!({ "rules": rules }));
        self.roles.patch(RIGHTS, &PatchParams::default(), &patch).await.unwrap();
    }

    async fn give_back(self) {
        self.set(&self.rules).await;
    }
}

/// Gives the operator the right to change Secrets of this namespace, whatever else it may.
async fn grant(namespace: &TestNamespace) {
    let role = json!({
        "metadata": { "name": "kept" },
        "rules": [{ "apiGroups": [""], "resources": ["secrets"], "verbs": ["patch"] }],
    });
    let binding = json!({
        "metadata": { "name": "kept" },
        "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "kept" },
        "subjects": [{ "kind": "ServiceAccount", "namespace": SYSTEM, "name": "mtls-operator" }],
    });
    let roles: Api<Role> = Api::namespaced(namespace.client.clone(), &namespace.name);
    roles.create(&PostParams::default(), &serde_json::from_value(role).unwrap()).await.unwrap();
    let bindings: Api<RoleBinding> = Api::namespaced(namespace.client.clone(), &namespace.name);
    bindings.create(&PostParams::default(), &serde_json::from_value(binding).unwrap()).await.unwrap();
}

/// Whether a change of this Secret is refused; nothing is changed in any case.
async fn is_refused(secrets: &Api<Secret>, name: &str) -> bool {
    let dry = PatchParams { dry_run: true, ..PatchParams::default() };
    let touch = Patch::Merge(json!({ "metadata": { "labels": { "touch": "me" } } }));
    secrets.patch(name, &dry, &touch).await.is_err()
}

/// Secrets of a namespace, with the rights of the operator.
async fn as_operator(cluster: &TestCluster, namespace: &TestNamespace) -> Api<Secret> {
    Api::namespaced(cluster.operator_client().await, &namespace.name)
}

fn rotating(found: &MtlsAuthority) -> String {
    let conditions = found.status.as_ref().map_or(&[][..], |status| &status.conditions);
    find(conditions, ROTATING).map(|condition| condition.message.clone()).unwrap_or_default()
}

/// Waits until status and sentence name these and no others, and the metric says how many they are. No other root signs.
async fn are_waited_for(cluster: &TestCluster, namespace: &TestNamespace, authority: &str, names: &[String]) {
    let sentence = format!(". Behind: {} ({})", names.len(), names.join(", "));
    let is_told = |found: &MtlsAuthority| {
        is_waited_for(found, "Identity", names) && rotating(found).ends_with(&sentence)
    };
    let found = namespace.authority_where(authority, &format!("{names:?} to be waited for"), is_told).await;
    assert_eq!(phase(&found), Some(Phase::Announced));
    let figure = format!("mtls_operator_rotation_waiting{{authority=\"{authority}\"}} {}\n", names.len());
    let is_counted =
        || async { cluster.admin_page(OPERATOR, "/metrics").await.contains(&figure).then_some(()) };
    until(&figure, is_counted).await;
}

async fn switches(namespace: &TestNamespace, authority: &str) -> MtlsAuthority {
    let is_draining = |found: &MtlsAuthority| phase(found) == Some(Phase::Draining);
    namespace.authority_where(authority, "the next root to sign", is_draining).await
}

/// Another spec ends the backoff, which can have grown to minutes.
async fn try_again(namespace: &TestNamespace, name: &str) {
    let spec = json!({ "spec": { "secret": { "labels": { "try": "again" } } } });
    namespace.patch(name, spec).await.unwrap();
}

/// Waits until what `Ready` of an identity says has this in it.
async fn is_told(namespace: &TestNamespace, name: &str, why: &str) {
    let says = |identity: &MtlsIdentity| ready_of(identity).2.contains(why);
    namespace.identity_where(name, &format!("{name} to say: {why}"), says).await;
}

/// What keeps the Secrets of `banned`, `frozen` and `bare` from being written; the last of them lives in another namespace.
struct WriteBlocks {
    ban: DenyPolicy,
    lost: Lost,
}

impl WriteBlocks {
    async fn raise(cluster: &TestCluster, namespace: &TestNamespace, bare: &TestNamespace) -> Self {
        let ban = DenyPolicy::on(namespace, "", "secrets", "banned-mtls").await;
        in_force("the policy", async || is_refused(&namespace.secrets(), "banned-mtls").await).await;
        namespace.patch_secret("frozen-mtls", json!({ "immutable": true })).await.unwrap();
        let lost = Lost::everywhere_but(namespace).await;
        let (there, here) = (as_operator(cluster, bare).await, as_operator(cluster, namespace).await);
        in_force("the loss", async || is_refused(&there, "bare-mtls").await).await;
        in_force("the right that is kept", async || !is_refused(&here, "free-mtls").await).await;
        Self { ban, lost }
    }
}

/// These names in the form of status, without the first so many.
fn left(namespace: &TestNamespace, bare: &TestNamespace, gone: usize) -> Vec<String> {
    let all = [(namespace, "banned"), (namespace, "frozen"), (bare, "bare")];
    let mut names: Vec<String> =
        all[gone..].iter().map(|(namespace, name)| format!("{}/{name}", namespace.name)).collect();
    names.sort_unstable();
    names
}

#[tokio::test]
async fn secrets_that_cannot_be_written_for_whatever_reason_are_named_and_waited_for_and_no_others_are() {
    let cluster = TestCluster::new(&[]);
    let (namespace, bare) = (cluster.namespace().await, cluster.namespace().await);
    let (ours, twin) = (authority(&namespace, "ca").await, authority(&namespace, "twin").await);
    for (namespace, name) in
        [(&namespace, "banned"), (&namespace, "free"), (&namespace, "frozen"), (&bare, "bare")]
    {
        issue(namespace, name, &ours).await;
    }
    issue(&namespace, "brother", &twin).await;
    let WriteBlocks { ban, lost } = WriteBlocks::raise(&cluster, &namespace, &bare).await;
    ask(&namespace, &ours).await;
    let free = carries_both_roots(&namespace, "free").await;
    are_waited_for(&cluster, &namespace, &ours, &left(&namespace, &bare, 0)).await;
    is_told(&namespace, "banned", "frozen by a test").await;
    is_told(&namespace, "frozen", "immutable").await;
    is_told(&bare, "bare", "forbidden").await;
    // This one begins later and waits for no Secret; when it has switched, the other would have switched, too.
    ask(&namespace, &twin).await;
    switches(&namespace, &twin).await;
    are_waited_for(&cluster, &namespace, &ours, &left(&namespace, &bare, 0)).await;
    assert_eq!(note(&namespace.secret("free-mtls").await, "serial"), note(&free, "serial"));
    ban.lift().await;
    try_again(&namespace, "banned").await;
    carries_both_roots(&namespace, "banned").await;
    are_waited_for(&cluster, &namespace, &ours, &left(&namespace, &bare, 1)).await;
    namespace.delete_secret("frozen-mtls").await;
    carries_both_roots(&namespace, "frozen").await;
    are_waited_for(&cluster, &namespace, &ours, &left(&namespace, &bare, 2)).await;
    lost.give_back().await;
    try_again(&bare, "bare").await;
    carries_both_roots(&bare, "bare").await;
    let signer = switches(&namespace, &ours).await.status.unwrap().roots[0].key_id.clone();
    for (namespace, name) in
        [(&namespace, "banned"), (&namespace, "free"), (&namespace, "frozen"), (&bare, "bare")]
    {
        let is_of_next = |secret: &Secret| note(secret, "authority-key-id").as_deref() == Some(&signer);
        namespace.secret_where(&format!("{name}-mtls"), "a leaf of the next root", is_of_next).await;
    }
}
