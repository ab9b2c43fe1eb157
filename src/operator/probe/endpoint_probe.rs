//! One probe of a server: with a client of the mesh, then one of the next root, then untrusted clients.
//!
//! The sessions follow one another, so that a server never has more than one of them at a time.

use std::net::SocketAddr;
use std::sync::Arc;

use rustls::pki_types::{CertificateDer, ServerName};
use rustls::sign::CertifiedKey;
use tokio::time::timeout;

use super::credentials::ProbeCredentials;
use super::dial::Dialer;
use super::handshake::{Limits, ServerView, SessionResult, handshake};
use crate::operator::metrics::probes::ProbeMetrics;
use crate::pki::Leaf;
use crate::plan::probe::observation::{
    ClientOutcome, NextRootOutcome, Observation, ObservedServer, ServedLeaf, UntrustedClients,
};

/// Probes servers.
#[derive(Clone)]
pub struct EndpointProber {
    /// How they are reached.
    pub dialer: Dialer,
    /// How long each session may take.
    pub limits: Limits,
    /// Metrics.
    pub metrics: ProbeMetrics,
}

/// Where a server is, and the name that clients send.
#[derive(Clone, Debug)]
pub struct ProbedEndpoint {
    /// Address and port.
    pub address: SocketAddr,
    /// The name (SNI).
    pub name: ServerName<'static>,
}

impl EndpointProber {
    /// A prober with the default limits.
    #[must_use]
    pub fn new(dialer: Dialer, metrics: ProbeMetrics) -> Self {
        Self { dialer, limits: Limits::default(), metrics }
    }

    /// Probes a server once.
    pub async fn probe(&self, endpoint: &ProbedEndpoint, credentials: &ProbeCredentials) -> Observation {
        let mesh = match self.session(endpoint, "Mesh", Some(&credentials.mesh)).await {
            SessionResult::Unreachable => return Observation::Unreachable,
            SessionResult::NoTls => return Observation::NoTls,
            SessionResult::Server(view) => view,
        };
        Observation::Server(ObservedServer {
            leaf: served(&mesh.leaf),
            mesh: mesh.outcome,
            next: self.next(endpoint, credentials, &mesh).await,
            untrusted: self.untrusted(endpoint, credentials, &mesh).await,
        })
    }

    /// A server that requests no certificate from the mesh requests none from any client.
    async fn next(
        &self,
        endpoint: &ProbedEndpoint,
        credentials: &ProbeCredentials,
        mesh: &ServerView,
    ) -> Option<NextRootOutcome> {
        let (root, credential) =
            credentials.next.as_ref().filter(|_| mesh.outcome == ClientOutcome::Accepted)?;
        let outcome = if mesh.requests_certificate {
            self.outcome(endpoint, "Next", Some(credential)).await
        } else {
            ClientOutcome::Accepted
        };
        Some(NextRootOutcome { root: root.clone(), outcome })
    }

    async fn untrusted(
        &self,
        endpoint: &ProbedEndpoint,
        credentials: &ProbeCredentials,
        mesh: &ServerView,
    ) -> Option<UntrustedClients> {
        let untrusted = credentials.untrusted.as_ref()?;
        if !mesh.requests_certificate {
            return Some(UntrustedClients {
                without_certificate: mesh.outcome,
                unrelated_root: mesh.outcome,
            });
        }
        Some(UntrustedClients {
            without_certificate: self.outcome(endpoint, "NoCertificate", None).await,
            unrelated_root: self.outcome(endpoint, "Untrusted", Some(untrusted)).await,
        })
    }

    async fn outcome(
        &self,
        endpoint: &ProbedEndpoint,
        client: &'static str,
        credential: Option<&Arc<CertifiedKey>>,
    ) -> ClientOutcome {
        match self.session(endpoint, client, credential).await {
            SessionResult::Server(view) => view.outcome,
            SessionResult::Unreachable | SessionResult::NoTls => ClientOutcome::Unclear,
        }
    }

    async fn session(
        &self,
        endpoint: &ProbedEndpoint,
        client: &'static str,
        credential: Option<&Arc<CertifiedKey>>,
    ) -> SessionResult {
        let wire = timeout(self.limits.handshake, self.dialer.dial(endpoint.address)).await;
        let result = match wire {
            Ok(Ok(wire)) => handshake(wire, endpoint.name.clone(), credential.cloned(), self.limits).await,
            Ok(Err(_)) | Err(_) => SessionResult::Unreachable,
        };
        self.metrics.session_ended(client, label(&result));
        result
    }
}

/// The value of the metrics' label `outcome`.
const fn label(result: &SessionResult) -> &'static str {
    match result {
        SessionResult::Unreachable => "Unreachable",
        SessionResult::NoTls => "NoTls",
        SessionResult::Server(view) => view.outcome.as_str(),
    }
}

/// The certificate, where this operator can have issued it.
fn served(leaf: &CertificateDer<'_>) -> Option<ServedLeaf> {
    let leaf = Leaf::parse(leaf).ok()?;
    let [spiffe_id] = leaf.spiffe_ids.as_slice() else { return None };
    Some(ServedLeaf {
        serial: leaf.serial.to_string(),
        key_id: leaf.authority_key_id.to_string(),
        not_after: leaf.window.not_after,
        spiffe_id: spiffe_id.clone(),
    })
}
