//! OpenSSL: strict path validation in both roles, the key as a file, and a mutual handshake between two processes.

use std::io::{BufRead, BufReader, Read as _, Write as _};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use mtls_operator::pki::CommonName;
use test_support::tools::authorities::VERSION_1;
use test_support::tools::require_tool;

use crate::cases::{Case, NAME, SUITE, WRONG_NAME};

/// What the client sends, and what the server makes of it.
const QUESTION: &str = "mutual trust";
const ANSWER: &str = "tsurt lautum";

const VERIFY: [&str; 4] = ["verify", "-check_ss_sig", "-untrusted", "tls.crt"];

fn verify(openssl: &Path, case: &Case, arguments: &[&str]) -> Output {
    let strict: &[&str] = if case.name.starts_with(VERSION_1) { &[] } else { &["-x509_strict"] };
    case.run(openssl, &[&VERIFY[..], strict, arguments, &["tls.crt"]].concat())
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&[&output.stdout[..], &output.stderr].concat()).into_owned()
}

#[test]
fn openssl_accepts_every_leaf_in_both_roles() {
    let Some(openssl) = require_tool("openssl") else { return };
    for case in &SUITE.cases {
        for purpose in ["sslserver", "sslclient"] {
            let arguments = ["-CAfile", "ca.crt", "-purpose", purpose, "-verify_hostname", NAME];
            let output = verify(&openssl, case, &arguments);
            assert!(output.status.success(), "{} {purpose}: {}", case.name, text(&output));
        }
    }
}

/// RFC 2253 is what databases and brokers make of a subject.
#[test]
fn openssl_prints_the_subject_as_it_is_documented() {
    let Some(openssl) = require_tool("openssl") else { return };
    for case in &SUITE.cases {
        let subject = ["x509", "-in", "tls.crt", "-noout", "-subject", "-nameopt", "RFC2253"];
        let expected = match case.common_name() {
            CommonName::None => "subject=",
            CommonName::ServiceAccount => "subject=CN=cart.shop,O=cluster.local",
        };
        assert_eq!(text(&case.run(&openssl, &subject)).trim(), expected, "{}", case.name);
    }
}

#[test]
fn openssl_refuses_a_wrong_root_a_wrong_name_and_an_expired_leaf() {
    let Some(openssl) = require_tool("openssl") else { return };
    let later = SUITE.after_expiry().as_second().to_string();
    for case in &SUITE.cases {
        let wrong = [
            (["-CAfile", "other.crt", "-verify_hostname", NAME, "-purpose", "sslserver"], "unable to get"),
            (
                ["-CAfile", "ca.crt", "-verify_hostname", WRONG_NAME, "-purpose", "sslserver"],
                "hostname mismatch",
            ),
            (["-CAfile", "ca.crt", "-attime", &later, "-purpose", "sslclient"], "certificate has expired"),
        ];
        for (arguments, reason) in wrong {
            let output = verify(&openssl, case, &arguments);
            assert!(
                !output.status.success() && text(&output).contains(reason),
                "{}: {}",
                case.name,
                text(&output)
            );
        }
    }
}

#[test]
fn openssl_reads_every_key_and_finds_it_in_the_certificate() {
    let Some(openssl) = require_tool("openssl") else { return };
    for case in &SUITE.cases {
        let of_key = case.run(&openssl, &["pkey", "-in", "tls.key", "-pubout"]);
        let of_certificate = case.run(&openssl, &["x509", "-in", "tls.crt", "-noout", "-pubkey"]);
        assert!(of_key.status.success(), "{}: {}", case.name, text(&of_key));
        assert_eq!(of_key.stdout, of_certificate.stdout, "{}", case.name);
    }
}

#[test]
fn openssl_shakes_hands_with_itself_both_sides_authenticated() {
    let Some(openssl) = require_tool("openssl") else { return };
    let identity = ["-cert", "tls.crt", "-key", "tls.key", "-cert_chain", "tls.crt"];
    for case in &SUITE.cases {
        for version in ["-tls1_3", "-tls1_2"] {
            let server = Server::start(&openssl, case);
            let output = connect(&openssl, case, server.port, &[&identity[..], &[version]].concat());
            let log = server.finish();
            assert!(output.contains(ANSWER), "{} {version}: no answer\n{output}\n{log}", case.name);
        }
    }
}

#[test]
fn openssl_lets_nobody_in_without_a_certificate() {
    let Some(openssl) = require_tool("openssl") else { return };
    let case = &SUITE.cases[0];
    let server = Server::start(&openssl, case);
    let output = connect(&openssl, case, server.port, &["-tls1_3"]);
    let log = server.finish();
    assert!(!output.contains(ANSWER), "{output}");
    assert!(log.contains("peer did not return a certificate"), "{log}");
}

/// Sends a line and gives all that came back.
fn connect(openssl: &Path, case: &Case, port: u16, arguments: &[&str]) -> String {
    let address = format!("127.0.0.1:{port}");
    let mut client = Command::new(openssl)
        .args(["s_client", "-connect", &address, "-CAfile", "ca.crt", "-verify_return_error"])
        .args(["-verify_hostname", NAME, "-brief"])
        .args(arguments)
        .current_dir(&case.folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = client.stdin.take().unwrap();
    // It fails where the server has already hung up, which is what the answer then shows.
    let _ = writeln!(input, "{QUESTION}");
    let mut answer = String::new();
    let _ = BufReader::new(client.stdout.take().unwrap()).read_line(&mut answer);
    // Only now: the client leaves when its input ends.
    drop(input);
    answer + &text(&client.wait_with_output().unwrap())
}

/// A server for one connection that reverses each line.
struct Server {
    process: Child,
    port: u16,
}

impl Server {
    fn start(openssl: &Path, case: &Case) -> Self {
        let mut process = Command::new(openssl)
            .args(["s_server", "-accept", "127.0.0.1:0", "-naccept", "1", "-rev"])
            .args(["-cert", "tls.crt", "-key", "tls.key", "-cert_chain", "tls.crt", "-CAfile", "ca.crt"])
            .args(["-Verify", "5", "-verify_return_error"])
            .current_dir(&case.folder)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut output = BufReader::new(process.stdout.take().unwrap());
        let port = listening_port(&mut output);
        // Kept open: a server that cannot write its output ends.
        process.stdout = Some(output.into_inner());
        Self { process, port }
    }

    /// All that it said, after its connection has ended.
    fn finish(mut self) -> String {
        let mut log = String::new();
        self.process.stderr.take().unwrap().read_to_string(&mut log).unwrap();
        self.process.wait().unwrap();
        log
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// From the line that says where the server listens.
fn listening_port(output: &mut impl BufRead) -> u16 {
    let mut lines = output.lines().map_while(Result::ok);
    let port = lines.find_map(|line| line.strip_prefix("ACCEPT 127.0.0.1:")?.trim().parse().ok());
    port.expect("s_server says where it listens")
}
