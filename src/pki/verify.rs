//! A leaf passes only if every peer would accept it: what webpki checks, and what other verifiers check besides.

use jiff::Timestamp;
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use webpki::{
    EndEntityCert, ExtendedKeyUsageValidator, KeyPurposeIdIter, KeyUsage, RequiredEkuNotFoundContext,
    VerifiedPath,
};

use super::certificate::CaCertificate;
use super::{Leaf, LeafError, PrivateKey, TrustBundle, Window, certificate, pem, shape};

/// Verifies a leaf as its peers will, in both roles, under each of its names, and that the key is its own.
///
/// # Errors
/// The first reason why some peer would refuse it.
pub fn verify_as_peer(
    chain_pem: &[u8],
    key_pem: &[u8],
    bundle: &TrustBundle,
    now: Timestamp,
) -> Result<Leaf, LeafError> {
    let chain = pem::certificates(chain_pem)?;
    let key = PrivateKey::from_pem(key_pem).map_err(|_| LeafError::KeyUnreadable)?;
    verify(&chain, &key, bundle, now)
}

/// The same for what is already read.
pub(super) fn verify(
    chain: &[CertificateDer<'_>],
    key: &PrivateKey,
    bundle: &TrustBundle,
    now: Timestamp,
) -> Result<Leaf, LeafError> {
    let (first, rest) = chain.split_first().ok_or(LeafError::NotPem)?;
    let x509 = certificate::parse(first).ok_or(LeafError::NotPem)?;
    let leaf = Leaf::read(&x509)?;
    shape::check(&x509, &leaf)?;
    if leaf.public_key_der != key.public_key_der() {
        return Err(LeafError::KeyMismatch);
    }
    let end_entity = EndEntityCert::try_from(first).map_err(|_| LeafError::Untrusted)?;
    let path = build_path(&end_entity, rest, bundle, now)?;
    check_signers(&leaf, &path, bundle, now)?;
    check_names(&leaf, &end_entity)?;
    Ok(leaf)
}

/// The path from a certificate to an anchor, valid at `now` for both roles.
pub(super) fn build_path<'a>(
    end_entity: &'a EndEntityCert<'a>,
    intermediates: &'a [CertificateDer<'a>],
    bundle: &'a TrustBundle,
    now: Timestamp,
) -> Result<VerifiedPath<'a>, LeafError> {
    let seconds = u64::try_from(now.as_second()).map_err(|_| LeafError::NotYetValid)?;
    let time = UnixTime::since_unix_epoch(std::time::Duration::from_secs(seconds));
    end_entity
        .verify_for_usage(
            webpki::ALL_VERIFICATION_ALGS,
            bundle.webpki(),
            intermediates,
            time,
            BothRoles,
            None,
            None,
        )
        .map_err(|error| match error {
            webpki::Error::CertExpired { .. } => LeafError::Expired,
            webpki::Error::CertNotValidYet { .. } => LeafError::NotYetValid,
            _ => LeafError::Untrusted,
        })
}

/// Server and client authentication in one walk: one path, and one signature check per certificate.
struct BothRoles;

impl ExtendedKeyUsageValidator for BothRoles {
    fn validate(&self, purposes: KeyPurposeIdIter<'_, '_>) -> Result<(), webpki::Error> {
        let found = purposes.map(|purpose| Ok(purpose?.to_decoded_oid())).collect::<Result<Vec<_>, _>>()?;
        let has = |wanted: &[usize]| found.iter().any(|purpose| purpose == wanted);
        // A certificate without the extension may be used for anything: `shape` refuses such a leaf.
        if found.is_empty() || has(KeyUsage::SERVER_AUTH_REPR) && has(KeyUsage::CLIENT_AUTH_REPR) {
            return Ok(());
        }
        let context = RequiredEkuNotFoundContext { required: KeyUsage::server_auth(), present: found };
        Err(webpki::Error::RequiredEkuNotFoundContext(context))
    }
}

/// webpki compares neither key identifiers nor windows, and takes anchors without dates.
fn check_signers(
    leaf: &Leaf,
    path: &VerifiedPath<'_>,
    bundle: &TrustBundle,
    now: Timestamp,
) -> Result<(), LeafError> {
    let alive = |anchor: &&CaCertificate| !anchor.window.is_expired_at(now);
    if !bundle.certificates(path.anchor()).any(|anchor| alive(&anchor)) {
        return Err(LeafError::Expired);
    }
    let issuer = path.intermediate_certificates().next();
    let fits = match issuer.and_then(|found| CaCertificate::parse(&found.der())) {
        Some(intermediate) => issued(&intermediate, leaf),
        None => bundle.certificates(path.anchor()).any(|anchor| issued(anchor, leaf)),
    };
    if fits {
        Ok(())
    } else {
        Err(LeafError::BadProfile("it names another signing key, or outlives its signer"))
    }
}

fn issued(signer: &CaCertificate, leaf: &Leaf) -> bool {
    signer.key_id.as_ref() == Some(&leaf.authority_key_id) && signer.window.contains(&leaf.window)
}

/// A name that no client can ask for is of no use, and a sign that something is wrong.
fn check_names(leaf: &Leaf, end_entity: &EndEntityCert<'_>) -> Result<(), LeafError> {
    let useless = LeafError::BadProfile("a client cannot ask for one of its names");
    let accepts = |name: &ServerName<'_>| end_entity.verify_is_valid_for_subject_name(name).is_ok();
    for dns in &leaf.dns_names {
        // A wildcard is asked for through one of the names it covers.
        let asked = dns.strip_prefix('*').map_or_else(|| dns.clone(), |parent| format!("any{parent}"));
        let name = ServerName::try_from(asked).map_err(|_| useless)?;
        if !accepts(&name) {
            return Err(useless);
        }
    }
    let addresses = leaf.ip_addresses.iter().map(|ip| ServerName::IpAddress((*ip).into()));
    if addresses.into_iter().all(|name| accepts(&name)) { Ok(()) } else { Err(useless) }
}

/// The part of a window in which every certificate of the path is valid.
pub(super) fn narrow(window: Window, path: &VerifiedPath<'_>, bundle: &TrustBundle) -> Window {
    let intermediates = path.intermediate_certificates();
    let found = intermediates.filter_map(|found| CaCertificate::parse(&found.der()));
    let narrowed = found.fold(window, |window, signer| window.within(signer.window));
    let anchors = bundle.certificates(path.anchor()).map(|anchor| narrowed.within(anchor.window));
    anchors.max_by_key(|window| window.not_after).unwrap_or(narrowed)
}
