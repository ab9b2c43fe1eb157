//! The certificate of a lost root, found in the trust bundles of leaf Secrets.
//!
//! However many Secrets there are, and whatever they claim, the search ends after a few reads of each namespace.

use std::collections::{BTreeSet, HashMap, HashSet};

use super::leaf_secrets::LeafSecret;
use crate::api::authority::RootStatus;
use crate::api::names::key;
use crate::api::secret::content;
use crate::operator::context::Context;
use crate::operator::error::Error;
use crate::operator::index::digest::{Digest, digest};
use crate::pki::{Fingerprint, TrustBundle};
use crate::plan::authority::spec::AuthoritySpec;

/// A root that status does not name is accepted if bundles of this many namespaces hold it: users of one can write anything.
const MIN_NAMESPACES: usize = 2;
/// Secrets of one namespace that are read. One that holds the trust bundle that its annotation names is read for all others
/// with the same annotation; only users of the namespace can make more reads necessary.
const MAX_READ: usize = 32;

/// The search for the certificate of a lost root: from the first bundle that holds it, if the operator has recorded its fingerprint,
/// else once bundles of `MIN_NAMESPACES` hold it. Other certificates of the bundle are taken only if they were recorded, too:
/// users of a namespace can write into its Secrets.
pub struct Search {
    lost: Fingerprint,
    is_recorded: bool,
    wanted: Vec<Fingerprint>,
    found: Option<TrustBundle>,
    /// Namespaces in which a bundle holds the root.
    holders: BTreeSet<String>,
    /// Hashes of bundles that were read and do not hold it.
    without: HashSet<Digest>,
    /// Secrets that were chosen, by namespace.
    chosen: HashMap<String, usize>,
    /// Namespaces of which not every Secret was.
    cut: BTreeSet<String>,
}

impl Search {
    /// The search for this root, where status names these.
    #[must_use]
    pub fn new(lost: Fingerprint, roots: &[RootStatus]) -> Self {
        let recorded: Vec<Fingerprint> =
            roots.iter().filter_map(|root| root.fingerprint.parse().ok()).collect();
        Self {
            lost,
            is_recorded: recorded.contains(&lost),
            wanted: recorded.into_iter().chain([lost]).collect(),
            found: None,
            holders: BTreeSet::new(),
            without: HashSet::new(),
            chosen: HashMap::new(),
            cut: BTreeSet::new(),
        }
    }

    /// Looks for it in these Secrets, unless it was found already.
    ///
    /// # Errors
    /// [`Error`] where Secrets cannot be read.
    pub async fn look_in(
        &mut self,
        context: &Context,
        spec: &AuthoritySpec,
        leaves: &[LeafSecret],
    ) -> Result<(), Error> {
        for leaf in leaves {
            if self.found.is_some() {
                break;
            }
            if !self.wants(leaf) || !(self.is_recorded || leaf.is_owned(context, spec).await?) {
                continue;
            }
            if let Some(bundle) = bundle(context, leaf).await? {
                self.note(leaf, &bundle);
            }
        }
        Ok(())
    }

    /// The certificate, or why it was not found.
    ///
    /// # Errors
    /// A sentence where it was not found.
    pub fn result(self) -> Result<TrustBundle, String> {
        let why = self.why_not_found();
        self.found.ok_or(why)
    }

    fn note(&mut self, leaf: &LeafSecret, bundle: &TrustBundle) {
        if !bundle.contains(&self.lost) {
            // Others that claim the same bundle need no read, if the claim of this one is true.
            let hash = digest(&bundle.hash());
            self.without.extend(leaf.trust.filter(|trust| *trust == hash));
            return;
        }
        self.holders.insert(leaf.namespace().to_owned());
        if self.is_recorded || self.holders.len() >= MIN_NAMESPACES {
            self.found = bundle.only(&self.wanted);
        }
    }

    /// Whether a Secret can show something new, and not enough of its namespace have been read.
    fn wants(&mut self, leaf: &LeafSecret) -> bool {
        let namespace = leaf.namespace();
        let is_known = leaf.trust.is_some_and(|trust| self.without.contains(&trust));
        if is_known || self.holders.contains(namespace) {
            return false;
        }
        let chosen = self.chosen.entry(namespace.to_owned()).or_default();
        if *chosen >= MAX_READ {
            self.cut.insert(namespace.to_owned());
            return false;
        }
        *chosen += 1;
        true
    }

    fn why_not_found(&self) -> String {
        let lost = &self.lost;
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

async fn bundle(context: &Context, leaf: &LeafSecret) -> Result<Option<TrustBundle>, Error> {
    let found = context.client.secret(leaf.namespace(), &leaf.name).await?;
    Ok(found.and_then(|secret| TrustBundle::from_pem(content(&secret, key::TRUST_BUNDLE)).ok()))
}
