//! One look at a server: a client of the mesh comes by, then one of the next root, then strangers. One after the other,
//! so that a server never has more than one of them at a time.

use std::net::SocketAddr;
use std::sync::Arc;

use rustls::pki_types::{CertificateDer, ServerName};
use rustls::sign::CertifiedKey;
use tokio::time::timeout;

use super::credentials::Cards;
use super::dial::Dialer;
use super::handshake::{Contact, Impression, Limits, meet};
use crate::operator::metrics::probes::Figures;
use crate::pki::Leaf;
use crate::plan::probe::observation::{Meeting, OfNextRoot, Reception, ServedLeaf, Sighting, Strangers};

/// Looks at servers.
#[derive(Clone)]
pub struct Visitor {
    /// How they are reached.
    pub dialer: Dialer,
    /// How long each session may take.
    pub limits: Limits,
    /// Figures.
    pub figures: Figures,
}

/// Where a server is, and by which name it is called.
#[derive(Clone, Debug)]
pub struct Place {
    /// Address and port.
    pub address: SocketAddr,
    /// The name.
    pub name: ServerName<'static>,
}

impl Visitor {
    /// One that takes its usual time.
    #[must_use]
    pub fn new(dialer: Dialer, figures: Figures) -> Self {
        Self { dialer, limits: Limits::default(), figures }
    }

    /// One look at a server.
    pub async fn look(&self, place: &Place, cards: &Cards) -> Sighting {
        let mesh = match self.call(place, "Mesh", Some(&cards.mesh)).await {
            Contact::Nobody => return Sighting::Unreachable,
            Contact::NoTls => return Sighting::NoTls,
            Contact::Made(impression) => impression,
        };
        Sighting::Met(Meeting {
            leaf: served(&mesh.leaf),
            mesh: mesh.reception,
            next: self.next(place, cards, &mesh).await,
            strangers: self.strangers(place, cards, &mesh).await,
        })
    }

    /// Whoever does not ask the mesh for a certificate asks nobody.
    async fn next(&self, place: &Place, cards: &Cards, mesh: &Impression) -> Option<OfNextRoot> {
        let (root, card) = cards.next.as_ref().filter(|_| mesh.reception == Reception::Accepted)?;
        let reception =
            if mesh.has_asked { self.receive(place, "Next", Some(card)).await } else { Reception::Accepted };
        Some(OfNextRoot { root: root.clone(), reception })
    }

    async fn strangers(&self, place: &Place, cards: &Cards, mesh: &Impression) -> Option<Strangers> {
        let stranger = cards.stranger.as_ref()?;
        if !mesh.has_asked {
            return Some(Strangers { nobody: mesh.reception, unrelated: mesh.reception });
        }
        Some(Strangers {
            nobody: self.receive(place, "NoCertificate", None).await,
            unrelated: self.receive(place, "Untrusted", Some(stranger)).await,
        })
    }

    async fn receive(&self, place: &Place, who: &'static str, card: Option<&Arc<CertifiedKey>>) -> Reception {
        match self.call(place, who, card).await {
            Contact::Made(impression) => impression.reception,
            Contact::Nobody | Contact::NoTls => Reception::Unclear,
        }
    }

    async fn call(&self, place: &Place, who: &'static str, card: Option<&Arc<CertifiedKey>>) -> Contact {
        let wire = timeout(self.limits.handshake, self.dialer.dial(place.address)).await;
        let contact = match wire {
            Ok(Ok(wire)) => meet(wire, place.name.clone(), card.cloned(), self.limits).await,
            Ok(Err(_)) | Err(_) => Contact::Nobody,
        };
        self.figures.met(who, outcome(&contact));
        contact
    }
}

const fn outcome(contact: &Contact) -> &'static str {
    match contact {
        Contact::Nobody => "Unreachable",
        Contact::NoTls => "NoTls",
        Contact::Made(impression) => impression.reception.as_str(),
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
