//! A provided CA is copied; another one is switched to at once where the anchors stay, and the copy signs while it is
//! missing.

use k8s_openapi::api::core::v1::Secret;
use kube::api::{DeleteParams, Patch, PatchParams, PostParams};
use mtls_operator::api::MtlsAuthority;
use mtls_operator::api::conditions::find;
use mtls_operator::runtime::clock::Clock;
use serde_json::{Value, json};
use test_support::ca::Ca;
use test_support::cluster::TestCluster;
use test_support::installation::SYSTEM;
use test_support::namespace::TestNamespace;
use test_support::objects::value;

use crate::events::{expect_of_authority, look_again};
use crate::leaf_content::Content;

/// An authority with a provided CA.
pub struct AuthorityFixture {
    pub namespace: TestNamespace,
    pub authority: String,
    input: String,
}

impl AuthorityFixture {
    async fn new() -> Self {
        let namespace = TestCluster::shared().namespace().await;
        Self { authority: namespace.unique("own"), input: namespace.unique("input"), namespace }
    }

    async fn under(data: Value) -> Self {
        Self::with(data, json!({ "rotation": { "spreadOver": "0s" } })).await
    }

    /// An authority with this CA, and this spec besides.
    pub async fn with(data: Value, spec: Value) -> Self {
        let fixture = Self::new().await;
        fixture.provide(data).await;
        fixture.create_authority_of(spec).await;
        fixture
    }

    async fn create_authority(&self) {
        self.create_authority_of(json!({ "rotation": { "spreadOver": "0s" } })).await;
    }

    async fn create_authority_of(&self, mut spec: Value) {
        spec["trustDomain"] = json!("own.example");
        spec["root"] = json!({ "provided": { "secretName": self.input } });
        self.namespace.create_authority(&self.authority, spec).await;
    }

    async fn provide(&self, data: Value) -> Secret {
        let consent = json!({ "mtls-operator.dev/provides-for": self.authority });
        let metadata = json!({ "name": self.input, "namespace": SYSTEM, "annotations": consent });
        let secret = json!({ "metadata": metadata, "type": "kubernetes.io/tls", "data": data });
        let secret = serde_json::from_value(secret).unwrap();
        self.namespace.system_secrets().create(&PostParams::default(), &secret).await.unwrap()
    }

    pub async fn replace(&self, data: Value) {
        let (api, patch) = (self.namespace.system_secrets(), Patch::Merge(json!({ "data": data })));
        api.patch(&self.input, &PatchParams::default(), &patch).await.unwrap();
    }

    async fn remove(&self) {
        self.namespace.system_secrets().delete(&self.input, &DeleteParams::default()).await.unwrap();
    }

    /// Waits until the authority is in this phase, with roots in these roles.
    async fn phase(&self, phase: &str, roles: &[&str]) {
        let is_so = |authority: &MtlsAuthority| {
            let status = serde_json::to_value(&authority.status).unwrap();
            let found = status["roots"].as_array().into_iter().flatten();
            let found: Vec<&str> = found.filter_map(|root| root["role"].as_str()).collect();
            status["rotation"]["phase"] == phase && found == roles
        };
        self.namespace.authority_where(&self.authority, phase, is_so).await;
    }

    async fn copy(&self) -> Secret {
        self.namespace.system_secrets().get(&format!("mtls-authority-{}", self.authority)).await.unwrap()
    }

    pub async fn issue(&self, name: &str) -> Content {
        self.namespace.create(name, json!({ "authorityRef": { "name": self.authority } })).await;
        self.namespace.ready(name).await;
        Content::of(&self.namespace.secret(&format!("{name}-mtls")).await)
    }

    /// Waits until the authority has this reason, and checks that a person is asked to act.
    async fn stalls(&self, ready: &str, reason: &str) {
        let authority = self.namespace.authority_stands(&self.authority, ready, reason).await;
        let stalled = find(&authority.status.as_ref().unwrap().conditions, "Stalled").cloned();
        assert_eq!(stalled.map(|c| (c.status, c.reason)), Some(("True".into(), reason.into())));
    }

