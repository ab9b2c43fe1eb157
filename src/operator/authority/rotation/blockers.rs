//! What the leader has seen of a rotation's distribution: which Secrets are behind, and for how long none was. By the
//! monotonic clock, from the last moment one was seen behind; it starts anew with the process.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;

use crate::api::authority::{Phase, WaitingFor, WaitingKind};
use crate::operator::index::digest::{Digest, digest};
use crate::operator::index::identity::IdentityEntry;
use crate::operator::index::issuer::IssuerEntry;
use crate::operator::index::leaf_secret::SecretEntry;
use crate::operator::probe::store::BlockingEndpoint;
use crate::operator::scheduler::Scheduler;
use crate::plan::authority::quiet_period::{Distribution, QuietPeriod};

/// As many names are told as a person will read.
pub(super) const NAMES: usize = 10;

/// Identities whose Secrets are behind, and published trust bundles.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Blockers {
    /// How many identities.
    pub behind: usize,
    /// The first of them, as `<namespace>/<name>`, in their order.
    pub names: Vec<String>,
    /// Endpoints that were not seen to trust the announced root yet.
    pub distrusting: usize,
    /// The first of them, as `<namespace>/<name> <address>`, in their order.
    pub endpoints: Vec<String>,
    /// How many bundles.
    pub bundles: usize,
    /// The first of them, in their order.
    pub bundle_names: Vec<String>,
    /// Those that a person has excluded.
    pub excluded: Vec<String>,
    /// What a person has excluded and does not exist.
    pub unknown: Vec<String>,
    /// Why it is not confirmed that nothing is waited for: a clause.
    pub unconfirmed: Option<String>,
}

impl Blockers {
    /// Whether anybody is waited for.
    #[must_use]
    pub const fn is_behind(&self) -> bool {
        self.behind > 0 || self.bundles > 0
    }

    /// The same with what was seen of bundles.
    #[must_use]
    pub fn with(mut self, bundles: BundleBlockers) -> Self {
        self.bundles = bundles.behind.len();
        self.bundle_names = bundles.behind;
        self.bundle_names.sort_unstable();
        self.bundle_names.truncate(NAMES);
        self.excluded.extend(bundles.excluded);
        self.excluded.sort_unstable();
        self
    }

    /// Adds an identity that is behind.
    pub fn add(&mut self, name: String, excluded: &[String]) {
        if excluded.contains(&name) {
            self.excluded.push(name);
        } else {
            self.behind += 1;
            self.names.push(name);
        }
    }

    /// Its names in their order, as many as are told.
    pub fn put_in_order(&mut self) {
        self.names.sort_unstable();
        self.names.truncate(NAMES);
        self.excluded.sort_unstable();
    }

    /// What status says of it: by kind, without those that are not waited for.
    #[must_use]
    pub fn waiting_for(&self) -> Vec<WaitingFor> {
        let kinds = [
            (WaitingKind::Identity, self.behind, &self.names),
            (WaitingKind::TrustBundle, self.bundles, &self.bundle_names),
            (WaitingKind::Endpoint, self.distrusting, &self.endpoints),
        ];
        let waited = kinds.into_iter().filter(|(_, count, _)| *count > 0);
        let waited = waited.map(|(kind, count, first)| WaitingFor {
            kind: kind.as_str().into(),
            count: i64::try_from(count).unwrap_or(i64::MAX),
            first: first.clone(),
        });
        waited.collect()
    }

    /// How many Secrets, bundles and endpoints a rotation waits for.
    #[must_use]
    pub const fn held_up_by(&self) -> usize {
        self.behind + self.bundles + self.distrusting
    }

    /// Adds what probes have seen.
    pub fn probed(&mut self, holders: &[BlockingEndpoint], excluded: &[String]) {
        let (left, waited): (Vec<&BlockingEndpoint>, Vec<&BlockingEndpoint>) =
            holders.iter().partition(|holder| excluded.contains(&holder.identity));
        self.distrusting = waited.len();
        let told = waited.iter().map(|holder| format!("{} {}", holder.identity, holder.address));
        self.endpoints = told.take(NAMES).collect();
        self.excluded.extend(left.into_iter().map(|holder| holder.identity.clone()));
        self.excluded.sort_unstable();
        self.excluded.dedup();
    }
}

/// Whether a Secret holds the rotation up: it lacks the root that is announced, or holds a leaf, still valid, of a root
/// that is retiring. Once the next root signs nobody is waited for who lacks it: whose Secret cannot be written would
/// keep the former root, and the next rotation, waiting for ever.
#[must_use]
pub fn is_behind(secret: &SecretEntry, signer: &IssuerEntry, now: i64) -> bool {
    let lacks_next = signer.is_announced && secret.trust != Some(signer.trust);
    lacks_next || holds_retiring(secret.key_id, secret.not_after, signer, now)
}

/// Whether a leaf of a retiring signer is valid. Its end is what others wrote: it is believed no further than to the end
/// of the last leaf that the signer can have signed.
fn holds_retiring(key_id: Option<Digest>, end: Option<i64>, signer: &IssuerEntry, now: i64) -> bool {
    signer.retires(key_id).is_some_and(|until| end.unwrap_or(until).min(until) >= now)
}

