//! The issuers of this process: each authority with its signer, keys included, in memory.
//!
//! A signer remembers when its root Secret was read or confirmed last, by both clocks: `freshness` asks before it signs (I9).

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use parking_lot::Mutex;

use crate::pki::{Authority, EvidenceKey};
use crate::plan::authority::spec::AuthoritySpec;
use crate::plan::identity::world::{NotReady, Signer};
use crate::runtime::clock::Clock;

/// One authority of this process: its spec, and the CA that signs for it.
pub struct Issuer {
    /// Its spec.
    pub spec: Arc<AuthoritySpec>,
    /// The CA that signs, or why none does.
    pub signer: Result<Arc<SigningCa>, Unready>,
    /// The announced root, where there is one. It signs nothing but what probes show.
    pub next: Option<Authority>,
}

/// Why an authority cannot sign.
#[derive(Clone, Debug)]
pub enum Unready {
    /// It is being set up.
    Pending,
    /// Something is wrong with it.
    Down(NotReady),
}

/// A CA that signs.
pub struct SigningCa {
    /// The CA.
    pub authority: Authority,
    /// What decisions need of it.
    pub facts: Signer,
    /// The key of status proofs.
    pub evidence_key: Option<EvidenceKey>,
    /// Name of the root Secret.
    pub secret_name: String,
    /// Version of the root Secret that it was loaded from.
    pub version: String,
    confirmed: Mutex<ClockReading>,
}

/// A moment by the monotonic and by the wall clock.
#[derive(Clone, Copy, Debug)]
pub struct ClockReading {
    monotonic: Duration,
    wall: Timestamp,
}

impl ClockReading {
    /// This moment. The wall clock itself is read: it shows that the machine was suspended.
    #[must_use]
    pub fn now(clock: &Clock) -> Self {
        Self { monotonic: clock.monotonic(), wall: clock.wall() }
    }

    /// Whether both clocks agree that less than `span` has passed.
    fn is_within(self, span: Duration, now: Self) -> bool {
        let wall = now.wall.duration_since(self.wall);
        now.monotonic.saturating_sub(self.monotonic) < span
            && wall >= SignedDuration::ZERO
            && wall.unsigned_abs() < span
    }
}

impl SigningCa {
    /// A CA whose root Secret was read no earlier than at `read_at`.
    #[must_use]
    pub fn new(
        authority: Authority,
        facts: Signer,
        evidence_key: Option<EvidenceKey>,
        secret_name: String,
        version: String,
        read_at: ClockReading,
    ) -> Self {
        Self { authority, facts, evidence_key, secret_name, version, confirmed: Mutex::new(read_at) }
    }

    /// Whether its Secret was read or confirmed less than `span` ago, by both clocks.
    #[must_use]
    pub fn is_confirmed_within(&self, span: Duration, now: ClockReading) -> bool {
        self.confirmed.lock().is_within(span, now)
    }

    /// Its Secret was found unchanged by a read that began at this moment.
    pub fn confirmed_at(&self, moment: ClockReading) {
        *self.confirmed.lock() = moment;
    }
}

/// The issuers, by the name of their authority.
#[derive(Clone, Default)]
pub struct Issuers(Arc<Mutex<HashMap<String, Arc<Issuer>>>>);

impl Issuers {
    /// The issuer of an authority.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<Arc<Issuer>> {
        self.0.lock().get(name).cloned()
    }

    /// Sets the issuer of an authority.
    pub fn put(&self, issuer: Issuer) {
        self.0.lock().insert(issuer.spec.name.clone(), Arc::new(issuer));
    }

    /// Removes the issuer of an authority.
    pub fn remove(&self, name: &str) {
        self.0.lock().remove(name);
    }

    /// The names of their authorities, in order.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = self.0.lock().keys().cloned().collect();
        names.sort_unstable();
        names
    }
}