    /// Waits until the authority says this and checks that it signs as before.
    async fn goes_on_with_the_copy(&self, before: &Content, reason: &str) {
        self.stalls("True", reason).await;
        let after = self.issue("late").await;
        assert_eq!(before.leaf.authority_key_id, after.leaf.authority_key_id, "{reason}: another CA signs");
        assert!(before.trust == after.trust, "{reason}: the trust bundle is another one");
    }
}

#[tokio::test]
async fn a_provided_root_is_copied_and_signs() {
    let root = Ca::root("Example Root", Clock::system().now());
    let fixture = AuthorityFixture::under(root.data(&root.pem())).await;
    let content = fixture.issue("cart").await;
    assert_eq!(content.trust, root.pem().into_bytes());
    let (input, copy) =
        (fixture.namespace.system_secrets().get(&fixture.input).await.unwrap(), fixture.copy().await);
    assert!(value(&input, "tls.key") == value(&copy, "tls.key"), "the copy has another key");
    let writers = input.metadata.managed_fields.unwrap_or_default();
    assert_eq!(writers.len(), 1, "the operator wrote to what people own");
}

#[tokio::test]
async fn a_provided_intermediate_signs_below_its_anchor() {
    let root = Ca::root("Example Root", Clock::system().now());
    let signer = root.intermediate("Example Issuing 1");
    let fixture = AuthorityFixture::under(signer.data(&root.pem())).await;
    let content = fixture.issue("cart").await;
    assert_eq!(content.trust, root.pem().into_bytes());
    let chain = value(&fixture.namespace.secret("cart-mtls").await, "tls.crt");
    let chain = String::from_utf8(chain).unwrap();
    assert_eq!(chain.matches("BEGIN CERTIFICATE").count(), 2, "leaf and intermediate");
    assert!(!chain.contains(root.pem().trim()), "the root is not sent");
}

#[tokio::test]
async fn another_intermediate_below_the_same_anchor_is_switched_to_at_once() {
    let root = Ca::root("Example Root", Clock::system().now());
    let fixture = AuthorityFixture::under(root.intermediate("Example Issuing 1").data(&root.pem())).await;
    let before = fixture.issue("cart").await;
    fixture.replace(root.intermediate("Example Issuing 2").data(&root.pem())).await;
    let former = before.leaf.authority_key_id.to_string();
    fixture
        .namespace
        .authority_where(&fixture.authority, "the new intermediate", |authority| {
            let roots = authority.status.as_ref().map_or(&[][..], |status| &status.roots);
            roots.iter().all(|root| root.key_id != former) && !roots.is_empty()
        })
        .await;
    let after = fixture.issue("late").await;
    assert_ne!(before.leaf.authority_key_id, after.leaf.authority_key_id);
    assert!(before.trust == after.trust, "the anchors are the same");
    fixture.namespace.authority_stands(&fixture.authority, "True", "Ready").await;
    before.assert_kept(
        &Content::of(&fixture.namespace.secret("cart-mtls").await),
        "leaves of the former one stay valid",
    );
}

#[tokio::test]
async fn a_ca_with_other_anchors_is_announced_and_withdrawn_when_the_former_one_comes_back() {
    let root = Ca::root("Example Root", Clock::system().now());
    let fixture = AuthorityFixture::under(root.data(&root.pem())).await;
    let before = fixture.issue("cart").await;
    let other = Ca::root("Another Root", Clock::system().now());
    fixture.replace(other.data(&other.pem())).await;
    fixture.phase("Announced", &["Signing", "Next"]).await;
    let announced = fixture.namespace.secret_where("cart-mtls", "the bundle of both", |secret| {
        let trust = String::from_utf8(value(secret, "ca.crt")).unwrap();
        trust.contains(root.pem().trim()) && trust.contains(other.pem().trim())
    });
    assert_eq!(Content::of(&announced.await).leaf, before.leaf, "trust comes without a new key");
    assert_eq!(fixture.issue("late").await.leaf.authority_key_id, before.leaf.authority_key_id);
    fixture.replace(root.data(&root.pem())).await;
    fixture.phase("Stable", &["Signing"]).await;
    let back = fixture
        .namespace
        .secret_where("cart-mtls", "the former bundle", |secret| value(secret, "ca.crt") == before.trust);
    assert_eq!(Content::of(&back.await).leaf, before.leaf);
    look_again(&fixture.namespace, &fixture.authority).await;
    expect_of_authority(
        &fixture.namespace,
        &fixture.authority,
        &[("Normal", "Copy"), ("Normal", "Announce"), ("Normal", "Withdraw")],
    )
    .await;
}

