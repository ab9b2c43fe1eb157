//! What shows that a root existed which the root Secret does not hold (I11).
//!
//! Pure: everything is gathered first. While there is a root Secret, only what the operator itself has written and can prove
//! is evidence: users of a namespace may be able to write anything else.

use super::known_signers::{Claimant, KnownSigners};
use crate::api::names::{annotation, key};
use crate::api::namespaced_name::NamespacedName;

/// Identities that are read before a root is called lost. One of each namespace comes before the second of any, and the status
/// of the authority names the signer besides.
const MAX_READ: usize = 32;

/// Evidence of a root that is lost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evidence {
    /// What is missing, and what shows it: a sentence.
    pub what: String,
    /// What to do if there was no such root: a sentence, where what shows it can be restored or forged.
    pub otherwise: Option<String>,
    /// The objects that show it: without them it may be none.
    pub witnesses: Vec<Witness>,
}

/// An object that evidence rests on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Witness {
    /// An `MtlsIdentity`.
    Identity(NamespacedName),
    /// A leaf Secret.
    LeafSecret(NamespacedName),
}

impl Evidence {
    /// Evidence that only the operator can have written.
    #[must_use]
    pub const fn proven(what: String) -> Self {
        Self { what, otherwise: None, witnesses: Vec::new() }
    }

    /// Evidence that users of a namespace can have written, and what to do in that case.
    #[must_use]
    pub const fn claimed(what: String, otherwise: String) -> Self {
        Self { what, otherwise: Some(otherwise), witnesses: Vec::new() }
    }

    fn by(self, witnesses: Vec<Witness>) -> Self {
        Self { witnesses, ..self }
    }
}

/// What the root Secret explains. `K` is a key identifier, or its digest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Explained<K> {
    /// Nothing: there is no root Secret.
    Nothing,
    /// Unknown: the Secret holds no usable CA of this authority, which the decision reports.
    Unknown,
    /// A CA of this authority.
    Held {
        /// All signers whose leaves can be valid.
        signers: Vec<K>,
        /// Name of the evidence key in it.
        evidence_key_id: Option<String>,
        /// Name of an evidence key whose loss was accepted.
        lost_evidence_key_id: Option<String>,
    },
}

impl<K: PartialEq> Explained<K> {
    fn explains(&self, signer: &K) -> bool {
        matches!(self, Self::Held { signers, .. } if signers.contains(signer))
    }
}

/// What is known of the signers of an authority: from before the root Secret was read, and from reads that were made since
/// because nothing else shows a loss.
#[derive(Clone, Debug)]
pub struct Traces<'a, K> {
    /// From before it was read.
    pub known: &'a KnownSigners<K>,
    /// One of [`Traces::unsettled`] whose status, read now, still says the same and proves it.
    pub proven: Option<&'a Claimant<K>>,
    /// A leaf Secret, listed now, of an identity that exists and names this authority.
    pub leaf_secret: Option<LeafClaim>,
}

/// A leaf Secret that belongs to an identity of the authority.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeafClaim {
    /// Of the Secret, and of its identity.
    pub namespace: String,
    /// Name of the identity.
    pub identity: String,
    /// Name of the Secret.
    pub secret: String,
}

impl<'a, K: PartialEq> Traces<'a, K> {
    /// What was known before the root Secret was read, alone.
    #[must_use]
    pub const fn of(known: &'a KnownSigners<K>) -> Self {
        Self { known, proven: None, leaf_secret: None }
    }

