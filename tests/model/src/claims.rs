//! What tests claim of a scope: that it holds, or that a promise breaks in it. Either way it is said how much was seen.

use crate::explore::{Report, explore};
use crate::scope::Scope;
use crate::state::Broken;

/// Every promise holds in every state.
///
/// # Panics
/// With a shortest trace, if one breaks.
pub fn holds(what: &str, scope: Scope) {
    let Report { states, steps, cut, violation } = explore(scope);
    if let Some(violation) = violation {
        panic!("{what}: {violation}\nafter {states} states, {steps} steps");
    }
    let cut = if cut == 0 { String::new() } else { format!("{cut} steps to a further root not followed, ") };
    println!("model: {what}: {states} states, {steps} steps, {cut}every promise holds");
}

/// The same, where everything is explored at full size.
///
/// # Panics
/// With a shortest trace, if one breaks.
pub fn holds_at_full_size(what: &str, scope: Scope) {
    if std::env::var_os("MTLS_PROOF").is_some() {
        holds(what, scope);
    }
}

/// This promise breaks.
///
/// # Panics
/// If none does, or another one.
pub fn breaks(what: &str, promise: Broken, scope: Scope) {
    let Report { states, violation, .. } = explore(scope);
    let Some(violation) = violation else { panic!("{what}: holds in all of {states} states") };
    assert_eq!(violation.promise, promise, "{what}: {violation}");
    println!(
        "model: {what}: {promise:?} breaks after {} events ({states} states seen)",
        violation.trace.len()
    );
}
