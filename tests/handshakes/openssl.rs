//! A consumer with OpenSSL. Its client reads the files for every connection; its server reads them once, and is
//! started anew when they have changed, as what reads only at start must be.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use crate::consumer::Loaded;
use crate::mount::Mount;
use crate::rustls_consumer::{ANSWER, PATIENCE, QUESTION};

/// The consumer.
pub struct OpenSsl {
    program: PathBuf,
    mount: Mount,
    server: Option<Server>,
}

impl OpenSsl {
    /// A consumer with this `openssl`.
    pub fn new(program: PathBuf) -> Self {
        Self { program, mount: Mount::new(), server: None }
    }

    /// Address of its server, which has this in memory.
    pub fn serve(&mut self, loaded: &Loaded) -> String {
        self.load(loaded);
        let server = self.server.get_or_insert_with(|| Server::start(&self.program, &self.mount));
        format!("127.0.0.1:{}", server.port)
    }

    /// Connects with this in memory, and has a line reversed.
    pub fn dial(&mut self, loaded: &Loaded, address: &str, name: &str) -> Result<(), String> {
        self.load(loaded);
        let mut client = Command::new("timeout");
        client.arg(PATIENCE.as_secs().to_string()).arg(&self.program);
        client.args([
            "s_client",
            "-connect",
            address,
            "-verify_hostname",
            name,
            "-servername",
            name,
            "-brief",
        ]);
        let mut client = with_files(&mut client, &self.mount).stdin(Stdio::piped()).spawn().unwrap();
        let mut input = client.stdin.take().unwrap();
        // It fails where the server has already hung up, which is what the answer then shows.
        let _ = writeln!(input, "{QUESTION}");
        let mut answer = String::new();
        let _ = BufReader::new(client.stdout.take().unwrap()).read_line(&mut answer);
        // Only now: the client leaves when its input ends.
        drop(input);
        let said = client.wait_with_output().unwrap().stderr;
        let is_answer = answer.trim_end() == ANSWER;
        if is_answer { Ok(()) } else { Err(String::from_utf8_lossy(&said).replace('\n', " ")) }
    }

    fn load(&mut self, loaded: &Loaded) {
        if self.mount.deliver(loaded) {
            self.server = None;
        }
    }
}

fn with_files<'a>(command: &'a mut Command, mount: &Mount) -> &'a mut Command {
    command.args(["-cert", "tls.crt", "-key", "tls.key", "-CAfile", "ca.crt", "-verify_return_error"]);
    if mount.path().join("above.crt").metadata().unwrap().len() > 0 {
        command.args(["-cert_chain", "above.crt"]);
    }
    command.current_dir(mount.path()).stdout(Stdio::piped()).stderr(Stdio::piped())
}

/// A server that reverses each line.
struct Server {
    process: Child,
    port: u16,
}

impl Server {
    fn start(openssl: &PathBuf, mount: &Mount) -> Self {
        let mut server = Command::new(openssl);
        server.args(["s_server", "-accept", "127.0.0.1:0", "-rev", "-Verify", "5"]);
        let server = with_files(&mut server, mount).stdin(Stdio::null()).stderr(Stdio::null());
        let mut process = server.spawn().unwrap();
        let mut output = BufReader::new(process.stdout.take().unwrap()).lines().map_while(Result::ok);
        let port = output.find_map(|line| line.strip_prefix("ACCEPT 127.0.0.1:")?.trim().parse().ok());
        // Read on: a server that cannot write its output waits for ever.
        std::thread::spawn(move || output.for_each(drop));
        Self { process, port: port.expect("s_server says where it listens") }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
