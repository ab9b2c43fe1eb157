//! One look at a server: a client of the mesh comes by, then one of the next root, then strangers. One after the other,
//! so that a server never has more than one of them at a time.

use std::net::SocketAddr;
use std::sync::Arc;

use rustls::pki_types::{CertificateDer, ServerName};
use rustls::sign::CertifiedKey;
use tokio::time::timeout;

use super::credentials::ProbeCredentials;
use super::dial::Dialer;
use super::handshake::{Limits, ServerView, SessionResult, meet};
use crate::operator::metrics::probes::ProbeMetrics;
use crate::pki::Leaf;
use crate::plan::probe::observation::{
    ClientOutcome, NextRootOutcome, Observation, ObservedServer, ServedLeaf, UntrustedClients,
};

/// Looks at servers.
#[derive(Clone)]
pub struct EndpointProber {
    /// How they are reached.
    pub dialer: Dialer,
    /// How long each session may take.
    pub limits: Limits,
    /// Metrics.
    pub metrics: ProbeMetrics,
}

/// Where a server is, and by which name it is called.
#[derive(Clone, Debug)]
pub struct Endpoint {
    /// Address and port.
    pub address: SocketAddr,
    /// The name.
    pub name: ServerName<'static>,
}

impl EndpointProber {
    /// One that takes its usual time.
    #[must_use]
    pub fn new(dialer: Dialer, metrics: ProbeMetrics) -> Self {
        Self { dialer, limits: Limits::default(), metrics }
    }

    /// One look at a server.
    pub async fn look(&self, place: &Endpoint, cards: &ProbeCredentials) -> Observation {
        let mesh = match self.call(place, "Mesh", Some(&cards.mesh)).await {
            SessionResult::Nobody => return Observation::Unreachable,
            SessionResult::NoTls => return Observation::NoTls,
            SessionResult::Made(impression) => impression,
        };
        Observation::Met(ObservedServer {
            leaf: served(&mesh.leaf),
            mesh: mesh.reception,
            next: self.next(place, cards, &mesh).await,
            strangers: self.strangers(place, cards, &mesh).await,
        })
    }

    /// Whoever does not ask the mesh for a certificate asks nobody.
    async fn next(
        &self,
        place: &Endpoint,
        cards: &ProbeCredentials,
        mesh: &ServerView,
    ) -> Option<NextRootOutcome> {
        let (root, card) = cards.next.as_ref().filter(|_| mesh.reception == ClientOutcome::Accepted)?;
        let reception = if mesh.has_asked {
            self.receive(place, "Next", Some(card)).await
        } else {
            ClientOutcome::Accepted
        };
        Some(NextRootOutcome { root: root.clone(), reception })
    }

    async fn strangers(
        &self,
        place: &Endpoint,
        cards: &ProbeCredentials,
        mesh: &ServerView,
    ) -> Option<UntrustedClients> {
        let stranger = cards.stranger.as_ref()?;
        if !mesh.has_asked {
            return Some(UntrustedClients { nobody: mesh.reception, unrelated: mesh.reception });
        }
        Some(UntrustedClients {
            nobody: self.receive(place, "NoCertificate", None).await,
            unrelated: self.receive(place, "Untrusted", Some(stranger)).await,
        })
    }

    async fn receive(
        &self,
        place: &Endpoint,
        who: &'static str,
        card: Option<&Arc<CertifiedKey>>,
    ) -> ClientOutcome {
        match self.call(place, who, card).await {
            SessionResult::Made(impression) => impression.reception,
            SessionResult::Nobody | SessionResult::NoTls => ClientOutcome::Unclear,
        }
    }

    async fn call(
        &self,
        place: &Endpoint,
        who: &'static str,
        card: Option<&Arc<CertifiedKey>>,
    ) -> SessionResult {
        let wire = timeout(self.limits.handshake, self.dialer.dial(place.address)).await;
        let contact = match wire {
            Ok(Ok(wire)) => meet(wire, place.name.clone(), card.cloned(), self.limits).await,
            Ok(Err(_)) | Err(_) => SessionResult::Nobody,
        };
        self.metrics.session_ended(who, outcome(&contact));
        contact
    }
}

const fn outcome(contact: &SessionResult) -> &'static str {
    match contact {
        SessionResult::Nobody => "Unreachable",
        SessionResult::NoTls => "NoTls",
        SessionResult::Made(impression) => impression.reception.as_str(),
    }
}

/// The certificate, where it is one that this operator could have issued.
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
