//! What a process of the operator does: it observes, asks for decisions, and writes. Decisions are the operator's own; the
//! order of the steps is a copy: of `root::pass`, `rotation::look` and `rotation::confirm` for the root Secret, of `reconcile::pass`,
//! `act::issue` and `act::refresh` for leaf Secrets.

use mtls_operator::plan::authority::decision::RootPlan;
use mtls_operator::plan::authority::quiet_period::QuietPeriod;
use mtls_operator::plan::authority::safeguards::Safeguard;
use mtls_operator::plan::authority::transition::Transition;

use crate::ca::Ca;
use crate::decisions::{Decisions, Need, Question, makes_root, subject};
use crate::events::{ReplicaId, Write};
use crate::mutation::Mutation;
use crate::pki::{Chain, Roots};
use crate::state::{Broken, InFlight, Leaf, Replica, Secret, State, View, Workload};
use crate::time::{FRESHNESS, ROOT_WRITE, Ticks, span, ticks_of};
use crate::transition::Change;
use crate::world::World;

impl World {
    /// A replica reconciles the authority: it reads the root Secret, finds what is behind, decides, confirms and writes.
    pub fn pass(&self, state: &mut State, id: ReplicaId, write: Write) -> Option<()> {
        self.look(state, id);
        let now = Self::now(state.replica(id));
        let question = Question {
            ca: state.ca,
            pki: state.pki,
            quiet: state.replica(id).quiet.map(|(_, quiet)| quiet),
            asked: state.asked,
            provided: state.provided,
            distrusted: state.distrusted(),
            longest: state.longest,
            has_evidence: self.has_evidence(state, now),
            now,
        };
        let verdict = self.decisions.verdict(&question);
        let is_made = verdict.plan != RootPlan::Keep && self.is_confirmed(state, id, &verdict.plan);
        if !is_made {
            self.publish(state, id, verdict.signs);
            return (write == Write::Prompt).then_some(());
        }
        let after = self.carried_out(state, &verdict.plan, question.now)?;
        if verdict.plan == RootPlan::Generate && state.newest.is_some() {
            state.broken = Some(Broken::I11);
        }
        if write != Write::Slow {
            state.lost = None;
        }
        match write {
            Write::Slow => state.root_in_flight = Some(InFlight { content: after, left: ROOT_WRITE }),
            Write::Prompt => {
                self.write_ca(state, Some(after));
                let is_sound = state.ca.is_some_and(|ca| !ca.is_lost());
                self.publish(state, id, is_sound && state.pki.end(after.signer) >= question.now);
            }
            Write::Last => {
                self.write_ca(state, Some(after));
                state.crash(id);
            }
        }
        Some(())
    }

    fn look(&self, state: &mut State, id: ReplicaId) {
        let Some(subject) = state.ca.as_ref().and_then(|ca| subject(ca, &state.pki)) else {
            state.replica(id).quiet = None;
            return;
        };
        let replica = *state.replica(id);
        let is_behind = self.is_any_behind(state, &replica, |workload| !workload.is_unseen_by[id.index()]);
        let before = replica.quiet.filter(|(of, _)| *of == subject);
        // The monotonic clock, from far enough back.
        let now = std::time::Duration::from_secs(1_000_000);
        let quiet = before.map_or_else(QuietPeriod::default, |(_, quiet)| {
            QuietPeriod::default().observed(false, false, now.saturating_sub(span(quiet).unsigned_abs()))
        });
        let sight = quiet.observed(is_behind, false, now).distribution(now);
        state.replica(id).quiet = sight.quiet_for.map(|quiet| (subject, ticks_of(quiet)));
    }

    /// Of those that are seen. Of a Secret whose last change no watch has told, the index shows an earlier version, which is
    /// taken not to be behind.
    fn is_any_behind(&self, state: &State, replica: &Replica, is_seen: impl Fn(&Workload) -> bool) -> bool {
        let Some(ca) = &state.ca else { return false };
        let now = Self::now(replica);
        state.workloads.iter().filter(|workload| is_seen(workload)).any(|workload| match workload.secret {
            Some(secret) => self.decisions.is_behind(ca, &state.pki, secret, now),
            // An identity whose Secret was deleted lacks the next root. The leaf that it held has its bound.
            None => ca.next.is_some() && state.newest.is_some(),
        })
    }

