//! Random steps: time passes, people want something, or a replica makes a transition that the operator can make then.

use std::collections::BTreeMap;

use mtls_operator::plan::authority::origin::Origin;
use mtls_operator::plan::authority::transition::{Cause, NextRoot, Transition};
use rotation_model::facts::fingerprint;
use rotation_model::pki::{ROOTS, RootId};
use rotation_model::time::{LONGER_LEAF, SKEW, Ticks};

use super::pair::Pair;

/// One step.
#[derive(Clone, Debug)]
pub enum Step {
    /// So many ticks pass.
    Ticks(Ticks),
    /// People ask for a rotation.
    Ask,
    /// People ask for a longer lifetime of leaves.
    Lengthen,
    /// People provide a CA, or another one.
    Provide,
    /// People provide none any more.
    Unprovide,
    /// People distrust a root.
    Distrust(RootId),
    /// A replica makes this transition, by a clock that is so far ahead.
    Transition(Transition, Ticks),
}

impl Step {
    const fn as_str(&self) -> &'static str {
        match self {
            Self::Ticks(_) => "Ticks",
            Self::Ask => "Ask",
            Self::Lengthen => "Lengthen",
            Self::Provide => "Provide",
            Self::Unprovide => "Unprovide",
            Self::Distrust(_) => "Distrust",
            Self::Transition(transition, _) => transition.as_str(),
        }
    }
}

/// Takes a step for each choice, and compares after each. Which steps were taken is counted.
pub fn walk(
    pair: &mut Pair,
    choices: &[(u8, u8)],
    is_ahead: bool,
    taken: &mut BTreeMap<&'static str, usize>,
) {
    pair.assert_same();
    for choice in choices {
        let step = step(pair, *choice, is_ahead);
        *taken.entry(step.as_str()).or_default() += 1;
        pair.take(&step);
        pair.assert_same();
        pair.recycle();
    }
}

/// The steps that these choices mean, up to the one after which the two differ.
pub fn steps(pair: &mut Pair, choices: &[(u8, u8)], is_ahead: bool) -> Vec<Step> {
    let mut told = Vec::new();
    for choice in choices {
        let step = step(pair, *choice, is_ahead);
        told.push(step.clone());
        let taken = std::panic::AssertUnwindSafe(|| {
            pair.take(&step);
            pair.recycle();
        });
        if std::panic::catch_unwind(taken).is_err() {
            break;
        }
    }
    told
}

/// Half of the steps are transitions, where there is one.
fn step(pair: &Pair, (which, how): (u8, u8), is_ahead: bool) -> Step {
    let ahead = if is_ahead && how >= 128 { SKEW } else { 0 };
    let transitions = pair.transitions(ahead);
    let found = transitions.get(usize::from(how) % transitions.len().max(1));
    if let (0..128, Some(transition)) = (which, found) {
        return Step::Transition(transition.clone(), ahead);
    }
    let room = usize::from(pair.pki.made()) < ROOTS - 1;
    let roots: Vec<RootId> = pair.ca.all().union(pair.ca.certified).minus(pair.named).iter().collect();
    match which % 16 {
        0 => Step::Ask,
        1 => Step::Lengthen,
        2 | 3 if room => Step::Provide,
        4 => Step::Unprovide,
        5 if !roots.is_empty() => Step::Distrust(roots[usize::from(how) % roots.len()]),
        _ => Step::Ticks(1 + Ticks::try_from(how % 8).unwrap()),
    }
}

impl Pair {
    fn take(&mut self, step: &Step) {
        match step {
            Step::Ticks(ticks) => self.pass_time(*ticks),
            Step::Ask => self.asked = self.asked.saturating_add(1),
            Step::Lengthen => self.lengthen(LONGER_LEAF),
            Step::Provide => self.provided = Some(self.make()),
            Step::Unprovide => self.provided = None,
            Step::Distrust(root) => self.distrust(*root),
            Step::Transition(transition, ahead) => self.make_transition(transition, *ahead),
        }
    }

    /// The transitions that the operator can make of what the Secret holds, whatever else it goes by. Those that make a root
    /// only where the model has a number for it.
    fn transitions(&self, ahead: Ticks) -> Vec<Transition> {
        let ca = &self.ca;
        let has_room = usize::from(self.pki.made()) < ROOTS;
        let is_new = |root: &RootId| !ca.all().union(ca.former.roots()).union(self.named).contain(*root);
        let provided = self.provided.filter(is_new).map(|_| Origin::Provided);
        let origins: Vec<Origin> =
            has_room.then_some(Origin::Generated).into_iter().chain(provided).collect();
        let sound_next = ca.next.filter(|next| !ca.lost.contain(*next));
        if ca.is_lost() || self.pki.end(ca.signer) < ahead {
            let announced = sound_next.map(|_| NextRoot::Existing);
            return origins
                .into_iter()
                .map(NextRoot::New)
                .chain(announced)
                .map(Transition::Succeed)
                .collect();
        }
        let gone: Vec<String> = ca.retiring().iter().map(fingerprint).collect();
        let drop = (!gone.is_empty()).then_some(Transition::Drop(gone));
        let announce = origins.into_iter().map(|origin| Transition::Announce(origin, Cause::Requested));
        let announce = announce.filter(|_| sound_next.is_none() && ca.retiring().is_empty());
        let withdraw = ca.next.map(|_| Transition::Withdraw);
        let switch = [false, true].map(|is_forced| Transition::Switch { is_forced });
        let switch = switch.into_iter().filter(|_| sound_next.is_some());
        let raise = (ca.longest < self.longest).then_some(Transition::RaiseMaxLeafTtl);
        announce.chain(withdraw).chain(switch).chain(drop).chain(raise).collect()
    }
}
