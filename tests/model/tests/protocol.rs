//! Claim: whatever goes wrong, and whenever, the protocol as it is breaks no connection and comes to its end.

use rotation_model::{Scope, explore};

#[test]
fn one_rotation_of_two_workloads() {
    let report = explore(Scope::PLAIN);
    println!("{} states, {} steps", report.states, report.steps);
    assert!(report.violation.is_none(), "{}", report.violation.unwrap());
}
