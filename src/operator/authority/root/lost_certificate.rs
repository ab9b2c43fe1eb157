//! The certificate of a lost root, found in the trust bundles of leaf Secrets.
//!
//! However many Secrets there are, and whatever they say, the search ends after a few reads of each namespace.

use std::collections::{BTreeMap, BTreeSet};

use super::recovery::LeafSecret;
use crate::api::authority::RootStatus;
use crate::api::names::key;
use crate::api::secret::content;
use crate::operator::context::Context;
use crate::operator::error::Error;
use crate::pki::{Fingerprint, TrustBundle};
use crate::plan::authority::spec::AuthoritySpec;

/// A root that status does not name is taken from the bundles of as many namespaces: users of one can write what they like.
const VOICES: usize = 2;
/// Secrets of one namespace that are read. One that holds the trust bundle that it says it holds is read for all that say the
/// same; only its users can make more necessary.
const MOST_READ: usize = 32;

/// The certificate of the lost root from the first bundle that holds it, if the operator has recorded its fingerprint, or from
/// as many as make it credible; else why not. What else lies there is taken only if it was recorded, too: users of a namespace
/// can write into its Secrets.
///
/// # Errors
/// [`Error`] where Secrets cannot be read.
pub async fn find(
    context: &Context,
    terms: &AuthoritySpec,
    leaves: &[LeafSecret],
    lost: Fingerprint,
    roots: &[RootStatus],
) -> Result<Result<TrustBundle, String>, Error> {
    let recorded: Vec<Fingerprint> = roots.iter().filter_map(|root| root.fingerprint.parse().ok()).collect();
    let is_recorded = recorded.contains(&lost);
    let wanted: Vec<Fingerprint> = recorded.into_iter().chain([lost]).collect();
    let mut search = Search::default();
    for leaf in leaves {
        if !search.wants(leaf) || !(is_recorded || leaf.is_owned(context, terms).await?) {
            continue;
        }
        let Some(bundle) = bundle(context, leaf).await? else { continue };
        if !bundle.contains(&lost) {
            search.lacks(leaf, &bundle);
            continue;
        }
        search.voices.insert(&leaf.namespace);
        if let Some(found) = bundle.among(&wanted).filter(|_| is_recorded || search.voices.len() >= VOICES) {
            return Ok(Ok(found));
        }
    }
    Ok(Err(search.unheard(lost)))
}

async fn bundle(context: &Context, leaf: &LeafSecret) -> Result<Option<TrustBundle>, Error> {
    let found = context.requests.secret(&leaf.namespace, &leaf.name).await?;
    Ok(found.and_then(|secret| TrustBundle::from_pem(content(&secret, key::TRUST_BUNDLE)).ok()))
}

/// What has been found so far.
#[derive(Default)]
struct Search<'a> {
    /// Namespaces in which a bundle holds the root.
    voices: BTreeSet<&'a str>,
    /// Hashes of bundles that were read and do not hold it.
    without: BTreeSet<&'a str>,
    /// Secrets that were chosen, by namespace.
    chosen: BTreeMap<&'a str, usize>,
    /// Namespaces of which not every Secret was.
    cut: BTreeSet<&'a str>,
}

impl<'a> Search<'a> {
    /// Whether a Secret can tell something new, and its namespace has not been asked enough.
    fn wants(&mut self, leaf: &'a LeafSecret) -> bool {
        let namespace = leaf.namespace.as_str();
        let is_known = leaf.trust.as_deref().is_some_and(|trust| self.without.contains(trust));
        if is_known || self.voices.contains(namespace) {
            return false;
        }
        let chosen = self.chosen.entry(namespace).or_default();
        if *chosen >= MOST_READ {
            self.cut.insert(namespace);
            return false;
        }
        *chosen += 1;
        true
    }

    /// A Secret does not hold the root. Others that say they hold the same bundle need no read, if this one told the truth.
    fn lacks(&mut self, leaf: &'a LeafSecret, bundle: &TrustBundle) {
        self.without.extend(leaf.trust.as_deref().filter(|trust| *trust == bundle.hash()));
    }

    fn unheard(&self, lost: Fingerprint) -> String {
        let why = match self.voices.first() {
            None => format!("no trust bundle of this authority holds a root with fingerprint {lost}"),
            Some(only) => format!(
                "only trust bundles in namespace {only} hold a root with fingerprint {lost}, which its users can have put there; status.roots must name it, or a bundle in another namespace hold it"
            ),
        };
        match self.cut.first() {
            None => why,
            Some(namespace) => format!(
                "{why}; only {MOST_READ} Secrets of namespace {namespace} were read, which do not hold what they say: delete those that are not the operator's"
            ),
        }
    }
}
