//! Requirements of a node: whether it can run here is checked before anything is started, and a failure says what to do.

use std::fmt::{self, Display, Formatter};
use std::fs::OpenOptions;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use crate::process::output;

/// What stands in the way of a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Obstacle {
    /// The machine, or the user, is not one that can: nothing to install helps.
    Machine(String),
    /// These Debian packages are missing.
    Packages(Vec<&'static str>),
}

impl Display for Obstacle {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Machine(why) => write!(
                f,
                "there can be no node here: {why}. It takes root on Linux; elsewhere use kind (https://kind.sigs.k8s.io)"
            ),
            Self::Packages(names) => write!(
                f,
                "a node needs programs that are missing: apt-get install --no-install-recommends {}",
                names.join(" ")
            ),
        }
    }
}

/// Programs, and the Debian packages they come from.
const PROGRAMS: [(&str, &str); 9] = [
    ("containerd", "containerd"),
    ("ctr", "containerd"),
    ("runc", "runc"),
    ("nft", "nftables"),
    ("ip", "iproute2"),
    ("nsenter", "util-linux"),
    ("unshare", "util-linux"),
    ("sysctl", "procps"),
    ("socat", "socat"),
];

/// Where Debian and others keep the network plugins.
const PLUGIN_FOLDERS: [&str; 2] = ["/usr/lib/cni", "/opt/cni/bin"];

/// Where programs are that only root runs, and that the `PATH` of a user who became root may lack.
const ROOT_FOLDERS: [&str; 2] = ["/usr/sbin", "/sbin"];

/// What stands in the way of a node on this machine, if anything.
#[must_use]
pub fn obstacle() -> Option<Obstacle> {
    let other = crate::toolchain::node_of_choice().map(Obstacle::Machine);
    other.or_else(not_root).or_else(missing_packages).or_else(not_permitted).or_else(unfit_folder)
}

/// The folder of the network plugins.
pub(crate) fn plugins() -> Option<&'static Path> {
    PLUGIN_FOLDERS.iter().map(Path::new).find(|folder| folder.join("bridge").is_file())
}

/// Where the commands of a node are looked for.
pub(crate) fn search_path() -> Vec<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path).chain(ROOT_FOLDERS.map(PathBuf::from)).collect()
}

fn not_root() -> Option<Obstacle> {
    if !cfg!(target_os = "linux") {
        return Some(Obstacle::Machine(format!("this is {}", env::consts::OS)));
    }
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let user = status.lines().find_map(|line| line.strip_prefix("Uid:")?.split_whitespace().nth(1));
    (user != Some("0")).then(|| Obstacle::Machine("you are not root".into()))
}

fn missing_packages() -> Option<Obstacle> {
    let folders = search_path();
    let is_missing = |program: &str| !folders.iter().any(|folder| folder.join(program).is_file());
    let mut packages: Vec<_> =
        PROGRAMS.iter().filter(|(program, _)| is_missing(program)).map(|(_, package)| *package).collect();
    if plugins().is_none() {
        packages.push("containernetworking-plugins");
    }
    packages.dedup();
    (!packages.is_empty()).then_some(Obstacle::Packages(packages))
}

/// Tries what a container without privileges may not do.
fn not_permitted() -> Option<Obstacle> {
    let trial = "ip link add trial type bridge && mount -t tmpfs tmpfs /run && nft list ruleset";
    let arguments = ["--net", "--mount", "--pid", "--fork", "sh", "-c", trial];
    if let Err(error) = output(Command::new("unshare").args(arguments).env("PATH", joined(&search_path()))) {
        return Some(Obstacle::Machine(format!("this root may not make namespaces and bridges: {error}")));
    }
    let groups = super::cgroups::roots();
    let refused =
        groups.iter().find(|group| OpenOptions::new().write(true).open(group.join("cgroup.procs")).is_err());
    let none = groups.is_empty().then(|| Obstacle::Machine("there are no control groups".into()));
    none.or(refused.map(|group| Obstacle::Machine(format!("{} is read-only", group.display()))))
}

/// The node hides these folders behind its own, and with them a cluster's folder in them.
fn unfit_folder() -> Option<Obstacle> {
    let folder = env::temp_dir();
    super::namespaces::PRIVATE_FOLDERS.iter().find(|hidden| folder.starts_with(hidden)).map(|hidden| {
        Obstacle::Machine(format!(
            "its files would be in {}, and {hidden} is one that it hides: set TMPDIR",
            folder.display()
        ))
    })
}

/// Folders as the value of `PATH`.
pub(crate) fn joined(folders: &[PathBuf]) -> std::ffi::OsString {
    env::join_paths(folders).unwrap_or_default()
}
