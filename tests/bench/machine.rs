//! Where the figures come from: the machine, the control plane's versions, the commit.

use std::fs;
use std::process::Command;

use mtls_operator::runtime::clock::Clock;
use test_support::installation::succeed;
use test_support::{Failure, REPOSITORY};

use crate::report::run::Origin;

/// That of this run.
pub fn origin() -> Result<Origin, Failure> {
    let memory = fs::read_to_string("/proc/meminfo")?;
    let total = memory.lines().find_map(|line| line.strip_prefix("MemTotal:")).ok_or("no MemTotal")?;
    let kibibytes: usize = total.trim().trim_end_matches(" kB").parse()?;
    let etcd = succeed(Command::new(devcluster::tool("etcd")?).arg("--version"))?;
    let etcd =
        etcd.lines().next().and_then(|line| line.split_whitespace().last()).unwrap_or_default().to_owned();
    let mut git = Command::new("git");
    git.args(["-C", REPOSITORY, "describe", "--always", "--dirty", "--exclude=*"]);
    Ok(Origin {
        cores: std::thread::available_parallelism()?.get(),
        memory_mebibytes: kibibytes / 1024,
        kernel: fs::read_to_string("/proc/sys/kernel/osrelease")?.trim().to_owned(),
        kubernetes: devcluster::kubernetes_version()?.to_owned(),
        etcd,
        commit: succeed(&mut git).map_or_else(|_| "unknown".into(), |commit| commit.trim().to_owned()),
        date: Clock::system().now().strftime("%Y-%m-%dT%H%M%S").to_string(),
    })
}
