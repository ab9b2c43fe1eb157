//! Retiring roots that leave the trust bundle, and those that stay.

use jiff::Timestamp;

use super::annotations::{FormerKey, Retiring};
use super::load::Succession;
use crate::plan::authority::decide::StoredRoot;
use crate::plan::authority::distrust::Why;

/// The retiring roots of a root Secret, parted.
pub struct Leaving {
    /// What is remembered of those that leave.
    pub former: Vec<FormerKey>,
    /// When the last of these ends.
    pub last_end: Option<Timestamp>,
    /// Those that stay.
    pub left: Vec<Retiring>,
}

impl Leaving {
    /// Parts them.
    #[must_use]
    pub fn of(
        succession: &Succession,
        root: &StoredRoot,
        leaves: impl Fn(&Retiring, Option<&Why>) -> bool,
    ) -> Self {
        // Both lists are made of one annotation, in one order.
        let judged = root.retiring.iter().map(|root| root.distrusted.as_ref());
        let all = succession.retiring.iter().zip(judged);
        let (gone, left): (Vec<_>, Vec<_>) = all.partition(|(root, why)| leaves(root, *why));
        Self {
            last_end: gone.iter().map(|(root, _)| root.not_after).max(),
            former: gone.into_iter().map(|(root, why)| former(root, why)).collect(),
            left: left.into_iter().map(|(root, _)| root.clone()).collect(),
        }
    }
}

fn former(root: &Retiring, why: Option<&Why>) -> FormerKey {
    let former = FormerKey::of(root.key_id.clone(), root.until).distrusted(why, root.certificates());
    FormerKey { intermediate: root.intermediate(), ..former }
}