    /// What rests on the index is confirmed by a fresh list.
    fn is_confirmed(&self, state: &mut State, id: ReplicaId, plan: &RootPlan) -> bool {
        let RootPlan::Change(transition) = plan else { return true };
        let Some(ca) = state.ca else { return true };
        if !self.decisions.rests_on_distribution(transition, &ca, &state.pki)
            || self.has(Mutation::Unconfirmed)
        {
            return true;
        }
        let replica = *state.replica(id);
        let has_missed = replica.missed == Some(true) && !self.has(Mutation::IgnoresInterruptions);
        if self.is_any_behind(state, &replica, |_| true) {
            state.replica(id).quiet = None;
            return false;
        }
        !has_missed
    }

    /// The root Secret as a plan makes it.
    fn carried_out(&self, state: &mut State, plan: &RootPlan, now: Ticks) -> Option<Ca> {
        let made = if makes_root(plan) { Some(Self::make_root(state)?) } else { None };
        let enters = made.or(state.provided);
        let RootPlan::Change(transition) = plan else {
            let provided = Roots::of(enters.filter(|_| made.is_none()));
            // A root that is new answers whatever people had asked for before.
            return Some(Ca { provided, answered: state.asked, ..Ca::new(enters?, state.longest, now) });
        };
        let ca = state.ca?;
        state.is_excused |= matches!(transition, Transition::Succeed(_));
        let change = Change { decisions: &self.decisions, asked: state.asked, longest: state.longest, now };
        let after = change.apply(ca, transition, enters, &mut state.pki)?;
        let forgets = *transition == Transition::Withdraw && self.has(Mutation::ForgetsWithdrawn);
        Some(if forgets { Ca { certified: Roots::default(), ..after } } else { after })
    }

    /// A replica reconciles an identity: it reads the Secret, decides, writes, and records what it has found or made.
    pub fn reconcile(&self, state: &mut State, id: ReplicaId, of: u8, write: Write) -> Option<()> {
        let of = usize::from(of);
        let Some((need, secret)) = self.wanted(state, id, of) else {
            return (write == Write::Prompt).then(|| self.record(state, id, of));
        };
        let is_current = state.replica(id).view == View::Current;
        let is_lost = is_current && Some(secret.leaf.chain.signer) < state.newest;
        if write == Write::Slow {
            state.workloads[of].in_flight = Some(Self::in_flight(secret));
            return Some(());
        }
        self.write_secret(state, of, Some(secret), Some(id));
        match write {
            Write::Last => state.crash(id),
            Write::Prompt | Write::Slow => self.record(state, id, of),
        }
        state.broken = state.broken.or((need == Need::Leaf && is_lost).then_some(Broken::I11));
        Some(())
    }

    /// What a replica makes of the Secret of an identity, where it can and must be changed.
    fn wanted(&self, state: &mut State, id: ReplicaId, of: usize) -> Option<(Need, Secret)> {
        let (replica, workload) = (*state.replica(id), state.workloads[of]);
        let is_old = matches!(replica.view, View::Former(_, age) if age > FRESHNESS);
        let ca = Self::signs_with(state, &replica).filter(|_| !workload.is_stuck)?;
        let now = Self::now(&replica);
        let (need, _) = self.decisions.need(Some(&ca), &state.pki, workload.secret, workload.is_paused, now);
        match need {
            Need::Leaf if !is_old || self.has(Mutation::SignsWithOldView) => {
                Some((need, self.issue(state, &ca, now)))
            }
            Need::Bundle if !is_old || self.has(Mutation::RefreshesFromOldView) => {
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
        let is_recorded = self.decisions.safeguards().hold(Safeguard::RecordedLifetime);
        let lifetime = if is_recorded { state.longest.min(ca.longest) } else { state.longest };
        let end = if self.has(Mutation::Unclamped) {
            now + lifetime
        } else {
            Decisions::leaf_end(&state.pki, ca.signer, lifetime, now)
        };
        let until = if self.has(Mutation::ServesNoCrossThatEndsEarly) { end } else { 0 };
        let crosses = state.pki.run(ca.signer, ca.served(&state.pki), until);
        Secret {
            leaf: Leaf { chain: Chain { signer: ca.signer, crosses }, issued: now, end },
            bundle: ca.trust(),
        }
    }
}
