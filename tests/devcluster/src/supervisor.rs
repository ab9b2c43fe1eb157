//! The supervisor of a cluster: when the process that holds it ends, in whatever way, the cluster's processes and files go.
//!
//! The supervisor is a shell in a process group of its own (Ctrl-C does not reach it) whose standard input is a pipe
//! from us. The kernel closes that pipe however we die, and the shell then kills its children and removes the folder.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use crate::Error;
use crate::process::output;

const SCRIPT: &str = include_str!("supervisor.sh");

/// The process that owns all others of one cluster.
pub(crate) struct Supervisor {
    shell: Child,
    requests: ChildStdin,
    replies: BufReader<ChildStdout>,
}

impl Supervisor {
    /// Starts a supervisor that makes `folder`, which must not exist, and removes it in the end.
    pub(crate) fn start(folder: &Path) -> Result<Self, Error> {
        let mut shell = shell(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .map_err(|source| Error::Spawn { command: "sh".into(), source })?;
        let (Some(requests), Some(replies)) = (shell.stdin.take(), shell.stdout.take()) else {
            return Err(Error::Supervisor("has no pipes".into()));
        };
        let mut supervisor = Self { shell, requests, replies: BufReader::new(replies) };
        supervisor.reply()?;
        Ok(supervisor)
    }

    /// Runs `<folder>/run/<name>` as a child of the supervisor; returns its pid.
    pub(crate) fn start_component(&mut self, name: &str) -> Result<u32, Error> {
        let reply = self.ask(&format!("start {name}"))?;
        reply.parse().map_err(|_| Error::Supervisor(format!("gave {reply:?} for the pid of {name}")))
    }

    /// Kills the component and returns when it has ended.
    pub(crate) fn stop_component(&mut self, name: &str) -> Result<(), Error> {
        self.ask(&format!("stop {name}")).map(drop)
    }

    /// Lets the cluster live on without us; returns the supervisor's pid.
    pub(crate) fn detach(mut self) -> Result<u32, Error> {
        self.ask("detach")?;
        Ok(self.shell.id())
    }

    /// Ends the cluster and returns when nothing of it is left.
    pub(crate) fn end(mut self) -> Result<(), Error> {
        // A supervisor that has already gone is what we want.
        let _ = writeln!(self.requests, "quit");
        let _ = self.replies.read_to_end(&mut Vec::new());
        self.shell.wait().map_err(|error| Error::Supervisor(format!("cannot be waited for: {error}")))?;
        Ok(())
    }

    fn ask(&mut self, request: &str) -> Result<String, Error> {
        writeln!(self.requests, "{request}")
            .map_err(|error| Error::Supervisor(format!("has gone: {error}")))?;
        self.reply()
    }

    fn reply(&mut self) -> Result<String, Error> {
        let mut line = String::new();
        self.replies
            .read_line(&mut line)
            .map_err(|error| Error::Supervisor(format!("cannot be heard: {error}")))?;
        match line.trim_end().split_once(' ').unwrap_or((line.trim_end(), "")) {
            ("ok", rest) => Ok(rest.to_owned()),
            ("refused", why) => Err(Error::Supervisor(format!("refused: {why}"))),
            _ => Err(Error::Supervisor("ended without an answer".into())),
        }
    }
}

/// Removes what a supervisor left that was itself killed; nothing where it could do so.
pub(crate) fn remove_remains(folder: &Path) -> Result<(), Error> {
    if folder.exists() {
        output(shell(folder).arg("remains").stdin(Stdio::null()))?;
    }
    if folder.exists() {
        return Err(Error::Supervisor(format!("was killed, and {} cannot be removed", folder.display())));
    }
    Ok(())
}

fn shell(folder: &Path) -> Command {
    let mut command = Command::new("sh");
    command
        // By the environment, so that a list of processes shows a name and not a program.
        .env("SUPERVISOR", SCRIPT)
        .args(["-c", r#"eval "$SUPERVISOR""#, "devcluster-supervisor"])
        // The slash keeps `…-1` from passing for `…-10` when processes are told apart by it.
        .arg(format!("{}/", folder.display()));
    command
}

/// Whether the process still runs; one that has ended and was not waited for does not.
pub(crate) fn is_running(pid: u32) -> bool {
    let Ok(stat) = fs::read_to_string(format!("/proc/{pid}/stat")) else { return false };
    // The state follows the name, which is in parentheses and may itself hold any character.
    stat.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with(['Z', 'X']))
}
