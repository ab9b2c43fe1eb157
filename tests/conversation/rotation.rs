//! Rotations of the root, second by second: at every moment any two consumers can shake hands, whenever the operator
//! is killed, and nobody holds the mesh up for ever.

use jiff::{SignedDuration, Timestamp};
use mtls_operator::operator::authority::rotating::rotating_message;
use mtls_operator::operator::authority::status::after;
use mtls_operator::operator::error::Error;
use mtls_operator::plan::authority::spec::AuthoritySpec;
use serde_json::json;
use test_support::in_memory::api_server::Fault;
use test_support::in_memory::harness::{AUTHORITIES, NAMESPACE, NOW, issued};
use test_support::in_memory::rotation_run::RotationRun;

#[tokio::test(start_paused = true)]
async fn everybody_can_shake_hands_at_every_second_of_two_rotations() {
    let mut mesh = RotationRun::of(&["a", "b", "c"], RotationRun::swift()).await;
    for request in ["1", "2"] {
        let before = mesh.note("a", "authority-key-id");
        mesh.ask(request);
        mesh.until("Announced", 30, 1).await;
        mesh.until("Draining", 60, 1).await;
        assert_ne!(mesh.note("a", "authority-key-id"), before, "prompt: the next root signs at once");
        mesh.until("Stable", 180, 1).await;
        // A consumer that never reloads is carried over one rotation.
        mesh.reload();
    }
    for name in ["a", "b", "c"] {
        assert_eq!(mesh.harness.ready(name), issued());
    }
}

#[tokio::test(start_paused = true)]
#[should_panic(expected = "Expired")]
async fn whoever_is_not_renewed_in_time_is_noticed_though_he_could_shake_hands_before() {
    let mut mesh = RotationRun::of(&["a"], RotationRun::swift()).await;
    mesh.check(true);
    wedge(&mesh, "a");
    mesh.tick(61).await;
    mesh.check(true);
}

/// A rotation in which the operator is killed at one write; returns how many writes there were.
async fn rotation_with_crash(crash: Option<(usize, bool)>) -> usize {
    let mut spec = RotationRun::swift();
    spec["trustBundle"] = json!({ "namespaces": { "from": "All" } });
    let mut mesh = RotationRun::of(&["a", "b"], spec).await;
    let before = mesh.harness.server.writes();
    if let Some((at, is_carried_out)) = crash {
        mesh.harness.server.crash_at(before + at, is_carried_out);
    }
    mesh.ask("1");
    for phase in ["Announced", "Draining", "Stable"] {
        mesh.until(phase, 300, 1).await;
    }
    let writes = mesh.harness.server.writes() - before;
    // Renewals fall where the serials say, so that one run has a write more than another.
    let is_reached = crash.is_some_and(|(at, _)| at <= writes);
    assert_eq!(mesh.crashes, usize::from(is_reached), "{crash:?}");
    for name in ["a", "b"] {
        assert_eq!(mesh.harness.ready(name), issued(), "{crash:?}");
    }
    let roots = mesh.harness.server.get("secrets", "mtls-system", "mtls-authority-mesh").unwrap();
    let left: Vec<&String> = roots["data"].as_object().unwrap().keys().collect();
    assert_eq!(left, ["ca.crt", "cross.crt", "evidence.key", "tls.crt", "tls.key"], "{crash:?}");
    writes
}

#[tokio::test(start_paused = true)]
async fn a_rotation_ends_alike_whichever_write_the_operator_is_killed_at() {
    let writes = rotation_with_crash(None).await;
    assert!(writes >= 12, "{writes} writes");
    let mut tried = 0;
    for at in 1..=writes {
        for is_carried_out in [false, true] {
            rotation_with_crash(Some((at, is_carried_out))).await;
            tried += 1;
        }
    }
    println!("{tried} crashes in a rotation of {writes} writes");
}

/// The Secret of this identity cannot be written any more.
pub fn wedge(mesh: &RotationRun, name: &str) {
    for _ in 0..100_000 {
        mesh.harness.server.next(&format!("PATCH secrets {NAMESPACE}/{name}-mtls"), Fault::Broken);
    }
}

