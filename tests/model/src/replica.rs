//! What a process of the operator does: it looks, asks the rules, and writes. What is decided is asked; the order of the
//! steps between is copied, from `operator::root::pass` and `operator::rotation` with `operator::sight` (look and confirm),
//! `operator::new_root` and `operator::root_change` (the root Secret), `operator::reconcile` and `operator::act` (leaves).

use mtls_operator::plan::authority::decision::RootPlan;
use mtls_operator::plan::authority::origin::Origin;
use mtls_operator::plan::authority::quiet_period::QuietPeriod;
use mtls_operator::plan::authority::safeguards::Safeguard;
use mtls_operator::plan::authority::transition::{NextRoot, Transition};

use crate::ca::{Ca, Next};
use crate::events::{Who, Write};
use crate::pki::{Chain, Pki, RootId, Roots};
use crate::rules::{Need, Rulebook, Scene, dropped, makes_root, subject};
use crate::scope::Flaw;
use crate::state::{Broken, Flight, Leaf, Replica, Secret, State, View};
use crate::time::{FRESHNESS, ROOT_WRITE, Ticks, span, ticks_of};
use crate::world::World;

impl World {
    /// A replica looks at the authority: it reads the root Secret, sees who is behind, decides, confirms and writes.
    pub fn pass(&self, state: &mut State, who: Who, write: Write) -> Option<()> {
        self.look(state, who);
        let now = Self::now(state.replica(who));
        let scene = Scene {
            ca: state.ca,
            pki: state.pki,
            quiet: state.replica(who).quiet.map(|(_, quiet)| quiet),
            asked: state.asked,
            provided: state.provided,
            distrusted: state.distrusted(),
            longest: state.longest,
            has_evidence: self.has_evidence(state, now),
            now,
        };
        let verdict = self.rules.verdict(&scene);
        let is_made = verdict.plan != RootPlan::Keep && self.is_confirmed(state, who, &verdict.plan);
        if !is_made {
            self.publish(state, who, verdict.signs);
            return (write == Write::Prompt).then_some(());
        }
        let after = self.carried_out(state, &verdict.plan, scene.now)?;
        if verdict.plan == RootPlan::Generate && state.newest.is_some() {
            state.broken = Some(Broken::I11);
        }
        if write != Write::Slow {
            state.lost = None;
        }
        match write {
            Write::Slow => state.ca_flight = Some(Flight { content: after, left: ROOT_WRITE }),
            Write::Prompt => {
                self.write_ca(state, Some(after));
                let is_sound = state.ca.is_some_and(|ca| !ca.is_lost());
                self.publish(state, who, is_sound && state.pki.end(after.signer) >= scene.now);
            }
            Write::Last => {
                self.write_ca(state, Some(after));
                state.replica(who).die();
            }
        }
        Some(())
    }

    fn look(&self, state: &mut State, who: Who) {
        let Some(subject) = state.ca.as_ref().and_then(|ca| subject(ca, &state.pki)) else {
            state.replica(who).quiet = None;
            return;
        };
        let replica = *state.replica(who);
        let is_behind = replica.missed.is_none() && self.is_anybody_behind(state, &replica);
        let before = replica.quiet.filter(|(of, _)| *of == subject);
        // The monotonic clock, from far enough back.
        let now = std::time::Duration::from_secs(1_000_000);
        let quiet = before.map_or_else(QuietPeriod::default, |(_, quiet)| {
            QuietPeriod::default().observed(false, false, now.saturating_sub(span(quiet).unsigned_abs()))
        });
        let sight = quiet.observed(is_behind, false, now).distribution(now);
        state.replica(who).quiet = sight.quiet_for.map(|quiet| (subject, ticks_of(quiet)));
    }

    fn is_anybody_behind(&self, state: &State, replica: &Replica) -> bool {
        let Some(ca) = &state.ca else { return false };
        let now = Self::now(replica);
        state.workloads.iter().any(|workload| match workload.secret {
            Some(secret) => self.rules.is_behind(ca, &state.pki, secret, now),
            // Whoever had a Secret, and has none, lacks the next root. The leaf that it held has its bound.
            None => ca.next.is_some() && state.newest.is_some(),
        })
    }

    /// What rests on the index is confirmed by a fresh list.
    fn is_confirmed(&self, state: &mut State, who: Who, plan: &RootPlan) -> bool {
        let RootPlan::Change(transition) = plan else { return true };
        let Some(ca) = state.ca else { return true };
        if !self.rules.rests_on_distribution(transition, &ca, &state.pki) || self.has(Flaw::Unconfirmed) {
            return true;
        }
        let replica = *state.replica(who);
        let has_missed = replica.missed == Some(true) && !self.has(Flaw::IgnoresInterruptions);
        if self.is_anybody_behind(state, &replica) {
            state.replica(who).quiet = None;
            return false;
        }
        !has_missed
    }

