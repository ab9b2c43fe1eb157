//! The files of a release: complete, signed by the key that was given, and made of nothing but a clean checkout of that version.
//!
//! `deploy/release.sh` itself runs here, in a small repository where `make image` writes stand-ins in the place of images.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, also in what its functions share")]

#[path = "release/workspace.rs"]
mod workspace;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use workspace::{Workshop, complaint, files, success};

const PACKAGE: &str = env!("CARGO_MANIFEST_DIR");
const VERSION: &str = env!("CARGO_PKG_VERSION");

#[test]
fn a_release_is_complete_and_no_byte_of_it_can_change() {
    let Some(workspace) = Workshop::new() else { return };
    let folder = workspace.released("release");
    let expected = [
        "SHA256SUMS".into(),
        "SHA256SUMS.sig".into(),
        "image-digests.txt".into(),
        format!("mtls-operator-{VERSION}-amd64.cdx.json"),
        format!("mtls-operator-{VERSION}-amd64.oci.tar"),
        format!("mtls-operator-{VERSION}-arm64.cdx.json"),
        format!("mtls-operator-{VERSION}-arm64.oci.tar"),
        format!("mtls-operator-{VERSION}.tgz"),
        format!("mtls-operator-{VERSION}.yaml"),
    ];
    assert_eq!(files(&folder), BTreeSet::from(expected));
    assert!(workspace.verifies(&folder));
    for name in files(&folder) {
        let path = folder.join(&name);
        let whole = fs::read(&path).unwrap();
        let mut changed = whole.clone();
        changed[whole.len() / 2] ^= 1;
        fs::write(&path, changed).unwrap();
        assert!(!workspace.verifies(&folder), "a changed byte of {name} is accepted");
        fs::write(&path, whole).unwrap();
    }
    assert!(workspace.verifies(&folder), "the test has not put it back");
}

#[test]
fn another_build_gives_the_same_bytes_beside_the_signature() {
    let Some(workspace) = Workshop::new() else { return };
    let sums = |folder| fs::read_to_string(workspace.released(folder).join("SHA256SUMS")).unwrap();
    let one = sums("one");
    let chart = workspace.checkout().join("charts/mtls-operator/Chart.yaml");
    success(Command::new("touch").arg("--date=@1").arg(chart));
    assert_eq!(one, sums("another"), "it depends on more than the source");
}

#[test]
fn the_chart_of_a_release_is_the_chart_of_its_source() {
    let Some(workspace) = Workshop::new() else { return };
    let chart = workspace.released("release").join(format!("mtls-operator-{VERSION}.tgz"));
    let helm = devcluster::tool("helm").unwrap();
    let rendered = |chart: &Path| {
        let output = Command::new(&helm).args(["template", "x"]).arg(chart).output().unwrap();
        assert!(output.status.success(), "{}", complaint(&output));
        output.stdout
    };
    assert!(rendered(&chart) == rendered(&Path::new(PACKAGE).join("charts/mtls-operator")));
}

#[test]
fn the_private_key_is_in_no_file_of_a_release() {
    let Some(workspace) = Workshop::new() else { return };
    let folder = workspace.released("release");
    let chart = Command::new("gzip")
        .args(["-dc"])
        .arg(folder.join(format!("mtls-operator-{VERSION}.tgz")))
        .output()
        .unwrap();
    let mut contents: Vec<Vec<u8>> =
        files(&folder).iter().map(|name| fs::read(folder.join(name)).unwrap()).collect();
    contents.push(chart.stdout);
    let key = fs::read_to_string(workspace.path("key.pem")).unwrap();
    let lines: Vec<&str> = key.lines().filter(|line| !line.starts_with('-')).collect();
    assert!(!lines.is_empty());
    for line in lines {
        let holds = |text: &Vec<u8>| text.windows(line.len()).any(|window| window == line.as_bytes());
        assert!(!contents.iter().any(holds));
    }
    // And the script sees to it: a file of the source that contains the key is not signed.
    workspace.change("deploy/operator.yaml", |text| text + &key);
    workspace.commit();
    let output = workspace.release(VERSION, "key.pem", "leak");
    assert!(complaint(&output).contains("contains the private key"), "{}", complaint(&output));
    assert!(!workspace.path("leak/SHA256SUMS.sig").exists());
}

