//! Control groups of a node: all lie below groups with its own name, which are written down before they are made.
//!
//! Both versions of control groups are provided for; only the first, with the second beside it, has been tried.

use std::fs;
use std::path::{Path, PathBuf};

use crate::{Error, file};

const HIERARCHY: &str = "/sys/fs/cgroup";
/// Without a value of its own, a group of this controller takes no process.
const INHERITED: [&str; 2] = ["cpuset.mems", "cpuset.cpus"];

/// Makes the groups `<root>/<name>`. The supervisor removes those that `<folder>/cgroups` names.
pub(crate) fn create(folder: &Path, name: &str) -> Result<(), Error> {
    let groups: Vec<PathBuf> = roots().iter().map(|root| root.join(name)).collect();
    let list: Vec<_> = groups.iter().map(|group| group.display().to_string()).collect();
    file::write(&folder.join("cgroups"), &format!("{}\n", list.join("\n")))?;
    groups.iter().try_for_each(|group| create_one(group))
}

fn create_one(group: &Path) -> Result<(), Error> {
    fs::create_dir(group).map_err(Error::file("make", group))?;
    let Some(root) = group.parent() else { return Ok(()) };
    for setting in INHERITED {
        // Only the first version of control groups has it, in one of its hierarchies.
        let Ok(value) = fs::read_to_string(root.join(setting)) else { continue };
        let path = group.join(setting);
        if path.exists() {
            fs::write(&path, value).map_err(Error::file("write", &path))?;
        }
    }
    Ok(())
}

/// One in the second version of control groups, one a controller in the first (and the second's beside them).
pub(crate) fn roots() -> Vec<PathBuf> {
    let hierarchy = Path::new(HIERARCHY);
    if hierarchy.join("cgroup.controllers").exists() {
        return vec![hierarchy.to_owned()];
    }
    let Ok(entries) = fs::read_dir(hierarchy) else { return Vec::new() };
    // Links are second names of a hierarchy.
    entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| !path.is_symlink() && path.join("cgroup.procs").exists())
        .collect()
}
