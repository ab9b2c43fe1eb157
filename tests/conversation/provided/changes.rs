//! Changes of the provided CA during a rotation follow at its end, and the condition says so.

use std::time::Duration;

use serde_json::Value;
use test_support::ca::Ca;
use test_support::in_memory::harness::{AUTHORITIES, NOW, SECRETS};
use test_support::in_memory::rotation_run::RotationRun;

use super::{certifying, input, mesh_of, provide};
use crate::authority_controller::{authority, controller, rotating};

/// What the condition `Rotating` says at the end of each reconcile, until the rotation has ended.
async fn said_until_stable(mesh: &mut RotationRun) -> Vec<String> {
    let mut said = Vec::new();
    for _ in 0..40 {
        mesh.tick(5).await;
        let mut controller = controller(&mesh.harness);
        mesh.harness.context.authorities.lock().apply(authority(&mesh.harness));
        let _ = tokio::time::timeout(Duration::from_millis(100), &mut controller).await;
        let (_, phase, message) = rotating(&mesh.harness);
        if phase == "Stable" {
            return said;
        }
        said.push(format!("{phase}: {message}"));
    }
    panic!("the rotation does not end: {said:#?}");
}

#[tokio::test(start_paused = true)]
async fn an_anchor_that_is_added_during_a_rotation_follows_at_its_end_and_that_is_told() {
    for phase in ["Announced", "Draining"] {
        let (one, two, partner) = (Ca::root("one", NOW), Ca::root("two", NOW), Ca::root("partner", NOW));
        let mut mesh = mesh_of(&one, &one, certifying()).await;
        provide(&two, &two, &mesh.harness.server);
        mesh.until(phase, 90, 1).await;
        mesh.harness.server.put(SECRETS, &input(&two, &format!("{}{}", two.pem(), partner.pem())));
        let said = said_until_stable(&mut mesh).await;
        let told =
            "The anchors in ca.crt of the Secret that spec.root.provided.secretName names have changed";
        assert!(!said.is_empty() && said.iter().all(|said| said.contains(told)), "{said:#?}");
        mesh.tick(5).await;
        mesh.tick(5).await;
        assert!(mesh.text("a", "ca.crt").contains(partner.pem().trim()), "it follows");
        assert_eq!(mesh.phase(), "Stable", "without another rotation");
    }
}

#[tokio::test(start_paused = true)]
async fn another_ca_or_none_during_draining_follows_at_its_end_and_that_is_told() {
    let rows =
        [(Some(Ca::root("three", NOW)), "Another CA is in"), (None, "spec.root.provided is no longer set")];
    for (other, told) in rows {
        let (one, two) = (Ca::root("one", NOW), Ca::root("two", NOW));
        let mut mesh = mesh_of(&one, &one, certifying()).await;
        provide(&two, &two, &mesh.harness.server);
        mesh.until("Draining", 90, 1).await;
        match &other {
            Some(three) => provide(three, three, &mesh.harness.server),
            None => mesh.harness.server.edit(AUTHORITIES, "", "mesh", |authority| {
                authority["spec"]["root"]["provided"] = Value::Null;
            }),
        }
        mesh.tick(1).await;
        let mut controller = controller(&mesh.harness);
        mesh.harness.context.authorities.lock().apply(authority(&mesh.harness));
        let _ = tokio::time::timeout(Duration::from_millis(100), &mut controller).await;
        assert!(rotating(&mesh.harness).2.contains(told), "{:?}", rotating(&mesh.harness));
        mesh.until("Announced", 180, 1).await;
    }
}
