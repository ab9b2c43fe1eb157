//! The MtlsAuthority objects that exist, and which of them needs a reconcile, when.
//!
//! Pure: the watches insert what they see; the authority controller takes from it what is due.

use std::collections::HashMap;
use std::sync::Arc;

use super::awaited_object::AwaitedObject;
use super::digest::version_number;
use super::listed::ListNumber;
use super::time::Millis;
use super::tombstones::{Tombstones, key};
use crate::api::MtlsAuthority;

/// One authority.
#[derive(Debug)]
struct AuthorityRecord {
    authority: Arc<MtlsAuthority>,
    /// When it needs a reconcile, by time alone or because something changed.
    due: Option<Millis>,
    /// Reconciles in a row that failed.
    failures: u32,
    list: ListNumber,
    /// Objects on which the loss of its root rests.
    evidence: Vec<AwaitedObject>,
}

/// The authorities.
///
/// # Guarantees
/// An authority is due at most once: [`Authorities::next_due`] clears what was due. A failure or a success never puts off what
/// became due during the reconcile.
#[derive(Debug, Default)]
pub struct Authorities {
    records: HashMap<String, AuthorityRecord>,
    list: ListNumber,
    deleted: Tombstones,
}

/// An authority is reconciled this often though nothing seems to have changed. Longer than each pause that is asked for.
pub const RECONCILE_EVERY: Millis = 10 * 60 * 1000;

const FIRST_RETRY: Millis = 500;
const LAST_RETRY: Millis = 60_000;

impl Authorities {
    /// An authority was seen. Its status is the operator's to write, so a change of that alone needs no reconcile. True if it
    /// needs one.
    pub fn apply(&mut self, authority: MtlsAuthority) -> bool {
        let Some(name) = authority.metadata.name.clone() else { return false };
        let authority = Arc::new(authority);
        let Some(record) = self.records.get_mut(&name) else {
            let (due, list, evidence) = (Some(0), self.list, Vec::new());
            let record = AuthorityRecord { authority, due, failures: 0, list, evidence };
            self.records.insert(name, record);
            return true;
        };
        let has_changed = differs(&record.authority, &authority);
        record.authority = authority;
        record.list = self.list;
        if has_changed {
            record.due = Some(0);
            record.failures = 0;
        }
        has_changed
    }

    /// An answer shows an authority. It can be late, and brings nothing back that was seen to be deleted meanwhile. True if it
    /// needs a reconcile.
    pub fn apply_answer(&mut self, authority: MtlsAuthority) -> bool {
        let name = authority.metadata.name.as_deref().unwrap_or_default();
        let is_late = self.get(name).is_some_and(|known| version(&authority) < version(&known));
        if is_late || self.deleted.covers(key("", name), version(&authority)) {
            return false;
        }
        self.apply(authority)
    }

    /// An authority was read again, because this state of it was stale, and this was found: that counts, unless another state
    /// was seen meanwhile. True if it is gone.
    pub fn apply_reread(&mut self, stale: &MtlsAuthority, found: Option<MtlsAuthority>) -> bool {
        let name = stale.metadata.name.as_deref().unwrap_or_default();
        if self.get(name).is_none_or(|known| !is_same(&known, stale)) {
            return false;
        }
        let is_gone = found.is_none();
        match found {
            Some(found) => drop(self.apply(found)),
            None => self.remove(name),
        }
        is_gone
    }

    /// A watch shows that an authority was deleted: it names the version of the deletion.
    pub fn delete(&mut self, authority: &MtlsAuthority, now: Millis) {
        let name = authority.metadata.name.as_deref().unwrap_or_default();
        self.deleted.insert(key("", name), version(authority), now);
        self.remove(name);
    }

    /// An authority is gone.
    pub fn remove(&mut self, name: &str) {
        self.records.remove(name);
    }

    /// A list begins.
    pub fn start_list(&mut self) {
        self.list = self.list.next();
    }

    /// A list ended: what it did not name is gone. Returns the names of what is gone.
    #[must_use]
    pub fn finish_list(&mut self) -> Vec<String> {
        let list = self.list;
        self.records.extract_if(|_, record| record.list < list).map(|(name, _)| name).collect()
    }

    /// A Secret of the operator's namespace changed: each authority that has its root or its provided CA there needs a
    /// reconcile.
    pub fn apply_secret(&mut self, secret: &str) {
        let uses = |authority: &MtlsAuthority| {
            authority.root_secret_name() == secret || authority.provided_secret_name() == Some(secret)
        };
        let concerned = self.records.values_mut().filter(|record| uses(&record.authority));
        concerned.for_each(|record| record.due = Some(0));
    }

    /// The loss of an authority's root rests on these objects, and on none where it is not lost.
    pub fn set_awaited(&mut self, name: &str, evidence: Vec<AwaitedObject>) {
        if let Some(record) = self.records.get_mut(name) {
            record.evidence = evidence;
        }
    }

