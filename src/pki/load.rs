//! Loads a CA. It is used only after everything that rcgen does not check has been checked, and a trial leaf verified.

use jiff::Timestamp;
use rustls_pki_types::CertificateDer;
use webpki::EndEntityCert;

use super::authority::Signer;
use super::certificate::{CaCertificate, SigningRight};
use super::issuer::Issuer;
use super::leaf_params::bare_params;
use super::pem::{self, PemError};
use super::trust::{TrustBundle, TrustError};
use super::{
    Authority, AuthorityPem, KeyAlgorithm, KeyError, KeyId, LeafError, PrivateKey, Serial, Validity,
    Weakness, verify,
};

/// Why a CA cannot sign. `number` counts the certificates of `tls.crt` from 1.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LoadError {
    /// `tls.crt` is not a PEM text with certificates.
    #[error("the chain (tls.crt) {0}")]
    Chain(PemError),
    /// `tls.key` cannot be used.
    #[error("in tls.key, {0}")]
    Key(#[from] KeyError),
    /// `ca.crt` cannot be used.
    #[error(transparent)]
    Anchors(#[from] TrustError),
    /// A certificate of the chain is damaged.
    #[error("certificate {number} of the chain (tls.crt) is damaged")]
    Damaged {
        /// Which one.
        number: usize,
    },
    /// A certificate of the chain does not belong to a CA.
    #[error("certificate {number} of the chain (tls.crt) is not a CA certificate (basic constraints CA)")]
    NotCa {
        /// Which one.
        number: usize,
    },
    /// A certificate of the chain may not sign certificates.
    #[error("certificate {number} of the chain (tls.crt) may not sign certificates (key usage keyCertSign)")]
    MayNotSign {
        /// Which one.
        number: usize,
    },
    /// The chain is not in order, or something foreign is in it.
    #[error(
        "certificate {number} of the chain (tls.crt) did not issue the one before it; order the chain from the signing certificate upwards, and leave out what does not belong to it"
    )]
    OutOfOrder {
        /// Which one.
        number: usize,
    },
    /// The key belongs to another certificate.
    #[error("the private key (tls.key) does not belong to the first certificate of the chain (tls.crt)")]
    KeyMismatch,
    /// A certificate of the chain that peers refuse.
    #[error("certificate {number} of the chain (tls.crt), {subject:?}, {weakness}")]
    Weak {
        /// Which one.
        number: usize,
        /// Its name.
        subject: String,
        /// What is wrong with it.
        weakness: Weakness,
    },
    /// No subject key identifier.
    #[error("the signing certificate has no subject key identifier; issue it again with that extension")]
    NoKeyId,
    /// The subject is empty: leaves could not name their issuer (RFC 5280 §4.1.2.4).
    #[error("the signing certificate's subject is empty; issue it with a name")]
    Subject,
    /// The signing certificate is a root, but `ca.crt` holds another one.
    #[error("the signing certificate is a root and is not in the trust bundle (ca.crt); put it there")]
    NotAnchored,
    /// Not valid yet.
    #[error("the signing certificate, or one above it, is not valid before {not_before}")]
    NotYetValid {
        /// When it will be.
        not_before: Timestamp,
    },
    /// Expired.
    #[error("the signing certificate, or one above it, has expired: it was valid until {not_after}")]
    Expired {
        /// When it was last valid.
        not_after: Timestamp,
    },
    /// Peers would refuse its leaves.
    #[error(
        "peers would refuse what it signs: {0}; check that the chain (tls.crt) leads to a root of the trust bundle (ca.crt), path lengths, key usages and signature algorithms"
    )]
    Refused(LeafError),
    /// The cryptographic library does not sign with it.
    #[error("the cryptographic library does not sign with this key and certificate")]
    CannotSign,
}

impl Authority {
    /// Reads and checks a CA: nothing is signed with one that does not pass.
    ///
    /// # Errors
    /// The first reason why it cannot sign.
    pub fn load(pem: &AuthorityPem, now: Timestamp) -> Result<Self, LoadError> {
        let chain = read_chain(&pem.chain)?;
        check_strength(&chain)?;
        let key = PrivateKey::from_pem(&pem.key)?;
        let bundle = TrustBundle::from_pem(&pem.anchors)?;
        let signer = chain.first().ok_or(LoadError::Chain(PemError::NotPem))?;
        let key_id = check_signer(signer, &key)?;
        check_place(signer, &bundle)?;
        check_window(signer.window, now)?;
        let issuer = Issuer::new(&signer.subject, &key_id, key);
        let served: Vec<_> =
            chain.iter().filter(|ca| !ca.is_self_issued()).map(|ca| ca.der.clone()).collect();
        let window = trial(&issuer, &chain, &served, &bundle, now)?;
        let signer = Signer { fingerprint: signer.fingerprint, key_id, window };
        Ok(Self { issuer, signer, chain, served, cross: None, anchors: bundle.clone(), bundle })
    }
}