#[tokio::test(start_paused = true)]
async fn whoever_cannot_be_written_holds_the_switch_up_until_it_is_forced_and_no_longer() {
    let spec = json!({
        "root": { "ttl": "20m" }, "leaf": { "ttl": "2m", "maxTTL": "2m" },
        "rotation": { "propagation": "10s", "spreadOver": "0s" },
    });
    let mut mesh = RotationRun::of(&["a", "b"], spec).await;
    mesh.harness.apply("stuck", &json!({"paused": false}));
    mesh.tick(1).await;
    wedge(&mesh, "stuck");
    mesh.ask("1");
    mesh.until("Announced", 30, 1).await;
    let began = mesh.harness.hand.now();
    for _ in 0..60 {
        mesh.tick(1).await;
        mesh.check(true);
    }
    assert_eq!(mesh.phase(), "Announced", "it is waited for");
    // Its leaf expires meanwhile, which is its own trouble; everybody else goes on.
    mesh.forgive_expiry();
    for _ in 0..200 {
        mesh.tick(10).await;
        mesh.check(true);
        if mesh.phase() == "Draining" {
            break;
        }
    }
    let waited = mesh.harness.hand.now().duration_since(began);
    assert_eq!(mesh.phase(), "Draining");
    // The middle of what was left of the former root comes before its last leaves: 20 min, less 2 min and 10 s.
    assert!((1000..=1090).contains(&waited.as_secs()), "{waited}");
    stuck_is_led_until(&mut mesh, NOW + SignedDuration::from_mins(20)).await;
    for _ in 0..60 {
        mesh.tick(1).await;
    }
    assert_eq!(mesh.phase(), "Stable", "it lacks the next root still, and keeps the former one for nobody");
}

/// Until the former root ends, whoever knows it alone accepts leaves of the next one; and no longer.
async fn stuck_is_led_until(mesh: &mut RotationRun, end: Timestamp) {
    let left = end.duration_since(mesh.harness.hand.now()).as_secs();
    assert!(left > 100, "{left} s are left of the former root");
    for _ in 0..left {
        mesh.tick(1).await;
        mesh.check(true);
        // No expiry is forgiven here: the one who knows the former root alone is led to the next by its certificate.
        assert_eq!(mesh.accepts("stuck", "a"), Ok(()), "at {}", mesh.harness.hand.now());
    }
    mesh.tick(1).await;
    assert_ne!(mesh.accepts("stuck", "a"), Ok(()), "nothing leads beyond the end of the former root");
}

#[tokio::test(start_paused = true)]
async fn an_index_that_lags_switches_no_signer() {
    let mut mesh = RotationRun::of(&["a"], RotationRun::swift()).await;
    mesh.ask("1");
    mesh.until("Announced", 30, 1).await;
    for second in 0..20 {
        tokio::time::advance(std::time::Duration::from_secs(1)).await;
        mesh.harness.server.edit("secrets", NAMESPACE, "a-mtls", |secret| {
            secret["metadata"]["annotations"]["example.com/touched"] = json!(second.to_string());
        });
        mesh.harness.look_at_authority().await.unwrap();
        assert_eq!(mesh.phase(), "Announced", "what the Secret was in between is not told yet");
    }
    mesh.harness.watch();
    mesh.until("Draining", 15, 1).await;
}

#[tokio::test(start_paused = true)]
async fn a_replica_with_an_old_view_of_the_root_writes_no_bundle() {
    let mut mesh = RotationRun::of(&["a"], json!({})).await;
    // Another replica has announced a root, and brought it to the Secret.
    mesh.harness.server.edit("secrets", "mtls-system", "mtls-authority-mesh", |root| {
        root["metadata"]["annotations"]["example.com/touched"] = json!("yes");
    });
    let bundle = mesh.harness.secret("a-mtls").unwrap()["data"]["ca.crt"].clone();
    mesh.harness
        .server
        .edit("secrets", NAMESPACE, "a-mtls", |secret| secret["data"]["ca.crt"] = json!("eA=="));
    tokio::time::advance(std::time::Duration::from_secs(61)).await;
    mesh.harness.watch();
    let before = mesh.harness.server.writes();
    assert!(matches!(mesh.harness.work().await[..], [Err(Error::Stale { .. })]));
    assert_eq!(mesh.harness.server.writes(), before, "it would take a root out that others need");
    mesh.tick(60).await;
    assert_eq!(
        mesh.harness.secret("a-mtls").unwrap()["data"]["ca.crt"],
        bundle,
        "it has read the root again"
    );
}