    /// Objects have changed or gone: an authority whose loss rests on one of them needs a reconcile at this moment. True if
    /// there is one.
    pub fn awaited_changed(&mut self, at: Millis, is_it: impl Fn(&AwaitedObject) -> bool) -> bool {
        let concerned = self.records.values_mut().filter(|record| record.evidence.iter().any(&is_it));
        concerned.map(|record| record.due = earlier(record.due, Some(at))).count() > 0
    }

    /// An authority needs a reconcile at this moment, if not earlier.
    pub fn requeue_at(&mut self, name: &str, at: Millis) {
        if let Some(record) = self.records.get_mut(name) {
            record.due = earlier(record.due, Some(at));
        }
    }

    /// All authorities need a reconcile at this moment, if not earlier.
    pub fn requeue_all_at(&mut self, at: Millis) {
        self.records.values_mut().for_each(|record| record.due = earlier(record.due, Some(at)));
    }

    /// Takes an authority whose time has come.
    pub fn next_due(&mut self, now: Millis) -> Option<Arc<MtlsAuthority>> {
        let mut records = self.records.values_mut();
        let record = records.find(|record| record.due.is_some_and(|due| has_come(due, now)))?;
        record.due = None;
        Some(record.authority.clone())
    }

    /// A reconcile of an authority ended well: it needs none before `next`.
    pub fn succeeded(&mut self, name: &str, next: Option<Millis>) {
        if let Some(record) = self.records.get_mut(name) {
            record.failures = 0;
            record.due = earlier(record.due, next);
        }
    }

    /// A reconcile of an authority failed: it is tried again with backoff.
    pub fn failed(&mut self, name: &str, now: Millis) {
        if let Some(record) = self.records.get_mut(name) {
            let delay = FIRST_RETRY.saturating_mul(1 << record.failures.min(10)).min(LAST_RETRY);
            record.failures += 1;
            record.due = earlier(record.due, Some(now.saturating_add(delay)));
        }
    }

    /// The next moment at which one needs a reconcile.
    #[must_use]
    pub fn earliest(&self) -> Option<Millis> {
        self.records.values().filter_map(|record| record.due).min()
    }

    /// The names of all.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        self.records.keys().cloned().collect()
    }

    /// One of them, as it was seen last.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<Arc<MtlsAuthority>> {
        self.records.get(name).map(|record| record.authority.clone())
    }

    /// Another authority that has had its root in this Secret.
    #[must_use]
    pub fn owner_of_root_secret(&self, secret: &str, but: &str) -> Option<String> {
        let is_owner = |authority: &MtlsAuthority| {
            let has_had_a_root = authority.status.as_ref().is_some_and(|status| !status.roots.is_empty());
            has_had_a_root && authority.root_secret_name() == secret
        };
        let mut others = self.records.iter().filter(|(name, _)| *name != but);
        others.find(|(_, record)| is_owner(&record.authority)).map(|(name, _)| name.clone())
    }
}

fn version(authority: &MtlsAuthority) -> u64 {
    version_number(authority.metadata.resource_version.as_deref().unwrap_or_default())
}

/// Whether they are one state of one object.
fn is_same(one: &MtlsAuthority, other: &MtlsAuthority) -> bool {
    one.metadata.uid == other.metadata.uid && one.metadata.resource_version == other.metadata.resource_version
}

/// A time that is further away than any reconcile is put off was set by a clock that has been set back since: it has come.
const fn has_come(due: Millis, now: Millis) -> bool {
    due <= now || due.saturating_sub(now) > RECONCILE_EVERY
}

fn differs(before: &MtlsAuthority, after: &MtlsAuthority) -> bool {
    before.metadata.generation != after.metadata.generation
        || before.metadata.uid != after.metadata.uid
        || before.metadata.annotations != after.metadata.annotations
        || before.metadata.deletion_timestamp != after.metadata.deletion_timestamp
}

fn earlier(a: Option<Millis>, b: Option<Millis>) -> Option<Millis> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::MtlsAuthoritySpec;

    /// Eight hours.
    const AHEAD: Millis = 8 * 3_600_000;

    fn authorities() -> Authorities {
        let mut authorities = Authorities::default();
        authorities.apply(MtlsAuthority::new("mesh", MtlsAuthoritySpec::default()));
        assert!(authorities.next_due(AHEAD).is_some());
        authorities
    }

    #[test]
    fn a_clock_that_is_set_back_puts_no_look_off() {
        for set_due in [
            |authorities: &mut Authorities| authorities.failed("mesh", AHEAD),
            |authorities: &mut Authorities| authorities.succeeded("mesh", Some(AHEAD + RECONCILE_EVERY)),
        ] {
            let mut authorities = authorities();
            set_due(&mut authorities);
            assert!(authorities.next_due(AHEAD).is_none(), "it is not due yet");
            assert!(authorities.next_due(0).is_some());
        }
    }
}
