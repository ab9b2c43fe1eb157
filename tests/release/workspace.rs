//! A checkout that may be released, with stand-ins for the steps that take minutes; the script in it is the real one.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

use crate::{PACKAGE, VERSION};
use test_support::markdown::block;
use test_support::tools::require_tool;

/// The files of the repository that a release needs.
const SOURCES: [&str; 4] = ["Cargo.toml", "charts", "deploy/release.sh", "deploy/operator.yaml"];

/// Writes the files of `make image`: an archive with the digest in its index, and a bill of materials.
const STAND_IN: &str = "image:
\tmkdir -p target/image
\techo '{\"manifests\":[{\"digest\":\"sha256:'$$(printf $(ARCH) | sha256sum | cut -d ' ' -f 1)'\"}]}' > target/image/index.json
\ttar --mtime=@0 -C target/image -cf target/image/mtls-operator-$(ARCH).tar ./index.json
\techo '{}' > target/image/mtls-operator-$(ARCH).cdx.json
";

/// A folder with a clean checkout that may be released, and the key of a release beside it.
pub struct Workshop(TempDir);

impl Workshop {
    /// `None` after a line that says what is missing here.
    pub fn new() -> Option<Self> {
        for tool in ["git", "openssl", "make"] {
            require_tool(tool)?;
        }
        let workspace = Self(tempfile::tempdir().unwrap());
        let checkout = workspace.checkout();
        fs::create_dir_all(checkout.join("deploy")).unwrap();
        for source in SOURCES {
            let (from, to) = (Path::new(PACKAGE).join(source), checkout.join(source));
            success(Command::new("cp").arg("-r").args([from, to]));
        }
        fs::write(checkout.join("Makefile"), STAND_IN).unwrap();
        fs::write(checkout.join(".gitignore"), "/target\n").unwrap();
        fs::write(checkout.join("CHANGELOG.md"), format!("## [{VERSION}] - 2026-01-31\n")).unwrap();
        fs::write(
            checkout.join("rust-toolchain.toml"),
            format!("[toolchain]\nchannel = \"{}\"\n", compiler()),
        )
        .unwrap();
        workspace.git(&["init", "--quiet"]);
        workspace.commit();
        let key = workspace.path("key.pem");
        let curve = ["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out"];
        success(Command::new("openssl").args(curve).arg(key));
        Some(workspace)
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub fn checkout(&self) -> PathBuf {
        self.path("checkout")
    }

    pub fn git(&self, arguments: &[&str]) {
        let who = ["-c", "user.name=Test", "-c", "user.email=test@example.com", "-c", "commit.gpgsign=false"];
        success(Command::new("git").args(who).args(arguments).current_dir(self.checkout()));
    }

    pub fn commit(&self) {
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "--message", "A state"]);
    }

    pub fn change(&self, file: &str, change: impl FnOnce(String) -> String) {
        let path = self.checkout().join(file);
        fs::write(&path, change(fs::read_to_string(&path).unwrap())).unwrap();
    }

    /// Runs the script for a version, with a key, into a folder beside the checkout.
    pub fn release(&self, version: &str, key: &str, folder: &str) -> Output {
        let mut release = Command::new(self.checkout().join("deploy/release.sh"));
        release.arg(version).args([self.path(key), self.path(folder)]);
        release.env("HELM", devcluster::tool("helm").unwrap()).output().unwrap()
    }

    pub fn released(&self, folder: &str) -> PathBuf {
        let output = self.release(VERSION, "key.pem", folder);
        assert!(output.status.success(), "{}", complaint(&output));
        self.path(folder)
    }

    /// Why nothing is released.
    pub fn refusal(&self, version: &str, key: &str) -> String {
        let output = self.release(version, key, "refused");
        assert!(!output.status.success(), "it was released");
        assert!(!self.path("refused").exists(), "it began before it had checked all");
        complaint(&output)
    }

    /// Whether the commands of docs/releasing.md accept the folder.
    pub fn verifies(&self, folder: &Path) -> bool {
        let (key, public) = (self.path("key.pem"), self.path("release.pub"));
        success(Command::new("openssl").args(["pkey", "-pubout", "-in"]).arg(key).arg("-out").arg(&public));
        let commands = block("docs/releasing.md", "Verify a release", "sha256sum");
        let commands = commands.with("release.pub", public.to_str().unwrap());
        let mut shell = Command::new("bash");
        shell.args(["-euc", &commands]).current_dir(folder).output().unwrap().status.success()
    }
}

/// The version of the compiler here, which need not be the pinned one.
fn compiler() -> String {
    let version = Command::new("rustc").arg("--version").current_dir(PACKAGE).output().unwrap();
    String::from_utf8(version.stdout).unwrap().split(' ').nth(1).unwrap().to_owned()
}

pub fn complaint(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

pub fn success(command: &mut Command) {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", complaint(&output));
}

pub fn files(folder: &Path) -> BTreeSet<String> {
    fs::read_dir(folder).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap()).collect()
}