#[tokio::test(start_paused = true)]
async fn a_replica_with_an_old_view_of_the_root_signs_nothing() {
    let mut mesh = RotationRun::of(&["a"], json!({})).await;
    // Another replica has changed the root Secret.
    mesh.harness.server.edit("secrets", "mtls-system", "mtls-authority-mesh", |root| {
        root["metadata"]["annotations"]["example.com/touched"] = json!("yes");
    });
    mesh.harness.server.delete("secrets", NAMESPACE, "a-mtls");
    tokio::time::advance(std::time::Duration::from_secs(61)).await;
    mesh.harness.watch();
    assert!(matches!(mesh.harness.work().await[..], [Err(Error::Stale { .. })]));
    assert_eq!(mesh.harness.secret("a-mtls"), None, "the drain bound counts no leaf that is signed so late");
    mesh.tick(60).await;
    assert!(mesh.harness.secret("a-mtls").is_some(), "it has read the root again");
}

#[tokio::test(start_paused = true)]
async fn whoever_is_excluded_by_name_is_not_waited_for() {
    let mut mesh = RotationRun::of(&["a", "stuck"], RotationRun::swift()).await;
    wedge(&mesh, "stuck");
    mesh.ask("1");
    mesh.until("Announced", 30, 1).await;
    for _ in 0..15 {
        mesh.tick(1).await;
    }
    assert_eq!(mesh.phase(), "Announced");
    mesh.annotate("rotation-exclude", "elsewhere/x, orders/stuck");
    for _ in 0..15 {
        mesh.tick(1).await;
    }
    assert_eq!(mesh.phase(), "Draining");
}

/// What the condition `Rotating` says, to a person who has excluded these.
async fn told_of_exclusion(mesh: &RotationRun) -> String {
    let spec = AuthoritySpec::parse(&mesh.harness.authority()).unwrap();
    rotating_message(&mesh.harness.root_outcome().await.0, &spec)
}

/// Design §2.2: a person's annotation in Git would be put back for ever if the operator removed it.
#[tokio::test(start_paused = true)]
async fn an_exclusion_counts_for_one_rotation_and_is_never_removed() {
    let mut mesh = RotationRun::of(&["a", "stuck"], RotationRun::swift()).await;
    mesh.annotate("rotation-exclude", "orders/stuck, orders/stcuk");
    mesh.ask("1");
    for phase in ["Announced", "Draining"] {
        mesh.until(phase, 60, 1).await;
    }
    let told = told_of_exclusion(&mesh).await;
    assert!(told.ends_with("names what does not exist: orders/stcuk"), "{told}");
    mesh.until("Stable", 180, 1).await;
    let authority = mesh.harness.server.get(AUTHORITIES, "", "mesh").unwrap();
    let kept = &authority["metadata"]["annotations"]["mtls-operator.dev/rotation-exclude"];
    assert_eq!(kept, "orders/stuck, orders/stcuk");
    wedge(&mesh, "stuck");
    // Its leaf may expire meanwhile, which is its own trouble.
    mesh.forgive_expiry();
    mesh.reload();
    mesh.ask("2");
    mesh.until("Announced", 10, 1).await;
    for _ in 0..15 {
        mesh.tick(1).await;
    }
    assert_eq!(mesh.phase(), "Announced", "the value has served the rotation before");
    let told = told_of_exclusion(&mesh).await;
    assert!(told.ends_with("has served a rotation; change it to exclude again"), "{told}");
    mesh.annotate("rotation-exclude", "orders/stuck");
    mesh.until("Draining", 15, 1).await;
}

