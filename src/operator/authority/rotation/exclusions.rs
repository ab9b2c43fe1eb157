//! What a rotation does not wait for, by the annotation `rotation-exclude`.
//!
//! An entry counts only for what it names exactly; one that names nothing that exists is reported.

use crate::api::authority::AuthorityRequests;
use crate::api::namespaced_name::NamespacedName;
use crate::operator::index::digest::digest;
use crate::operator::trust_bundle::shared::TrustBundles;
use crate::operator::trust_bundle::targets::sites;
use crate::plan::authority::spec::AuthoritySpec;
use crate::plan::trust_bundle::decide::Target;

/// Identities and trust bundles that a rotation does not wait for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Exclusions(Vec<Exclusion>);

/// One entry of the annotation, and what it can name: `clustertrustbundle/x` is also how an identity of that namespace is named.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Exclusion {
    text: String,
    identity: Option<NamespacedName>,
    target: Option<Target>,
}

impl Exclusions {
    /// Those of an authority. The value that an earlier rotation has used, `served`, counts no more.
    #[must_use]
    pub fn new(requests: AuthorityRequests<'_>, served: Option<&str>) -> Self {
        requests.exclusions(served).collect()
    }

    /// Whether a rotation does not wait for this identity.
    #[must_use]
    pub fn has_identity(&self, namespace: &str, name: &str) -> bool {
        self.identities().any(|identity| identity.is(namespace, name))
    }

    /// Whether a rotation does not wait for this trust bundle.
    #[must_use]
    pub fn has_target(&self, target: &Target) -> bool {
        self.0.iter().any(|entry| entry.target.as_ref() == Some(target))
    }

    /// The identities among them.
    pub fn identities(&self) -> impl Iterator<Item = &NamespacedName> {
        self.0.iter().filter_map(|entry| entry.identity.as_ref())
    }

    /// The entries that name nothing that this authority has: a typing error must not exclude nothing without a word.
    #[must_use]
    pub fn unknown(&self, bundles: &TrustBundles, spec: &AuthoritySpec) -> Vec<String> {
        if self.0.is_empty() {
            return Vec::new();
        }
        let sites = sites(bundles, spec);
        let scheduler = bundles.context.scheduler.lock();
        let authority = digest(&spec.name);
        let is_its_identity = |identity: &NamespacedName| {
            let index = scheduler.index();
            let found = index.find(&identity.namespace, &identity.name).and_then(|id| index.entry(id));
            found.is_some_and(|entry| entry.authority == authority)
        };
        let is_known = |entry: &&Exclusion| {
            sites.iter().any(|site| entry.target.as_ref() == Some(&site.target))
                || entry.identity.as_ref().is_some_and(is_its_identity)
        };
        let unknown = self.0.iter().filter(|entry| !is_known(entry));
        unknown.map(|entry| entry.text.clone()).collect()
    }
}

impl<'a> FromIterator<&'a str> for Exclusions {
    fn from_iter<I: IntoIterator<Item = &'a str>>(entries: I) -> Self {
        let entries = entries.into_iter().map(|text| Exclusion {
            text: text.to_owned(),
            identity: NamespacedName::parse(text),
            target: target(text),
        });
        Self(entries.collect())
    }
}

/// A trust bundle by the name that `Target` displays.
fn target(text: &str) -> Option<Target> {
    let (kind, name) = text.split_once('/')?;
    let target = match (kind, name.split_once('/')) {
        ("configmap", Some((namespace, name))) => {
            Target::ConfigMap { namespace: namespace.into(), name: name.into() }
        }
        ("clustertrustbundle", None) => Target::Cluster { name: name.into() },
        _ => return None,
    };
    Some(target)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_names_what_status_names_so_and_nothing_else() {
        let bundles = [
            Target::ConfigMap { namespace: "orders".into(), name: "trust".into() },
            Target::Cluster { name: "mtls-operator.dev:mesh:trust".into() },
        ];
        for bundle in &bundles {
            let exclusions: Exclusions = [&*bundle.to_string()].into_iter().collect();
            assert!(
                bundles.iter().all(|other| exclusions.has_target(other) == (other == bundle)),
                "{bundle}"
            );
        }
        let exclusions: Exclusions =
            ["orders/web", "orders", "configmap/orders/trust/x"].into_iter().collect();
        assert!(exclusions.has_identity("orders", "web") && !exclusions.has_identity("orders", "web2"));
        assert!(!exclusions.has_identity("configmap", "orders/trust/x"));
        assert!(!bundles.iter().any(|bundle| exclusions.has_target(bundle)));
    }
}
