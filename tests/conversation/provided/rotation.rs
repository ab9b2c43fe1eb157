//! Rotations to, from and between provided CAs: at every second any two consumers can shake hands, with a cross-certificate
//! or without.

use jiff::SignedDuration;
use rcgen::{BasicConstraints, IsCa};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use serde_json::{Value, json};
use test_support::ca::Ca;
use test_support::in_memory::harness::{AUTHORITIES, NAMESPACE, NOW, SECRETS, issued};
use test_support::in_memory::rotation_run::RotationRun;

use super::{OWN, certifying, mesh_of, provide, root_for, swift_and_provided};
use crate::rotation::block_writes;

/// What the root Secret says under this annotation.
fn root_note(mesh: &RotationRun, key: &str) -> Value {
    let root = mesh.harness.server.get(SECRETS, "mtls-system", "mtls-authority-mesh").unwrap();
    root["metadata"]["annotations"][format!("mtls-operator.dev/{key}")].clone()
}

/// Whether the root Secret holds something under this key.
fn holds(mesh: &RotationRun, key: &str) -> bool {
    let root = mesh.harness.server.get(SECRETS, "mtls-system", "mtls-authority-mesh").unwrap();
    root["data"].as_object().unwrap().contains_key(key)
}

/// Subject and issuer of each certificate that is served, by their common names.
pub fn served(mesh: &RotationRun, name: &str) -> Vec<(String, String)> {
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
async fn rotate(mesh: &mut RotationRun) {
    let before = mesh.note("a", "authority-key-id");
    mesh.until("Announced", 30, 1).await;
    assert!(holds(mesh, "next-cross.crt"), "the signer certifies the next root");
    mesh.until("Draining", 60, 1).await;
    assert_ne!(mesh.note("a", "authority-key-id"), before, "prompt: the next root signs at once");
    mesh.until("Stable", 180, 1).await;
    for name in ["a", "b"] {
        assert_eq!(mesh.harness.ready(name), issued());
    }
}

/// A whole rotation by the observed distribution alone. A consumer that never loads another bundle cannot follow: no
/// cross-certificate leads to the next root.
async fn hand_over(mesh: &mut RotationRun) {
    let mut phases = vec![mesh.phase()];
    for _ in 0..180 {
        mesh.tick(1).await;
        mesh.check(false);
        assert!(!holds(mesh, "next-cross.crt"));
        if phases.last() != Some(&mesh.phase()) {
            phases.push(mesh.phase());
        }
    }
    assert_eq!(phases, ["Stable", "Announced", "Draining", "Stable"]);
    for name in ["a", "b"] {
        assert_eq!(mesh.harness.ready(name), issued());
    }
}

#[tokio::test(start_paused = true)]
async fn from_one_provided_ca_to_another_any_two_consumers_can_shake_hands_at_every_second() {
    let (one, two) = (Ca::root("one", NOW), Ca::root("two", NOW));
    let mut mesh = mesh_of(&one, &one, certifying()).await;
    assert_eq!(served(&mesh, "a"), pairs(&[("", "one")]));
    provide(&two.intermediate("two-1"), &two, &mesh.harness.server);
    mesh.until("Announced", 30, 1).await;
    assert_eq!(root_note(&mesh, "next-origin"), "provided");
    mesh.until("Draining", 60, 1).await;
    let led = pairs(&[("", "two-1"), ("two-1", "two"), ("two", "one")]);
    assert_eq!(served(&mesh, "a"), led, "a consumer that trusts the former root alone is led to the leaf");
    mesh.until("Stable", 180, 1).await;
    assert_eq!(
        (root_note(&mesh, "origin"), root_note(&mesh, "next-origin")),
        (json!("provided"), Value::Null)
    );
    for name in ["a", "b"] {
        assert_eq!((mesh.harness.ready(name), served(&mesh, name)), (issued(), led.clone()));
    }
}

/// The operator must not make a CA certificate in the name of a company unless it is allowed to.
#[tokio::test(start_paused = true)]
async fn a_provided_ca_certifies_nothing_but_leaves_unless_people_say_so() {
    let (one, two) = (Ca::root("one", NOW), Ca::root("two", NOW));
    let mut mesh = mesh_of(&one, &one, swift_and_provided()).await;
    provide(&two, &two, &mesh.harness.server);
    hand_over(&mut mesh).await;
    assert_eq!(served(&mesh, "a"), pairs(&[("", "two")]));
    mesh.reload();
    mesh.harness.server.edit(AUTHORITIES, "", "mesh", |authority| {
        authority["spec"]["root"]["provided"] = Value::Null;
    });
    hand_over(&mut mesh).await;
    assert_eq!((root_note(&mesh, "origin"), served(&mesh, "a").len()), (json!("generated"), 1));
}

#[tokio::test(start_paused = true)]
async fn from_a_generated_root_to_a_provided_ca_any_two_consumers_can_shake_hands_at_every_second() {
    let mut mesh = RotationRun::of(&["a", "b"], RotationRun::swift()).await;
    let own = Ca::root("own", NOW);
    provide(&own.intermediate("own-1"), &own, &mesh.harness.server);
    mesh.harness.server.edit(AUTHORITIES, "", "mesh", |authority| {
        authority["spec"]["root"]["provided"] = json!({ "secretName": OWN });
    });
    rotate(&mut mesh).await;
    assert_eq!(root_note(&mesh, "origin"), "provided");
    let chain = served(&mesh, "a");
    let issuers: Vec<&str> = chain[1..].iter().map(|(_, issuer)| issuer.as_str()).collect();
    assert!(issuers.len() == 2 && issuers[0] == "own", "{chain:?}");
}

#[tokio::test(start_paused = true)]
async fn a_ca_that_may_certify_no_other_hands_over_by_the_observed_distribution_alone() {
    let one = Ca::root_with("one", NOW, |params| params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0)));
    let mut mesh = mesh_of(&one, &one, certifying()).await;
    let two = Ca::root("two", NOW);
    provide(&two, &two, &mesh.harness.server);
    hand_over(&mut mesh).await;
    assert_eq!(served(&mesh, "a"), pairs(&[("", "two")]));
}