#[tokio::test(start_paused = true)]
async fn with_the_defaults_a_planned_rotation_costs_no_write_beyond_the_renewals() {
    let names = ["a", "b", "c", "d", "e", "f"];
    let mut mesh = RotationRun::of(&names, json!({})).await;
    mesh.harness.server.calls();
    let revisions = |mesh: &RotationRun| -> usize {
        names.iter().map(|name| mesh.note(name, "revision").parse::<usize>().unwrap()).sum()
    };
    let (writes, issued_before) = (mesh.harness.server.writes(), revisions(&mesh));
    mesh.ask("1");
    let quarter = 15 * 60;
    mesh.until("Announced", 3600, quarter).await;
    mesh.until("Draining", 3 * 86_400, quarter).await;
    mesh.until("Stable", 12 * 86_400, quarter).await;
    let trust = mesh.note("a", "trust");
    for _ in 0..(26 * 4) {
        mesh.tick(quarter).await;
        mesh.check(true);
    }
    assert_ne!(mesh.note("a", "trust"), trust, "the former root has left the bundles");
    let issued = revisions(&mesh) - issued_before;
    // Each issuance is a Secret and a status; the rotation itself is three writes of the root Secret.
    assert_eq!(mesh.harness.server.writes() - writes, 2 * issued + 3, "{issued} issuances");
}

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

/// How many roots the Secret of an identity trusts, and whether its leaf is signed by the root that signs now.
fn trust(mesh: &RotationRun, name: &str) -> (usize, bool) {
    let service = mesh.harness.context.issuers.get("mesh").unwrap();
    let root = service.signer.as_ref().ok().unwrap();
    let is_in_force = mesh.note(name, "trust") == root.facts.trust;
    assert!(is_in_force, "{name} holds another bundle than the one in force");
    let count = root.authority.bundle().fingerprints().count();
    (count, mesh.note(name, "authority-key-id") == root.facts.key_id)
}

#[tokio::test(start_paused = true)]
async fn a_distrusted_signer_is_replaced_at_once_and_leaves_every_bundle() {
    let mut mesh = RotationRun::of(&["a", "b"], RotationRun::swift()).await;
    mesh.harness.apply("still", &json!({"paused": false}));
    mesh.tick(1).await;
    mesh.harness.apply("still", &json!({"paused": true}));
    mesh.tick(1).await;
    let signer = fingerprint(&mesh, "tls.crt");
    mesh.distrust(&[&signer]);
    mesh.tick(1).await;
    assert_eq!(mesh.phase(), "Stable");
    assert_ne!(fingerprint(&mesh, "tls.crt"), signer);
    for name in ["a", "b"] {
        assert_eq!((trust(&mesh, name), mesh.harness.ready(name)), ((1, true), issued()));
    }
    assert_eq!(trust(&mesh, "still"), (1, false), "it keeps its leaf, and gets the bundle");
    assert_eq!(mesh.harness.ready("still"), ("False".into(), "Paused".into()));
    assert!(mesh.harness.message("still").contains("distrusted"), "{}", mesh.harness.message("still"));
    mesh.harness.server.calls();
    mesh.tick(5).await;
    mesh.harness.apply("still", &json!({"paused": false}));
    mesh.tick(1).await;
    assert_eq!((trust(&mesh, "still"), mesh.harness.ready("still")), ((1, true), issued()));
}

/// A mesh that has come to this phase of its first rotation.
async fn mesh_in(phase: &str) -> RotationRun {
    let mut mesh = RotationRun::of(&["a", "b"], RotationRun::swift()).await;
    mesh.ask("1");
    for passed in ["Announced", "Draining"] {
        mesh.until(passed, 60, 1).await;
        if passed == phase {
            break;
        }
    }
    mesh
}

/// What status says was distrusted with the root that people named.
pub fn taken(mesh: &RotationRun) -> Vec<String> {
    let authority = mesh.harness.server.get(AUTHORITIES, "", "mesh").unwrap();
    let taken = authority["status"]["distrusted"].as_array().cloned().unwrap_or_default();
    taken.iter().map(|root| root["fingerprint"].as_str().unwrap().to_owned()).collect()
}

pub fn hex(fingerprint: &str) -> String {
    fingerprint.replace(':', "").to_lowercase()
}

