//! The authorities that exist, and which of them need a look, when.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::Notify;

use super::awaited_object::AwaitedObject;
use super::identity::version_number;
use super::tombstones::{Tombstones, place};
use crate::api::MtlsAuthority;
use crate::operator::scheduler::deadlines::Millis;

/// One authority.
#[derive(Debug)]
struct AuthorityRecord {
    authority: Arc<MtlsAuthority>,
    /// When it needs a look, by time alone or because something changed.
    due: Option<Millis>,
    /// Passes in a row that failed.
    failures: u32,
    is_listed: bool,
    /// What a loss of its root rests on.
    witnesses: Vec<AwaitedObject>,
}

/// The roster.
#[derive(Clone, Default)]
pub struct Authorities {
    members: Arc<Mutex<HashMap<String, AuthorityRecord>>>,
    deleted: Arc<Mutex<Tombstones>>,
    changed: Arc<Notify>,
}

/// An authority is looked at this often though nothing seems to have changed.
pub const LOOK_EVERY: Millis = 10 * 60 * 1000;

const FIRST_RETRY: Millis = 500;
const LAST_RETRY: Millis = 60_000;

impl Authorities {
    /// An authority was seen. Its status is ours to write, so a change of that alone is no news.
    pub fn saw(&self, authority: MtlsAuthority) {
        let Some(name) = authority.metadata.name.clone() else { return };
        let mut members = self.members.lock();
        let is_news = members.get(&name).is_none_or(|before| differs(&before.authority, &authority));
        let authority = Arc::new(authority);
        if let Some(member) = members.get_mut(&name) {
            member.authority = authority;
            member.is_listed = true;
            if !is_news {
                return;
            }
            member.due = Some(0);
            member.failures = 0;
        } else {
            let (due, witnesses) = (Some(0), Vec::new());
            members.insert(name, AuthorityRecord { authority, due, failures: 0, is_listed: true, witnesses });
        }
        drop(members);
        self.changed.notify_one();
    }

    /// An answer shows an authority. It can be late, and brings nothing back that was seen to be deleted meanwhile.
    pub fn answered(&self, authority: MtlsAuthority) {
        let name = authority.metadata.name.as_deref().unwrap_or_default();
        let is_late = self.get(name).is_some_and(|known| version(&authority) < version(&known));
        if !is_late && !self.deleted.lock().has_buried(place("", name), version(&authority)) {
            self.saw(authority);
        }
    }

    /// An authority was asked for, because this state of it was stale, and this was found: that counts, unless another state
    /// was seen meanwhile. True if it is gone.
    #[must_use]
    pub fn asked_again(&self, stale: &MtlsAuthority, found: Option<MtlsAuthority>) -> bool {
        let name = stale.metadata.name.as_deref().unwrap_or_default();
        if self.get(name).is_none_or(|known| !is_same(&known, stale)) {
            return false;
        }
        let is_gone = found.is_none();
        match found {
            Some(found) => self.saw(found),
            None => self.lost(name),
        }
        is_gone
    }

    /// A watch tells that an authority was deleted: it names the version of the deletion.
    pub fn deleted(&self, authority: &MtlsAuthority, now: Millis) {
        let name = authority.metadata.name.as_deref().unwrap_or_default();
        self.deleted.lock().bury(place("", name), version(authority), now);
        self.lost(name);
    }

    /// An authority is gone.
    pub fn lost(&self, name: &str) {
        self.members.lock().remove(name);
        self.changed.notify_one();
    }

    /// A list begins.
    pub fn begin_list(&self) {
        self.members.lock().values_mut().for_each(|member| member.is_listed = false);
    }

    /// A list ended: what it did not name is gone. Returns the names of what is gone.
    #[must_use]
    pub fn end_list(&self) -> Vec<String> {
        let gone =
            self.members.lock().extract_if(|_, member| !member.is_listed).map(|(name, _)| name).collect();
        self.changed.notify_one();
        gone
    }

    /// A Secret of the operator's namespace changed: whoever's root or provided CA it is needs a look.
    pub fn saw_secret(&self, secret: &str) {
        let uses = |authority: &MtlsAuthority| {
            authority.root_secret_name() == secret || authority.provided_secret_name() == Some(secret)
        };
        let mut members = self.members.lock();
        members.values_mut().filter(|member| uses(&member.authority)).for_each(|member| member.due = Some(0));
        drop(members);
        self.changed.notify_one();
    }