#[test]
fn what_is_not_that_version_is_not_released() {
    let Some(workspace) = Workshop::new() else { return };
    assert!(workspace.refusal("9.9.9", "key.pem").contains("Cargo.toml"));
    assert!(workspace.refusal("latest", "key.pem").contains("is no version"));
    workspace.git(&["tag", &format!("v{VERSION}")]);
    for (file, from, to, complaint) in [
        ("charts/mtls-operator/Chart.yaml", "\nversion: ", "\nversion: 9", "version in charts"),
        ("charts/mtls-operator/Chart.yaml", "appVersion: ", "appVersion: 9", "appVersion in charts"),
        ("CHANGELOG.md", "] - 2026-01-31", "]", "CHANGELOG.md has no heading"),
        ("rust-toolchain.toml", "channel = \"1", "channel = \"0.1", "is not the pinned"),
        ("deploy/operator.yaml", "apiVersion", "apiVersion", "is another commit"),
    ] {
        workspace.change(file, |text| text.replace(from, to) + "\n");
        let refusal = workspace.refusal(VERSION, "key.pem");
        assert!(refusal.contains("the checkout has changes"), "{refusal}");
        // A tag elsewhere is the last case: before it the tag goes along.
        let is_tagged = file == "deploy/operator.yaml";
        workspace.commit();
        if !is_tagged {
            workspace.git(&["tag", "--force", &format!("v{VERSION}")]);
        }
        let refusal = workspace.refusal(VERSION, "key.pem");
        assert!(refusal.contains(complaint), "{file}: {refusal}");
        workspace.git(&["reset", "--hard", "--quiet", "HEAD~1"]);
        if !is_tagged {
            workspace.git(&["tag", "--force", &format!("v{VERSION}")]);
        }
    }
}

#[test]
fn a_key_that_could_leak_or_is_of_another_kind_signs_nothing() {
    let Some(workspace) = Workshop::new() else { return };
    let wrong = workspace.path("ed25519.pem");
    success(Command::new("openssl").args(["genpkey", "-algorithm", "ed25519", "-out"]).arg(wrong));
    assert!(workspace.refusal(VERSION, "ed25519.pem").contains("is no ECDSA key"));
    assert!(workspace.refusal(VERSION, "none.pem").contains("cannot read the key"));
    fs::create_dir(workspace.checkout().join("target")).unwrap();
    fs::copy(workspace.path("key.pem"), workspace.path("checkout/target/key.pem")).unwrap();
    assert!(workspace.refusal(VERSION, "checkout/target/key.pem").contains("lies in the checkout"));
}

#[test]
fn the_pinned_compiler_is_the_one_that_the_packages_ask_for() {
    let pin = fs::read_to_string(format!("{PACKAGE}/rust-toolchain.toml")).unwrap();
    let asked = env!("CARGO_PKG_RUST_VERSION");
    assert!(pin.contains(&format!("channel = \"{asked}.")), "rust-toolchain.toml names another than {asked}");
}

#[test]
fn the_chart_names_the_versions_of_kubernetes_that_are_tested() {
    let readme = fs::read_to_string(format!("{PACKAGE}/charts/mtls-operator/README.md")).unwrap();
    let modules = fs::read_dir(format!("{PACKAGE}/tests/devcluster")).unwrap();
    let modules = modules.map(|entry| entry.unwrap().path().join("go.mod"));
    let texts: Vec<String> = modules.filter_map(|path| fs::read_to_string(path).ok()).collect();
    let versions: Vec<&str> = texts
        .iter()
        .filter_map(|text| text.split_once("k8s.io/kubernetes v")?.1.split_whitespace().next())
        .collect();
    assert!(versions.len() > 1, "{versions:?}");
    for version in versions {
        assert!(readme.contains(version), "it does not name {version}");
    }
}