#[tokio::test(start_paused = true)]
async fn an_announced_root_that_is_distrusted_goes_with_the_signer_that_has_certified_it() {
    let mut mesh = mesh_in("Announced").await;
    let (signer, announced) = (fingerprint(&mesh, "tls.crt"), fingerprint(&mesh, "next.crt"));
    mesh.distrust(&[&announced]);
    mesh.tick(1).await;
    assert_eq!((mesh.phase().as_str(), trust(&mesh, "a")), ("Stable", (1, true)));
    let signs = fingerprint(&mesh, "tls.crt");
    assert!(signs != signer && signs != announced);
    assert_eq!(taken(&mesh), [hex(&signer)]);
    // Named by people it is no more of the status.
    mesh.distrust(&[&announced, &signer]);
    mesh.tick(1).await;
    assert_eq!((taken(&mesh), fingerprint(&mesh, "tls.crt")), (vec![], signs));
}

#[tokio::test(start_paused = true)]
async fn a_signer_that_is_distrusted_goes_with_the_announced_root_whose_key_lay_beside_its_own() {
    let mut mesh = mesh_in("Announced").await;
    let (signer, announced) = (fingerprint(&mesh, "tls.crt"), fingerprint(&mesh, "next.crt"));
    mesh.distrust(&[&signer]);
    mesh.tick(1).await;
    assert_eq!((mesh.phase().as_str(), trust(&mesh, "a")), ("Stable", (1, true)));
    assert_ne!(fingerprint(&mesh, "tls.crt"), announced);
    assert_eq!(taken(&mesh), [hex(&announced)]);
}

#[tokio::test(start_paused = true)]
async fn a_signer_that_is_distrusted_while_draining_goes_with_the_root_that_has_certified_it() {
    let mut mesh = mesh_in("Draining").await;
    let (former, signer) = (fingerprint(&mesh, "retiring.crt"), fingerprint(&mesh, "tls.crt"));
    mesh.distrust(&[&signer]);
    mesh.tick(1).await;
    assert_eq!((mesh.phase().as_str(), trust(&mesh, "a")), ("Stable", (1, true)));
    assert_eq!(taken(&mesh), [hex(&former)]);
    for name in ["a", "b"] {
        assert_eq!(mesh.harness.ready(name), issued());
    }
}

/// The backup is older than the root that is distrusted, and knows nothing of what it has certified since.
#[tokio::test(start_paused = true)]
async fn what_was_distrusted_with_another_root_stays_so_whichever_backup_is_restored() {
    let mut mesh = RotationRun::of(&["a"], RotationRun::swift()).await;
    let backup = mesh.harness.server.get("secrets", "mtls-system", "mtls-authority-mesh").unwrap();
    let first = fingerprint(&mesh, "tls.crt");
    mesh.ask("1");
    for phase in ["Announced", "Draining"] {
        mesh.until(phase, 60, 1).await;
    }
    mesh.distrust(&[&fingerprint(&mesh, "tls.crt")]);
    mesh.tick(1).await;
    let (signs, key_id) = (fingerprint(&mesh, "tls.crt"), mesh.note("a", "authority-key-id"));
    mesh.harness.server.put("secrets", &backup);
    mesh.tick(1).await;
    let service = mesh.harness.context.issuers.get("mesh").unwrap();
    assert!(service.signer.is_err(), "the first root has certified the one that is distrusted");
    // A person goes on without the root that is missing.
    mesh.harness.server.edit(AUTHORITIES, "", "mesh", |authority| {
        let missed = json!({ "role": "Signing", "fingerprint": hex(&signs), "keyID": key_id, "leaves": 1 });
        authority["status"]["roots"] = json!([missed]);
    });
    mesh.annotate("accept-root-loss", &signs);
    mesh.tick(1).await;
    assert_eq!((taken(&mesh), mesh.harness.ready("a")), (vec![hex(&first)], issued()));
    assert!(!trusts(&mesh, "a", &first) && fingerprint(&mesh, "tls.crt") != first);
}