    /// The root Secret as a plan makes it: a copy of `operator::new_root` and `operator::root_change` without their bytes.
    fn carried_out(&self, state: &mut State, plan: &RootPlan, now: Ticks) -> Option<Ca> {
        let made = if makes_root(plan) { Some(Self::make_root(state)?) } else { None };
        let RootPlan::Change(transition) = plan else {
            return Self::first(state, made);
        };
        let ca = state.ca?;
        if let Transition::Announce(origin, _) = transition {
            let provided = state.provided.filter(|_| origin.is_provided());
            return Some(self.announced(state, &ca, made.or(provided)?, now));
        }
        let (pki, longest) = (state.pki, state.longest);
        let step_until = |end: Ticks| self.rules.step_end(end, now);
        let step = step_until(pki.end(ca.signer));
        Some(match transition {
            Transition::Announce(..) | Transition::Replace => return None,
            Transition::Withdraw if self.has(Flaw::ForgetsWithdrawn) => {
                Ca { certified: Roots::default(), ..ca.withdraw(step) }
            }
            Transition::Withdraw => ca.withdraw(self.step_without_next(&ca, &pki, now)),
            Transition::Switch { .. } => ca.switch(self.rules.drain_bound(&ca, &pki, now), longest, step),
            Transition::Succeed(next) => {
                state.is_excused = true;
                let is_announced = *next == NextRoot::Existing;
                let answered = if is_announced { ca.answered } else { state.asked };
                let provided = state.provided.filter(|_| *next == NextRoot::New(Origin::Provided));
                let signer = made.or(provided).or(ca.next.filter(|_| is_announced))?;
                let is_provided = provided.is_some() || is_announced && ca.provided.contain(signer);
                Ca { answered, ..ca.succeed(signer, is_provided, longest) }
            }
            Transition::Drop(gone) => {
                let gone = dropped(gone);
                let last = gone.iter().map(|root| pki.end(root)).max().unwrap_or(0);
                let last = if ca.gets_rid_of(gone) { now } else { last };
                let are_kept = self.rules.safeguards().hold(Safeguard::LastingCrosses);
                ca.drop(gone, &pki, are_kept, step_until(last))
            }
            Transition::RaiseMaxLeafTtl => Ca { longest, ..ca },
        })
    }

    /// A root signs where none has signed.
    fn first(state: &State, made: Option<RootId>) -> Option<Ca> {
        let root = made.or(state.provided)?;
        let provided = Roots::of(made.is_none().then_some(root));
        Some(Ca { provided, ..Ca::new(root, state.longest) })
    }

    /// A root is announced, and certified where the signer may do that.
    fn announced(&self, state: &mut State, ca: &Ca, root: RootId, now: Ticks) -> Ca {
        let certifies = self.rules.safeguards().hold(Safeguard::CrossCertificates);
        let is_certified = certifies && !ca.provided.contain(ca.signer);
        if is_certified {
            state.pki.certify(root, ca.signer);
        }
        let next = Next { root, is_certified, is_provided: state.provided == Some(root) };
        ca.announce(next, state.asked, self.step_without_next(ca, &state.pki, now))
    }

    /// When the last Secret follows a change that may take an announced root out: at once, where that is distrusted.
    fn step_without_next(&self, ca: &Ca, pki: &Pki, now: Ticks) -> Ticks {
        let is_riddance = ca.next.is_some_and(|next| ca.lost.contain(next));
        self.rules.step_end(if is_riddance { now } else { pki.end(ca.signer) }, now)
    }

    /// A replica looks at an identity: it reads the Secret, decides, writes, and records what it has found or made.
    pub fn reconcile(&self, state: &mut State, who: Who, of: u8, write: Write) -> Option<()> {
        let of = usize::from(of);
        let Some((need, secret)) = self.wanted(state, who, of) else {
            return (write == Write::Prompt).then(|| self.record(state, who, of));
        };
        let is_current = state.replica(who).view == View::Current;
        let is_lost = is_current && Some(secret.leaf.chain.signer) < state.newest;
        if write == Write::Slow {
            state.workloads[of].flight = Some(Self::flight(secret));
            return Some(());
        }
        self.write_secret(state, of, Some(secret), Some(who));
        match write {
            Write::Last => state.replica(who).die(),
            Write::Prompt | Write::Slow => self.record(state, who, of),
        }
        state.broken = state.broken.or((need == Need::Leaf && is_lost).then_some(Broken::I11));
        Some(())
    }

    /// What a replica makes of the Secret of an identity, where it can and must be changed.
    fn wanted(&self, state: &mut State, who: Who, of: usize) -> Option<(Need, Secret)> {
        let (replica, workload) = (*state.replica(who), state.workloads[of]);
        let is_old = matches!(replica.view, View::Former(_, age) if age > FRESHNESS);
        let ca = Self::signs_with(state, &replica).filter(|_| !workload.is_stuck)?;
        let now = Self::now(&replica);
        let (need, _) = self.rules.need(Some(&ca), &state.pki, workload.secret, workload.is_paused, now);
        match need {
            Need::Leaf if !is_old || self.has(Flaw::SignsWithOldView) => {
                Some((need, self.issue(state, &ca, now)))
            }
            Need::Bundle if !is_old || self.has(Flaw::RefreshesFromOldView) => {
                Some((need, Secret { bundle: ca.trust(), ..workload.secret? }))
            }
            _ => None,
        }
    }

    /// The root Secret that a replica signs with.
    #[must_use]
    pub fn signs_with(state: &State, replica: &Replica) -> Option<Ca> {
        let ca = replica.view.of(state.ca.as_ref()).copied();
        ca.filter(|ca| state.pki.end(ca.signer) >= Self::now(replica))
    }

    fn issue(&self, state: &State, ca: &Ca, now: Ticks) -> Secret {
        // A replica learns of other limits when it reads the root.
        let is_recorded = self.rules.safeguards().hold(Safeguard::RecordedLifetime);
        let lifetime = if is_recorded { state.longest.min(ca.longest) } else { state.longest };
        let end = if self.has(Flaw::Unclamped) {
            now + lifetime
        } else {
            Rulebook::leaf_end(&state.pki, ca.signer, lifetime, now)
        };
        let until = if self.has(Flaw::ServesNoCrossThatEndsEarly) { end } else { 0 };
        let crosses = state.pki.run(ca.signer, ca.crosses, until);
        Secret {
            leaf: Leaf { chain: Chain { signer: ca.signer, crosses }, issued: now, end },
            bundle: ca.trust(),
        }
    }
}
