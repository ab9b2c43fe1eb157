//! The names of an identity and of its Secret, in one allocation.
//!
//! That of the Secret is there only where it is not the default one.

use crate::api::identity::{MtlsIdentity, default_secret_name};

/// The name of an identity, and that of its Secret behind it.
#[derive(Clone, Debug)]
pub struct Names {
    text: Box<str>,
    name: u16,
}

impl Names {
    /// Those of an identity.
    #[must_use]
    pub fn of(identity: &MtlsIdentity) -> Self {
        let name = identity.metadata.name.as_deref().unwrap_or_default();
        let secret =
            identity.spec.secret.name.as_deref().filter(|secret| *secret != default_secret_name(name));
        Self {
            name: u16::try_from(name.len()).unwrap_or(u16::MAX),
            text: [name, secret.unwrap_or_default()].concat().into(),
        }
    }

    /// The name of the identity.
    #[must_use]
    pub fn name(&self) -> &str {
        self.text.get(..self.name.into()).unwrap_or_default()
    }

    /// The name of the Secret, where it is not the default one.
    #[must_use]
    pub fn secret(&self) -> Option<&str> {
        self.text.get(self.name.into()..).filter(|secret| !secret.is_empty())
    }
}
