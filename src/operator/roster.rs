//! The authorities that exist, and which of them need a look, when.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::Notify;

use super::schedule::Millis;
use super::witness::Witness;
use crate::api::MtlsAuthority;

/// One authority.
#[derive(Debug)]
struct Member {
    authority: Arc<MtlsAuthority>,
    /// When it needs a look, by time alone or because something changed.
    due: Option<Millis>,
    /// Passes in a row that failed.
    failures: u32,
    is_listed: bool,
    /// What a loss of its root rests on.
    witnesses: Vec<Witness>,
}

/// The roster.
#[derive(Clone, Default)]
pub struct Roster {
    members: Arc<Mutex<HashMap<String, Member>>>,
    changed: Arc<Notify>,
}

const FIRST_RETRY: Millis = 500;
const LAST_RETRY: Millis = 60_000;

impl Roster {
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
            members.insert(name, Member { authority, due, failures: 0, is_listed: true, witnesses });
        }
        drop(members);
        self.changed.notify_one();
    }

    /// An authority was seen to be gone.
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
    pub fn rests_on(&self, name: &str, witnesses: Vec<Witness>) {
        if let Some(member) = self.members.lock().get_mut(name) {
            member.witnesses = witnesses;
        }
    }

    /// Objects have changed or gone: an authority whose loss rests on one of them needs a look at this moment.
    pub fn stirred(&self, at: Millis, is_it: impl Fn(&Witness) -> bool) {
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
        let member = members.values_mut().find(|member| member.due.is_some_and(|due| due <= now))?;
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
