//! Scripts of components: each becomes the component by `exec`, so that the supervisor's child is the component itself.

use std::fmt::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::node::requirements::{joined, search_path};
use crate::{Error, file};

/// Where a component runs.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Place {
    /// Where the cluster's holder runs.
    Here,
    /// In the network of the jail with this first process; all else as here.
    Network(u32),
    /// In all namespaces of the jail with this first process.
    Namespaces(u32),
}

impl Place {
    /// The words before a command that is to run there.
    fn entry(self) -> Vec<String> {
        let (pid, namespaces): (u32, &[&str]) = match self {
            Self::Here => return Vec::new(),
            Self::Network(pid) => (pid, &["--net"]),
            Self::Namespaces(pid) => (pid, &["--net", "--mount", "--uts", "--pid"]),
        };
        let front = ["nsenter".into(), format!("--target={pid}")];
        front.into_iter().chain(namespaces.iter().map(ToString::to_string)).chain(["--".into()]).collect()
    }

    /// A command that runs there, whose program is one that root finds.
    pub(crate) fn command(self, program: &str) -> Command {
        let words: Vec<String> = self.entry().into_iter().chain([program.to_owned()]).collect();
        let mut command = Command::new(&words[0]);
        command.args(&words[1..]).stdin(Stdio::null()).env("PATH", joined(&search_path()));
        command
    }
}

/// `setpriv` ends the component with the supervisor, should even that be killed. (The signal comes when the *thread* that
/// started the component ends: safe here, since a shell has only one.)
const LEASH: [&str; 4] = ["setpriv", "--pdeathsig", "KILL", "--"];

/// Writes `<folder>/run/<name>`, for the supervisor to run.
pub(crate) fn write(
    folder: &Path,
    name: &str,
    place: Place,
    program: &Path,
    flags: &[String],
) -> Result<(), Error> {
    file::write(&folder.join("run").join(name), &text(place, program, flags))
}

fn text(place: Place, program: &Path, flags: &[String]) -> String {
    let mut words: Vec<String> = LEASH.map(String::from).into();
    words.extend(place.entry());
    let mut script = String::new();
    if matches!(place, Place::Namespaces(_)) {
        // Entering a pid namespace takes a second process, which needs a death signal of its own.
        words.extend(LEASH.map(String::from));
        // The supervisor's own umask would keep containers' users out of their file systems.
        script.push_str("umask 022\n");
    }
    words.push(program.display().to_string());
    script.push_str("exec");
    for word in words {
        let _ = write!(script, " {}", quoted(&word));
    }
    for flag in flags {
        let _ = write!(script, " \\\n    {}", quoted(flag));
    }
    script.push('\n');
    script
}

fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quote_in_a_path_stays_a_quote() {
        assert_eq!(quoted("it's"), r"'it'\''s'");
    }

    #[test]
    fn a_process_in_a_jail_ends_with_the_supervisor_at_both_ends() {
        let signals = |place| text(place, Path::new("kubelet"), &[]).matches("'--pdeathsig'").count();
        assert_eq!(
            [signals(Place::Here), signals(Place::Network(7)), signals(Place::Namespaces(7))],
            [1, 1, 2]
        );
    }
}
