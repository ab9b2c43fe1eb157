//! OpenSSL: strict path validation in both roles, the key as a file, and a mutual handshake between two processes.

use std::path::Path;
use std::process::Output;

use mtls_operator::pki::CommonName;
use test_support::tools::authorities::VERSION_1;
use test_support::tools::openssl::{self, MUTUAL};
use test_support::tools::process::{Dialog, Server, ask};
use test_support::tools::require_tool;

use crate::cases::{Case, NAME, SUITE, WRONG_NAME};

/// What the client sends, and what the server makes of it.
const QUESTION: &str = "mutual trust";
const ANSWER: &str = "tsurt lautum";

fn verify(openssl: &Path, case: &Case, arguments: &[&str]) -> Output {
    let strict: &[&str] = if case.name.starts_with(VERSION_1) { &[] } else { &["-x509_strict"] };
    let arguments = [strict, arguments].concat();
    openssl::verify(openssl, Path::new("tls.crt"), &arguments).current_dir(&case.folder).output().unwrap()
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
fn openssl_client_and_server_authenticate_each_other() {
    let Some(openssl) = require_tool("openssl") else { return };
    let identity = ["-cert", "tls.crt", "-key", "tls.key", "-cert_chain", "tls.crt"];
    for case in &SUITE.cases {
        for version in ["-tls1_3", "-tls1_2"] {
            let server = serve(&openssl, case);
            let dialog = connect(&openssl, case, &server, &[&identity[..], &[version]].concat());
            let (said, log) = (dialog.errors, server.finish());
            assert!(dialog.is_answered, "{} {version}: no answer\n{said}\n{log}", case.name);
        }
    }
}

#[test]
fn openssl_refuses_clients_without_a_certificate() {
    let Some(openssl) = require_tool("openssl") else { return };
    let case = &SUITE.cases[0];
    let server = serve(&openssl, case);
    let dialog = connect(&openssl, case, &server, &["-tls1_3"]);
    let log = server.finish();
    assert!(!dialog.is_answered, "{}", dialog.errors);
    assert!(log.contains("peer did not return a certificate"), "{log}");
}

/// Has a client send a line.
fn connect(openssl: &Path, case: &Case, server: &Server, arguments: &[&str]) -> Dialog {
    ask(&mut openssl::client(openssl, &case.folder, &server.address(), NAME, arguments), QUESTION, ANSWER)
}

/// A server for one connection.
fn serve(openssl: &Path, case: &Case) -> Server {
    let once = ["-naccept", "1", "-cert_chain", "tls.crt"];
    openssl::server(openssl, &case.folder, &[&once[..], &MUTUAL].concat())
}