    /// Identities whose statuses have to be read: they name a signer that the root Secret does not explain, and carry a proof.
    pub fn unsettled(&self, explained: &Explained<K>) -> impl Iterator<Item = &'a Claimant<K>> {
        let is_held = matches!(explained, Explained::Held { evidence_key_id: Some(_), .. });
        let claimants = self.known.claimants.iter().filter(move |_| is_held);
        let unknown = claimants.filter(move |claimant| !explained.explains(&claimant.key_id));
        unknown.filter(|claimant| claimant.has_proof).take(MAX_READ)
    }

    /// What shows that a root existed, if the root Secret does not explain it.
    #[must_use]
    pub fn evidence(&self, place: &str, explained: &Explained<K>) -> Option<Evidence> {
        match explained {
            Explained::Unknown => None,
            Explained::Nothing => self.of_missing(place),
            Explained::Held { evidence_key_id, lost_evidence_key_id, .. } => {
                let found = [evidence_key_id, lost_evidence_key_id].map(Option::as_deref);
                self.of_recorded(place, explained)
                    .or_else(|| self.of_other_key(place, found))
                    .or_else(|| self.of_proven(place))
            }
        }
    }

    /// What the statuses and leaf Secrets show while there is no root Secret.
    fn of_missing(&self, place: &str) -> Option<Evidence> {
        if let Some(recorded) = &self.known.recorded {
            let what = format!("{place} is missing, which held the root with key id {}", recorded.text);
            return Some(Evidence::proven(what));
        }
        if let Some(name) = &self.known.evidence_key_id {
            let what = format!("{place} is missing, which held the {} named {name}", key::EVIDENCE_KEY);
            return Some(Evidence::proven(what));
        }
        self.known
            .claimants
            .first()
            .map(|claimant| of_claimant(place, claimant))
            .or_else(|| self.leaf_secret.as_ref().map(|claim| of_leaf_secret(place, claim)))
    }

    fn of_recorded(&self, place: &str, explained: &Explained<K>) -> Option<Evidence> {
        let recorded = self.known.recorded.as_ref()?;
        (!explained.explains(&recorded.key_id)).then(|| {
            let text = &recorded.text;
            let what =
                format!("{place} holds another root than the one with key id {text}, which status names");
            Evidence::proven(what)
        })
    }

    /// A Secret that lacks the key which status names, or holds another one, is not the one that the operator wrote. Where the
    /// loss of that key was accepted, the Secret says so.
    fn of_other_key(&self, place: &str, [found, lost]: [Option<&str>; 2]) -> Option<Evidence> {
        let named = self.known.evidence_key_id.as_deref()?;
        if found == Some(named) || lost == Some(named) {
            return None;
        }
        let key = key::EVIDENCE_KEY;
        let holds = match found {
            Some(_) => format!("another {key} than the one that status.evidenceKeyID names"),
            None => format!("no {key}, though status.evidenceKeyID names one"),
        };
        let what =
            format!("{place} holds {holds}: it is another Secret, or a backup from before that key was made");
        Some(Evidence::proven(what))
    }

    fn of_proven(&self, place: &str) -> Option<Evidence> {
        let claimant = self.proven?;
        let (namespace, name) = (&claimant.namespace, &claimant.name);
        let what = format!(
            "{place} holds another root than the one that MtlsIdentity {namespace}/{name} depends on"
        );
        Some(Evidence::proven(what).by(vec![Witness::Identity(NamespacedName::new(&**namespace, &**name))]))
    }
}

fn of_claimant<K>(place: &str, Claimant { namespace, name, .. }: &Claimant<K>) -> Evidence {
    let what =
        format!("{place} is missing, which held the root that MtlsIdentity {namespace}/{name} depends on");
    let otherwise = otherwise("the status of that MtlsIdentity was restored or forged", "that MtlsIdentity");
    Evidence::claimed(what, otherwise).by(vec![Witness::Identity(NamespacedName::new(&**namespace, &**name))])
}

fn of_leaf_secret(place: &str, claim: &LeafClaim) -> Evidence {
    let LeafClaim { namespace, identity, secret } = claim;
    let what = format!("{place} is missing, though Secret {namespace}/{secret} claims a leaf of its root");
    let otherwise = otherwise("that Secret was restored or forged", "that Secret");
    Evidence::claimed(what, otherwise).by(vec![
        Witness::LeafSecret(NamespacedName::new(namespace, secret)),
        Witness::Identity(NamespacedName::new(namespace, identity)),
    ])
}

fn otherwise(why: &str, what: &str) -> String {
    format!(
        "If there was no such root, because {why}, delete {what}, or annotate this MtlsAuthority with {}=none",
        annotation::ACCEPT_ROOT_LOSS
    )
}