#[tokio::test]
async fn a_half_written_ca_is_refused_and_the_copy_signs_on() {
    let root = Ca::root("Example Root", Clock::system().now());
    let fixture = AuthorityFixture::under(root.data(&root.pem())).await;
    let before = fixture.issue("cart").await;
    let mut half = root.intermediate("Example Issuing").data(&root.pem());
    half["tls.key"] = root.data(&root.pem())["tls.key"].clone();
    fixture.replace(half).await;
    fixture.goes_on_with_the_copy(&before, "ProvidedInvalid").await;
    look_again(&fixture.namespace, &fixture.authority).await;
    fixture.replace(root.data(&root.pem())).await;
    fixture.namespace.authority_stands(&fixture.authority, "True", "Ready").await;
    expect_of_authority(
        &fixture.namespace,
        &fixture.authority,
        &[("Normal", "Copy"), ("Warning", "ProvidedInvalid")],
    )
    .await;
}

#[tokio::test]
async fn a_ca_that_was_taken_away_is_missed_and_the_copy_signs_on() {
    let root = Ca::root("Example Root", Clock::system().now());
    let fixture = AuthorityFixture::under(root.data(&root.pem())).await;
    let before = fixture.issue("cart").await;
    fixture.remove().await;
    fixture.goes_on_with_the_copy(&before, "ProvidedMissing").await;
    fixture.provide(root.data(&root.pem())).await;
    fixture.namespace.authority_stands(&fixture.authority, "True", "Ready").await;
}

#[tokio::test]
async fn a_ca_that_is_provided_late_or_broken_first_is_used_once_it_is_sound() {
    let root = Ca::root("Example Root", Clock::system().now());
    let fixture = AuthorityFixture::new().await;
    fixture.create_authority().await;
    fixture.stalls("False", "ProvidedMissing").await;
    let mut broken = root.data(&root.pem());
    broken["ca.crt"] = json!("");
    fixture.provide(broken).await;
    fixture.stalls("False", "ProvidedInvalid").await;
    fixture.replace(root.data(&root.pem())).await;
    assert_eq!(fixture.issue("cart").await.trust, root.pem().into_bytes());
    let told = [("Warning", "ProvidedMissing"), ("Warning", "ProvidedInvalid"), ("Normal", "Copy")];
    expect_of_authority(&fixture.namespace, &fixture.authority, &told).await;
}

#[tokio::test]
async fn an_anchor_that_is_added_beside_the_same_signer_reaches_every_bundle() {
    let root = Ca::root("Example Root", Clock::system().now());
    let fixture = AuthorityFixture::under(root.data(&root.pem())).await;
    let before = fixture.issue("cart").await;
    let other = Ca::root("Partner Root", Clock::system().now());
    let both = [root.pem(), other.pem()].concat();
    fixture.replace(json!({ "ca.crt": k8s_openapi::ByteString(both.into_bytes()) })).await;
    let secret = fixture.namespace.secret_where("cart-mtls", "both anchors", |secret| {
        let trust = String::from_utf8(value(secret, "ca.crt")).unwrap();
        trust.contains(root.pem().trim()) && trust.contains(other.pem().trim())
    });
    before.assert_kept(&Content::of(&secret.await), "trust comes without a new key");
    fixture.phase("Stable", &["Signing"]).await;
}
