//! What probes show of themselves: certificates of the roots in force that live for five minutes at most, without any
//! DNS name, and one of a root that nobody knows. They and their keys are in memory only, and are made anew.

use std::collections::HashMap;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;

use crate::operator::context::Context;
use crate::operator::error::Error;
use crate::operator::freshness::ensure_fresh;
use crate::operator::issuers::{Issuer, SigningCa};
use crate::pki::{
    Authority, CommonName, IssuedLeaf, KeyAlgorithm, LeafProfile, PrivateKey, RootAlgorithm, Serial,
    SpiffeId, Validity,
};

/// Issuer account of the probes' SPIFFE ID, in the operator's namespace.
pub const PROBE: &str = "mtls-operator-probe";
/// How long a certificate of a probe lives.
const LIFE: SignedDuration = SignedDuration::from_mins(5);
/// How long it is shown.
const SHOWN_FOR: SignedDuration = SignedDuration::from_mins(3);

/// What the probes of one authority show. Has no `Debug`: it holds keys.
#[derive(Clone)]
pub struct ProbeCredentials {
    /// Of the root that signs.
    pub mesh: Arc<CertifiedKey>,
    /// Of the announced root, with its fingerprint.
    pub next: Option<(String, Arc<CertifiedKey>)>,
    /// Of a root that nobody knows.
    pub stranger: Option<Arc<CertifiedKey>>,
}

/// A certificate with its key.
struct CachedCredential {
    key: Arc<CertifiedKey>,
    /// State of the roots that it was made under.
    made_under: String,
    made_at: Timestamp,
}

impl CachedCredential {
    fn is_good(&self, under: &str, now: Timestamp) -> bool {
        let age = now.duration_since(self.made_at);
        self.made_under == under && age >= SignedDuration::ZERO && age < SHOWN_FOR
    }
}

/// All of them, by what they are for.
pub struct CredentialCache {
    context: Context,
    cards: HashMap<String, CachedCredential>,
}

impl CredentialCache {
    /// An empty one.
    #[must_use]
    pub fn new(context: Context) -> Self {
        Self { context, cards: HashMap::new() }
    }

    /// What to show to servers of an authority.
    ///
    /// # Errors
    /// [`Error`]: the root Secret has changed, or nothing could be signed.
    pub async fn cards(&mut self, service: &Issuer, root: &SigningCa) -> Result<ProbeCredentials, Error> {
        let now = self.context.clock.now();
        let name = &service.terms.name;
        self.cards.retain(|_, card| card.is_good(&card.made_under, now));
        let probe = SpiffeId::new(&service.terms.trust_domain, &self.context.namespace, PROBE);
        if self.held(&format!("mesh/{name}"), &root.version, now).is_none() {
            // The same rule as for every leaf: no signature by a root that is not known to be in force.
            ensure_fresh(&self.context, root, &service.terms).await?;
        }
        let mesh = self.card(&format!("mesh/{name}"), &root.version, &root.authority, &probe)?;
        let next = match &service.next {
            Some(next) => {
                let root = next.fingerprint().to_string();
                Some((root.clone(), self.card(&format!("next/{name}"), &root, next, &probe)?))
            }
            None => None,
        };
        let stranger = Some(self.stranger(name, &probe)?);
        Ok(ProbeCredentials { mesh, next, stranger })
    }

    fn held(&self, what: &str, under: &str, now: Timestamp) -> Option<Arc<CertifiedKey>> {
        self.cards.get(what).filter(|card| card.is_good(under, now)).map(|card| card.key.clone())
    }

    fn card(
        &mut self,
        what: &str,
        under: &str,
        authority: &Authority,
        probe: &SpiffeId,
    ) -> Result<Arc<CertifiedKey>, Error> {
        if let Some(key) = self.held(what, under, self.context.clock.now()) {
            return Ok(key);
        }
        let now = self.context.signing_time()?;
        let key = Arc::new(card(authority, probe, now)?);
        let made = CachedCredential { key: key.clone(), made_under: under.to_owned(), made_at: now };
        self.cards.insert(what.to_owned(), made);
        Ok(key)
    }

    /// Of the same name as the probe of the mesh, so that nothing but its root can be what it is refused for.
    fn stranger(&mut self, name: &str, probe: &SpiffeId) -> Result<Arc<CertifiedKey>, Error> {
        let what = format!("stranger/{name}");
        if let Some(key) = self.held(&what, "", self.context.clock.now()) {
            return Ok(key);
        }
        let now = self.context.signing_time()?;
        let root = Authority::generate("unknown", RootAlgorithm::default(), LIFE, now)?;
        self.card(&what, "", &Authority::load(&root, now)?, probe)
    }
}

fn card(authority: &Authority, probe: &SpiffeId, now: Timestamp) -> Result<CertifiedKey, Error> {
    let algorithm = KeyAlgorithm::EcdsaP256;
    let profile = LeafProfile {
        spiffe_id: probe.clone(),
        dns_names: Vec::new(),
        ip_addresses: Vec::new(),
        key_algorithm: algorithm,
        common_name: CommonName::None,
    };
    let window = Validity::leaf(now, LIFE, authority.window());
    let issued = authority.issue(&profile, PrivateKey::generate(algorithm)?, window, Serial::random()?)?;
    certified(&issued).map_err(Error::Probe)
}

fn certified(issued: &IssuedLeaf) -> Result<CertifiedKey, rustls::Error> {
    let unreadable = |_| rustls::Error::General("PEM that was just written cannot be read".into());
    let chain = CertificateDer::pem_slice_iter(issued.chain_pem.as_bytes());
    let chain = chain.collect::<Result<Vec<_>, _>>().map_err(unreadable)?;
    let key = PrivateKeyDer::from_pem_slice(issued.key_pem.as_bytes()).map_err(unreadable)?;
    Ok(CertifiedKey::new(chain, aws_lc_rs::default_provider().key_provider.load_private_key(key)?))
}
