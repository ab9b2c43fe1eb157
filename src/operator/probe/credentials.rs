//! The certificates that probes present: of the roots in force, and of a root that no server trusts.
//!
//! They are valid for five minutes at most, carry no DNS name, and are in memory only with their keys; new ones are issued
//! before they expire.

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

/// Service account in the probes' SPIFFE ID, in the operator's namespace.
pub const PROBE: &str = "mtls-operator-probe";
/// How long a certificate of a probe is valid.
const TTL: SignedDuration = SignedDuration::from_mins(5);
/// How long it is presented: less, so that it does not expire during a probe.
const REUSED_FOR: SignedDuration = SignedDuration::from_mins(3);

/// What the probes of one authority present. Has no `Debug`: it holds keys.
#[derive(Clone)]
pub struct ProbeCredentials {
    /// Of the root that signs.
    pub mesh: Arc<CertifiedKey>,
    /// Of the announced root, with its fingerprint.
    pub next: Option<(String, Arc<CertifiedKey>)>,
    /// Of a root that no server trusts.
    pub untrusted: Option<Arc<CertifiedKey>>,
}

/// A certificate with its key.
struct CachedCredential {
    key: Arc<CertifiedKey>,
    /// State of the roots when it was issued.
    roots: String,
    issued_at: Timestamp,
}

impl CachedCredential {
    fn is_usable(&self, roots: &str, now: Timestamp) -> bool {
        let age = now.duration_since(self.issued_at);
        self.roots == roots && age >= SignedDuration::ZERO && age < REUSED_FOR
    }
}

/// The certificates of all authorities, by what they are for.
pub struct CredentialCache {
    context: Context,
    credentials: HashMap<String, CachedCredential>,
}

impl CredentialCache {
    /// An empty cache.
    #[must_use]
    pub fn new(context: Context) -> Self {
        Self { context, credentials: HashMap::new() }
    }

    /// What to present to servers of an authority.
    ///
    /// # Errors
    /// [`Error`]: the root Secret has changed, or nothing could be signed.
    pub async fn credentials(
        &mut self,
        issuer: &Issuer,
        root: &SigningCa,
    ) -> Result<ProbeCredentials, Error> {
        let now = self.context.clock.now();
        let name = &issuer.spec.name;
        self.credentials.retain(|_, credential| credential.is_usable(&credential.roots, now));
        let id = SpiffeId::new(&issuer.spec.trust_domain, &self.context.namespace, PROBE);
        if self.cached(&format!("mesh/{name}"), &root.version, now).is_none() {
            // The same rule as for every leaf: no signature by a root that is not known to be in force.
            ensure_fresh(&self.context, root, &issuer.spec).await?;
        }
        let mesh = self.credential(&format!("mesh/{name}"), &root.version, &root.authority, &id)?;
        let next = match &issuer.next {
            Some(next) => {
                let root = next.fingerprint().to_string();
                Some((root.clone(), self.credential(&format!("next/{name}"), &root, next, &id)?))
            }
            None => None,
        };
        let untrusted = Some(self.untrusted(name, &id)?);
        Ok(ProbeCredentials { mesh, next, untrusted })
    }

    fn cached(&self, purpose: &str, roots: &str, now: Timestamp) -> Option<Arc<CertifiedKey>> {
        let credential = self.credentials.get(purpose)?;
        credential.is_usable(roots, now).then(|| credential.key.clone())
    }

    fn credential(
        &mut self,
        purpose: &str,
        roots: &str,
        authority: &Authority,
        id: &SpiffeId,
    ) -> Result<Arc<CertifiedKey>, Error> {
        if let Some(key) = self.cached(purpose, roots, self.context.clock.now()) {
            return Ok(key);
        }
        let now = self.context.signing_time()?;
        let key = Arc::new(issue(authority, id, now)?);
        let credential = CachedCredential { key: key.clone(), roots: roots.to_owned(), issued_at: now };
        self.credentials.insert(purpose.to_owned(), credential);
        Ok(key)
    }

    /// With the same name as the probe of the mesh, so that only its root can be the cause of a refusal.
    fn untrusted(&mut self, name: &str, id: &SpiffeId) -> Result<Arc<CertifiedKey>, Error> {
        let purpose = format!("untrusted/{name}");
        if let Some(key) = self.cached(&purpose, "", self.context.clock.now()) {
            return Ok(key);
        }
        let now = self.context.signing_time()?;
        let root = Authority::generate("unknown", RootAlgorithm::default(), TTL, now)?;
        self.credential(&purpose, "", &Authority::load(&root, now)?, id)
    }
}

fn issue(authority: &Authority, id: &SpiffeId, now: Timestamp) -> Result<CertifiedKey, Error> {
    let algorithm = KeyAlgorithm::EcdsaP256;
    let profile = LeafProfile {
        spiffe_id: id.clone(),
        dns_names: Vec::new(),
        ip_addresses: Vec::new(),
        key_algorithm: algorithm,
        common_name: CommonName::None,
    };
    let validity = Validity::leaf(now, TTL, authority.window());
    let issued = authority.issue(&profile, PrivateKey::generate(algorithm)?, validity, Serial::random()?)?;
    certified_key(&issued).map_err(Error::Probe)
}

fn certified_key(issued: &IssuedLeaf) -> Result<CertifiedKey, rustls::Error> {
    let unreadable = |_| rustls::Error::General("PEM that was just written cannot be read".into());
    let chain = CertificateDer::pem_slice_iter(issued.chain_pem.as_bytes());
    let chain = chain.collect::<Result<Vec<_>, _>>().map_err(unreadable)?;
    let key = PrivateKeyDer::from_pem_slice(issued.key_pem.as_bytes()).map_err(unreadable)?;
    Ok(CertifiedKey::new(chain, aws_lc_rs::default_provider().key_provider.load_private_key(key)?))
}
