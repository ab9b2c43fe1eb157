//! Namespaces of a node: all that it does to a machine happens in them, and ends with their first process.
//!
//! Mounts, network devices, rules and every process of every container are in the jail: when its first process is
//! killed, the kernel drops them. Nothing has a name outside by which it could be left behind.

use std::fs;
use std::path::Path;
use std::time::Duration;

use crate::process::{output, poll};
use crate::script::{self, Place};
use crate::{Error, supervisor, toolchain};

/// Folders that are the node's own inside, so that containerd, kubelet and the network plugins use their default paths.
pub(crate) const PRIVATE_FOLDERS: [&str; 3] = ["/run", "/var/lib", "/var/log"];

/// The namespaces of one node.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Namespaces {
    /// Its first process, as a pid outside.
    init: u32,
}

/// Writes the script that makes the namespaces; its process only waits for the first one inside.
pub(crate) fn write_script(folder: &Path) -> Result<(), Error> {
    let unshare = ["--mount", "--net", "--uts", "--pid", "--fork", "--kill-child=KILL", "--mount-proc", "--"];
    let mut words: Vec<String> = unshare.map(String::from).into();
    words.push(toolchain::tool("pause")?.display().to_string());
    // Not used: it shows in a list of processes to which cluster the jail belongs.
    words.push(folder.display().to_string());
    script::write(folder, "jail", Place::Here, Path::new("unshare"), &words)
}

impl Namespaces {
    /// The jail that the process `front` makes, once it is there.
    pub(crate) fn behind(front: u32) -> Result<Self, Error> {
        let init = poll(Duration::from_secs(30), || Ok(first_process(front)))?;
        init.map(|init| Self { init }).ok_or_else(|| Error::Supervisor("cannot make namespaces".into()))
    }

    /// The jail of the cluster in `folder`.
    pub(crate) fn of(folder: &Path) -> Result<Self, Error> {
        let front = fs::read_to_string(folder.join("run/jail.pid")).map_err(|_| Error::NoNode)?;
        Self::behind(front.trim().parse().map_err(|_| Error::NoNode)?)
    }

    /// Where the control plane runs: in the node's network only.
    pub(crate) fn network(self) -> Place {
        Place::Network(self.init)
    }

    /// Where containerd and the kubelet run.
    pub(crate) fn inside(self) -> Place {
        Place::Namespaces(self.init)
    }

    /// Hides the machine's [`PRIVATE_FOLDERS`] behind folders below `folder`, which must be on a disk: containers'
    /// file systems are in it.
    pub(crate) fn mount(self, folder: &Path) -> Result<(), Error> {
        for (from, to) in [("lib", "/var/lib"), ("log", "/var/log")] {
            let from = folder.join(from);
            fs::create_dir_all(&from).map_err(Error::file("make", &from))?;
            self.run(&["mount", "--bind", &from.to_string_lossy(), to])?;
        }
        self.run(&["mount", "-t", "tmpfs", "tmpfs", "/run"])
    }

    /// Runs a command inside.
    pub(crate) fn run(self, words: &[&str]) -> Result<(), Error> {
        output(self.inside().command(words[0]).args(&words[1..])).map(drop)
    }

    /// Whether a process listens on the port in the jail's network.
    pub(crate) fn listens(self, port: u16) -> bool {
        crate::ports::is_open(&self.init.to_string(), port)
    }
}

/// The only child of `front`, once it has become the program that stays.
fn first_process(front: u32) -> Option<u32> {
    let children = fs::read_to_string(format!("/proc/{front}/task/{front}/children")).ok()?;
    let init = children.split_whitespace().next()?.parse().ok()?;
    let name = fs::read_to_string(format!("/proc/{init}/comm")).ok()?;
    (name.trim_end() == "pause" && supervisor::is_running(init)).then_some(init)
}
