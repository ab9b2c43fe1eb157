//! Retiring roots that leave the trust bundle, and those that stay.

use jiff::Timestamp;

use super::annotations::FormerKey;
use crate::plan::authority::retiring_root::RetiringRoot;

/// The retiring roots of a root Secret, divided into those that leave and those that stay.
pub struct Leaving {
    /// What is recorded of those that leave.
    pub former: Vec<FormerKey>,
    /// When the last of these ends.
    pub last_end: Option<Timestamp>,
    /// Those that stay.
    pub left: Vec<RetiringRoot>,
}

impl Leaving {
    /// Divides them.
    #[must_use]
    pub fn new(retiring: &[RetiringRoot], leaves: impl Fn(&RetiringRoot) -> bool) -> Self {
        let (gone, left): (Vec<_>, Vec<_>) = retiring.iter().partition(|root| leaves(root));
        Self {
            last_end: gone.iter().map(|root| root.not_after).max(),
            former: gone.into_iter().map(former).collect(),
            left: left.into_iter().cloned().collect(),
        }
    }
}

fn former(root: &RetiringRoot) -> FormerKey {
    let former = FormerKey::new(root.key_id.clone(), root.until);
    let former = former.distrusted(root.distrusted.as_ref(), root.certificates());
    FormerKey { intermediate: root.intermediate(), ..former }
}
