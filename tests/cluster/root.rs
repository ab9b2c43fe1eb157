//! A root that is lost or damaged is never silently replaced, and works again once it is restored.

use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use kube::api::{DeleteParams, Patch, PatchParams, PostParams};
use mtls_operator::api::MtlsAuthority;
use mtls_operator::api::conditions::find;
use serde_json::{Value, json};
use test_support::cluster::TestCluster;
use test_support::namespace::TestNamespace;
use test_support::objects::{is_stalled, ready_of};
use test_support::wait::wait;

use crate::events::{expect_of_authority, look_again};
use crate::leaf_content::Content;

/// An authority of its own with one identity that is issued.
struct AuthorityFixture {
    namespace: TestNamespace,
    authority: String,
    secret: String,
}

impl AuthorityFixture {
    async fn founded() -> Self {
        let namespace = TestCluster::shared().namespace().await;
        let authority = namespace.unique("ca");
        namespace.create_authority(&authority, json!({})).await;
        let fixture = Self { secret: format!("mtls-authority-{authority}"), authority, namespace };
        fixture.issue("cart").await;
        fixture
    }

    async fn issue(&self, name: &str) -> Content {
        self.namespace.create(name, json!({ "authorityRef": { "name": self.authority } })).await;
        self.namespace.ready(name).await;
        Content::of(&self.namespace.secret(&format!("{name}-mtls")).await)
    }

    async fn root(&self) -> Secret {
        self.namespace.system_secrets().get(&self.secret).await.unwrap()
    }

    async fn delete_root(&self) {
        self.namespace.system_secrets().delete(&self.secret, &DeleteParams::default()).await.unwrap();
    }

    /// Puts a root Secret where there is none, as from a backup.
    async fn restore(&self, backup: &Secret) {
        let mut secret = backup.clone();
        secret.metadata = kube::api::ObjectMeta {
            name: backup.metadata.name.clone(),
            annotations: backup.metadata.annotations.clone(),
            ..kube::api::ObjectMeta::default()
        };
        self.namespace.system_secrets().create(&PostParams::default(), &secret).await.unwrap();
    }

    async fn patch_root(&self, patch: Value) {
        let parameters = PatchParams::default();
        self.namespace.system_secrets().patch(&self.secret, &parameters, &Patch::Merge(patch)).await.unwrap();
    }

    /// Waits until the authority is Stalled for this reason, and returns the sentence.
    async fn stalls(&self, reason: &str) -> String {
        let authority = self.namespace.authority_stands(&self.authority, "False", reason).await;
        let conditions = &authority.status.as_ref().unwrap().conditions;
        assert_eq!(find(conditions, "Stalled").map(|c| c.status.as_str()), Some("True"));
        find(conditions, "Ready").unwrap().message.clone()
    }

    /// Asserts that nothing is signed: a new identity waits, and the first keeps what it has.
    async fn assert_signs_nothing(&self, before: &Content) {
        self.namespace.create("waits", json!({ "authorityRef": { "name": self.authority } })).await;
        let waiting = self.namespace.stands("waits", "False", "AuthorityNotReady").await;
        assert!(!is_stalled(&waiting), "{}", ready_of(&waiting).2);
        before.assert_kept(&Content::of(&self.namespace.secret("cart-mtls").await), "nothing is signed");
    }

    /// Waits until the authority signs again, and checks that it signs with the same root.
    async fn assert_signs_again(&self, before: &Content) {
        self.namespace.authority_stands(&self.authority, "True", "Ready").await;
        self.namespace.ready("waits").await;
        let after = Content::of(&self.namespace.secret("waits-mtls").await);
        assert_eq!(before.leaf.authority_key_id, after.leaf.authority_key_id, "another root signs");
        before.assert_kept(&Content::of(&self.namespace.secret("cart-mtls").await), "restored");
    }
}

fn data(secret: &Secret) -> Value {
    json!({ "data": secret.data })
}

