//! Rotations of the root, second by second, with identities that hold them up and replicas that lag.

mod course;
mod old_view;
mod unwritable;

use serde_json::Value;
use test_support::in_memory::api_server::Fault;
use test_support::in_memory::harness::NAMESPACE;
use test_support::in_memory::rotation_run::RotationRun;

/// Every write of this identity's Secret fails from now on.
pub fn block_writes(mesh: &RotationRun, name: &str) {
    for _ in 0..100_000 {
        mesh.harness.server.next(&format!("PATCH secrets {NAMESPACE}/{name}-mtls"), Fault::Broken);
    }
}

/// A mesh in this phase.
pub async fn mesh_in(phase: &str, names: &[&str], spec: Value) -> RotationRun {
    let mut mesh = RotationRun::of(names, spec).await;
    mesh.ask("1");
    for next in ["Announced", "Draining"] {
        mesh.until(next, 60, 1).await;
        if next == phase {
            break;
        }
    }
    mesh
}
