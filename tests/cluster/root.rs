//! A root that is lost or damaged is never silently replaced, and works again once it is restored.

use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use kube::api::{DeleteParams, Patch, PatchParams, PostParams};
use mtls_operator::api::MtlsAuthority;
use mtls_operator::api::conditions::find;
use serde_json::{Value, json};

use crate::content::Content;
use crate::events::{expect_of_authority, look_again};
use crate::stage::{Scene, Stage, is_stalled, ready_of, wait};

/// An authority of its own with one identity that is issued.
struct Realm {
    scene: Scene,
    authority: String,
    secret: String,
}

impl Realm {
    async fn founded() -> Self {
        let scene = Stage::shared().scene().await;
        let authority = scene.unique("ca");
        scene.create_authority(&authority, json!({})).await;
        let realm = Self { secret: format!("mtls-authority-{authority}"), authority, scene };
        realm.issue("cart").await;
        realm
    }

    async fn issue(&self, name: &str) -> Content {
        self.scene.create(name, json!({ "authorityRef": { "name": self.authority } })).await;
        self.scene.ready(name).await;
        Content::of(&self.scene.secret(&format!("{name}-mtls")).await)
    }

    async fn root(&self) -> Secret {
        self.scene.system_secrets().get(&self.secret).await.unwrap()
    }

    async fn delete_root(&self) {
        self.scene.system_secrets().delete(&self.secret, &DeleteParams::default()).await.unwrap();
    }

    /// Puts a root Secret where there is none, as from a backup.
    async fn restore(&self, backup: &Secret) {
        let mut secret = backup.clone();
        secret.metadata = kube::api::ObjectMeta {
            name: backup.metadata.name.clone(),
            annotations: backup.metadata.annotations.clone(),
            ..kube::api::ObjectMeta::default()
        };
        self.scene.system_secrets().create(&PostParams::default(), &secret).await.unwrap();
    }

    async fn patch_root(&self, patch: Value) {
        let parameters = PatchParams::default();
        self.scene.system_secrets().patch(&self.secret, &parameters, &Patch::Merge(patch)).await.unwrap();
    }

    /// Waits until the authority stands still for this reason, and returns the sentence.
    async fn stalls(&self, reason: &str) -> String {
        let authority = self.scene.authority_stands(&self.authority, "False", reason).await;
        let conditions = &authority.status.as_ref().unwrap().conditions;
        assert_eq!(find(conditions, "Stalled").map(|c| c.status.as_str()), Some("True"));
        find(conditions, "Ready").unwrap().message.clone()
    }

    /// Asserts that nothing is signed: a new identity waits, and the first keeps what it has.
    async fn assert_signs_nothing(&self, before: &Content) {
        self.scene.create("waits", json!({ "authorityRef": { "name": self.authority } })).await;
        let waiting = self.scene.stands("waits", "False", "AuthorityNotReady").await;
        assert!(!is_stalled(&waiting), "{}", ready_of(&waiting).2);
        before.assert_kept(&Content::of(&self.scene.secret("cart-mtls").await), "nothing is signed");
    }

    /// Waits until the authority signs again, and checks that it signs with the same root.
    async fn assert_signs_again(&self, before: &Content) {
        self.scene.authority_stands(&self.authority, "True", "Ready").await;
        self.scene.ready("waits").await;
        let after = Content::of(&self.scene.secret("waits-mtls").await);
        assert_eq!(before.leaf.authority_key_id, after.leaf.authority_key_id, "another root signs");
        before.assert_kept(&Content::of(&self.scene.secret("cart-mtls").await), "restored");
    }
}

fn data(secret: &Secret) -> Value {
    json!({ "data": secret.data })
}

#[tokio::test]
async fn a_generated_root_stands_in_status_and_has_no_owner() {
    let realm = Realm::founded().await;
    let authority: MtlsAuthority = realm.scene.authority_stands(&realm.authority, "True", "Ready").await;
    let status = authority.status.unwrap();
    let leaf = Content::of(&realm.scene.secret("cart-mtls").await).leaf;
    assert_eq!(status.roots.len(), 1);
    assert_eq!(status.roots[0].key_id, leaf.authority_key_id.to_string());
    let root = realm.root().await;
    assert_eq!(
        root.metadata.owner_references, None,
        "garbage collection would take the root with its authority"
    );
    assert_eq!(root.type_.as_deref(), Some("mtls-operator.dev/root"));
    assert!(find(&status.conditions, "Stalled").is_none());
}

#[tokio::test]
async fn a_deleted_root_is_lost_not_replaced_and_signs_again_once_restored() {
    let realm = Realm::founded().await;
    let before = Content::of(&realm.scene.secret("cart-mtls").await);
    let backup = realm.root().await;
    realm.delete_root().await;
    let sentence = realm.stalls("RootLost").await;
    assert!(sentence.contains("restore Secret") && sentence.contains(&realm.secret), "{sentence}");
    realm.assert_signs_nothing(&before).await;
    look_again(&realm.scene, &realm.authority).await;
    let found = realm.scene.system_secrets().get_opt(&realm.secret).await.unwrap();
    assert!(found.is_none(), "a root was made in silence");
    realm.restore(&backup).await;
    realm.assert_signs_again(&before).await;
    expect_of_authority(&realm.scene, &realm.authority, &[("Normal", "Generate"), ("Warning", "RootLost")])
        .await;
}

#[tokio::test]
async fn a_damaged_root_signs_nothing_until_it_is_restored() {
    let realm = Realm::founded().await;
    let before = Content::of(&realm.scene.secret("cart-mtls").await);
    let backup = realm.root().await;
    realm.patch_root(json!({ "data": { "tls.crt": ByteString(b"no certificate".to_vec()) } })).await;
    let sentence = realm.stalls("RootInvalid").await;
    assert!(sentence.contains(&realm.secret) && sentence.contains("tls.crt"), "{sentence}");
    realm.assert_signs_nothing(&before).await;
    realm.patch_root(data(&backup)).await;
    realm.assert_signs_again(&before).await;
}