/// Status names the roots, as the keeper writes it after each pass.
async fn record_roots(mesh: &RotationRun) {
    let outcome = mesh.harness.root_outcome().await.0;
    let roots = after(&mesh.harness.authority(), &outcome).roots;
    mesh.harness
        .server
        .edit(AUTHORITIES, "", "mesh", |authority| authority["status"]["roots"] = json!(roots));
}

/// The backup is restored first, and the root distrusted only then: status remembers what the signer has certified since.
#[tokio::test(start_paused = true)]
async fn a_backup_from_before_a_root_was_announced_does_not_hide_that_its_signer_has_certified_it() {
    let mut mesh = RotationRun::of(&["a"], RotationRun::swift()).await;
    let backup = mesh.harness.server.get("secrets", "mtls-system", "mtls-authority-mesh").unwrap();
    let first = fingerprint(&mesh, "tls.crt");
    mesh.ask("1");
    mesh.until("Announced", 30, 1).await;
    let announced = fingerprint(&mesh, "next.crt");
    record_roots(&mesh).await;
    mesh.harness
        .server
        .edit(AUTHORITIES, "", "mesh", |authority| authority["metadata"]["annotations"] = json!({}));
    mesh.harness.server.put("secrets", &backup);
    mesh.tick(1).await;
    assert_eq!((mesh.phase().as_str(), fingerprint(&mesh, "tls.crt")), ("Stable", first.clone()));
    mesh.distrust(&[&announced]);
    mesh.tick(1).await;
    assert_eq!(taken(&mesh), [hex(&first)]);
    assert_ne!(fingerprint(&mesh, "tls.crt"), first);
}

/// Whether the Secret of an identity trusts this root.
fn trusts(mesh: &RotationRun, name: &str, root: &str) -> bool {
    let bundle = mtls_operator::pki::TrustBundle::from_pem(mesh.text(name, "ca.crt").as_bytes()).unwrap();
    bundle.contains(&root.parse().unwrap())
}

#[tokio::test(start_paused = true)]
async fn a_retiring_root_that_is_distrusted_leaves_every_bundle_and_the_signer_stays() {
    let mut mesh = mesh_in("Draining").await;
    let signer = fingerprint(&mesh, "tls.crt");
    assert_eq!(trust(&mesh, "a"), (2, true));
    mesh.distrust(&[&fingerprint(&mesh, "retiring.crt")]);
    mesh.tick(1).await;
    assert_eq!((mesh.phase().as_str(), trust(&mesh, "a")), ("Stable", (1, true)));
    assert_eq!((fingerprint(&mesh, "tls.crt"), taken(&mesh)), (signer, vec![]));
}

#[tokio::test(start_paused = true)]
async fn a_restored_backup_does_not_bring_a_distrusted_root_back() {
    let mut mesh = RotationRun::of(&["a"], RotationRun::swift()).await;
    mesh.ask("1");
    for phase in ["Announced", "Draining"] {
        mesh.until(phase, 60, 1).await;
    }
    let backup = mesh.harness.server.get("secrets", "mtls-system", "mtls-authority-mesh").unwrap();
    let former = fingerprint(&mesh, "retiring.crt");
    mesh.distrust(&[&former]);
    mesh.tick(1).await;
    assert_eq!(trust(&mesh, "a"), (1, true));
    mesh.harness.server.put("secrets", &backup);
    mesh.tick(1).await;
    assert_eq!((mesh.phase().as_str(), trust(&mesh, "a")), ("Stable", (1, true)));
}

/// Why nobody signs.
fn down(mesh: &RotationRun) -> String {
    use mtls_operator::operator::issuers::Unready;
    match &mesh.harness.context.issuers.get("mesh").unwrap().signer {
        Err(Unready::Down(why)) => why.0.clone(),
        Err(Unready::Pending) => "pending".into(),
        Ok(_) => "it signs".into(),
    }
}

const ROOT: (&str, &str, &str) = ("secrets", "mtls-system", "mtls-authority-mesh");

