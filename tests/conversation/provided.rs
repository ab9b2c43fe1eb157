//! Rotations to, from and between CAs that people provide: at every second any two consumers can shake hands, and one
//! that may certify nobody hands over by the observed distribution alone.

use jiff::SignedDuration;
use k8s_openapi::ByteString;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType, IsCa, KeyPair,
    KeyUsagePurpose,
};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use serde_json::{Value, json};

use super::mesh::Mesh;
use super::rotation::wedge;
use super::server::ApiServer;
use super::stage::{AUTHORITIES, NAMESPACE, NOW, SECRETS, issued};

const OWN: &str = "own-ca";
const YEAR: SignedDuration = SignedDuration::from_hours(8760);

/// A CA that people have made.
struct Ca(CertifiedIssuer<'static, KeyPair>);

impl Ca {
    fn root(name: &str) -> Self {
        Self::root_with(name, BasicConstraints::Unconstrained, YEAR)
    }

    /// A root that may certify so many CAs below it, and lives so long.
    fn root_with(name: &str, below: BasicConstraints, ttl: SignedDuration) -> Self {
        let params = params(name, below, ttl);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    fn intermediate(&self, name: &str) -> Self {
        let params = params(name, BasicConstraints::Unconstrained, YEAR);
        Self(CertifiedIssuer::signed_by(params, KeyPair::generate().unwrap(), &self.0).unwrap())
    }

    /// People put this CA, below that anchor, into the Secret that the authority names.
    fn provide(&self, anchor: &Self, server: &ApiServer) {
        let text = |text: String| ByteString(text.into_bytes());
        let data = json!({
            "tls.crt": text(self.0.pem()), "tls.key": text(self.0.key().serialize_pem()),
            "ca.crt": text(anchor.0.pem()),
        });
        let metadata = json!({ "namespace": "mtls-system", "name": OWN });
        server.put(SECRETS, &json!({ "metadata": metadata, "type": "kubernetes.io/tls", "data": data }));
    }
}

fn params(name: &str, below: BasicConstraints, ttl: SignedDuration) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(below);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.use_authority_key_identifier_extension = true;
    params.not_before = time::OffsetDateTime::from_unix_timestamp(NOW.as_second() - 300).unwrap();
    params.not_after = time::OffsetDateTime::from_unix_timestamp((NOW + ttl).as_second()).unwrap();
    params
}

/// The authority whose rotation takes a minute and a half, with the CA that people provide.
fn swift_and_provided() -> Value {
    let mut spec = Mesh::swift();
    spec["root"]["provided"] = json!({ "secretName": OWN });
    spec
}

/// A mesh that signs with this CA.
async fn mesh_of(ca: &Ca, anchor: &Ca) -> Mesh {
    let server = ApiServer::default();
    ca.provide(anchor, &server);
    Mesh::over(server, &["a", "b"], swift_and_provided()).await
}

/// What the root Secret says under this annotation.
fn root_note(mesh: &Mesh, key: &str) -> Value {
    let root = mesh.stage.server.get(SECRETS, "mtls-system", "mtls-authority-mesh").unwrap();
    root["metadata"]["annotations"][format!("mtls-operator.dev/{key}")].clone()
}

/// Whether anything leads from the signer to the root that is announced.
fn has_crosses(mesh: &Mesh) -> bool {
    let root = mesh.stage.server.get(SECRETS, "mtls-system", "mtls-authority-mesh").unwrap();
    root["data"].as_object().unwrap().contains_key("cross.crt")
}

/// Subject and issuer of each certificate that is served, by their common names.
fn served(mesh: &Mesh, name: &str) -> Vec<(String, String)> {
    let chain = mesh.text(name, "tls.crt");
    let common_name = |name: &x509_parser::x509::X509Name<'_>| {
        name.iter_common_name().next().map_or("", |found| found.as_str().unwrap()).to_owned()
    };
    let read = |der: CertificateDer<'_>| {
        let (_, certificate) = x509_parser::parse_x509_certificate(&der).unwrap();
        (common_name(certificate.subject()), common_name(certificate.issuer()))
    };
    CertificateDer::pem_slice_iter(chain.as_bytes()).map(|der| read(der.unwrap())).collect()
}

fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(subject, issuer)| ((*subject).to_owned(), (*issuer).to_owned())).collect()
}

/// A whole rotation, in which any two consumers can shake hands at every second.
async fn rotate(mesh: &mut Mesh) {
    let before = mesh.note("a", "authority-key-id");
    mesh.until("Announced", 30, 1).await;
    assert!(has_crosses(mesh), "the signer certifies the next root");
    mesh.until("Draining", 60, 1).await;
    assert_ne!(mesh.note("a", "authority-key-id"), before, "prompt: the next root signs at once");
    mesh.until("Stable", 180, 1).await;
    for name in ["a", "b"] {
        assert_eq!(mesh.stage.ready(name), issued());
    }
}