/// One identity whose Secret cannot be written holds the switch up: to F₀ with a cross-certificate, to F₁ without one.
#[tokio::test(start_paused = true)]
async fn without_a_cross_certificate_the_switch_waits_longer_and_is_forced_in_time_all_the_same() {
    let end = SignedDuration::from_mins(20);
    // F₀ is propagation and leaf.maxTTL before the end, 70 s, and F₁ the middle of what is left then.
    for (spec, before) in [(certifying(), 70), (swift_and_provided(), 35)] {
        let forced = end - SignedDuration::from_secs(before);
        let one = root_for("one", end);
        let mut mesh = mesh_of(&one, &one, spec).await;
        block_writes(&mesh, "a");
        mesh.forgive_expiry();
        let two = Ca::root("two", NOW);
        provide(&two, &two, &mesh.harness.server);
        mesh.until("Announced", 30, 1).await;
        while mesh.phase() == "Announced" {
            mesh.tick(5).await;
        }
        assert_eq!(mesh.phase(), "Draining");
        let late = mesh.harness.manual_clock.now().duration_since(NOW + forced);
        assert!((0..=5).contains(&late.as_secs()), "{late} after it should be");
        // The last leaves of the former root are valid for their whole lifetime, and every other identity stays issued.
        mesh.tick(5).await;
        assert_eq!(mesh.harness.ready("b"), issued());
    }
}

#[tokio::test(start_paused = true)]
async fn a_leaf_of_a_signer_that_nothing_remembers_is_replaced_though_it_lies_below_the_same_anchor() {
    let root = Ca::root("corporate root", NOW);
    let (former, later) = (root.intermediate("issuing CA 1"), root.intermediate("issuing CA 2"));
    let mut mesh = mesh_of(&former, &root, swift_and_provided()).await;
    let signer = mesh.note("a", "authority-key-id");
    provide(&later, &root, &mesh.harness.server);
    mesh.tick(1).await;
    assert_eq!(mesh.note("a", "authority-key-id"), signer, "what the former one has signed stays");
    mesh.harness.server.edit(SECRETS, "mtls-system", "mtls-authority-mesh", |root| {
        root["metadata"]["annotations"]["mtls-operator.dev/former-key-ids"] = json!("[]");
    });
    for name in ["a", "b"] {
        mesh.harness.server.edit("mtlsidentities", NAMESPACE, name, |identity| {
            identity["status"].as_object_mut().unwrap().remove("proof");
        });
    }
    mesh.tick(1).await;
    for name in ["a", "b"] {
        assert_ne!(mesh.note(name, "authority-key-id"), signer);
        assert_eq!(mesh.harness.ready(name), issued());
    }
    mesh.tick(1).await;
    assert_eq!(mesh.written, [""; 0], "nothing more is written");
}