    /// The loss of an authority's root rests on these objects, and on none where it is not lost.
    pub fn rests_on(&self, name: &str, witnesses: Vec<AwaitedObject>) {
        if let Some(member) = self.members.lock().get_mut(name) {
            member.witnesses = witnesses;
        }
    }

    /// Objects have changed or gone: an authority whose loss rests on one of them needs a look at this moment.
    pub fn stirred(&self, at: Millis, is_it: impl Fn(&AwaitedObject) -> bool) {
        let mut members = self.members.lock();
        let concerned = members.values_mut().filter(|member| member.witnesses.iter().any(&is_it));
        let concerned = concerned.map(|member| member.due = earlier(member.due, Some(at))).count();
        drop(members);
        if concerned > 0 {
            self.changed.notify_one();
        }
    }

    /// An authority needs a look at this moment, if not earlier.
    pub fn look_at(&self, name: &str, at: Millis) {
        if let Some(member) = self.members.lock().get_mut(name) {
            member.due = Some(member.due.map_or(at, |due| due.min(at)));
        }
        self.changed.notify_one();
    }

    /// Takes an authority whose time has come.
    #[must_use]
    pub fn take(&self, now: Millis) -> Option<Arc<MtlsAuthority>> {
        let mut members = self.members.lock();
        let member = members.values_mut().find(|member| member.due.is_some_and(|due| has_come(due, now)))?;
        member.due = None;
        Some(member.authority.clone())
    }

    /// A pass over an authority ended well: it needs no look before `next`.
    pub fn settled(&self, name: &str, next: Option<Millis>) {
        if let Some(member) = self.members.lock().get_mut(name) {
            member.failures = 0;
            member.due = earlier(member.due, next);
        }
    }

    /// A pass over an authority failed: it is tried again with backoff.
    pub fn failed(&self, name: &str, now: Millis) {
        if let Some(member) = self.members.lock().get_mut(name) {
            let delay = FIRST_RETRY.saturating_mul(1 << member.failures.min(10)).min(LAST_RETRY);
            member.failures += 1;
            member.due = earlier(member.due, Some(now.saturating_add(delay)));
        }
    }

    /// The next moment at which one needs a look.
    #[must_use]
    pub fn earliest(&self) -> Option<Millis> {
        self.members.lock().values().filter_map(|member| member.due).min()
    }

    /// The names of all.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        self.members.lock().keys().cloned().collect()
    }

    /// One of them, as it was seen last.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<Arc<MtlsAuthority>> {
        self.members.lock().get(name).map(|member| member.authority.clone())
    }

    /// Another authority that has had its root in this Secret.
    #[must_use]
    pub fn tenant(&self, secret: &str, but: &str) -> Option<String> {
        let members = self.members.lock();
        let is_tenant = |authority: &MtlsAuthority| {
            let has_had_a_root = authority.status.as_ref().is_some_and(|status| !status.roots.is_empty());
            has_had_a_root && authority.root_secret_name() == secret
        };
        members
            .iter()
            .find(|(name, member)| *name != but && is_tenant(&member.authority))
            .map(|(name, _)| name.clone())
    }

    /// Waits until something has changed since the last call.
    pub async fn changed(&self) {
        self.changed.notified().await;
    }
}

fn version(authority: &MtlsAuthority) -> u64 {
    version_number(authority.metadata.resource_version.as_deref().unwrap_or_default())
}

/// Whether they are one state of one object.
fn is_same(one: &MtlsAuthority, other: &MtlsAuthority) -> bool {
    one.metadata.uid == other.metadata.uid && one.metadata.resource_version == other.metadata.resource_version
}

/// A time that is further away than any look is put off was told by a clock that has been set back since: it has come.
const fn has_come(due: Millis, now: Millis) -> bool {
    due <= now || due.saturating_sub(now) > LOOK_EVERY
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

    fn roster() -> Authorities {
        let roster = Authorities::default();
        roster.saw(MtlsAuthority::new("mesh", MtlsAuthoritySpec::default()));
        assert!(roster.take(AHEAD).is_some());
        roster
    }

    #[test]
    fn a_clock_that_is_set_back_puts_no_look_off() {
        for told in [
            |roster: &Authorities| roster.failed("mesh", AHEAD),
            |roster: &Authorities| roster.settled("mesh", Some(AHEAD + LOOK_EVERY)),
        ] {
            let roster = roster();
            told(&roster);
            assert!(roster.take(AHEAD).is_none(), "it is not due yet");
            assert!(roster.take(0).is_some());
        }
    }
}
