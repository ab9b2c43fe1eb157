//! An authority of its own on the shared cluster, with identities in a namespace of the same name, and a shell.

use std::ops::Deref;
use std::path::PathBuf;

use k8s_openapi::api::core::v1::Secret;
use mtls_operator::api::authority::{MtlsAuthorityStatus, Phase};
use mtls_operator::api::conditions::find;
use mtls_operator::pki::TrustBundle;
use serde_json::{Value, json};
use test_support::cluster::TestCluster;
use test_support::installation::SYSTEM;
use test_support::markdown::{Commands, block};
use test_support::namespace::TestNamespace;
use test_support::objects::{note, value};
use test_support::shell::Shell;

/// An authority and a namespace of the same name. Documents call them `mesh` and `webshop`.
pub struct Fixture {
    pub cluster: &'static TestCluster,
    namespace: TestNamespace,
    shell: Shell,
}

impl Deref for Fixture {
    type Target = TestNamespace;

    fn deref(&self) -> &TestNamespace {
        &self.namespace
    }
}

/// A rotation of this authority takes less than two minutes.
pub fn swift() -> Value {
    json!({
        "root": { "ttl": "1h" }, "leaf": { "ttl": "1m", "maxTTL": "1m" },
        "rotation": { "propagation": "10s", "spreadOver": "0s" },
    })
}

/// Each step that writes is made at once, and no certificate falls due meanwhile.
pub fn prompt() -> Value {
    json!({ "rotation": { "propagation": "10s", "spreadOver": "0s" } })
}

impl Fixture {
    /// An authority with this spec that signs. `None` where a tool is missing.
    pub async fn new(name: &str, spec: Value) -> Option<Self> {
        let fixture = Self::without_authority(name).await?;
        fixture.create_authority(name, spec).await;
        fixture.stands("True", "Ready").await;
        Some(fixture)
    }

    /// The same, before there is an authority.
    pub async fn without_authority(name: &str) -> Option<Self> {
        let (shell, cluster) = (Shell::new()?, TestCluster::shared());
        cluster.kubectl(&["create", "namespace", name]);
        let namespace = TestNamespace { client: cluster.client().await, name: name.to_owned() };
        Some(Self { cluster, namespace, shell })
    }

    /// Runs commands with the names of this authority and this namespace.
    pub fn run(&self, commands: &Commands) -> String {
        let commands = commands.replace("mesh", &self.name).replace("webshop", &self.name);
        self.shell.run(self.cluster, &commands)
    }

    /// Runs a command that the operator itself shows.
    pub fn paste(&self, command: &str) -> String {
        self.shell.run(self.cluster, command)
    }

    /// A file beside the documents, which commands name.
    pub fn file(&self, name: &str) -> PathBuf {
        self.shell.file(name)
    }

    /// Saves every root, as the runbook says.
    pub fn back_up(&self) {
        self.run(&block("docs/runbooks.md", "Back up the roots", "gpg --encrypt"));
    }

    /// Issues identities of this authority.
    pub async fn issue(&self, names: &[&str]) {
        for name in names {
            self.create(name, json!({ "authorityRef": { "name": self.name } })).await;
            self.ready(name).await;
        }
    }

    /// Deletes the root Secret.
    pub async fn lose_root(&self) {
        self.cluster.kubectl(&["delete", "secret", &self.root_secret(), "-n", SYSTEM]);
        self.stands("False", "RootLost").await;
    }
}

/// What is seen of it.
impl Fixture {
    pub fn root_secret(&self) -> String {
        format!("mtls-authority-{}", self.name)
    }

    pub async fn status(&self) -> MtlsAuthorityStatus {
        self.authorities().get(&self.name).await.unwrap().status.unwrap()
    }

    /// Fingerprint of the root with this role.
    pub async fn root(&self, role: &str) -> String {
        let roots = self.status().await.roots;
        let root = roots.into_iter().find(|root| root.role == role);
        root.unwrap_or_else(|| panic!("no root is {role}")).fingerprint
    }

    /// Waits until `Ready` of the authority has this status and reason; returns the sentence.
    pub async fn stands(&self, status: &str, reason: &str) -> String {
        let authority = self.authority_stands(&self.name, status, reason).await;
        find(&authority.status.unwrap().conditions, "Ready").unwrap().message.clone()
    }

    /// Waits until the sentence of `Ready` says this.
    pub async fn says(&self, words: &str) -> String {
        let ready = |status: &MtlsAuthorityStatus| {
            find(&status.conditions, "Ready").map(|ready| ready.message.clone()).unwrap_or_default()
        };
        let status = self.status_where(words, |status| ready(status).contains(words)).await;
        ready(&status)
    }

    /// Waits until the status of the authority is so.
    pub async fn status_where(
        &self,
        what: &str,
        is_so: impl Fn(&MtlsAuthorityStatus) -> bool,
    ) -> MtlsAuthorityStatus {
        let found = self.authority_where(&self.name, what, |found| found.status.as_ref().is_some_and(&is_so));
        found.await.status.unwrap()
    }

    /// Waits until the rotation has come to this phase.
    pub async fn reaches(&self, phase: Phase) {
        self.status_where(phase.as_str(), |status| status.phase() == Some(phase)).await;
    }

    /// The Secret of an identity.
    pub async fn leaf(&self, identity: &str) -> Secret {
        self.secret(&format!("{identity}-mtls")).await
    }

    /// Waits until `Ready` of an identity is false for this reason.
    pub async fn is_refused(&self, identity: &str, reason: &str) {
        self.namespace.stands(identity, "False", reason).await;
    }

    /// Serial of the certificate of an identity.
    pub async fn serial(&self, identity: &str) -> String {
        note(&self.leaf(identity).await, "serial").unwrap()
    }

    /// Waits until an identity has another certificate than that of this serial.
    pub async fn is_issued_again(&self, identity: &str, serial: &str) {
        let is_other = |secret: &Secret| note(secret, "serial").is_some_and(|found| found != serial);
        self.secret_where(&format!("{identity}-mtls"), "another certificate", is_other).await;
        self.ready(identity).await;
    }

    /// Waits until an identity trusts these roots, in whatever order, and no others.
    pub async fn trusts(&self, identity: &str, roots: &[&str]) {
        let mut roots = roots.to_vec();
        roots.sort_unstable();
        let is_so = |secret: &Secret| trusted(secret) == roots;
        self.secret_where(&format!("{identity}-mtls"), &format!("{roots:?} in ca.crt"), is_so).await;
    }
}

/// Fingerprints of the roots in the trust bundle of a Secret, sorted.
pub fn trusted(secret: &Secret) -> Vec<String> {
    let bundle = TrustBundle::from_pem(&value(secret, "ca.crt")).unwrap();
    let mut roots: Vec<String> = bundle.fingerprints().map(|root| root.to_string()).collect();
    roots.sort_unstable();
    roots
}
