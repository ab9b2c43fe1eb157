//! Distrust is a closure. A certificate that is made with a stolen key chains to every root that has certified that key, as
//! cross-certificates are public: a root that stays trusted must have certified no root that is distrusted.

use std::collections::BTreeSet;

/// A CA of a root Secret: one that signs, will sign, or has signed and is trusted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ca {
    /// SHA-256 of its certificates and of its roots, hex.
    pub fingerprints: Vec<String>,
    /// SHA-256 of the certificates of every CA that it has certified, hex. `None` where that was not recorded.
    pub certified: Option<Vec<String>>,
}

/// The CAs of a root Secret.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cas {
    /// Those that sign no more, in the order in which they signed.
    pub retiring: Vec<Ca>,
    /// The one that signs.
    pub signer: Ca,
    /// The announced one.
    pub next: Option<Ca>,
    /// Whether the announced one was generated: its key is in the same Secret as the signer's.
    pub is_next_generated: bool,
}

/// Why a CA is distrusted.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum DistrustReason {
    /// `spec.distrustedRoots` or `status.distrusted` names it, or one above it.
    Named,
    /// It has certified this one, which is distrusted.
    Certified(String),
    /// Its key is in the same Secret as the key of this one, which is distrusted.
    SameSecret(String),
}

impl DistrustReason {
    /// The reason, after "it is distrusted because".
    #[must_use]
    pub fn sentence(&self) -> String {
        match self {
            Self::Named => "spec.distrustedRoots names it, or a CA above it".into(),
            Self::Certified(other) => format!("it certified {other}, which is distrusted"),
            Self::SameSecret(other) => {
                format!("its key was stored in the same Secret as the key of {other}, which is distrusted")
            }
        }
    }
}

/// The command that adds these CAs to `spec.distrustedRoots`.
#[must_use]
pub fn distrust_command<'a>(authority: &str, fingerprints: impl IntoIterator<Item = &'a str>) -> String {
    let add = |fingerprint: &str| {
        let value = format!("{{\"fingerprint\":\"{fingerprint}\"}}");
        format!("{{\"op\":\"add\",\"path\":\"/spec/distrustedRoots/-\",\"value\":{value}}}")
    };
    let patch: Vec<String> = fingerprints.into_iter().map(add).collect();
    format!("kubectl patch mtlsauthority {authority} --type=json -p '[{}]'", patch.join(","))
}

/// What of a root Secret is distrusted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Distrusted {
    /// In the order of [`Cas::retiring`].
    pub retiring: Vec<Option<DistrustReason>>,
    /// The one that signs.
    pub signer: Option<DistrustReason>,
    /// The announced one.
    pub next: Option<DistrustReason>,
}

/// What is distrusted, where these fingerprints are named.
#[must_use]
pub fn closure(cas: &Cas, named: &[String]) -> Distrusted {
    let all: Vec<&Ca> = cas.retiring.iter().chain([&cas.signer]).chain(&cas.next).collect();
    let mut why: Vec<Option<DistrustReason>> = vec![None; all.len()];
    let mut lost: BTreeSet<&str> = named.iter().map(String::as_str).collect();
    // Each round finds one more CA, or is the last.
    while let Some((place, found)) = (0..all.len())
        .filter(|place| why[*place].is_none())
        .find_map(|place| reason(cas, &all, &why, place, named, &lost).map(|found| (place, found)))
    {
        lost.extend(all[place].fingerprints.iter().map(String::as_str));
        why[place] = Some(found);
    }
    let next = cas.next.as_ref().and_then(|_| why.pop()).flatten();
    let signer = why.pop().flatten();
    Distrusted { retiring: why, signer, next }
}

fn reason(
    cas: &Cas,
    all: &[&Ca],
    why: &[Option<DistrustReason>],
    place: usize,
    named: &[String],
    lost: &BTreeSet<&str>,
) -> Option<DistrustReason> {
    let ca = all[place];
    if ca.fingerprints.iter().any(|found| named.contains(found)) {
        return Some(DistrustReason::Named);
    }
    let certified = match &ca.certified {
        Some(certified) => certified.iter().find(|found| lost.contains(found.as_str())).cloned(),
        // What was not recorded may have been certified: each CA certifies the one that follows it.
        None => (place + 1..all.len()).find(|later| why[*later].is_some()).map(|later| name(all[later])),
    };
    if let Some(other) = certified {
        return Some(DistrustReason::Certified(other));
    }
    let signer = cas.retiring.len();
    let shares_secret = place > signer && cas.is_next_generated && why[signer].is_some();
    shares_secret.then(|| DistrustReason::SameSecret(name(&cas.signer)))
}

fn name(ca: &Ca) -> String {
    ca.fingerprints.first().cloned().unwrap_or_default()
}