/// Finds those that are behind among the identities of an authority. `secret` finds the Secret of an identity.
///
/// Counted is the Secret of an identity that exists with the uid that it names, and is not being deleted. While its
/// labels are stripped, or it has just been deleted, nobody sees it: the identity counts as lacking the next root, and as
/// holding the leaf that status speaks of. What never had a Secret, or can have none again, holds nobody up.
pub fn survey<'a>(
    board: &'a Scheduler,
    authority: &str,
    signer: &IssuerEntry,
    excluded: &[String],
    now: i64,
    secret: impl Fn(&IdentityEntry) -> Option<&'a SecretEntry>,
) -> Blockers {
    let authority = digest(authority);
    let mut survey = Blockers::default();
    let mine = board.index().entries().filter(|(_, entry)| entry.authority == authority);
    let counts_as_behind = |entry: &IdentityEntry| match secret(entry) {
        _ if entry.is_going => false,
        Some(secret) => secret.identity_uid == Some(entry.uid) && is_behind(secret, signer, now),
        None => !is_ending(board, &entry.namespace) && is_behind_unseen(entry, signer, now),
    };
    for (_, entry) in mine.filter(|(_, entry)| counts_as_behind(entry)) {
        survey.add(format!("{}/{}", entry.namespace, entry.name), excluded);
    }
    survey.put_in_order();
    survey
}

/// The same as [`is_behind`] for a Secret that nobody sees.
fn is_behind_unseen(entry: &IdentityEntry, signer: &IssuerEntry, now: i64) -> bool {
    let recorded = &entry.recorded;
    let holds = || holds_retiring(recorded.key_id, Some(recorded.not_after), signer, now);
    recorded.secret_version.is_some() && (signer.is_announced || holds())
}

/// Whether no Secret can be created in a namespace any more.
fn is_ending(board: &Scheduler, namespace: &str) -> bool {
    board.jurisdiction().namespace(namespace).is_some_and(|namespace| namespace.is_terminating)
}

/// Published trust bundles that are behind, by their names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BundleBlockers {
    /// Those that are waited for.
    pub behind: Vec<String>,
    /// Those that a person has excluded.
    pub excluded: Vec<String>,
}

/// The state of the roots that an observation speaks of: another one begins it anew.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Subject {
    phase: Phase,
    trust: Digest,
    signer: Digest,
}

#[derive(Default)]
struct Watch {
    subject: Subject,
    quiet: QuietPeriod,
    unconfirmed: Option<Unconfirmed>,
}

/// A fresh list that confirmed nothing.
struct Unconfirmed {
    why: String,
    /// How many there were, one after the other.
    lists: u32,
    /// Until when no other is made.
    until: Duration,
}

/// The observations of all authorities.
#[derive(Clone, Default)]
pub struct QuietPeriods(Arc<Mutex<HashMap<String, Watch>>>);

impl QuietPeriods {
    /// Takes an observation: whether somebody is behind now, and whether somebody was since the last one.
    #[must_use]
    pub fn look(
        &self,
        authority: &str,
        (phase, signer): (Phase, &IssuerEntry),
        is_behind: bool,
        was_behind: bool,
        now: Duration,
    ) -> Distribution {
        let subject = Subject { phase, trust: signer.trust, signer: signer.key_id };
        let mut watches = self.0.lock();
        let watch = watches
            .entry(authority.to_owned())
            .or_insert_with(|| Watch { subject: subject.clone(), ..Watch::default() });
        if watch.subject != subject {
            *watch = Watch { subject, ..Watch::default() };
        }
        watch.quiet = watch.quiet.observed(is_behind, was_behind, now);
        watch.quiet.distribution(now)
    }

    /// Why a fresh list has confirmed nothing, while it is too early for another.
    #[must_use]
    pub fn unconfirmed(&self, authority: &str, now: Duration) -> Option<String> {
        let watches = self.0.lock();
        let last = watches.get(authority)?.unconfirmed.as_ref().filter(|last| now < last.until)?;
        Some(last.why.clone())
    }

    /// A fresh list has confirmed nothing. The next may be made after a quarter of `propagation`, and after ever more of it.
    pub fn failed_to_confirm(&self, authority: &str, why: String, propagation: Duration, now: Duration) {
        let mut watches = self.0.lock();
        let Some(watch) = watches.get_mut(authority) else { return };
        let lists = watch.unconfirmed.as_ref().map_or(0, |last| last.lists);
        let pause = propagation / 4 * (1 << lists.min(2));
        watch.unconfirmed = Some(Unconfirmed { why, lists: lists + 1, until: now + pause });
    }

    /// Somebody was seen behind: the observation begins anew.
    pub fn spoil(&self, authority: &str) {
        if let Some(watch) = self.0.lock().get_mut(authority) {
            *watch = Watch { subject: watch.subject.clone(), ..Watch::default() };
        }
    }

    /// Nothing is observed any more: another process leads, or there is no rotation.
    pub fn forget(&self, authority: &str) {
        self.0.lock().remove(authority);
    }
}
