//! The image: it depends on the binary alone, holds nothing else, and its bill of materials names everything in it.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, also in what its functions share")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;
use test_support::tools::{require_tool, skip};

const PACKAGE: &str = env!("CARGO_MANIFEST_DIR");

/// This machine's architecture in the words of Kubernetes and of image formats.
fn arch() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}

fn target() -> String {
    format!("{}-unknown-linux-gnu", std::env::consts::ARCH)
}

/// A static program with the operator's name, which is built in a second.
fn stand_in(folder: &Path) -> PathBuf {
    let (source, program) = (folder.join("main.rs"), folder.join("mtls-operator"));
    fs::write(&source, "fn main() {}").unwrap();
    let mut rustc = Command::new("rustc");
    rustc.args(["-C", "target-feature=+crt-static", "--target", &target(), "-o"]).arg(&program).arg(&source);
    assert!(rustc.status().unwrap().success());
    program
}

fn pack(binary: &Path, arch: &str, archive: &Path) -> Output {
    let mut pack = Command::new(format!("{PACKAGE}/deploy/pack.sh"));
    pack.arg(format!("{PACKAGE}/deploy/Dockerfile")).arg(binary);
    pack.args([arch, "localhost/mtls-operator:1.2.3"]).arg(archive).output().unwrap()
}

/// What packing needs, and a folder for it. `None` after a line that says why not.
fn workspace() -> Option<TempDir> {
    require_tool("readelf")?;
    require_tool("buildah")?;
    Some(tempfile::tempdir().unwrap())
}

/// Packs the stand-in twice, in folders of different names.
fn packed(workspace: &TempDir) -> Option<[PathBuf; 2]> {
    let binary = stand_in(workspace.path());
    let archives = ["one", "another"].map(|folder| workspace.path().join(folder).join("image.tar"));
    for archive in &archives {
        let packed = pack(&binary, arch(), archive);
        let why = String::from_utf8_lossy(&packed.stderr).into_owned();
        if !packed.status.success() && why.contains("ermitted") {
            skip("buildah", &format!("may not work here: {}", why.trim()));
            return None;
        }
        assert!(packed.status.success(), "{why}");
    }
    Some(archives)
}

/// A document in the archive: its index, or a blob.
fn document(archive: &Path, path: &str) -> Value {
    let tar = Command::new("tar").arg("-xOf").arg(archive).arg(path).output().unwrap();
    assert!(tar.status.success(), "{}", String::from_utf8_lossy(&tar.stderr));
    serde_json::from_slice(&tar.stdout).unwrap()
}

fn blob(archive: &Path, descriptor: &Value) -> Value {
    document(archive, &format!("./blobs/{}", descriptor["digest"].as_str().unwrap().replace(':', "/")))
}

#[test]
fn the_same_binary_gives_the_same_image_to_the_last_byte() {
    let Some(workspace) = workspace() else { return };
    let Some([one, another]) = packed(&workspace) else { return };
    let digest = |archive| document(archive, "./index.json")["manifests"][0]["digest"].clone();
    assert_eq!(digest(&one), digest(&another));
    assert!(fs::read(one).unwrap() == fs::read(another).unwrap(), "the archives differ beside their images");
}

#[test]
fn the_image_is_one_program_that_runs_as_a_user_without_rights() {
    let Some(workspace) = workspace() else { return };
    let Some([archive, _]) = packed(&workspace) else { return };
    let index = document(&archive, "./index.json");
    let image = blob(&archive, &blob(&archive, &index["manifests"][0])["config"]);
    assert_eq!(image["architecture"], arch());
    assert_eq!(image["created"], "1970-01-01T00:00:00Z");
    assert_eq!(image["config"]["User"], "65532:65532", "by number: the kubelet checks runAsNonRoot");
    assert_eq!(image["config"]["Entrypoint"], serde_json::json!(["/mtls-operator"]));
    assert_eq!(image["config"]["Labels"]["org.opencontainers.image.version"], "1.2.3");
    assert!(
        image["config"]["Labels"]
            .as_object()
            .unwrap()
            .keys()
            .all(|key| key.starts_with("org.opencontainers")),
        "a label names the tool, whose version would change the digest"
    );
    assert_eq!(image["rootfs"]["diff_ids"].as_array().unwrap().len(), 1, "one layer");
    // The two importers look for the name in two places.
    for name in ["io.containerd.image.name", "org.opencontainers.image.ref.name"] {
        assert_eq!(index["manifests"][0]["annotations"][name], "localhost/mtls-operator:1.2.3");
    }
}