#[tokio::test(start_paused = true)]
async fn from_one_provided_ca_to_another_everybody_can_shake_hands_at_every_second() {
    let (one, two) = (Ca::root("one"), Ca::root("two"));
    let mut mesh = mesh_of(&one.intermediate("one-1"), &one).await;
    assert_eq!(served(&mesh, "a"), pairs(&[("", "one-1"), ("one-1", "one")]));
    two.intermediate("two-1").provide(&two, &mesh.stage.server);
    mesh.until("Announced", 30, 1).await;
    assert_eq!(root_note(&mesh, "next-origin"), "provided");
    mesh.until("Draining", 60, 1).await;
    let led = pairs(&[("", "two-1"), ("two-1", "two"), ("two", "one-1"), ("one-1", "one")]);
    assert_eq!(served(&mesh, "a"), led, "whoever trusts the former root alone is led to the leaf");
    mesh.until("Stable", 180, 1).await;
    assert_eq!(
        (root_note(&mesh, "origin"), root_note(&mesh, "next-origin")),
        (json!("provided"), Value::Null)
    );
    for name in ["a", "b"] {
        assert_eq!((mesh.stage.ready(name), served(&mesh, name)), (issued(), led.clone()));
    }
}

#[tokio::test(start_paused = true)]
async fn from_a_generated_root_to_a_provided_ca_and_back_everybody_can_shake_hands_at_every_second() {
    let mut mesh = Mesh::of(&["a", "b"], Mesh::swift()).await;
    let own = Ca::root("own");
    own.intermediate("own-1").provide(&own, &mesh.stage.server);
    for (provided, origin) in [(json!({ "secretName": OWN }), "provided"), (Value::Null, "generated")] {
        mesh.stage.server.edit(AUTHORITIES, "", "mesh", |authority| {
            authority["spec"]["root"]["provided"] = provided;
        });
        rotate(&mut mesh).await;
        assert_eq!(root_note(&mesh, "origin"), origin);
    }
    let chain = served(&mesh, "a");
    let issuers: Vec<&str> = chain[1..].iter().map(|(_, issuer)| issuer.as_str()).collect();
    assert!(issuers[..2] == ["own-1", "own"] && issuers.len() == 3, "{chain:?}");
}

#[tokio::test(start_paused = true)]
async fn a_ca_that_may_certify_nobody_hands_over_by_the_observed_distribution_alone() {
    let one = Ca::root_with("one", BasicConstraints::Constrained(0), YEAR);
    let mut mesh = mesh_of(&one, &one).await;
    let two = Ca::root("two");
    two.provide(&two, &mesh.stage.server);
    let mut phases = vec![mesh.phase()];
    for _ in 0..180 {
        mesh.tick(1).await;
        // Whoever never loads another bundle is lost: nothing leads to the next root.
        mesh.check(false);
        assert!(!has_crosses(&mesh));
        if phases.last() != Some(&mesh.phase()) {
            phases.push(mesh.phase());
        }
    }
    assert_eq!(phases, ["Stable", "Announced", "Draining", "Stable"]);
    for name in ["a", "b"] {
        assert_eq!((mesh.stage.ready(name), served(&mesh, name)), (issued(), pairs(&[("", "two")])));
    }
}

#[tokio::test(start_paused = true)]
async fn where_nothing_leads_to_the_next_root_no_switch_is_forced() {
    let ttl = SignedDuration::from_mins(20);
    for (below, is_forced) in
        [(BasicConstraints::Constrained(0), false), (BasicConstraints::Unconstrained, true)]
    {
        let one = Ca::root_with("one", below, ttl);
        let mut mesh = mesh_of(&one, &one).await;
        wedge(&mesh, "a");
        let two = Ca::root("two");
        two.provide(&two, &mesh.stage.server);
        mesh.until("Announced", 30, 1).await;
        while mesh.stage.hand.now() < NOW + ttl - SignedDuration::from_secs(15) {
            mesh.tick(5).await;
        }
        let phase = if is_forced { "Draining" } else { "Announced" };
        assert_eq!(mesh.phase(), phase, "its leaves would be refused by whoever is behind");
    }
}

#[tokio::test(start_paused = true)]
async fn a_leaf_of_a_signer_that_nothing_remembers_is_replaced_though_it_lies_below_the_same_anchor() {
    let root = Ca::root("corporate root");
    let (former, later) = (root.intermediate("issuing CA 1"), root.intermediate("issuing CA 2"));
    let mut mesh = mesh_of(&former, &root).await;
    let signer = mesh.note("a", "authority-key-id");
    later.provide(&root, &mesh.stage.server);
    mesh.tick(1).await;
    assert_eq!(mesh.note("a", "authority-key-id"), signer, "what the former one has signed stays");
    mesh.stage.server.edit(SECRETS, "mtls-system", "mtls-authority-mesh", |root| {
        root["metadata"]["annotations"]["mtls-operator.dev/former-key-ids"] = json!("[]");
    });
    for name in ["a", "b"] {
        mesh.stage.server.edit("mtlsidentities", NAMESPACE, name, |identity| {
            identity["status"].as_object_mut().unwrap().remove("proof");
        });
    }
    mesh.tick(1).await;
    for name in ["a", "b"] {
        assert_ne!(mesh.note(name, "authority-key-id"), signer);
        assert_eq!(mesh.stage.ready(name), issued());
    }
    mesh.tick(1).await;
    assert_eq!(mesh.written, [""; 0], "it comes to rest");
}
