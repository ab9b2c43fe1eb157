//! `docs/upgrading.md`, followed by a test: objects of 0.1 become objects of today, and nothing is issued again.

use std::fs;
use std::path::Path;

use mtls_operator::runtime::clock::Clock;
use serde_json::{Value, json};
use test_support::ca::Ca;
use test_support::cluster::TestCluster;
use test_support::installation::SYSTEM;
use test_support::markdown::block;
use test_support::shell::Shell;

/// A checkout of 0.1 beside that of today: its definitions, and a chart without policies that installs them.
const CHECKOUT_OF_0_1: &str = "mkdir -p ../mtls-operator-0.1/charts
    cp -rL charts/mtls-operator ../mtls-operator-0.1/charts
    cd ../mtls-operator-0.1
    cp -r GOLDEN crds
    cp crds/* charts/mtls-operator/crd-manifests
    rm charts/mtls-operator/templates/admission-*";

fn patch(cluster: &TestCluster, object: &str, patch: &Value) {
    cluster.kubectl(&["patch", object, "-n", "default", "--type=merge", "-p", &patch.to_string()]);
}

fn ready(cluster: &TestCluster, object: &str) {
    cluster.kubectl(&["wait", object, "-n", "default", "--for=create", "--timeout=90s"]);
    cluster.wait(object, "default", "condition=Ready");
}

/// Waits until the operator calls the present generation of an object Ready.
fn settled(cluster: &TestCluster, object: &str) {
    let generation = cluster.get(&[object, "-n", "default"])["metadata"]["generation"].to_string();
    cluster.wait(object, "default", &format!("jsonpath={{.status.observedGeneration}}={generation}"));
    cluster.wait(object, "default", "condition=Ready");
}

/// The root that signs for an authority.
fn root(cluster: &TestCluster, authority: &str) -> String {
    let found = cluster.get(&["mtlsauthority", authority]);
    found["status"]["roots"][0]["fingerprint"].as_str().unwrap().to_owned()
}

/// Serial and revision of the certificate of an identity.
fn issued(cluster: &TestCluster, name: &str) -> [Value; 2] {
    let secret = cluster.get(&["secret", &format!("{name}-mtls"), "-n", "default"]);
    ["serial", "revision"]
        .map(|note| secret["metadata"]["annotations"][format!("mtls-operator.dev/{note}")].clone())
}

/// Lets the definitions accept a provided CA in the trust domain that every cluster can have. The API server judges by a
/// changed definition a moment later.
fn permit_the_default_trust_domain(cluster: &TestCluster, place: &Shell, trial: &str) -> String {
    place.run(cluster, &block("docs/upgrading.md", "A provided CA in cluster.local", "del(.spec.versions[]"));
    let tries = (0..100).map(|_| place.run(cluster, &format!("({}) 2>&1 || true", trial.trim())));
    let mut tries = tries.skip_while(|said| said.contains("spec.trustDomain must be one of your own"));
    tries.next().unwrap()
}

/// An authority with a provided CA, one with a root that is distrusted, and an identity of each.
fn at_work(place: &Shell) -> (TestCluster, String) {
    let cluster = TestCluster::new(&[]);
    ready(&cluster, "mtlsauthority/mesh");
    let distrusted = root(&cluster, "mesh");
    patch(
        &cluster,
        "mtlsauthority/mesh",
        &json!({ "spec": { "distrustedRoots": [{ "fingerprint": distrusted }] } }),
    );
    let ca = Ca::root("Example Root", Clock::system().now());
    cluster.apply(&ca.secret("corporate-ca", "corp", &ca.pem()));
    let api = "mtls-operator.dev/v1alpha1";
    let corp = json!({
        "apiVersion": api, "kind": "MtlsAuthority", "metadata": { "name": "corp" },
        "spec": { "root": { "provided": { "secretName": "corporate-ca" } } },
    });
    permit_the_default_trust_domain(&cluster, place, &format!("kubectl create -f - <<< '{corp}'"));
    ready(&cluster, "mtlsauthority/corp");
    settled(&cluster, "mtlsauthority/mesh");
    for (name, authority) in [("web", "mesh"), ("till", "corp")] {
        let spec = json!({ "authorityRef": { "name": authority } });
        let meta = json!({ "name": name, "namespace": "default" });
        cluster.apply(&json!({ "apiVersion": api, "kind": "MtlsIdentity", "metadata": meta, "spec": spec }));
        ready(&cluster, &format!("mtlsidentity/{name}"));
    }
    (cluster, distrusted)
}

/// Makes of it what 0.1 had: its definitions, its fields, its hash of what was asked, and no policies.
fn go_back_to_0_1(cluster: &TestCluster, place: &Shell, distrusted: &str) {
    cluster.stop_operator();
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/0.1/crds");
    place.run_locally(&CHECKOUT_OF_0_1.replace("GOLDEN", golden.to_str().unwrap()));
    place.run(
        cluster,
        "kubectl apply --server-side --force-conflicts -f ../mtls-operator-0.1/crds/
         helm upgrade mtls-operator ../mtls-operator-0.1/charts/mtls-operator -n mtls-system
         kubectl wait --for=condition=Established -f ../mtls-operator-0.1/crds/",
    );
    let algorithms = json!(["ECDSA-P256", "ECDSA-P384", "Ed25519"]);
    let leaf = json!({ "algorithms": algorithms });
    let of_mesh = json!({ "root": { "algorithm": "ECDSA-P256" }, "leaf": leaf, "distrust": [distrusted.to_uppercase()] });
    let root = json!({ "algorithm": "ECDSA-P256", "providedSecretName": "corporate-ca" });
    let grant = json!({ "namespaces": {}, "dnsNames": ["*.example.com"], "ipAddresses": ["10.0.0.7/24"] });
    let of_corp = json!({ "root": root, "leaf": leaf, "grants": [grant] });
    patch(cluster, "mtlsauthority/mesh", &json!({ "spec": of_mesh }));
    patch(cluster, "mtlsauthority/corp", &json!({ "spec": of_corp }));
    for (name, authority) in [("web", "mesh"), ("till", "corp")] {
        let spec = json!({ "authority": authority, "privateKey": { "algorithm": "ECDSA-P256" } });
        patch(cluster, &format!("mtlsidentity/{name}"), &json!({ "spec": spec }));
        let profile = format!("mtls-operator.dev/profile=v1:{}", "ab".repeat(16));
        cluster.kubectl(&[
            "annotate",
            "secret",
            &format!("{name}-mtls"),
            "-n",
            "default",
            "--overwrite",
            &profile,
        ]);
    }
}

fn stop_and_export(cluster: &TestCluster, place: &Shell) {
    let explain = block("docs/upgrading.md", "Upgrading from 0.1", "kubectl explain");
    // The API server describes a changed definition a moment later.
    let tries = (0..100).map(|_| place.run(cluster, &format!("({}) 2>&1 || true", explain.trim())));
    let mut tries = tries.skip_while(|said| said.contains("does not exist"));
    assert!(tries.next().unwrap().contains("FIELD: authority"));
    place.run(cluster, &block("docs/upgrading.md", "Stop and export", "scale deploy/mtls-operator"));
    place.run(cluster, &block("docs/upgrading.md", "Stop and export", "> 0.1.json"));
}

/// Converts what was exported, and a manifest.
fn convert(cluster: &TestCluster, place: &Shell) {
    place.run(cluster, &block("docs/upgrading.md", "Convert the objects", "> convert.jq"));
    let opened = place.run(cluster, &block("docs/upgrading.md", "Convert the objects", "paths(. == {from"));
    assert!(opened.contains("corp: grants.0.namespaces"), "{opened}");
    let manifest = json!({
        "apiVersion": "mtls-operator.dev/v1alpha1", "kind": "MtlsIdentity",
        "metadata": { "name": "cart" }, "spec": { "authority": "corp" },
    });
    fs::write(place.file("cart.yaml"), manifest.to_string()).unwrap();
    let converted = place.run(cluster, &block("docs/upgrading.md", "Convert the objects", "cart.yaml"));
    let converted: Value = serde_json::from_str(&converted).unwrap();
    assert_eq!(converted["spec"], json!({ "authorityRef": { "name": "corp" } }));
}

/// Replaces definitions and objects, and installs the chart of today.
fn replace(cluster: &TestCluster, place: &Shell) {
    place.run(cluster, &block("docs/upgrading.md", "Replace and start", "kubectl apply --server-side"));
    // 0.1 knew no such annotation.
    let consent = "mtls-operator.dev/provides-for-";
    cluster.kubectl(&["annotate", "secret", "corporate-ca", "-n", SYSTEM, consent]);
    let tried = permit_the_default_trust_domain(
        cluster,
        place,
        &block("docs/upgrading.md", "Replace and start", "--dry-run=server"),
    );
    assert!(tried.contains("replaced (server dry run)") && !tried.contains("Warning"), "{tried}");
    place.run(cluster, &block("docs/upgrading.md", "Replace and start", "kubectl replace -f converted.json"));
    place.run(cluster, &block("docs/upgrading.md", "A provided CA in cluster.local", "--force-conflicts"));
    place.run(cluster, &block("docs/upgrading.md", "Replace and start", "helm upgrade mtls-operator"));
    let twice = place.run(cluster, "jq -f convert.jq converted.json | diff - converted.json && echo same");
    assert_eq!(twice.trim(), "same");
}

fn check(cluster: &TestCluster, place: &Shell, distrusted: &str) {
    let checked = place.run(cluster, &block("docs/upgrading.md", "Check", "nothing has changed"));
    assert_eq!(checked.trim(), "nothing has changed");
    let shown = place.run(cluster, &block("docs/upgrading.md", "Check", ".spec.distrustedRoots"));
    assert!(shown.contains(distrusted) && shown.contains("corporate-ca"), "{shown}");
    let refused = place.run(cluster, &block("docs/upgrading.md", "Check", "^kubernetes"));
    assert_eq!(refused, "", "no identity is named like the API server");
}

#[test]
fn objects_of_0_1_are_taken_over_with_their_roots_and_nothing_is_issued_again() {
    let Some(place) = Shell::new() else { return };
    let (cluster, distrusted) = at_work(&place);
    let roots = ["mesh", "corp"].map(|authority| root(&cluster, authority));
    assert_ne!(roots[0], distrusted);
    let certificates = ["web", "till"].map(|name| issued(&cluster, name));
    go_back_to_0_1(&cluster, &place, &distrusted);
    stop_and_export(&cluster, &place);
    convert(&cluster, &place);
    replace(&cluster, &place);
    cluster.start_operator();
    for object in ["mtlsauthority/mesh", "mtlsauthority/corp", "mtlsidentity/web", "mtlsidentity/till"] {
        settled(&cluster, object);
    }
    assert_eq!(["mesh", "corp"].map(|authority| root(&cluster, authority)), roots, "no root has changed");
    assert_eq!(["web", "till"].map(|name| issued(&cluster, name)), certificates, "nothing is issued again");
    check(&cluster, &place, &distrusted);
    let [mesh, corp] = ["mesh", "corp"].map(|name| cluster.get(&["mtlsauthority", name]));
    assert_eq!(mesh["spec"]["distrustedRoots"], json!([{ "fingerprint": distrusted }]));
    assert_eq!(
        corp["spec"]["root"]["provided"],
        json!({ "secretName": "corporate-ca", "crossCertificates": "Never" })
    );
    assert_eq!(corp["spec"]["grants"][0]["cidrs"], json!(["10.0.0.0/24"]));
    for authority in [mesh, corp] {
        assert_eq!(authority["status"]["rotation"]["phase"], "Stable", "no rotation has begun");
    }
    roll_back(&cluster, &place, &distrusted);
}

/// Goes back to the definitions and objects of 0.1.
fn roll_back(cluster: &TestCluster, place: &Shell, distrusted: &str) {
    cluster.stop_operator();
    place.run(cluster, &block("docs/upgrading.md", "Roll back", "helm rollback"));
    let [mesh, corp] = ["mesh", "corp"].map(|name| cluster.get(&["mtlsauthority", name])["spec"].clone());
    assert_eq!(mesh["distrust"], json!([distrusted.to_uppercase()]));
    assert_eq!(corp["root"]["providedSecretName"], "corporate-ca");
    assert_eq!(cluster.get(&["mtlsidentity", "till", "-n", "default"])["spec"]["authority"], "corp");
}
