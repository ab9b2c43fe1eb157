//! What the Secrets of the fleet hold, by what they say of it themselves.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::core::v1::Secret;
use kube::api::Api;
use kube::core::PartialObjectMeta;
use mtls_operator::api::names::annotation;
use test_support::Failure;
use test_support::wait::for_any_object;

use crate::environment::{Environment, PATIENCE};

/// Namespace and authority of the fleet.
pub const FLEET: &str = "fleet";

/// The signer of the certificate, and the bundle, in a Secret.
type Holding = (String, String);

/// What all Secrets of the fleet hold.
#[derive(Default)]
struct SecretCounts {
    of: BTreeMap<String, Holding>,
    signers: Count,
    bundles: Count,
}

impl SecretCounts {
    fn saw(&mut self, secret: PartialObjectMeta<Secret>) {
        let notes = secret.metadata.annotations.unwrap_or_default();
        let note = |key: &str| notes.get(key).cloned().unwrap_or_default();
        let (signer, bundle) = (note(annotation::AUTHORITY_KEY_ID), note(annotation::TRUST));
        self.signers.add(&signer);
        self.bundles.add(&bundle);
        let name = secret.metadata.name.unwrap_or_default();
        if let Some((signer, bundle)) = self.of.insert(name, (signer, bundle)) {
            self.signers.remove(&signer);
            self.bundles.remove(&bundle);
        }
    }
}

/// How many hold each of something.
#[derive(Default)]
struct Count(BTreeMap<String, usize>);

impl Count {
    fn add(&mut self, what: &str) {
        *self.0.entry(what.to_owned()).or_default() += 1;
    }

    fn remove(&mut self, what: &str) {
        if let Some(count) = self.0.get_mut(what) {
            *count -= 1;
        }
        self.0.retain(|_, count| *count > 0);
    }

    fn names(&self) -> BTreeSet<String> {
        self.0.keys().cloned().collect()
    }
}

/// The signers of the certificates of so many identities.
pub async fn signers(environment: &Environment, identities: usize) -> Result<BTreeSet<String>, Failure> {
    let is_whole =
        |holdings: &SecretCounts| (holdings.of.len() == identities).then(|| holdings.signers.names());
    holdings(environment, is_whole).await
}

/// Waits until all hold one bundle, and no certificate of a former signer.
pub async fn until_rid_of(
    environment: &Environment,
    former: &BTreeSet<String>,
    identities: usize,
) -> Result<(), Failure> {
    let is_rid = |holdings: &SecretCounts| {
        let is_whole = holdings.of.len() == identities && holdings.bundles.0.len() == 1;
        (is_whole && holdings.signers.names().is_disjoint(former)).then_some(())
    };
    holdings(environment, is_rid).await
}

/// Watches the fleet until there is an answer.
async fn holdings<T>(
    environment: &Environment,
    answer: impl Fn(&SecretCounts) -> Option<T>,
) -> Result<T, Failure> {
    let secrets: Api<PartialObjectMeta<Secret>> = Api::namespaced(environment.client().await?, FLEET);
    let mut holdings = SecretCounts::default();
    for_any_object(PATIENCE, secrets, "the Secrets of the fleet", |secret| {
        holdings.saw(secret);
        answer(&holdings)
    })
    .await
}
