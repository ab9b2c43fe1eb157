//! A mutual handshake over a real socket, told step by step by the verifiers of both sides.

use std::sync::Arc;

use k8s_openapi::api::core::v1::Secret;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{
    ClientConfig, DigitallySignedStruct, DistinguishedName, RootCertStore, ServerConfig, SignatureScheme,
};
use test_support::Failure;
use test_support::reporter::print;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::{TlsAcceptor, TlsConnector};
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::FromDer as _;

/// What a Pod that mounts a Secret holds.
pub struct Credentials {
    /// Certificate chain, leaf first.
    pub chain: Vec<CertificateDer<'static>>,
    /// Private key.
    pub key: PrivateKeyDer<'static>,
    /// Trust bundle.
    pub trust: Arc<RootCertStore>,
}

/// How a handshake ended.
pub enum Outcome {
    /// The server let the client in.
    Granted {
        /// What it answered.
        reply: String,
    },
    /// The server did not, and said why.
    Refused(String),
}

impl Credentials {
    /// Those in a Secret.
    pub fn of(secret: &Secret) -> Result<Self, Failure> {
        let data = secret.data.as_ref().ok_or("the Secret is empty")?;
        let value = |key: &str| data.get(key).map(|value| &value.0).ok_or("the Secret lacks a key");
        let mut trust = RootCertStore::empty();
        for anchor in CertificateDer::pem_slice_iter(value("ca.crt")?) {
            trust.add(anchor?)?;
        }
        Ok(Self {
            chain: CertificateDer::pem_slice_iter(value("tls.crt")?).collect::<Result<_, _>>()?,
            key: PrivateKeyDer::from_pem_slice(value("tls.key")?)?,
            trust: Arc::new(trust),
        })
    }

    fn server(&self, is_told: bool) -> Result<ServerConfig, Failure> {
        let provider = provider();
        let verifier =
            WebPkiClientVerifier::builder_with_provider(self.trust.clone(), provider.clone()).build()?;
        let verifier = Arc::new(Told { verifier, is_told });
        let builder = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
        Ok(builder
            .with_client_cert_verifier(verifier)
            .with_single_cert(self.chain.clone(), self.key.clone_key())?)
    }
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(aws_lc_rs::default_provider())
}

fn client(
    server: &Credentials,
    client: Option<&Credentials>,
    is_told: bool,
) -> Result<ClientConfig, Failure> {
    let trust = client.map_or(&server.trust, |client| &client.trust).clone();
    let provider = provider();
    let verifier = WebPkiServerVerifier::builder_with_provider(trust, provider.clone()).build()?;
    let verifier = Arc::new(Told { verifier, is_told });
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    let builder = builder.dangerous().with_custom_certificate_verifier(verifier);
    Ok(match client {
        Some(client) => builder.with_client_auth_cert(client.chain.clone(), client.key.clone_key())?,
        None => builder.with_no_client_auth(),
    })
}

/// Lets a client of these credentials, or of none, ask a server for something.
pub async fn between(
    server: &Credentials,
    credentials: Option<&Credentials>,
    name: &str,
    is_told: bool,
) -> Result<Outcome, Failure> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let acceptor = TlsAcceptor::from(Arc::new(server.server(is_told)?));
    let verdict = tokio::spawn(serve(listener, acceptor, is_told));
    let connector = TlsConnector::from(Arc::new(client(server, credentials, is_told)?));
    tell(is_told, &format!("1. the client connects to {address} and asks for {name}"));
    let asked = ask(connector, TcpStream::connect(address).await?, name).await;
    match (verdict.await?, asked) {
        (Ok(()), Ok(reply)) => Ok(Outcome::Granted { reply }),
        (Err(refusal), _) => Ok(Outcome::Refused(refusal.to_string())),
        (Ok(()), Err(error)) => Err(error),
    }
}

async fn serve(listener: TcpListener, acceptor: TlsAcceptor, is_told: bool) -> Result<(), Failure> {
    let (socket, _) = listener.accept().await?;
    let mut stream = acceptor.accept(socket).await?;
    tell(is_told, "6. access granted: the handshake is complete on both sides");
    let mut question = [0; 5];
    stream.read_exact(&mut question).await?;
    stream.write_all(b"hello, authorised client").await?;
    Ok(stream.shutdown().await?)
}

async fn ask(connector: TlsConnector, socket: TcpStream, name: &str) -> Result<String, Failure> {
    let mut stream = connector.connect(ServerName::try_from(name.to_owned())?, socket).await?;
    stream.write_all(b"hello").await?;
    let mut reply = String::new();
    stream.read_to_string(&mut reply).await?;
    Ok(reply)
}

fn tell(is_told: bool, line: &str) {
    if is_told {
        print(&format!("   {line}"));
    }
}

/// The SPIFFE ID in a certificate.
fn spiffe_id(certificate: &CertificateDer<'_>) -> String {
    let parsed = x509_parser::certificate::X509Certificate::from_der(certificate);
    let names = parsed.ok().and_then(|(_, certificate)| {
        let names = certificate.subject_alternative_name().ok()??;
        names.value.general_names.iter().find_map(|name| match name {
            GeneralName::URI(uri) => Some((*uri).to_owned()),
            _ => None,
        })
    });
    names.unwrap_or_else(|| "a certificate without a SPIFFE ID".into())
}

/// A verifier that tells what it verifies. It decides nothing by itself.
#[derive(Debug)]
struct Told<V: ?Sized> {
    verifier: Arc<V>,
    is_told: bool,
}

/// Signatures are verified as ever, on both sides.
macro_rules! delegate_signatures {
    () => {
        fn verify_tls12_signature(
            &self,
            message: &[u8],
            certificate: &CertificateDer<'_>,
            signature: &DigitallySignedStruct,
        ) -> Result<HandshakeSignatureValid, rustls::Error> {
            self.verifier.verify_tls12_signature(message, certificate, signature)
        }

        fn verify_tls13_signature(
            &self,
            message: &[u8],
            certificate: &CertificateDer<'_>,
            signature: &DigitallySignedStruct,
        ) -> Result<HandshakeSignatureValid, rustls::Error> {
            self.verifier.verify_tls13_signature(message, certificate, signature)
        }

        fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
            self.verifier.supported_verify_schemes()
        }
    };
}

impl ServerCertVerifier for Told<WebPkiServerVerifier> {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        tell(self.is_told, &format!("2. the server presents {}", spiffe_id(end_entity)));
        let verified = self.verifier.verify_server_cert(end_entity, intermediates, name, ocsp, now)?;
        tell(
            self.is_told,
            &format!("3. the client verifies it: chains to its root, good for {}", name.to_str()),
        );
        tell(self.is_told, "4. the client presents its own certificate");
        Ok(verified)
    }

    delegate_signatures!();
}

impl ClientCertVerifier for Told<dyn ClientCertVerifier> {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.verifier.root_hint_subjects()
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        let verified = self.verifier.verify_client_cert(end_entity, intermediates, now)?;
        tell(
            self.is_told,
            &format!("5. the server verifies it: {} chains to its root", spiffe_id(end_entity)),
        );
        Ok(verified)
    }

    delegate_signatures!();
}
