//! What decisions on identities need of a CA in force.
//!
//! Derived from the loaded CA alone, without keys.

use super::loaded_ca::LoadedCa;
use crate::plan::identity::world::{RetiringSigner, Rollout, Signer};

impl LoadedCa {
    /// The signer, as decisions on identities need it.
    #[must_use]
    pub fn facts(&self) -> Signer {
        let (ca, next) = (&self.signer.ca, self.next.as_ref());
        let key_id = ca.key_id().to_string();
        Signer {
            window: ca.window(),
            trust: ca.bundle().hash(),
            rotation: Rollout {
                is_announced: next.is_some(),
                retiring: self.retiring_signers(&key_id),
                former_trust: self.former_trust.clone(),
                window: self.step,
                distrusted: self.distrusted_signers(&key_id),
                known: self.signers(),
                next: next.map(|next| next.ca.key_id().to_string()),
            },
            halted: None,
            key_id,
        }
    }

    /// Signers whose leaves are to be replaced. A root that was renewed with its key is its own successor: its leaves stay.
    fn retiring_signers(&self, signer: &str) -> Vec<RetiringSigner> {
        let others = self.retiring.iter().filter(|root| root.key_id != signer);
        others.map(|root| RetiringSigner { key_id: root.key_id.clone(), until: root.until }).collect()
    }

    /// Signers whose leaves are to be replaced at once.
    fn distrusted_signers(&self, signer: &str) -> Vec<String> {
        let former = self.former.iter().filter(|former| former.distrusted);
        former.map(|former| former.key_id.clone()).filter(|key_id| key_id != signer).collect()
    }
}
