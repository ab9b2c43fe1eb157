//! The law between scheduler and decision: an identity is to be reconciled now exactly if that reconcile would write something.
//!
//! Worlds are reached as they are in a cluster: from an identity without a status, by changes of everything around it, each
//! followed by a reconcile or not.

use jiff::SignedDuration;
use mtls_operator::operator::scheduler::requeue::Requeue;
use proptest::prelude::*;
use test_support::properties;

use super::changes::{Change, changes};
use super::objects::Objects;

fn is_now(objects: &Objects) -> bool {
    matches!(objects.requeue(), Requeue::Now(_))
}

/// A certificate that is not as asked, or of no known signer, may be taken for a sound one when authority or signer are gone:
/// nothing is known any more that speaks against it. No reconcile is needed to find that out.
fn is_beyond_knowledge(objects: &Objects) -> bool {
    let Some(status) = objects.identity.status.as_ref().filter(|_| objects.secret.is_some()) else {
        return false;
    };
    let is_ready =
        status.conditions.iter().any(|condition| condition.type_ == "Ready" && condition.status == "True");
    let is_gone = objects.signer.is_none() || objects.authority.is_none();
    (objects.authority.is_none() && !is_ready) || (is_gone && status.authority_key_id.is_none())
}

/// Fails where scheduler and decision disagree, now or at the time that the scheduler announces.
fn agrees(objects: &Objects) -> Result<(), TestCaseError> {
    if is_beyond_knowledge(objects) {
        return Ok(());
    }
    let requeue = objects.requeue();
    prop_assert_eq!(is_now(objects), objects.would_write(), "{:?} {:#?}", requeue, objects);
    if let Requeue::At(second) = requeue {
        let announced = jiff::Timestamp::from_second(second).unwrap();
        for now in [announced - SignedDuration::from_secs(1), announced] {
            let at = Objects { now, ..objects.clone() };
            prop_assert_eq!(now == announced, at.would_write(), "announced {} {:#?}", second, at);
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(properties::cases(env!("CARGO_CRATE_NAME"), 3000))]

    #[test]
    fn the_scheduler_has_an_identity_reconciled_exactly_when_a_reconcile_would_write(
        steps in proptest::collection::vec((changes(), any::<bool>()), 1..12),
    ) {
        let mut objects = Objects::new();
        for (change, is_reconciled) in steps {
            objects.change(change);
            agrees(&objects)?;
            if is_reconciled || matches!(change, Change::NameSigner(_)) {
                objects.reconcile();
                agrees(&objects)?;
                prop_assert!(!is_now(&objects), "it is not settled after {change:?}: {objects:#?}");
            }
        }
    }
}
