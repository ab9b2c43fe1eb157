//! A control group whose processes get no more than so much memory, and no swap.
//!
//! It goes with this value, and what is in it, also where the test is killed. Both versions of control groups are provided for; only the first has been tried.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

/// What the files of a version are called.
struct Files {
    limit: &'static str,
    /// The same with swap.
    swap: &'static str,
    peak: &'static str,
    /// Has a line `oom_kill` with the number of processes that were killed.
    kills: &'static str,
    /// The word in `memory.stat` for what cannot be given back: all but the pages of files.
    anonymous: &'static str,
}

const FIRST: Files = Files {
    limit: "memory.limit_in_bytes",
    swap: "memory.memsw.limit_in_bytes",
    peak: "memory.max_usage_in_bytes",
    kills: "memory.oom_control",
    anonymous: "total_rss",
};
const SECOND: Files = Files {
    limit: "memory.max",
    swap: "memory.swap.max",
    peak: "memory.peak",
    kills: "memory.events",
    anonymous: "anon",
};

const HIERARCHY: &str = "/sys/fs/cgroup";

/// Removes the group when its standard input ends. A group is busy for a moment after its last process has ended.
const GUARD: &str = r#"trap '' INT TERM HUP; read -r _; for _ in $(seq 100); do
    for process in $(cat "$0"/cgroup.procs); do kill -KILL "$process"; done
    rmdir "$0" && exit; sleep 0.05
done"#;

/// The group.
pub struct ControlGroup {
    path: PathBuf,
    files: &'static Files,
    guard: Child,
}

impl ControlGroup {
    /// A group with this limit in octets.
    ///
    /// # Errors
    /// A sentence, where there can be none.
    pub fn new(limit: u64) -> Result<Self, String> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let (root, files) = root()?;
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = root.join(format!("mtls-operator-bounded-{}-{number}", std::process::id()));
        fs::create_dir(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        let mut guard = Command::new("sh");
        guard
            .args(["-c", GUARD])
            .arg(&path)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let group = Self { guard: guard.spawn().map_err(|error| format!("sh: {error}"))?, path, files };
        group.set_limit(limit).map_err(|error| format!("{}: {error}", group.path.display()))?;
        Ok(group)
    }

    fn set_limit(&self, limit: u64) -> io::Result<()> {
        fs::write(self.path.join(self.files.limit), limit.to_string())?;
        let swap = self.path.join(self.files.swap);
        // The first version counts memory and swap together, the second apart. Without swap there may be no such file.
        let of_swap = if self.files.swap == FIRST.swap { limit } else { 0 };
        if swap.exists() { fs::write(swap, of_swap.to_string()) } else { Ok(()) }
    }

    /// A command that starts this program in the group: all that it ever takes is counted.
    pub fn command(&self, program: &Path) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", "echo $$ > \"$0\"/cgroup.procs && exec \"$@\""]).arg(&self.path).arg(program);
        command
    }

    /// The most octets that were ever in use, pages of files among them.
    pub fn peak(&self) -> u64 {
        self.read(self.files.peak).trim().parse().unwrap()
    }

    /// Octets in use now, without pages of files.
    pub fn anonymous(&self) -> u64 {
        number(&self.read("memory.stat"), self.files.anonymous)
    }

    /// How many of its processes were killed because there was no memory left.
    pub fn kills(&self) -> u64 {
        number(&self.read(self.files.kills), "oom_kill")
    }

    fn read(&self, file: &str) -> String {
        fs::read_to_string(self.path.join(file)).unwrap()
    }
}

impl Drop for ControlGroup {
    fn drop(&mut self) {
        drop(self.guard.stdin.take());
        let _ = self.guard.wait();
    }
}

/// Where groups are made that limit memory.
fn root() -> Result<(PathBuf, &'static Files), String> {
    let root = Path::new(HIERARCHY);
    if root.join("memory").join(FIRST.limit).exists() {
        return Ok((root.join("memory"), &FIRST));
    }
    let controllers = fs::read_to_string(root.join("cgroup.subtree_control"));
    match controllers {
        Ok(names) if names.split_whitespace().any(|name| name == "memory") => Ok((root.to_owned(), &SECOND)),
        Ok(_) => Err(format!("groups below {HIERARCHY} cannot limit memory")),
        Err(error) => Err(format!("{HIERARCHY}: {error}")),
    }
}

/// The number in the line that begins with this word.
fn number(lines: &str, word: &str) -> u64 {
    let line = lines.lines().find_map(|line| line.strip_prefix(word)?.strip_prefix(' '));
    line.unwrap().trim().parse().unwrap()
}
