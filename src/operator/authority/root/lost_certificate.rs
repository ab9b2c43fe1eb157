//! The certificate of a lost root, found in the trust bundles of leaf Secrets.
//!
//! However many Secrets there are, and whatever they claim, the search ends after a few reads of each namespace.

use std::collections::{BTreeMap, BTreeSet};

use super::leaf_secrets::LeafSecret;
use crate::api::authority::RootStatus;
use crate::api::names::key;
use crate::api::secret::content;
use crate::operator::context::Context;
use crate::operator::error::Error;
use crate::pki::{Fingerprint, TrustBundle};
use crate::plan::authority::spec::AuthoritySpec;

/// A root that status does not name is accepted if bundles of this many namespaces hold it: users of one can write anything.
const MIN_NAMESPACES: usize = 2;
/// Secrets of one namespace that are read. One that holds the trust bundle that its annotation names is read for all others
/// with the same annotation; only users of the namespace can make more reads necessary.
const MAX_READ: usize = 32;

/// The certificate of the lost root: from the first bundle that holds it, if the operator has recorded its fingerprint, else once
/// bundles of `MIN_NAMESPACES` hold it; else why not. Other certificates of the bundle are taken only if they were recorded,
/// too: users of a namespace can write into its Secrets.
///
/// # Errors
/// [`Error`] where Secrets cannot be read.
pub async fn find(
    context: &Context,
    spec: &AuthoritySpec,
    leaves: &[LeafSecret],
    lost: Fingerprint,
    roots: &[RootStatus],
) -> Result<Result<TrustBundle, String>, Error> {
    let recorded: Vec<Fingerprint> = roots.iter().filter_map(|root| root.fingerprint.parse().ok()).collect();
    let is_recorded = recorded.contains(&lost);
    let wanted: Vec<Fingerprint> = recorded.into_iter().chain([lost]).collect();
    let mut search = Search::default();
    for leaf in leaves {
        if !search.wants(leaf) || !(is_recorded || leaf.is_owned(context, spec).await?) {
            continue;
        }
        let Some(bundle) = bundle(context, leaf).await? else { continue };
        if !bundle.contains(&lost) {
            search.note_without(leaf, &bundle);
            continue;
        }
        search.holders.insert(&leaf.namespace);
        if let Some(found) =
            bundle.only(&wanted).filter(|_| is_recorded || search.holders.len() >= MIN_NAMESPACES)
        {
            return Ok(Ok(found));
        }
    }
    Ok(Err(search.why_not_found(lost)))
}

async fn bundle(context: &Context, leaf: &LeafSecret) -> Result<Option<TrustBundle>, Error> {
    let found = context.client.secret(&leaf.namespace, &leaf.name).await?;
    Ok(found.and_then(|secret| TrustBundle::from_pem(content(&secret, key::TRUST_BUNDLE)).ok()))
}

/// What has been found so far.
#[derive(Default)]
struct Search<'a> {
    /// Namespaces in which a bundle holds the root.
    holders: BTreeSet<&'a str>,
    /// Hashes of bundles that were read and do not hold it.
    without: BTreeSet<&'a str>,
    /// Secrets that were chosen, by namespace.
    chosen: BTreeMap<&'a str, usize>,
    /// Namespaces of which not every Secret was.
    cut: BTreeSet<&'a str>,
}

impl<'a> Search<'a> {
    /// Whether a Secret can show something new, and not enough of its namespace have been read.
    fn wants(&mut self, leaf: &'a LeafSecret) -> bool {
        let namespace = leaf.namespace.as_str();
        let is_known = leaf.trust.as_deref().is_some_and(|trust| self.without.contains(trust));
        if is_known || self.holders.contains(namespace) {
            return false;
        }
        let chosen = self.chosen.entry(namespace).or_default();
        if *chosen >= MAX_READ {
            self.cut.insert(namespace);
            return false;
        }
        *chosen += 1;
        true
    }

    /// A Secret does not hold the root. Others that claim the same bundle need no read, if the claim of this one is true.
    fn note_without(&mut self, leaf: &'a LeafSecret, bundle: &TrustBundle) {
        self.without.extend(leaf.trust.as_deref().filter(|trust| *trust == bundle.hash()));
    }

    fn why_not_found(&self, lost: Fingerprint) -> String {
        let why = match self.holders.first() {
            None => format!("no trust bundle of this authority holds a root with fingerprint {lost}"),
            Some(only) => format!(
                "only trust bundles in namespace {only} hold a root with fingerprint {lost}, which its users can have put there; status.roots must name it, or a bundle in another namespace hold it"
            ),
        };
        match self.cut.first() {
            None => why,
            Some(namespace) => format!(
                "{why}; only {MAX_READ} Secrets of namespace {namespace} were read, which do not hold what they say: delete those that are not the operator's"
            ),
        }
    }
}
