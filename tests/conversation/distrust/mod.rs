//! Distrusted roots: what is replaced with them, and which roots bundles hold afterwards.

mod generated;
mod provided;
mod restored;

use test_support::in_memory::harness::AUTHORITIES;
use test_support::in_memory::rotation_run::RotationRun;

/// SHA-256 of the certificate in this key of the root Secret, as OpenSSL prints it.
pub fn fingerprint(mesh: &RotationRun, key: &str) -> String {
    use base64::Engine as _;
    use rustls::pki_types::pem::PemObject as _;
    let root = mesh.harness.server.get("secrets", "mtls-system", "mtls-authority-mesh").unwrap();
    let text = base64::engine::general_purpose::STANDARD.decode(root["data"][key].as_str().unwrap()).unwrap();
    let der = rustls::pki_types::CertificateDer::from_pem_slice(&text).unwrap();
    let hash = mtls_operator::pki::sha256(&der);
    hash.iter().map(|octet| format!("{octet:02X}")).collect::<Vec<_>>().join(":")
}

pub fn hex(fingerprint: &str) -> String {
    fingerprint.replace(':', "").to_lowercase()
}

/// How many roots the Secret of an identity trusts, and whether its leaf is signed by the root that signs now.
pub fn trust(mesh: &RotationRun, name: &str) -> (usize, bool) {
    let service = mesh.harness.context.issuers.get("mesh").unwrap();
    let root = service.signer.as_ref().ok().unwrap();
    let is_in_force = mesh.note(name, "trust") == root.facts.trust;
    assert!(is_in_force, "{name} holds another bundle than the one in force");
    let count = root.authority.bundle().fingerprints().count();
    (count, mesh.note(name, "authority-key-id") == root.facts.key_id)
}

/// Whether the Secret of an identity trusts this root.
pub fn trusts(mesh: &RotationRun, name: &str, root: &str) -> bool {
    let bundle = mtls_operator::pki::TrustBundle::from_pem(mesh.text(name, "ca.crt").as_bytes()).unwrap();
    bundle.contains(&root.parse().unwrap())
}

/// What status says was distrusted with the root that people named.
pub fn taken(mesh: &RotationRun) -> Vec<String> {
    let authority = mesh.harness.server.get(AUTHORITIES, "", "mesh").unwrap();
    let taken = authority["status"]["distrusted"].as_array().cloned().unwrap_or_default();
    taken.iter().map(|root| root["fingerprint"].as_str().unwrap().to_owned()).collect()
}
