//! What a cluster could leave behind, as any user of the machine sees it.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

/// The processes whose command line names the folder.
pub fn processes_of(folder: &Path) -> Vec<u32> {
    let name = folder.to_str().unwrap();
    let pids =
        fs::read_dir("/proc").unwrap().filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    pids.filter(|pid| {
        let command = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        String::from_utf8_lossy(&command).contains(name)
    })
    .collect()
}

/// The namespaces of the folder's processes that are not our own: those of its node.
pub fn namespaces_of(folder: &Path) -> BTreeSet<PathBuf> {
    let of = |pid: &str| {
        let folder = format!("/proc/{pid}/ns");
        ["mnt", "net", "pid", "uts"]
            .map(|kind| fs::read_link(Path::new(&folder).join(kind)).unwrap_or_default())
    };
    let own = of("self");
    let all = processes_of(folder).into_iter().flat_map(|pid| of(&pid.to_string()));
    all.filter(|namespace| !own.contains(namespace) && *namespace != PathBuf::new()).collect()
}

/// What of a node is still there: processes in its namespaces, mounts below its folder, control groups of its name.
pub fn remains_of_node(folder: &Path, namespaces: &BTreeSet<PathBuf>) -> Vec<String> {
    let mut remains = Vec::new();
    for entry in fs::read_dir("/proc").unwrap().filter_map(Result::ok) {
        let process = entry.path();
        let mounts = fs::read_to_string(process.join("mountinfo")).unwrap_or_default();
        if mounts.contains(folder.to_str().unwrap()) {
            remains.push(format!("{} has a mount of it", process.display()));
        }
        for kind in ["mnt", "net", "pid", "uts"] {
            if fs::read_link(process.join("ns").join(kind)).is_ok_and(|found| namespaces.contains(&found)) {
                remains.push(format!("{} is in its {kind} namespace", process.display()));
            }
        }
    }
    let name = folder.file_name().unwrap();
    let groups = fs::read_dir("/sys/fs/cgroup").unwrap().map(|entry| entry.unwrap().path().join(name));
    let groups = groups.chain([Path::new("/sys/fs/cgroup").join(name)]);
    remains.extend(groups.filter(|group| group.exists()).map(|group| group.display().to_string()));
    remains
}

pub fn assert_nothing_remains_of_node(folder: &Path, namespaces: &BTreeSet<PathBuf>) {
    assert!(namespaces.len() >= 4, "a node has namespaces of its own: {namespaces:?}");
    assert_nothing_remains(folder);
    // A process that was killed takes a moment to end.
    for _ in 0..200 {
        if remains_of_node(folder, namespaces).is_empty() {
            return;
        }
        thread::sleep(Duration::from_millis(50));
    }
    panic!("{:#?}", remains_of_node(folder, namespaces));
}

pub fn assert_nothing_remains(folder: &Path) {
    // About ten seconds; a good end takes a fraction of one.
    for _ in 0..200 {
        if !folder.exists() && processes_of(folder).is_empty() {
            return;
        }
        thread::sleep(Duration::from_millis(50));
    }
    panic!("{} exists: {}, processes {:?}", folder.display(), folder.exists(), processes_of(folder));
}
