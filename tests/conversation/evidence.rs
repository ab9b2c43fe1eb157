//! Evidence of a lost root: the operator's own word counts, that of others only while there is nothing better, and what it
//! rests on is looked at again when it goes.

use jiff::SignedDuration;
use mtls_operator::api::{MtlsAuthority, MtlsAuthoritySpec, MtlsIdentity};
use mtls_operator::operator::client::watch::EventHandler;
use mtls_operator::operator::informers::{IdentityHandler, LeafSecretHandler};
use mtls_operator::operator::issuers::Unready;
use serde_json::{Value, json};
use test_support::in_memory::api_server::ApiServer;
use test_support::in_memory::harness::{AUTHORITIES, Harness, IDENTITIES, NAMESPACE, NOW, SECRETS, issued};

use super::metrics::{keep, keeper, lose_root, served};

const ROOT: &str = "mtls-authority-mesh";
/// Key identifier of a signer that there never was.
const FORGED: &str = "dededededededededededededededededededede";
/// More Secrets than may be read one by one.
const MANY: usize = 100;

/// Why an authority does not sign; empty if it does.
fn down(harness: &Harness) -> String {
    match &harness.context.issuers.get("mesh").unwrap().signer {
        Ok(_) => String::new(),
        Err(Unready::Down(why)) => why.0.clone(),
        Err(Unready::Pending) => "pending".into(),
    }
}

async fn looked_at(harness: &Harness) -> String {
    harness.watch();
    harness.look_at_authority().await.unwrap();
    down(harness)
}

fn root(harness: &Harness) -> Value {
    harness.server.get(SECRETS, "mtls-system", ROOT).unwrap()
}

fn status(harness: &Harness, name: &str) -> Value {
    harness.server.get(IDENTITIES, NAMESPACE, name).unwrap()["status"].clone()
}

/// A user of a namespace, or a program that restores, writes this into a status.
fn forge(harness: &Harness, name: &str, changes: &Value) {
    harness.server.edit(IDENTITIES, NAMESPACE, name, |identity| {
        for (key, value) in changes.as_object().unwrap() {
            identity["status"][key] = value.clone();
        }
    });
}

/// What the status of the authority says.
fn recorded(harness: &Harness) -> Value {
    harness.server.get(AUTHORITIES, "", "mesh").unwrap()["status"].clone()
}

/// A root Secret as an older version has left it.
fn strip_evidence_key(root: &mut Value) {
    root["data"].as_object_mut().unwrap().remove("evidence.key");
}

