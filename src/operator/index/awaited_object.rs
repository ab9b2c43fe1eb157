//! An object on which the loss of a root rests.
//!
//! An authority that cannot sign because of it is reconciled again when it changes or goes.

use crate::plan::authority::evidence::Witness;

/// Kinds of objects that evidence rests on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AwaitedKind {
    /// An `MtlsIdentity`.
    Identity,
    /// A leaf Secret.
    Secret,
}

/// An object that evidence rests on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AwaitedObject {
    /// Its kind.
    pub kind: AwaitedKind,
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

impl From<&Witness> for AwaitedObject {
    fn from(witness: &Witness) -> Self {
        match witness {
            Witness::Identity(identity) => Self::identity(&identity.namespace, &identity.name),
            Witness::LeafSecret(secret) => Self::secret(&secret.namespace, &secret.name),
        }
    }
}

impl AwaitedObject {
    /// An identity.
    #[must_use]
    pub fn identity(namespace: &str, name: &str) -> Self {
        Self { kind: AwaitedKind::Identity, namespace: namespace.to_owned(), name: name.to_owned() }
    }

    /// A leaf Secret.
    #[must_use]
    pub fn secret(namespace: &str, name: &str) -> Self {
        Self { kind: AwaitedKind::Secret, namespace: namespace.to_owned(), name: name.to_owned() }
    }

    /// Whether it is this object.
    #[must_use]
    pub fn is(&self, kind: AwaitedKind, namespace: &str, name: &str) -> bool {
        self.kind == kind && self.namespace == namespace && self.name == name
    }
}
