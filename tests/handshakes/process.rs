//! Consumers that are programs of their own, in Go and in Java: each reads its files for every connection, as
//! `GetConfigForClient` does on servers in Go.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use test_support::tools::{go, java};

use crate::consumer::Loaded;
use crate::mount::Mount;

/// Builds the program in Go into a folder.
pub fn build_go(folder: &Path) -> Option<PathBuf> {
    go::build("tests/handshakes/go", &folder.join("consumer"))
}

/// The program in Java.
pub fn java(java: &Path) -> Command {
    java::run(java, "tests/handshakes/java/Consumer.java")
}

/// A consumer.
pub struct Process {
    mount: Mount,
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    port: u16,
}

impl Process {
    /// Starts it. Its last argument is the folder with its files.
    pub fn start(command: &mut Command) -> Self {
        let mount = Mount::new();
        let started = command
            .arg(mount.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn();
        let mut child = started.unwrap();
        let (input, output) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let mut started = Self { mount, child, input, output: BufReader::new(output), port: 0 };
        started.port = started.line().parse().unwrap();
        started
    }

    /// Address of its server, which has this in memory.
    pub fn serve(&mut self, loaded: &Loaded) -> String {
        self.mount.deliver(loaded);
        format!("127.0.0.1:{}", self.port)
    }

    /// Connects with this in memory, and has a line reversed.
    pub fn dial(&mut self, loaded: &Loaded, address: &str, name: &str) -> Result<(), String> {
        self.mount.deliver(loaded);
        writeln!(self.input, "{address} {name}").unwrap();
        match self.line() {
            ok if ok == "ok" => Ok(()),
            why => Err(why),
        }
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