#[tokio::test(start_paused = true)]
async fn a_status_that_names_another_signer_stops_nothing_and_is_put_right() {
    let proof = "ab".repeat(32);
    let forged = [
        json!({ "authorityKeyID": FORGED }),
        json!({ "authorityKeyID": FORGED, "proof": null }),
        json!({ "authorityKeyID": FORGED, "proof": proof, "notAfter": "2099-01-01T00:00:00Z" }),
    ];
    for forged in forged {
        let mut harness = served().await;
        let (before, serial) = (status(&harness, "web"), harness.serial("web"));
        forge(&harness, "web", &forged);
        assert_eq!(looked_at(&harness).await, "", "{forged}");
        let asked = harness.settle().await;
        assert!(asked.contains(&"GET secrets orders/web-mtls".to_owned()), "{forged}: {asked:?}");
        assert_eq!((status(&harness, "web"), harness.serial("web")), (before, serial), "{forged}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_status_that_names_the_announced_root_is_put_right_without_a_new_leaf() {
    let mut harness = served().await;
    harness.server.edit(AUTHORITIES, "", "mesh", |authority| {
        authority["metadata"]["annotations"]["mtls-operator.dev/rotate"] = json!("1");
    });
    harness.look_at_authority().await.unwrap();
    harness.settle().await;
    let announced = harness.context.issuers.get("mesh").unwrap().next.as_ref().unwrap().key_id().to_string();
    let before = status(&harness, "web");
    forge(&harness, "web", &json!({ "authorityKeyID": announced }));
    assert_eq!(looked_at(&harness).await, "");
    harness.asked();
    let asked = harness.settle().await;
    assert_eq!(asked, ["GET secrets orders/web-mtls", "PATCH status orders/web"]);
    assert_eq!(status(&harness, "web"), before);
}

#[tokio::test(start_paused = true)]
async fn an_identity_restored_with_the_status_of_another_mesh_is_served() {
    let mut harness = served().await;
    harness.apply("restored", &json!({}));
    let foreign = json!({
        "observedGeneration": 1, "authorityKeyID": FORGED, "notAfter": "2099-01-01T00:00:00Z", "revision": 7,
        "secret": { "name": "restored-mtls", "resourceVersion": "123" }, "proof": status(&harness, "web")["proof"],
        "conditions": [{ "type": "Ready", "status": "True", "reason": "Issued", "message": "restored",
            "lastTransitionTime": "2026-05-29T00:00:00Z", "observedGeneration": 1 }],
    });
    forge(&harness, "restored", &foreign);
    assert_eq!(looked_at(&harness).await, "");
    harness.settle().await;
    assert_eq!(harness.ready("restored"), issued());
    assert_eq!(status(&harness, "restored")["authorityKeyID"], status(&harness, "web")["authorityKeyID"]);
}

/// An authority that never had a root, and a tenant's identity of it with a status that says it had one.
fn claimed() -> Harness {
    let harness = Harness::bare(ApiServer::default(), NOW);
    harness.server.put(AUTHORITIES, &MtlsAuthority::new("mesh", MtlsAuthoritySpec::default()));
    harness.apply("web", &json!({}));
    let claim = json!({
        "observedGeneration": 1, "authorityKeyID": FORGED, "notAfter": "2099-01-01T00:00:00Z",
        "conditions": [{ "type": "Ready", "status": "True", "reason": "Issued", "message": "",
            "lastTransitionTime": "2026-05-29T00:00:00Z", "observedGeneration": 1 }],
    });
    forge(&harness, "web", &claim);
    harness
}

#[tokio::test(start_paused = true)]
async fn an_authority_whose_loss_rests_on_an_identity_is_looked_at_when_that_changes_or_goes() {
    let seconds = SignedDuration::from_secs(2);
    let changes: [fn(&Harness, &mut IdentityHandler, MtlsIdentity); 3] = [
        |harness, audience, identity| {
            harness.server.delete(IDENTITIES, NAMESPACE, "web");
            audience.delete(mtls_operator::api::decoded::Decoded(identity));
        },
        |harness, audience, mut identity| {
            identity.status = None;
            harness.server.put(IDENTITIES, &identity);
            audience.apply(mtls_operator::api::decoded::Decoded(harness.identity("web")), false);
        },
        |harness, audience, _| {
            harness.server.delete(IDENTITIES, NAMESPACE, "web");
            audience.init();
            audience.init_done();
        },
    ];
    for change in changes {
        let harness = claimed();
        let why = looked_at(&harness).await;
        assert!(why.starts_with("RootLost: ") && why.contains("MtlsIdentity orders/web"), "{why}");
        while harness.context.authorities.lock().next_due(harness.context.millis()).is_some() {}
        harness.advance(seconds);
        assert!(
            harness.context.authorities.lock().next_due(harness.context.millis()).is_none(),
            "nothing has changed"
        );
        change(
            &harness,
            &mut IdentityHandler::new(harness.context.clone(), harness.consumers.probes.clone(), None),
            harness.identity("web"),
        );
        harness.advance(seconds);
        assert!(
            harness.context.authorities.lock().next_due(harness.context.millis()).is_some(),
            "it is looked at in time"
        );
        assert_eq!(looked_at(&harness).await, "", "the evidence has gone");
    }
}

#[tokio::test(start_paused = true)]
async fn a_loss_that_rests_on_what_people_may_have_written_says_what_to_do_if_there_was_none() {
    let harness = claimed();
    let why = looked_at(&harness).await;
    for word in ["restore Secret", "restored or forged", "delete that MtlsIdentity", "accept-root-loss=none"]
    {
        assert!(why.contains(word), "{word} is missing: {why}");
    }
}

/// A tenant's Secret with the labels of a leaf Secret, of an authority that never had a root.
fn squatted(authority: &str, uid: Option<&str>) -> Harness {
    let harness = Harness::bare(ApiServer::default(), NOW);
    harness.server.put(AUTHORITIES, &MtlsAuthority::new("mesh", MtlsAuthoritySpec::default()));
    harness.apply("x", &json!({ "authorityRef": { "name": authority } }));
    let uid = uid.map_or_else(|| harness.identity("x").metadata.uid.unwrap(), str::to_owned);
    let labels = json!({
        "app.kubernetes.io/managed-by": "mtls-operator", "mtls-operator.dev/authority": "mesh",
        "mtls-operator.dev/identity": "x",
    });
    let notes = json!({ "mtls-operator.dev/identity-uid": uid, "mtls-operator.dev/not-after": "2036-01-01T00:00:00Z" });
    harness.server.put(
        SECRETS,
        &json!({
            "metadata": { "namespace": NAMESPACE, "name": "trap", "labels": labels, "annotations": notes },
            "type": "Opaque", "data": {},
        }),
    );
    harness
}

#[tokio::test(start_paused = true)]
async fn a_labelled_secret_holds_the_first_root_back_only_where_its_identity_is_one_of_this_authority() {
    for (authority, uid, holds) in
        [("mesh", None, true), ("other", None, false), ("mesh", Some("of-another"), false)]
    {
        let harness = squatted(authority, uid);
        let why = looked_at(&harness).await;
        assert_eq!(why.starts_with("RootLost: "), holds, "{authority} {uid:?}: {why}");
        if holds {
            assert!(why.contains("Secret orders/trap") && why.contains("delete that Secret"), "{why}");
            let mut audience = LeafSecretHandler::new(harness.context.clone(), None);
            while harness.context.authorities.lock().next_due(harness.context.millis()).is_some() {}
            let trap = json!({ "metadata": harness.secret("trap").unwrap()["metadata"] });
            audience.delete(serde_json::from_value(trap).unwrap());
            harness.advance(SignedDuration::from_secs(2));
            assert!(
                harness.context.authorities.lock().next_due(harness.context.millis()).is_some(),
                "it is looked at in time"
            );
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_labelled_secret_stops_no_authority_that_has_its_root() {
    let harness = squatted("mesh", None);
    harness.server.delete(SECRETS, NAMESPACE, "trap");
    assert_eq!(looked_at(&harness).await, "");
    let trap = squatted("mesh", Some(&harness.identity("x").metadata.uid.unwrap())).secret("trap").unwrap();
    harness.server.put(SECRETS, &trap);
    assert_eq!(looked_at(&harness).await, "");
}

fn accept(harness: &Harness, what: &str) {
    harness.server.edit(AUTHORITIES, "", "mesh", |authority| {
        authority["metadata"]["annotations"]["mtls-operator.dev/accept-root-loss"] = json!(what);
    });
}

#[tokio::test(start_paused = true)]
async fn where_there_was_no_root_one_is_made_and_nothing_else_is_trusted() {
    let mut harness = squatted("mesh", None);
    looked_at(&harness).await;
    accept(&harness, "none");
    assert_eq!(looked_at(&harness).await, "");
    let made = root(&harness);
    assert_eq!(made["metadata"]["annotations"]["mtls-operator.dev/phase"], "Stable");
    let keys: Vec<&String> = made["data"].as_object().unwrap().keys().collect();
    assert_eq!(keys, ["ca.crt", "evidence.key", "tls.crt", "tls.key"]);
    // The annotation is still there when that root is lost.
    let mut keeper = keeper(&harness);
    keep(&mut keeper).await;
    harness.settle().await;
    lose_root(&harness);
    let why = looked_at(&harness).await;
    assert!(why.starts_with("RootLost: ") && why.contains("says none, but there was a root"), "{why}");
    assert_eq!(harness.server.get(SECRETS, "mtls-system", ROOT), None);
}

/// The same root Secret with another root, so that the statuses name one that it does not know.
async fn replaced() -> (Harness, String) {
    let harness = served().await;
    let service = harness.context.issuers.get("mesh").unwrap();
    let lost = service.signer.as_ref().unwrap().authority.fingerprint().to_string();
    let mut other = root(&Harness::set().await);
    other["data"]["evidence.key"] = root(&harness)["data"]["evidence.key"].clone();
    harness.server.put(SECRETS, &other);
    (harness, lost)
}

#[tokio::test(start_paused = true)]
async fn a_root_that_status_does_not_name_is_accepted_only_if_bundles_of_two_namespaces_hold_it() {
    let (harness, lost) = replaced().await;
    accept(&harness, &lost);
    let why = looked_at(&harness).await;
    assert!(why.contains("only trust bundles in namespace orders hold a root"), "{why}");
    // A Secret that says it is of an identity in another namespace, and then one that is.
    let mut secret = harness.secret("web-mtls").unwrap();
    secret["metadata"]["namespace"] = json!("billing");
    harness.server.put(SECRETS, &secret);
    let mut identity = harness.server.get(IDENTITIES, NAMESPACE, "web").unwrap();
    identity["metadata"]["namespace"] = json!("billing");
    identity["metadata"]["uid"] = json!("another");
    harness.server.put(IDENTITIES, &identity);
    let why = looked_at(&harness).await;
    assert!(why.contains("only trust bundles in namespace orders hold a root"), "{why}");
    secret["metadata"]["annotations"]["mtls-operator.dev/identity-uid"] = json!("another");
    harness.server.put(SECRETS, &secret);
    assert_eq!(looked_at(&harness).await, "");
    assert_eq!(root(&harness)["metadata"]["annotations"]["mtls-operator.dev/phase"], "Draining");
}

/// Many more Secrets like that of the identity, by the hands of users of its namespace.
fn copy(harness: &Harness, change: impl Fn(usize, &mut Value)) {
    for number in 0..MANY {
        let mut secret = harness.secret("web-mtls").unwrap();
        secret["metadata"]["name"] = json!(format!("copy-{number}"));
        change(number, &mut secret);
        harness.server.put(SECRETS, &secret);
    }
}

/// How many objects are read, besides those of the operator's namespace, when the authority is looked at.
async fn reads(harness: &mut Harness) -> usize {
    harness.asked();
    looked_at(harness).await;
    let asked = harness.asked();
    let is_read = |line: &&String| line.starts_with("GET") && line.contains("orders/");
    asked.iter().filter(is_read).count()
}

#[tokio::test(start_paused = true)]
async fn a_fingerprint_that_nothing_holds_costs_one_read_of_each_trust_bundle() {
    let (mut harness, _) = replaced().await;
    copy(&harness, |_, _| {});
    let before = reads(&mut harness).await;
    accept(&harness, &"ab".repeat(32));
    let asked = reads(&mut harness).await;
    assert!(down(&harness).contains("no trust bundle of this authority holds a root"), "{}", down(&harness));
    assert_eq!(asked, before + 1, "all of them say that they hold the same trust bundle");
}

#[tokio::test(start_paused = true)]
async fn a_namespace_full_of_secrets_that_lie_costs_little_and_the_others_are_heard() {
    let (mut harness, lost) = replaced().await;
    let (another, honest) = (root(&harness)["data"]["ca.crt"].clone(), harness.secret("web-mtls").unwrap());
    copy(&harness, |number, secret| {
        secret["metadata"]["annotations"]["mtls-operator.dev/trust"] = json!(format!("{number:064x}"));
        secret["data"]["ca.crt"] = another.clone();
    });
    let before = reads(&mut harness).await;
    accept(&harness, &lost);
    let asked = reads(&mut harness).await;
    let why = down(&harness);
    assert!(why.contains("only 32 Secrets of namespace orders were read"), "{why}");
    assert!(asked <= before + 32, "{asked} reads, and {before} before");
    for namespace in ["billing", "shop"] {
        let mut identity = harness.server.get(IDENTITIES, NAMESPACE, "web").unwrap();
        let mut secret = honest.clone();
        for object in [&mut identity, &mut secret] {
            object["metadata"]["namespace"] = json!(namespace);
        }
        harness.server.put(IDENTITIES, &identity);
        harness.server.put(SECRETS, &secret);
    }
    assert_eq!(looked_at(&harness).await, "");
    assert_eq!(root(&harness)["metadata"]["annotations"]["mtls-operator.dev/phase"], "Draining");
}

#[tokio::test(start_paused = true)]
async fn an_identity_is_asked_for_once_however_many_secrets_claim_to_be_its() {
    let mut harness = squatted("mesh", Some("of-another"));
    let trap = harness.secret("trap").unwrap();
    for number in 0..MANY {
        let mut secret = trap.clone();
        secret["metadata"]["name"] = json!(format!("trap-{number}"));
        secret["metadata"]["annotations"]["mtls-operator.dev/identity-uid"] = json!(format!("{number}"));
        harness.server.put(SECRETS, &secret);
    }
    assert_eq!((reads(&mut harness).await, down(&harness).as_str()), (1, ""));
}

#[tokio::test(start_paused = true)]
async fn what_proves_a_later_root_is_left_as_it_is_until_the_authority_has_been_looked_at() {
    let (mut harness, _) = replaced().await;
    // As after a restart, when the root is read before any status is seen.
    let forgetful = Harness::bare(harness.server.clone(), harness.hand.now());
    forgetful.look_at_authority().await.unwrap();
    assert_eq!(down(&forgetful), "");
    while forgetful.context.authorities.lock().next_due(forgetful.context.millis()).is_some() {}
    let before = status(&harness, "web");
    harness.asked();
    forgetful.watch();
    let outcomes = forgetful.work().await;
    assert!(outcomes.iter().any(Result::is_err), "{outcomes:?}");
    let writes =
        harness.asked().into_iter().filter(|line| !line.starts_with("GET") && !line.starts_with("LIST"));
    assert_eq!(writes.collect::<Vec<_>>(), [""; 0]);
    assert_eq!(status(&harness, "web"), before);
    assert!(
        forgetful.context.authorities.lock().next_due(forgetful.context.millis()).is_some(),
        "its authority is looked at"
    );
    let why = looked_at(&forgetful).await;
    assert!(why.starts_with("RootLost: ") && why.contains("MtlsIdentity orders/web"), "{why}");
}

#[tokio::test(start_paused = true)]
async fn a_root_secret_without_the_key_gets_one_in_one_write_and_statuses_follow_with_what_is_due_anyway() {
    let harness = served().await;
    harness.server.edit(SECRETS, "mtls-system", ROOT, strip_evidence_key);
    harness.server.edit(IDENTITIES, NAMESPACE, "web", |identity| {
        identity["status"].as_object_mut().unwrap().remove("proof");
    });
    let mut harness = harness.restarted().await;
    let patch = format!("PATCH secrets mtls-system/{ROOT}");
    let writes = harness.asked().into_iter().filter(|line| !line.starts_with("GET")).collect::<Vec<_>>();
    assert_eq!(writes, [patch]);
    let key = root(&harness)["data"]["evidence.key"].clone();
    assert_eq!(harness.settle().await, [""; 0], "an upgrade writes no status");
    harness.server.edit(IDENTITIES, NAMESPACE, "web", |identity| {
        identity["metadata"]["annotations"]["mtls-operator.dev/renew"] = json!("now");
    });
    harness.settle().await;
    assert_eq!(status(&harness, "web")["proof"].as_str().map(str::len), Some(64));
    assert!(!harness.told.iter().any(|told| told.contains(key.as_str().unwrap())), "the key is told");
    harness.look_at_authority().await.unwrap();
    assert_eq!(root(&harness)["data"]["evidence.key"], key, "it is made once");
}

#[tokio::test(start_paused = true)]
async fn a_root_secret_with_another_evidence_key_or_none_is_another_one_until_the_loss_is_accepted() {
    let another: fn(&mut Value) =
        |root| root["data"]["evidence.key"] = json!("BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=");
    for change in [strip_evidence_key, another] {
        let harness = served().await;
        let mut keeper = keeper(&harness);
        keep(&mut keeper).await;
        let before = recorded(&harness);
        assert_eq!(before["evidenceKeyID"].as_str().map(str::len), Some(64));
        harness.server.edit(SECRETS, "mtls-system", ROOT, change);
        harness.context.authorities.lock().apply_secret(ROOT);
        let restored = root(&harness)["data"]["evidence.key"].clone();
        keep(&mut keeper).await;
        let why = down(&harness);
        assert!(why.starts_with("RootLost: ") && why.contains("status.evidenceKeyID"), "{why}");
        assert_eq!(recorded(&harness)["evidenceKeyID"], before["evidenceKeyID"]);
        assert_eq!(root(&harness)["data"]["evidence.key"], restored, "none is made in its place");
        accept(&harness, before["roots"][0]["fingerprint"].as_str().unwrap());
        let accepted = harness.server.get(AUTHORITIES, "", "mesh").unwrap();
        harness.context.authorities.lock().apply(serde_json::from_value(accepted).unwrap());
        keep(&mut keeper).await;
        assert_eq!(down(&harness), "");
        let after = root(&harness);
        assert_eq!(after["metadata"]["annotations"]["mtls-operator.dev/phase"], "Draining");
        assert!(restored.is_null() || after["data"]["evidence.key"] == restored, "the Secret keeps its key");
        assert_ne!(recorded(&harness)["evidenceKeyID"], before["evidenceKeyID"]);
        let retiring = after["metadata"]["annotations"]["mtls-operator.dev/retiring"].as_str().unwrap();
        let retiring: Vec<Value> = serde_json::from_str(retiring).unwrap();
        assert_eq!(retiring.len(), 1, "another root was made once");
    }
}
