//! What the leader has seen of a rotation's distribution: which Secrets are behind, and for how long none was. By the
//! monotonic clock, from the last moment one was seen behind; it starts anew with the process.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::core::v1::Secret;
use kube::core::PartialObjectMeta;
use parking_lot::Mutex;

use super::attention::SignerMark;
use super::board::Board;
use super::entry::{Digest, Entry, SeenSecret, digest};
use super::probe::memory::Holder;
use crate::api::authority::{Phase, WaitingFor};
use crate::api::names::{annotation, label};
use crate::plan::sight::{Quiet, Sight};

/// As many names are told as a person will read.
const NAMES: usize = 10;

/// Identities whose Secrets are behind, and published trust bundles.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Survey {
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
}

impl Survey {
    /// Whether anybody is waited for.
    #[must_use]
    pub const fn is_behind(&self) -> bool {
        self.behind > 0 || self.bundles > 0
    }

    /// The same with what was seen of bundles.
    #[must_use]
    pub fn with(mut self, bundles: BundleSurvey) -> Self {
        self.bundles = bundles.behind.len();
        self.bundle_names = bundles.behind;
        self.bundle_names.sort_unstable();
        self.bundle_names.truncate(NAMES);
        self.excluded.extend(bundles.excluded);
        self.excluded.sort_unstable();
        self
    }

    /// What status says of it; nothing where nobody is waited for.
    #[must_use]
    pub fn waiting_for(self) -> Option<WaitingFor> {
        let is_told = self.is_behind() || self.distrusting > 0 || !self.excluded.is_empty();
        let Self { behind, names, distrusting, endpoints, bundles, bundle_names, excluded } = self;
        let [identities, bundles, distrusting] =
            [behind, bundles, distrusting].map(|count| i64::try_from(count).unwrap_or(i64::MAX));
        is_told.then_some(WaitingFor {
            identities,
            names,
            endpoints: distrusting,
            endpoint_names: endpoints,
            bundles,
            bundle_names,
            excluded,
        })
    }

    /// How many Secrets, bundles and endpoints a rotation waits for.
    #[must_use]
    pub const fn held_up_by(&self) -> usize {
        self.behind + self.bundles + self.distrusting
    }

    /// Adds what probes have seen.
    pub fn probed(&mut self, holders: &[Holder], excluded: &[String]) {
        let (left, waited): (Vec<&Holder>, Vec<&Holder>) =
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
pub fn is_behind(secret: &SeenSecret, signer: &SignerMark, now: i64) -> bool {
    let is_retiring = |key_id| signer.retiring.contains(&key_id);
    let is_valid = secret.not_after.is_none_or(|end| end >= now);
    let lacks_next = signer.is_announced && secret.trust != Some(signer.trust);
    lacks_next || (secret.key_id.is_some_and(is_retiring) && is_valid)
}

/// Finds those that are behind among the identities of an authority. `secret` finds the Secret of an identity.
///
/// Counted is a Secret whose identity exists with the uid that it names. While its labels are stripped, or it has just
/// been deleted, nobody sees it: the identity counts as behind. What never had a Secret holds nobody up.
pub fn survey<'a>(
    board: &'a Board,
    authority: &str,
    signer: &SignerMark,
    excluded: &[String],
    now: i64,
    secret: impl Fn(&Entry) -> Option<&'a SeenSecret>,
) -> Survey {
    let authority = digest(authority);
    let mut survey = Survey::default();
    let mine = board.index().entries().filter(|(_, entry)| entry.authority == authority);
    for (_, entry) in mine.filter(|(_, entry)| counts_as_behind(entry, secret(entry), signer, now)) {
        let name = format!("{}/{}", entry.namespace, entry.name);
        if excluded.contains(&name) {
            survey.excluded.push(name);
        } else {
            survey.behind += 1;
            survey.names.push(name);
        }
    }
    survey.names.sort_unstable();
    survey.names.truncate(NAMES);
    survey.excluded.sort_unstable();
    survey
}

fn counts_as_behind(entry: &Entry, secret: Option<&SeenSecret>, signer: &SignerMark, now: i64) -> bool {
    match secret {
        Some(secret) => secret.identity_uid == Some(entry.uid) && is_behind(secret, signer, now),
        None => entry.recorded.secret_version.is_some(),
    }
}

/// Published trust bundles that are behind, by their names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BundleSurvey {
    /// Those that are waited for.
    pub behind: Vec<String>,
    /// Those that a person has excluded.
    pub excluded: Vec<String>,
}

