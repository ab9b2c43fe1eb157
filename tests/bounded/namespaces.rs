//! Namespaces that come and go, with what is in them.

use serde_json::json;

use crate::world::{World, identity, namespace_of};

const NAMESPACES: usize = 1000;
/// How often all of them come and go.
const ROUNDS: usize = 3;
/// One of so many has an identity, too; the others only get a trust bundle.
const WITH_IDENTITY: usize = 10;

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_namespaces_that_come_and_go_take_no_more_memory_than_there_is() {
    let published = json!({ "trustBundle": { "namespaces": { "from": "All" } } });
    let Some(mut world) = World::new(&published).await else { return };
    world.start();
    for round in 0..ROUNDS {
        come_and_go(&mut world, round).await;
    }
    world.works_on("1,000 namespaces that came and went three times").await;
}

/// All of them are created, get what they are to have, and are deleted.
async fn come_and_go(world: &mut World, round: usize) {
    let name = |number: usize| format!("round-{round}-{number}");
    for number in 0..NAMESPACES {
        world.server().put("namespaces", &namespace_of(&name(number)));
        if number % WITH_IDENTITY == 0 {
            world.server().put("mtlsidentities", &identity(&name(number), "web"));
        }
    }
    for number in 0..NAMESPACES {
        let namespace = name(number);
        world.until("a bundle", |server| server.get("configmaps", &namespace, "mesh-trust-bundle")).await;
        if number % WITH_IDENTITY == 0 {
            world.until("a Secret", |server| server.get("secrets", &namespace, "web-mtls")).await;
        }
    }
    for number in 0..NAMESPACES {
        let namespace = name(number);
        if number % WITH_IDENTITY == 0 {
            world.server().delete("mtlsidentities", &namespace, "web");
            world.server().delete("secrets", &namespace, "web-mtls");
        }
        world.server().delete("configmaps", &namespace, "mesh-trust-bundle");
        world.server().delete("namespaces", "", &namespace);
    }
}
