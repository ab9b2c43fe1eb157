//! A consumer in Go, which reads its files for every connection, as `GetConfigForClient` does on servers.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use crate::consumer::Loaded;
use crate::mount::Mount;

/// The consumer.
pub struct Go {
    mount: Mount,
    process: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    port: u16,
}

impl Go {
    /// Builds the program into a folder.
    pub fn build(go: &Path, folder: &Path) -> PathBuf {
        let program = folder.join("consumer");
        let build = Command::new(go)
            .args(["build", "-o"])
            .arg(&program)
            .arg(".")
            .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/handshakes/go"))
            .envs([("GOTOOLCHAIN", "local"), ("GOPROXY", "off"), ("CGO_ENABLED", "0")])
            .output()
            .unwrap();
        assert!(build.status.success(), "{}", String::from_utf8_lossy(&build.stderr));
        program
    }

    /// Starts it.
    pub fn start(program: &Path) -> Self {
        let mount = Mount::new();
        let started = Command::new(program)
            .arg(mount.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn();
        let mut process = started.unwrap();
        let (input, output) = (process.stdin.take().unwrap(), process.stdout.take().unwrap());
        let mut go = Self { mount, process, input, output: BufReader::new(output), port: 0 };
        go.port = go.line().parse().unwrap();
        go
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

impl Drop for Go {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
