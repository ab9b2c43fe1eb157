//! Certificates of all components and users of a cluster, which only this cluster accepts.

use std::net::IpAddr;
use std::path::Path;

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, PKCS_ECDSA_P256_SHA256, SanType, date_time_ymd,
};

use crate::Error;
use crate::file::write;
use crate::node::network::{NODE, NODE_ADDRESS};

/// The first address of the service range: where Pods reach the API server.
const SERVICE_ADDRESS: &str = "10.96.0.1";
/// The names and addresses of the API server.
const API_SERVER_NAMES: [&str; 8] = [
    "127.0.0.1",
    SERVICE_ADDRESS,
    NODE_ADDRESS,
    "localhost",
    "kubernetes",
    "kubernetes.default",
    "kubernetes.default.svc",
    "kubernetes.default.svc.cluster.local",
];

/// Writes CA, server, client and `ServiceAccount` keys into `folder`; returns the CA certificate.
pub(crate) fn write_all(folder: &Path) -> Result<String, Error> {
    let key = key("CA")?;
    let params = authority_params();
    let certificate = params.self_signed(&key).map_err(invalid("CA"))?;
    write(&folder.join("ca.crt"), &certificate.pem())?;
    write(&folder.join("ca.key"), &key.serialize_pem())?;
    let ca = Issuer::new(params, key);

    issue(folder, "apiserver", &ca, &server_params("kube-apiserver", &API_SERVER_NAMES)?)?;
    issue(folder, "admin", &ca, &client_params("devcluster-admin", Some("system:masters")))?;
    issue(folder, "controller-manager", &ca, &client_params("system:kube-controller-manager", None))?;
    issue_to_node(folder, &ca)?;
    let tokens = self::key("ServiceAccount")?;
    write(&folder.join("sa.key"), &tokens.serialize_pem())?;
    // The API server does not take the public half of a PKCS#8 key by itself.
    write(&folder.join("sa.pub"), &tokens.public_key_pem())?;
    Ok(certificate.pem())
}

/// The certificates of a node. A cluster without one has them too: it costs a millisecond.
fn issue_to_node(folder: &Path, ca: &Issuer<'_, KeyPair>) -> Result<(), Error> {
    let kubelet = client_params(&format!("system:node:{NODE}"), Some("system:nodes"));
    issue(folder, "kubelet", ca, &kubelet)?;
    issue(folder, "kubelet-server", ca, &server_params(NODE, &[NODE, NODE_ADDRESS, "127.0.0.1"])?)?;
    issue(folder, "apiserver-kubelet", ca, &client_params("kube-apiserver", Some("system:masters")))?;
    issue(folder, "scheduler", ca, &client_params("system:kube-scheduler", None))?;
    issue(folder, "proxy", ca, &client_params("system:kube-proxy", None))?;
    issue(folder, "coredns", ca, &client_params("coredns", Some("system:masters")))
}

fn issue(
    folder: &Path,
    name: &'static str,
    ca: &Issuer<'_, KeyPair>,
    params: &CertificateParams,
) -> Result<(), Error> {
    let key = key(name)?;
    let certificate = params.signed_by(&key, ca).map_err(invalid(name))?;
    write(&folder.join(format!("{name}.crt")), &certificate.pem())?;
    write(&folder.join(format!("{name}.key")), &key.serialize_pem())
}

fn key(what: &'static str) -> Result<KeyPair, Error> {
    KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).map_err(invalid(what))
}

fn authority_params() -> CertificateParams {
    let mut params = named("devcluster-ca", None);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
}

fn server_params(server: &str, names: &[&str]) -> Result<CertificateParams, Error> {
    let mut params = named(server, None);
    for name in names {
        params.subject_alt_names.push(match name.parse::<IpAddr>() {
            Ok(address) => SanType::IpAddress(address),
            Err(_) => SanType::DnsName((*name).try_into().map_err(invalid("server"))?),
        });
    }
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.use_authority_key_identifier_extension = true;
    Ok(params)
}

fn client_params(user: &str, group: Option<&str>) -> CertificateParams {
    let mut params = named(user, group);
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    params.use_authority_key_identifier_extension = true;
    params
}

/// What all certificates have in common. The validity is fixed: a CA for one cluster needs no clock, and tests may set theirs.
fn named(name: &str, organization: Option<&str>) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    if let Some(organization) = organization {
        params.distinguished_name.push(DnType::OrganizationName, organization);
    }
    params.not_before = date_time_ymd(2020, 1, 1);
    params.not_after = date_time_ymd(2049, 1, 1);
    params
}

fn invalid(what: &'static str) -> impl Fn(rcgen::Error) -> Error {
    move |source| Error::Certificate { what, source }
}