#[tokio::test]
async fn a_root_with_the_key_of_another_signs_nothing_until_it_is_restored() {
    let realm = Realm::founded().await;
    let before = Content::of(&realm.scene.secret("cart-mtls").await);
    let backup = realm.root().await;
    let other = Realm::founded().await.root().await;
    realm.patch_root(json!({ "data": { "tls.key": other.data.unwrap()["tls.key"] } })).await;
    let sentence = realm.stalls("RootInvalid").await;
    assert!(sentence.contains("tls.key"), "{sentence}");
    realm.assert_signs_nothing(&before).await;
    realm.patch_root(data(&backup)).await;
    realm.assert_signs_again(&before).await;
}

#[tokio::test]
async fn another_root_in_its_place_is_no_root_of_ours() {
    let realm = Realm::founded().await;
    let before = Content::of(&realm.scene.secret("cart-mtls").await);
    let backup = realm.root().await;
    let other = Realm::founded().await.root().await;
    realm.patch_root(data(&other)).await;
    let sentence = realm.stalls("RootLost").await;
    assert!(sentence.contains("another root"), "{sentence}");
    realm.assert_signs_nothing(&before).await;
    realm.patch_root(data(&backup)).await;
    realm.assert_signs_again(&before).await;
}

#[tokio::test]
async fn the_place_of_a_lost_root_is_kept_for_it() {
    let realm = Realm::founded().await;
    let before = Content::of(&realm.scene.secret("cart-mtls").await);
    let backup = realm.root().await;
    let rival = realm.scene.unique("rival");
    realm.scene.create_authority(&rival, json!({ "root": { "secretName": realm.secret } })).await;
    realm.scene.authority_stands(&rival, "False", "RootInvalid").await;
    realm.delete_root().await;
    realm.stalls("RootLost").await;
    let says_so = |authority: &MtlsAuthority| {
        let conditions = &authority.status.as_ref().unwrap().conditions;
        find(conditions, "Ready")
            .is_some_and(|ready| ready.reason == "RootInvalid" && ready.message.contains("is missing"))
    };
    realm.scene.authority_where(&rival, "the rival to see that the place is kept", says_so).await;
    let found = realm.scene.system_secrets().get_opt(&realm.secret).await.unwrap();
    assert!(found.is_none(), "another authority has taken the place of the lost root");
    realm.assert_signs_nothing(&before).await;
    realm.restore(&backup).await;
    realm.assert_signs_again(&before).await;
}

#[tokio::test]
async fn an_authority_that_is_recreated_takes_up_its_root_again() {
    let realm = Realm::founded().await;
    let before = Content::of(&realm.scene.secret("cart-mtls").await);
    let authorities = realm.scene.authorities();
    authorities.delete(&realm.authority, &DeleteParams::default()).await.unwrap();
    wait(authorities, &realm.authority, "it to be gone", |found| found.is_none().then_some(())).await;
    // The leaf is still as asked: an identity is Ready as long as its leaf serves.
    before.assert_kept(&Content::of(&realm.scene.secret("cart-mtls").await), "without an authority");
    realm.scene.create_authority(&realm.authority, json!({})).await;
    let after = realm.issue("late").await;
    assert_eq!(before.leaf.authority_key_id, after.leaf.authority_key_id);
    before.assert_kept(&Content::of(&realm.scene.secret("cart-mtls").await), "taken up again");
}

#[tokio::test]
async fn a_root_of_another_trust_domain_is_not_taken_up() {
    let realm = Realm::founded().await;
    let authorities = realm.scene.authorities();
    authorities.delete(&realm.authority, &DeleteParams::default()).await.unwrap();
    wait(authorities, &realm.authority, "it to be gone", |found| found.is_none().then_some(())).await;
    realm.scene.create_authority(&realm.authority, json!({ "trustDomain": "example.org" })).await;
    let sentence = realm.stalls("TrustDomainMismatch").await;
    assert!(sentence.contains("cluster.local") && sentence.contains("example.org"), "{sentence}");
}

#[tokio::test]
async fn a_loss_that_is_accepted_by_name_ends_with_another_root_and_the_lost_one_stays_trusted() {
    let realm = Realm::founded().await;
    let before = Content::of(&realm.scene.secret("cart-mtls").await);
    let authority = realm.scene.authority_stands(&realm.authority, "True", "Ready").await;
    let status = serde_json::to_value(&authority.status).unwrap();
    let lost = status["roots"][0]["fingerprint"].as_str().unwrap().to_owned();
    realm.delete_root().await;
    realm.scene.authority_stands(&realm.authority, "False", "RootLost").await;
    let annotations = json!({ "mtls-operator.dev/accept-root-loss": lost });
    let patch = json!({ "metadata": { "annotations": annotations } });
    realm.scene.patch_authority(&realm.authority, patch).await.unwrap();
    realm.scene.authority_stands(&realm.authority, "True", "Ready").await;
    let secret = realm.scene.secret_where("cart-mtls", "a leaf of the other root", |secret| {
        Content::of(secret).leaf.authority_key_id != before.leaf.authority_key_id
    });
    let after = Content::of(&secret.await);
    before.assert_reissued(&after, "accepted loss");
    let trust = String::from_utf8(after.trust).unwrap();
    assert!(trust.contains(String::from_utf8(before.trust).unwrap().trim()), "the lost root stays trusted");
    assert_eq!(trust.matches("BEGIN CERTIFICATE").count(), 2);
}