/// Secrets as a fresh list names them, by namespace and name.
pub struct Listed(HashMap<(String, String), ListedSecret>);

struct ListedSecret {
    seen: SeenSecret,
    owner: Owner,
}

/// The identity that a Secret names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owner {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Its uid.
    pub uid: String,
}

impl Listed {
    /// Those of a list.
    #[must_use]
    pub fn of(list: &[PartialObjectMeta<Secret>]) -> Self {
        let secrets = list.iter().map(|meta| {
            let namespace = meta.metadata.namespace.clone().unwrap_or_default();
            let name = meta.metadata.name.clone().unwrap_or_default();
            let seen = SeenSecret::of(meta, namespace.as_str().into());
            let owner = Owner {
                namespace: namespace.clone(),
                name: value(meta.metadata.labels.as_ref(), label::IDENTITY),
                uid: value(meta.metadata.annotations.as_ref(), annotation::IDENTITY_UID),
            };
            ((namespace, name), ListedSecret { seen, owner })
        });
        Self(secrets.collect())
    }

    /// The Secret of an identity.
    #[must_use]
    pub fn secret(&self, entry: &Entry) -> Option<&SeenSecret> {
        self.0.get(&(entry.namespace.to_string(), entry.secret_name())).map(|listed| &listed.seen)
    }

    /// How many are newer than the index: what they were before is not told yet.
    #[must_use]
    pub fn untold(&self, board: &Board) -> usize {
        let seen = self.0.values().map(|listed| &listed.seen);
        let known = |secret: &SeenSecret| board.index().secret(&secret.namespace, &secret.name);
        seen.filter(|secret| known(secret).is_none_or(|known| known.version < secret.version)).count()
    }

    /// The identities that the index does not know, and whose Secrets are behind.
    #[must_use]
    pub fn unknown_behind(&self, board: &Board, signer: &SignerMark, now: i64) -> Vec<Owner> {
        let is_known = |secret: &SeenSecret| {
            let wanting = board.index().wanting(&secret.namespace, &secret.name);
            wanting
                .iter()
                .any(|id| board.index().entry(*id).is_some_and(|e| Some(e.uid) == secret.identity_uid))
        };
        let behind = self.0.values().filter(|listed| is_behind(&listed.seen, signer, now));
        behind.filter(|listed| !is_known(&listed.seen)).map(|listed| listed.owner.clone()).collect()
    }
}

fn value(pairs: Option<&BTreeMap<String, String>>, key: &str) -> String {
    pairs.and_then(|pairs| pairs.get(key)).cloned().unwrap_or_default()
}

/// The state of the roots that an observation speaks of: another one begins it anew.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Subject {
    phase: Phase,
    trust: Digest,
    signer: Digest,
}

struct Watch {
    subject: Subject,
    quiet: Quiet,
}

/// The observations of all authorities.
#[derive(Clone, Default)]
pub struct Sights(Arc<Mutex<HashMap<String, Watch>>>);

impl Sights {
    /// Takes an observation: whether somebody is behind now, and whether somebody was since the last one.
    #[must_use]
    pub fn look(
        &self,
        authority: &str,
        (phase, signer): (Phase, &SignerMark),
        is_behind: bool,
        was_behind: bool,
        now: Duration,
    ) -> Sight {
        let subject = Subject { phase, trust: signer.trust, signer: signer.key_id };
        let mut watches = self.0.lock();
        let watch = watches
            .entry(authority.to_owned())
            .or_insert_with(|| Watch { subject: subject.clone(), quiet: Quiet::default() });
        if watch.subject != subject {
            *watch = Watch { subject, quiet: Quiet::default() };
        }
        watch.quiet = watch.quiet.look(is_behind, was_behind, now);
        watch.quiet.sight(now)
    }

    /// Somebody was seen behind: the observation begins anew.
    pub fn spoil(&self, authority: &str) {
        if let Some(watch) = self.0.lock().get_mut(authority) {
            watch.quiet = Quiet::default();
        }
    }

    /// Nothing is observed any more: another process leads, or there is no rotation.
    pub fn forget(&self, authority: &str) {
        self.0.lock().remove(authority);
    }
}
