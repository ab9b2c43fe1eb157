//! As many objects as a large cluster has, and as one namespace can have.

use std::time::Duration;

use serde_json::{Value, json};

use crate::api::series::NUMBER;
use crate::world::{HOSTILE, OTHER, World, identity};

const MANY: usize = 100_000;

fn numbered(spec: Value) -> Value {
    let mut identity = identity(HOSTILE, &format!("pod-{NUMBER}"));
    identity["metadata"]["uid"] = json!(format!("uid-pod-{NUMBER}"));
    identity["spec"] = spec;
    identity
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_thousand_foreign_secrets_with_our_label_take_no_more_memory_than_there_is() {
    let Some(mut world) = World::new(&json!({})).await else { return };
    let (name, uid) = (format!("foreign-{NUMBER}"), format!("uid-{NUMBER}"));
    let metadata = json!({
        "name": name, "namespace": HOSTILE, "uid": uid, "resourceVersion": "1",
        "labels": {
            "app.kubernetes.io/managed-by": "mtls-operator", "mtls-operator.dev/authority": "mesh",
            "mtls-operator.dev/identity": name,
        },
        "annotations": { "mtls-operator.dev/identity-uid": uid, "mtls-operator.dev/trust": "t" },
    });
    world.add(
        "secrets",
        MANY,
        json!({ "metadata": metadata, "type": "Opaque", "data": { "key": "dmFsdWU=" } }),
    );
    world.start();
    world.works_on("100,000 Secrets of others with our label").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_identities_that_name_one_secret_take_no_more_memory_than_there_is() {
    let Some(mut world) = World::new(&json!({})).await else { return };
    let identities = world.add("mtlsidentities", 10_000, numbered(json!({ "secret": { "name": "shared" } })));
    world.start();
    world.until("some of them to be refused", |_| (identities.moved() > 500).then_some(())).await;
    world.works_on("10,000 identities that name one Secret").await;
    world.api.delete(&identities);
    world.works_on("the same, deleted").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_thousand_fresh_identities_that_wait_take_no_more_memory_than_there_is() {
    let Some(mut world) = World::new(&json!({})).await else { return };
    world.api.slow_down(HOSTILE, Duration::from_secs(2));
    let identities = world.add("mtlsidentities", MANY, numbered(json!({})));
    world.start();
    world.until("some of them to be issued", |_| (identities.moved() > 50).then_some(())).await;
    world.works_on("100,000 fresh identities, whose writes take two seconds each").await;
}

/// Like the identity `web` and its Secret, as they are now, with other names: many of them, and all up to date.
fn multiply(world: &World, count: usize) {
    let renamed = |kind: &str, name: &str| {
        let object = world.server().get(kind, OTHER, name).unwrap().to_string();
        let mut object: Value = serde_json::from_str(&object.replace("\"web", "\"pod-{number}")).unwrap();
        object["metadata"]["uid"] = json!(format!("uid-{kind}-{NUMBER}"));
        object
    };
    let mut identity = renamed("mtlsidentities", "web");
    // The names in the certificate are those of the Secret that there is.
    identity["spec"] = json!({ "serviceAccountName": "web", "services": ["web"] });
    let mut secret = renamed("secrets", "web-mtls");
    let owner = identity["metadata"]["uid"].clone();
    secret["metadata"]["annotations"]["mtls-operator.dev/identity-uid"] = owner.clone();
    secret["metadata"]["ownerReferences"][0]["uid"] = owner;
    world.add("mtlsidentities", count, identity);
    world.add("secrets", count, secret);
}

/// The annotation of an object.
fn note(object: &Value, key: &str) -> Value {
    object["metadata"]["annotations"][format!("mtls-operator.dev/{key}")].clone()
}

/// Asks for a rotation, and waits until the identity `web` has the next root and its status says so.
async fn announce_root(world: &mut World) {
    world.server().edit("mtlsauthorities", "", "mesh", |authority| {
        authority["metadata"]["annotations"]["mtls-operator.dev/rotate"] = json!("1");
    });
    let former = note(&world.server().get("secrets", OTHER, "web-mtls").unwrap(), "trust");
    world
        .until("the next root to arrive", |server| {
            let secret = server.get("secrets", OTHER, "web-mtls")?;
            let recorded = server.get("mtlsidentities", OTHER, "web")?["status"]["secret"].take();
            let is_recorded = recorded["resourceVersion"] == secret["metadata"]["resourceVersion"];
            (note(&secret, "trust") != former && is_recorded).then_some(())
        })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_among_a_hundred_thousand_identities_and_a_rotation_take_no_more_memory_than_there_is() {
    let spec = json!({ "rotation": { "propagation": "10s", "spreadOver": "0s" } });
    let Some(mut world) = World::new(&spec).await else { return };
    world.start();
    announce_root(&mut world).await;
    world.stop();
    multiply(&world, MANY);
    let writes = world.server().writes();
    world.start();
    world
        .until("the next root to sign, which a list of all Secrets confirms", |server| {
            let root = server.get("secrets", "mtls-system", "mtls-authority-mesh")?;
            (note(&root, "phase") == "Draining").then_some(())
        })
        .await;
    println!("{} writes", world.server().writes() - writes);
    world.works_on("100,000 identities, restarted, and the list that a rotation makes").await;
}