#[tokio::test]
async fn a_generated_root_stands_in_status_and_has_no_owner() {
    let fixture = AuthorityFixture::founded().await;
    let authority: MtlsAuthority =
        fixture.namespace.authority_stands(&fixture.authority, "True", "Ready").await;
    let status = authority.status.unwrap();
    let leaf = Content::of(&fixture.namespace.secret("cart-mtls").await).leaf;
    assert_eq!(status.roots.len(), 1);
    assert_eq!(status.roots[0].key_id, leaf.authority_key_id.to_string());
    let root = fixture.root().await;
    assert_eq!(
        root.metadata.owner_references, None,
        "garbage collection would take the root with its authority"
    );
    assert_eq!(root.type_.as_deref(), Some("mtls-operator.dev/root"));
    assert!(find(&status.conditions, "Stalled").is_none());
}

#[tokio::test]
async fn a_deleted_root_is_lost_not_replaced_and_signs_again_once_restored() {
    let fixture = AuthorityFixture::founded().await;
    let before = Content::of(&fixture.namespace.secret("cart-mtls").await);
    let backup = fixture.root().await;
    fixture.delete_root().await;
    let sentence = fixture.stalls("RootLost").await;
    assert!(sentence.contains("restore Secret") && sentence.contains(&fixture.secret), "{sentence}");
    fixture.assert_signs_nothing(&before).await;
    look_again(&fixture.namespace, &fixture.authority).await;
    let found = fixture.namespace.system_secrets().get_opt(&fixture.secret).await.unwrap();
    assert!(found.is_none(), "a root was made without a request");
    fixture.restore(&backup).await;
    fixture.assert_signs_again(&before).await;
    expect_of_authority(
        &fixture.namespace,
        &fixture.authority,
        &[("Normal", "Generate"), ("Warning", "RootLost")],
    )
    .await;
}

#[tokio::test]
async fn a_damaged_root_signs_nothing_until_it_is_restored() {
    let fixture = AuthorityFixture::founded().await;
    let before = Content::of(&fixture.namespace.secret("cart-mtls").await);
    let backup = fixture.root().await;
    fixture.patch_root(json!({ "data": { "tls.crt": ByteString(b"no certificate".to_vec()) } })).await;
    let sentence = fixture.stalls("RootInvalid").await;
    assert!(sentence.contains(&fixture.secret) && sentence.contains("tls.crt"), "{sentence}");
    fixture.assert_signs_nothing(&before).await;
    fixture.patch_root(data(&backup)).await;
    fixture.assert_signs_again(&before).await;
}

#[tokio::test]
async fn a_root_with_the_key_of_another_signs_nothing_until_it_is_restored() {
    let fixture = AuthorityFixture::founded().await;
    let before = Content::of(&fixture.namespace.secret("cart-mtls").await);
    let backup = fixture.root().await;
    let other = AuthorityFixture::founded().await.root().await;
    fixture.patch_root(json!({ "data": { "tls.key": other.data.unwrap()["tls.key"] } })).await;
    let sentence = fixture.stalls("RootInvalid").await;
    assert!(sentence.contains("tls.key"), "{sentence}");
    fixture.assert_signs_nothing(&before).await;
    fixture.patch_root(data(&backup)).await;
    fixture.assert_signs_again(&before).await;
}

#[tokio::test]
async fn another_root_in_its_place_is_no_root_of_ours() {
    let fixture = AuthorityFixture::founded().await;
    let before = Content::of(&fixture.namespace.secret("cart-mtls").await);
    let backup = fixture.root().await;
    let other = AuthorityFixture::founded().await.root().await;
    fixture.patch_root(data(&other)).await;
    let sentence = fixture.stalls("RootLost").await;
    assert!(sentence.contains("another root"), "{sentence}");
    fixture.assert_signs_nothing(&before).await;
    fixture.patch_root(data(&backup)).await;
    fixture.assert_signs_again(&before).await;
}

