//! Foreign programs that run: servers that say where they listen, and clients that pass a line on and print what comes
//! back. None outlives its value, and none is waited for without end.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// Longest that a foreign client may take.
pub const PATIENCE: Duration = Duration::from_mins(1);

/// A program that is ended if it takes too long.
pub fn limited(program: &Path) -> Command {
    let mut command = Command::new("timeout");
    command.arg(PATIENCE.as_secs().to_string()).arg(program);
    command
}

/// A server on loopback. It ends with this value.
pub struct Server {
    process: Child,
    /// Where it listens.
    pub port: u16,
    said: Option<JoinHandle<String>>,
}

impl Server {
    /// Starts a server that says where it listens in a line that begins so.
    pub fn start(command: &mut Command, line: &str) -> Self {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut process = command.spawn().unwrap();
        let mut output = BufReader::new(process.stdout.take().unwrap()).lines().map_while(Result::ok);
        let port = output.find_map(|said| said.strip_prefix(line)?.trim().parse().ok());
        // Read on: a server that cannot write its output waits for ever, or ends.
        thread::spawn(move || output.for_each(drop));
        let mut errors = process.stderr.take().unwrap();
        let said = thread::spawn(move || {
            let mut said = Vec::new();
            let _ = errors.read_to_end(&mut said);
            String::from_utf8_lossy(&said).into_owned()
        });
        Self { process, port: port.expect("a server says where it listens"), said: Some(said) }
    }

    /// Its address.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// What it said on its standard error, once it has ended by itself.
    pub fn finish(mut self) -> String {
        self.process.wait().unwrap();
        self.said.take().unwrap().join().unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// What a client made of a line.
pub struct Dialog {
    /// Whether the answer came back.
    pub is_answered: bool,
    /// What it printed, up to the answer.
    pub lines: Vec<String>,
    /// What it said on its standard error.
    pub errors: String,
}

/// Has a client pass a line on, and waits for this answer.
pub fn ask(client: &mut Command, question: &str, answer: &str) -> Dialog {
    client.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut client = client.spawn().unwrap();
    let mut input = client.stdin.take().unwrap();
    // It fails where the other side has already hung up, which is what the answer then shows.
    let _ = writeln!(input, "{question}");
    let printed = BufReader::new(client.stdout.take().unwrap()).lines().map_while(Result::ok);
    let mut lines = Vec::new();
    let is_answered = printed.inspect(|line| lines.push(line.clone())).any(|line| line.trim_end() == answer);
    // Only now: the client leaves when its input ends.
    drop(input);
    let errors = client.wait_with_output().unwrap().stderr;
    Dialog { is_answered, lines, errors: String::from_utf8_lossy(&errors).into_owned() }
}