#[test]
fn what_could_not_run_in_an_empty_image_is_not_packed() {
    let Some(workspace) = workspace() else { return };
    let archive = workspace.path().join("image.tar");
    let refusal = |binary: &Path, arch: &str| {
        let packed = pack(binary, arch, &archive);
        assert!(!packed.status.success() && !archive.exists());
        String::from_utf8_lossy(&packed.stderr).into_owned()
    };
    let dynamic = Path::new(env!("CARGO_BIN_EXE_mtls-operator"));
    assert!(refusal(dynamic, arch()).contains("is not static"));
    let foreign = if arch() == "amd64" { "arm64" } else { "amd64" };
    assert!(refusal(&stand_in(workspace.path()), foreign).contains("is no program for"));
}

/// The crates that cargo compiles into the operator, by name and version.
fn needed() -> BTreeSet<(String, String)> {
    let tree = ["tree", "--locked", "--offline", "-p", "mtls-operator", "-e", "normal", "--prefix", "none"];
    let tree = Command::new(env!("CARGO")).args(tree).args(["--target", &target()]).output().unwrap();
    assert!(tree.status.success(), "{}", String::from_utf8_lossy(&tree.stderr));
    let text = String::from_utf8(tree.stdout).unwrap();
    let words = |line: &str| {
        let mut words = line.split(' ');
        (words.next().unwrap().to_owned(), words.next().unwrap().trim_start_matches('v').to_owned())
    };
    text.lines().map(words).collect()
}

fn bill_of_materials() -> String {
    let run = ["run", "--quiet", "--locked", "--offline", "-p", "sbom", "--", "mtls-operator"];
    let sbom = Command::new(env!("CARGO")).args(run).args([&target(), "cc"]).output().unwrap();
    assert!(sbom.status.success(), "{}", String::from_utf8_lossy(&sbom.stderr));
    String::from_utf8(sbom.stdout).unwrap()
}

#[test]
fn the_bill_of_materials_lists_every_crate_of_the_operator_and_its_checksum() {
    let text = bill_of_materials();
    assert_eq!(text, bill_of_materials(), "it depends on more than the source");
    assert!(!text.contains(PACKAGE), "it names a folder of this machine");
    let bill: Value = serde_json::from_str(&text).unwrap();
    let word = |component: &Value, key: &str| component[key].as_str().unwrap().to_owned();
    let components = bill["components"].as_array().unwrap();
    let crates = components.iter().filter(|found| word(found, "purl").starts_with("pkg:cargo/"));
    let crates: Vec<&Value> = crates.chain([&bill["metadata"]["component"]]).collect();
    let listed: BTreeSet<_> =
        crates.iter().map(|found| (word(found, "name"), word(found, "version"))).collect();
    assert_eq!(listed, needed());
    let lock = fs::read_to_string(format!("{PACKAGE}/Cargo.lock")).unwrap();
    for found in crates.iter().filter(|found| found["name"] != "mtls-operator") {
        let checksum = found["hashes"][0]["content"].as_str().unwrap();
        let entry = format!(
            "name = \"{}\"\nversion = \"{}\"\nsource = \"registry+https://github.com/rust-lang/crates.io-index\"\nchecksum = \"{checksum}\"",
            word(found, "name"),
            word(found, "version")
        );
        assert!(lock.contains(&entry), "the lock file knows no such crate: {entry}");
    }
}