#[tokio::test]
async fn the_place_of_a_lost_root_is_kept_for_it() {
    let fixture = AuthorityFixture::founded().await;
    let before = Content::of(&fixture.namespace.secret("cart-mtls").await);
    let backup = fixture.root().await;
    let rival = fixture.namespace.unique("rival");
    fixture.namespace.create_authority(&rival, json!({ "root": { "secretName": fixture.secret } })).await;
    fixture.namespace.authority_stands(&rival, "False", "RootInvalid").await;
    fixture.delete_root().await;
    fixture.stalls("RootLost").await;
    let says_so = |authority: &MtlsAuthority| {
        let conditions = &authority.status.as_ref().unwrap().conditions;
        find(conditions, "Ready")
            .is_some_and(|ready| ready.reason == "RootInvalid" && ready.message.contains("is missing"))
    };
    fixture
        .namespace
        .authority_where(&rival, "the other authority to see that the Secret is reserved", says_so)
        .await;
    let found = fixture.namespace.system_secrets().get_opt(&fixture.secret).await.unwrap();
    assert!(found.is_none(), "another authority has taken the Secret of the lost root");
    fixture.assert_signs_nothing(&before).await;
    fixture.restore(&backup).await;
    fixture.assert_signs_again(&before).await;
}

#[tokio::test]
async fn an_authority_that_is_recreated_takes_up_its_root_again() {
    let fixture = AuthorityFixture::founded().await;
    let before = Content::of(&fixture.namespace.secret("cart-mtls").await);
    let authorities = fixture.namespace.authorities();
    authorities.delete(&fixture.authority, &DeleteParams::default()).await.unwrap();
    wait(authorities, &fixture.authority, "it to be gone", |found| found.is_none().then_some(())).await;
    // The leaf is still as asked: an identity is Ready as long as its leaf serves.
    before.assert_kept(&Content::of(&fixture.namespace.secret("cart-mtls").await), "without an authority");
    fixture.namespace.create_authority(&fixture.authority, json!({})).await;
    let after = fixture.issue("late").await;
    assert_eq!(before.leaf.authority_key_id, after.leaf.authority_key_id);
    before.assert_kept(&Content::of(&fixture.namespace.secret("cart-mtls").await), "taken up again");
}

#[tokio::test]
async fn a_root_of_another_trust_domain_is_not_taken_up() {
    let fixture = AuthorityFixture::founded().await;
    let authorities = fixture.namespace.authorities();
    authorities.delete(&fixture.authority, &DeleteParams::default()).await.unwrap();
    wait(authorities, &fixture.authority, "it to be gone", |found| found.is_none().then_some(())).await;
    fixture.namespace.create_authority(&fixture.authority, json!({ "trustDomain": "example.org" })).await;
    let sentence = fixture.stalls("TrustDomainMismatch").await;
    assert!(sentence.contains("cluster.local") && sentence.contains("example.org"), "{sentence}");
}

#[tokio::test]
async fn a_loss_that_is_accepted_by_name_ends_with_another_root_and_the_lost_one_stays_trusted() {
    let fixture = AuthorityFixture::founded().await;
    let before = Content::of(&fixture.namespace.secret("cart-mtls").await);
    let authority = fixture.namespace.authority_stands(&fixture.authority, "True", "Ready").await;
    let status = serde_json::to_value(&authority.status).unwrap();
    let lost = status["roots"][0]["fingerprint"].as_str().unwrap().to_owned();
    fixture.delete_root().await;
    fixture.namespace.authority_stands(&fixture.authority, "False", "RootLost").await;
    let annotations = json!({ "mtls-operator.dev/accept-root-loss": lost });
    let patch = json!({ "metadata": { "annotations": annotations } });
    fixture.namespace.patch_authority(&fixture.authority, patch).await.unwrap();
    fixture.namespace.authority_stands(&fixture.authority, "True", "Ready").await;
    let secret = fixture.namespace.secret_where("cart-mtls", "a leaf of the other root", |secret| {
        Content::of(secret).leaf.authority_key_id != before.leaf.authority_key_id
    });
    let after = Content::of(&secret.await);
    before.assert_reissued(&after, "accepted loss");
    let trust = String::from_utf8(after.trust).unwrap();
    assert!(trust.contains(String::from_utf8(before.trust).unwrap().trim()), "the lost root stays trusted");
    assert_eq!(trust.matches("BEGIN CERTIFICATE").count(), 2);
}
