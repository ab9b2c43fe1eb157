//! Claims of tests on a scope: that every promise holds in it, or that one breaks. Either way the number of states is printed.

use std::io::Write as _;

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

/// The same of larger scopes, which take minutes: with `MTLS_PROOF` only. Else it is said how many are left out.
///
/// # Panics
/// With a shortest trace, if a promise breaks.
pub fn hold_at_full_size(scopes: &[(&str, Scope)]) {
    if std::env::var_os("MTLS_PROOF").is_some() {
        for (what, scope) in scopes {
            holds(what, *scope);
        }
        return;
    }
    let names: Vec<&str> = scopes.iter().map(|(what, _)| *what).collect();
    // Not `eprintln!`: the harness swallows that where the test passes.
    let mut visible = std::io::stderr();
    let _ = writeln!(
        visible,
        "SKIP {} larger scopes of the model, which make proof explores: {}",
        names.len(),
        names.join("; ")
    );
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
