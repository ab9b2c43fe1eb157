//! One operator serves an authority: a second one finds it claimed and leaves it alone.

use devcluster::audit;
use serde_json::json;

use crate::content::Content;
use crate::stage::{SYSTEM, Stage, note, until};

const OTHER: &str = "other-system";

#[tokio::test]
async fn a_second_operator_leaves_a_claimed_authority_alone() {
    let stage = Stage::set(&[]);
    let scene = stage.scene().await;
    scene.create("cart", json!({})).await;
    scene.ready("cart").await;
    let before = Content::of(&scene.secret("cart-mtls").await);
    stage.start_other_operator(OTHER);
    let log = stage.cluster.lock().unwrap().log_of(OTHER);
    let said = || async {
        std::fs::read_to_string(&log).ok()?.contains("another operator serves this authority").then_some(())
    };
    until("the second operator to find the authority claimed", said).await;
    scene.create("late", json!({})).await;
    scene.ready("late").await;
    let mesh = scene.authority_stands("mesh", "True", "Ready").await;
    assert_eq!(note(&mesh, "operator-namespace").as_deref(), Some(SYSTEM));
    before.assert_kept(&Content::of(&scene.secret("cart-mtls").await), "a second operator");
    let log = stage.cluster.lock().unwrap().audit_log();
    let user = format!("system:serviceaccount:{OTHER}:");
    let writes: Vec<_> = audit::read(&log, 0).unwrap();
    let writes: Vec<_> =
        writes.iter().filter(|event| event.user.starts_with(&user) && event.is_mutating()).collect();
    assert!(writes.iter().all(|event| event.resource == "leases"), "{writes:?}");
}
