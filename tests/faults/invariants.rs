//! What must hold of one version of a Secret: key, leaf and bundle belong together (I1), and a root follows the one that
//! announced it (I11).

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Secret;
use mtls_operator::pki::{TrustBundle, verify_as_peer};
use test_support::objects::{note, value};

/// A leaf Secret as it was once.
pub struct LeafVersion {
    pub serial: String,
    signer: String,
    bundle: TrustBundle,
}

impl LeafVersion {
    /// Reads it, and verifies the leaf with key and bundle beside it.
    pub fn read(secret: &Secret) -> Result<Self, String> {
        let said = |key: &str| note(secret, key).ok_or_else(|| format!("it has no {key}"));
        let issued: Timestamp = said("issued-at")?.parse().map_err(|error| format!("issued-at: {error}"))?;
        let bundle = TrustBundle::from_pem(&value(secret, "ca.crt")).map_err(|error| format!("{error:?}"))?;
        verify_as_peer(&value(secret, "tls.crt"), &value(secret, "tls.key"), &bundle, issued)
            .map_err(|error| format!("no peer would accept it: {error:?}"))?;
        Ok(Self { serial: said("serial")?, signer: said("authority-key-id")?, bundle })
    }

    /// Whether its bundle holds the root that signed another leaf, so that no cross-certificate is needed.
    pub fn trusts(&self, other: &Self) -> bool {
        let roots = self.bundle.fingerprints();
        let mut keys = roots.filter_map(|root| self.bundle.describe(&root)).map(|(key, _)| key.to_string());
        keys.any(|key| key == other.signer)
    }
}

/// A root Secret as it was once.
pub struct RootVersion {
    phase: String,
    signer: Vec<u8>,
    next: Vec<u8>,
}

impl RootVersion {
    /// Reads it.
    pub fn read(secret: &Secret) -> Self {
        Self {
            phase: note(secret, "phase").unwrap_or_default(),
            signer: value(secret, "tls.crt"),
            next: value(secret, "next.crt"),
        }
    }

    /// Whether it may come after those versions.
    pub fn follows(&self, former: &[Self]) -> Result<(), String> {
        let Some(last) = former.last() else { return Ok(()) };
        let step = (last.phase.as_str(), self.phase.as_str());
        let is_step =
            matches!(step, ("Stable", "Announced") | ("Announced", "Draining") | ("Draining", "Stable"));
        if !is_step && last.phase != self.phase {
            return Err(format!("the phase goes from {} to {}", last.phase, self.phase));
        }
        if self.signer == last.signer {
            return Ok(());
        }
        if self.signer != last.next {
            return Err("a root signs that was not announced".into());
        }
        let has_signed = former.iter().any(|version| version.signer == self.signer);
        if has_signed { Err("a root signs again that was replaced".into()) } else { Ok(()) }
    }
}