#[tokio::test(start_paused = true)]
async fn a_loss_that_is_accepted_by_name_ends_with_another_root_beside_the_lost_one() {
    let mut mesh = RotationRun::of(&["a", "b"], RotationRun::swift()).await;
    let lost = fingerprint(&mesh, "tls.crt");
    let signer = mesh.note("a", "authority-key-id");
    mesh.harness.server.delete(ROOT.0, ROOT.1, ROOT.2);
    mesh.tick(1).await;
    assert!(down(&mesh).starts_with("RootLost: "), "{}", down(&mesh));
    mesh.annotate("accept-root-loss", &"ab".repeat(32));
    mesh.tick(1).await;
    assert!(down(&mesh).contains("no trust bundle of this authority holds a root"), "{}", down(&mesh));
    assert_eq!(mesh.harness.server.get(ROOT.0, ROOT.1, ROOT.2), None);
    mesh.harness.name_root(&lost, &signer);
    mesh.annotate("accept-root-loss", &lost);
    mesh.tick(1).await;
    assert_eq!((mesh.phase().as_str(), down(&mesh).as_str()), ("Draining", "it signs"));
    for name in ["a", "b"] {
        assert_eq!((trust(&mesh, name), mesh.harness.ready(name)), ((2, true), issued()));
        assert_ne!(mesh.note(name, "authority-key-id"), signer);
    }
    mesh.reload();
    mesh.until("Stable", 180, 1).await;
    assert_eq!(trust(&mesh, "a"), (1, true));
}

#[tokio::test(start_paused = true)]
async fn a_backup_from_before_a_rotation_is_no_root_until_the_loss_of_the_later_one_is_accepted() {
    let mut mesh = RotationRun::of(&["a"], RotationRun::swift()).await;
    let backup = mesh.harness.server.get(ROOT.0, ROOT.1, ROOT.2).unwrap();
    mesh.ask("1");
    for phase in ["Announced", "Draining", "Stable"] {
        mesh.until(phase, 180, 1).await;
    }
    let (lost, signer) = (fingerprint(&mesh, "tls.crt"), mesh.note("a", "authority-key-id"));
    mesh.harness.server.put("secrets", &backup);
    mesh.tick(1).await;
    assert!(down(&mesh).contains("MtlsIdentity orders/a depends on"), "{}", down(&mesh));
    mesh.harness.name_root(&lost, &signer);
    mesh.annotate("accept-root-loss", &lost);
    mesh.tick(1).await;
    assert_eq!((mesh.phase().as_str(), trust(&mesh, "a")), ("Draining", (2, true)));
    let root = mesh.harness.server.get(ROOT.0, ROOT.1, ROOT.2).unwrap();
    assert_ne!(root["data"]["tls.key"], backup["data"]["tls.key"], "the root of the backup signs nothing");
    let accepted = fingerprint(&mesh, "tls.crt");
    mesh.reload();
    mesh.until("Stable", 180, 1).await;
    assert_eq!(
        fingerprint(&mesh, "tls.crt"),
        accepted,
        "what was asked for before the loss is not done again"
    );
}

#[tokio::test(start_paused = true)]
async fn a_root_that_follows_a_lost_one_answers_for_nothing_that_the_root_of_the_backup_has_certified() {
    let mut mesh = RotationRun::of(&["a"], RotationRun::swift()).await;
    let mut backup = mesh.harness.server.get(ROOT.0, ROOT.1, ROOT.2).unwrap();
    mesh.ask("1");
    for phase in ["Announced", "Draining", "Stable"] {
        mesh.until(phase, 180, 1).await;
    }
    let (lost, signer) = (fingerprint(&mesh, "tls.crt"), mesh.note("a", "authority-key-id"));
    backup["metadata"]["annotations"]["mtls-operator.dev/certified"] = json!(json!([hex(&lost)]).to_string());
    mesh.harness.server.put("secrets", &backup);
    mesh.harness.name_root(&lost, &signer);
    mesh.annotate("accept-root-loss", &lost);
    mesh.tick(1).await;
    let accepted = fingerprint(&mesh, "tls.crt");
    mesh.distrust(&[&lost]);
    mesh.tick(1).await;
    assert_eq!((fingerprint(&mesh, "tls.crt"), taken(&mesh)), (accepted, vec![]));
    assert_eq!((mesh.phase().as_str(), trusts(&mesh, "a", &lost)), ("Stable", false));
}
