//! A leaf passes only if every peer would accept it: what webpki checks, and what other verifiers check besides.

use jiff::Timestamp;
use rustls_pki_types::{CertificateDer, DnsName, ServerName, UnixTime};
use webpki::{
    EndEntityCert, ExtendedKeyUsageValidator, KeyPurposeIdIter, KeyUsage, RequiredEkuNotFoundContext,
    VerifiedPath,
};

use super::Leaf;
use super::LeafError;
use super::PrivateKey;
use super::TrustBundle;
use super::Validity;
use super::certificate;
use super::certificate::CaCertificate;
use super::pem;
use super::profile_check;

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
    let chain = pem::certificates(chain_pem, pem::STORED)?;
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
    profile_check::check(&x509, &leaf)?;
    if leaf.public_key_der != key.public_key_der() {
        return Err(LeafError::KeyMismatch);
    }
    let end_entity = EndEntityCert::try_from(first).map_err(|_| LeafError::Untrusted)?;
    let path = build_path(&end_entity, rest, bundle, now)?;
    check_issuer(&leaf, &path, bundle)?;
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
    let algorithms = webpki::ALL_VERIFICATION_ALGS;
    let time = unix_time(now).ok_or(LeafError::NotYetValid)?;
    let path = end_entity
        .verify_for_usage(algorithms, bundle.webpki(), intermediates, time, BothRoles, None, None)
        .map_err(|error| path_error(&error))?;
    check_anchor(&path, bundle, now)?;
    Ok(path)
}

fn unix_time(now: Timestamp) -> Option<UnixTime> {
    let seconds = u64::try_from(now.as_second()).ok()?;
    Some(UnixTime::since_unix_epoch(std::time::Duration::from_secs(seconds)))
}

const fn path_error(error: &webpki::Error) -> LeafError {
    match error {
        webpki::Error::CertExpired { .. } => LeafError::Expired,
        webpki::Error::CertNotValidYet { .. } => LeafError::NotYetValid,
        webpki::Error::NameConstraintViolation => LeafError::NameExcluded,
        _ => LeafError::Untrusted,
    }
}

/// webpki takes an anchor as a name and a key; other verifiers also heed its dates, path length and purposes.
fn check_anchor(path: &VerifiedPath<'_>, bundle: &TrustBundle, now: Timestamp) -> Result<(), LeafError> {
    let below = path.intermediate_certificates().count();
    let mut roots = bundle.certificates(path.anchor());
    match roots.clone().find(|root| root.anchors(below, now)).or_else(|| roots.next()) {
        Some(root) if root.anchors(below, now) => Ok(()),
        Some(root) if root.window.is_expired_at(now) => Err(LeafError::Expired),
        Some(root) if root.window.is_not_yet_valid_at(now) => Err(LeafError::NotYetValid),
        _ => Err(LeafError::Untrusted),
    }
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

/// webpki compares neither key identifiers nor windows.
fn check_issuer(leaf: &Leaf, path: &VerifiedPath<'_>, bundle: &TrustBundle) -> Result<(), LeafError> {
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
    let accepts = |name: &ServerName<'_>| end_entity.verify_is_valid_for_subject_name(name).is_ok();
    let dns = leaf.dns_names.iter().all(|name| asked_for(name).is_some_and(|name| accepts(&name)));
    let ip = leaf.ip_addresses.iter().all(|ip| accepts(&ServerName::IpAddress((*ip).into())));
    if dns && ip { Ok(()) } else { Err(LeafError::BadProfile("a client cannot ask for one of its names")) }
}

/// What a client asks for; a wildcard through one of the names it covers, no longer than itself.
fn asked_for(dns: &str) -> Option<ServerName<'static>> {
    let name = dns.strip_prefix('*').map_or_else(|| dns.to_owned(), |parent| format!("a{parent}"));
    DnsName::try_from(name).ok().map(ServerName::DnsName)
}

/// The part of a window in which every certificate of the path is valid.
pub(super) fn narrow(
    window: Validity,
    path: &VerifiedPath<'_>,
    bundle: &TrustBundle,
    now: Timestamp,
) -> Validity {
    let below = path.intermediate_certificates().count();
    let signers = path.intermediate_certificates().filter_map(|found| CaCertificate::parse(&found.der()));
    let narrowed = signers.fold(window, |window, signer| window.within(signer.window));
    let roots = bundle.certificates(path.anchor()).filter(|root| root.anchors(below, now));
    roots.map(|root| narrowed.within(root.window)).max_by_key(|window| window.not_after).unwrap_or(narrowed)
}
