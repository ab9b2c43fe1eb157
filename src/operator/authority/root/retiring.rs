//! Retiring roots that leave the trust bundle, and those that stay.

use jiff::Timestamp;

use super::annotations::{FormerKey, RetiringRoot};
use super::load::RotationState;
use crate::plan::authority::decide::CaState;
use crate::plan::authority::distrust::Why;

/// The retiring roots of a root Secret, parted.
pub struct Leaving {
    /// What is remembered of those that leave.
    pub former: Vec<FormerKey>,
    /// When the last of these ends.
    pub last_end: Option<Timestamp>,
    /// Those that stay.
    pub left: Vec<RetiringRoot>,
}

impl Leaving {
    /// Parts them.
    #[must_use]
    pub fn of(
        succession: &RotationState,
        root: &CaState,
        leaves: impl Fn(&RetiringRoot, Option<&Why>) -> bool,
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

fn former(root: &RetiringRoot, why: Option<&Why>) -> FormerKey {
    let former = FormerKey::of(root.key_id.clone(), root.until).distrusted(why, root.certificates());
    FormerKey { intermediate: root.intermediate(), ..former }
}
