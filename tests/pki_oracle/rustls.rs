//! rustls and webpki, used from outside as a workload would: both roles apart, and mutual handshakes in memory.

use std::sync::Arc;

use ::rustls::client::WebPkiServerVerifier;
use ::rustls::client::danger::ServerCertVerifier as _;
use ::rustls::crypto::aws_lc_rs::default_provider;
use ::rustls::pki_types::pem::PemObject as _;
use ::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use ::rustls::server::WebPkiClientVerifier;
use ::rustls::server::danger::ClientCertVerifier;
use ::rustls::{
    CertificateError, ClientConfig, ClientConnection, Connection, Error, RootCertStore, ServerConfig,
    ServerConnection,
};
use jiff::Timestamp;

use crate::cases::{Case, NAME, SUITE, WRONG_NAME};

fn chain(case: &Case) -> Vec<CertificateDer<'static>> {
    CertificateDer::pem_slice_iter(&case.read("tls.crt")).map(Result::unwrap).collect()
}

fn key(case: &Case) -> PrivateKeyDer<'static> {
    PrivateKeyDer::from_pem_slice(&case.read("tls.key")).unwrap()
}

fn roots(case: &Case, file: &str) -> Arc<RootCertStore> {
    let mut roots = RootCertStore::empty();
    for root in CertificateDer::pem_slice_iter(&case.read(file)) {
        roots.add(root.unwrap()).unwrap();
    }
    Arc::new(roots)
}

fn client_verifier(roots: Arc<RootCertStore>) -> Arc<dyn ClientCertVerifier> {
    WebPkiClientVerifier::builder_with_provider(roots, Arc::new(default_provider())).build().unwrap()
}

/// The verdict on the leaf as a server, and as a client.
fn verdicts(case: &Case, anchors: &str, name: &'static str, at: Timestamp) -> [Result<(), Error>; 2] {
    let chain = chain(case);
    let (leaf, above) = chain.split_first().unwrap();
    let at = UnixTime::since_unix_epoch(std::time::Duration::from_secs(at.as_second().try_into().unwrap()));
    let roots = roots(case, anchors);
    let server = WebPkiServerVerifier::builder_with_provider(roots.clone(), Arc::new(default_provider()))
        .build()
        .unwrap();
    let name = ServerName::try_from(name).unwrap();
    let as_server = server.verify_server_cert(leaf, above, &name, &[], at).map(|_| ());
    let as_client = client_verifier(roots).verify_client_cert(leaf, above, at).map(|_| ());
    [as_server, as_client]
}

#[test]
fn rustls_accepts_every_leaf_in_both_roles() {
    for case in &SUITE.cases {
        for verdict in verdicts(case, "ca.crt", NAME, SUITE.now) {
            assert_eq!(verdict, Ok(()), "{}", case.name);
        }
    }
}

#[test]
fn rustls_refuses_a_wrong_root_a_wrong_name_and_an_expired_leaf() {
    for case in &SUITE.cases {
        for verdict in verdicts(case, "other.crt", NAME, SUITE.now) {
            assert_eq!(
                verdict,
                Err(Error::InvalidCertificate(CertificateError::UnknownIssuer)),
                "{}",
                case.name
            );
        }
        for verdict in verdicts(case, "ca.crt", NAME, SUITE.after_expiry()) {
            let expired =
                matches!(&verdict, Err(Error::InvalidCertificate(CertificateError::ExpiredContext { .. })));
            assert!(expired, "{}: {verdict:?}", case.name);
        }
        let [as_server, _] = verdicts(case, "ca.crt", WRONG_NAME, SUITE.now);
        let other_name = matches!(
            &as_server,
            Err(Error::InvalidCertificate(CertificateError::NotValidForNameContext { .. }))
        );
        assert!(other_name, "{}: {as_server:?}", case.name);
    }
}

/// Each as a server of the next of its authority, so that every algorithm meets another in both roles.
#[test]
fn rustls_connects_leaves_of_different_algorithms() {
    for authority in SUITE.cases.chunk_by(|one, next| one.authority() == next.authority()) {
        let next = authority.iter().cycle().skip(1);
        for (server, client) in authority.iter().zip(next) {
            let result = handshake(server, client);
            assert_eq!(result, Ok(()), "server {}, client {}", server.name, client.name);
        }
    }
}

fn handshake(server: &Case, client: &Case) -> Result<(), Error> {
    let provider = Arc::new(default_provider());
    let server_config = ServerConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()?
        .with_client_cert_verifier(client_verifier(roots(server, "ca.crt")))
        .with_single_cert(chain(server), key(server))?;
    let client_config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots(client, "ca.crt"))
        .with_client_auth_cert(chain(client), key(client))?;
    let name = ServerName::try_from(NAME).unwrap();
    let mut client = ClientConnection::new(Arc::new(client_config), name)?.into();
    let mut server = ServerConnection::new(Arc::new(server_config))?.into();
    for _ in 0..FLIGHTS {
        send(&mut client, &mut server)?;
        send(&mut server, &mut client)?;
    }
    assert!(!client.is_handshaking() && !server.is_handshaking());
    Ok(())
}

/// More flights than any handshake has.
const FLIGHTS: usize = 4;

fn send(from: &mut Connection, to: &mut Connection) -> Result<(), Error> {
    let mut wire = Vec::new();
    while from.wants_write() {
        from.write_tls(&mut wire).unwrap();
    }
    let mut rest = wire.as_slice();
    while !rest.is_empty() {
        to.read_tls(&mut rest).unwrap();
        to.process_new_packets()?;
    }
    Ok(())
}