/// Every certificate is a CA's, and each is issued by the next. Repetitions mean nothing: tools append a root that is there
/// already.
fn read_chain(text: &[u8]) -> Result<Vec<CaCertificate>, LoadError> {
    let mut chain: Vec<CaCertificate> = Vec::new();
    for (number, der) in (1..).zip(&pem::certificates(text, pem::STORED).map_err(LoadError::Chain)?) {
        let ca = CaCertificate::parse(der).ok_or(LoadError::Damaged { number })?;
        if chain.iter().any(|below| below.fingerprint == ca.fingerprint) {
            continue;
        }
        check_link(chain.last(), &ca, number)?;
        chain.push(ca);
    }
    Ok(chain)
}

fn check_link(below: Option<&CaCertificate>, ca: &CaCertificate, number: usize) -> Result<(), LoadError> {
    let is_connected = below.is_none_or(|below| below.issuer == ca.subject && !below.is_self_issued());
    match ca.right {
        // The root of the chain is there to be read, and neither signs nor is served.
        _ if below.is_some() && is_connected && ca.is_root() => Ok(()),
        SigningRight::NotCa | SigningRight::Version1 => Err(LoadError::NotCa { number }),
        SigningRight::NoCertificates => Err(LoadError::MayNotSign { number }),
        SigningRight::Full if is_connected => Ok(()),
        SigningRight::Full => Err(LoadError::OutOfOrder { number }),
    }
}

/// Before the key is read: the cryptographic library refuses a short one without saying why, and names a curve that was
/// spelled out.
fn check_strength(chain: &[CaCertificate]) -> Result<(), LoadError> {
    let mut numbered = (1..).zip(chain);
    let weak = numbered.find_map(|(number, ca)| ca.weakness.map(|weakness| (number, ca, weakness)));
    weak.map_or(Ok(()), |(number, ca, weakness)| {
        Err(LoadError::Weak { number, subject: ca.shown_subject(), weakness })
    })
}

fn check_signer(signer: &CaCertificate, key: &PrivateKey) -> Result<KeyId, LoadError> {
    if signer.public_key_der != key.public_key_der() {
        return Err(LoadError::KeyMismatch);
    }
    if !signer.is_named {
        return Err(LoadError::Subject);
    }
    signer.key_id.clone().ok_or(LoadError::NoKeyId)
}

/// A root that signs must be the very certificate that peers trust, not only have its name and key.
fn check_place(signer: &CaCertificate, bundle: &TrustBundle) -> Result<(), LoadError> {
    let anchored = !signer.is_self_issued() || bundle.contains(&signer.fingerprint);
    if anchored { Ok(()) } else { Err(LoadError::NotAnchored) }
}

fn check_window(window: Validity, now: Timestamp) -> Result<(), LoadError> {
    if window.is_expired_at(now) {
        return Err(LoadError::Expired { not_after: window.not_after });
    }
    if window.is_not_yet_valid_at(now) {
        return Err(LoadError::NotYetValid { not_before: window.not_before });
    }
    Ok(())
}

/// Signs a throw-away leaf and verifies it: shows that signatures, path lengths and usages hold up to a root. Gives the
/// window in which that is so.
fn trial(
    issuer: &Issuer,
    chain: &[CaCertificate],
    served: &[CertificateDer<'static>],
    bundle: &TrustBundle,
    now: Timestamp,
) -> Result<Validity, LoadError> {
    let signer = chain.first().ok_or(LoadError::Chain(PemError::NotPem))?;
    let leaf = trial_leaf(issuer, signer)?;
    let end_entity = EndEntityCert::try_from(&leaf).map_err(|_| LoadError::CannotSign)?;
    let path = verify::build_path(&end_entity, served, bundle, now);
    let path = path.map_err(|error| refusal(error, chain, bundle, now))?;
    Ok(verify::narrow(signer.window, &path, bundle, now))
}

fn trial_leaf(issuer: &Issuer, signer: &CaCertificate) -> Result<CertificateDer<'static>, LoadError> {
    let key = PrivateKey::generate(KeyAlgorithm::EcdsaP256)?;
    let serial = Serial::random().map_err(|_| LoadError::CannotSign)?;
    issuer.sign(&bare_params(signer.window, serial), None, &key).ok_or(LoadError::CannotSign)
}

/// People act differently on dates than on anything else that peers refuse, so these say which date.
fn refusal(error: LeafError, chain: &[CaCertificate], bundle: &TrustBundle, now: Timestamp) -> LoadError {
    let top = chain.last().map(|ca| ca.issuer.as_slice()).unwrap_or_default();
    let windows = chain.iter().chain(bundle.named(top)).map(|ca| ca.window);
    match error {
        LeafError::Expired | LeafError::NotYetValid => {
            let mut dates = windows;
            dates.find_map(|window| check_window(window, now).err()).unwrap_or(LoadError::Refused(error))
        }
        other => LoadError::Refused(other),
    }
}
