//! Writes the root Secret, and only what the operator can read back: a root that it cannot load would end signing.

use k8s_openapi::api::core::v1::Secret;

use super::inputs::AuthorityReconcile;
use super::root::patch::RootPatch;
use super::root::read_back::read_back;
use crate::api::authority::Phase;
use crate::operator::client::WRITE_TIMEOUT;
use crate::operator::client::wiped_secret::WipedSecret;
use crate::operator::error::Error;

/// Whether a plan was written.
pub(super) enum Written {
    /// No: what it needs is gone.
    No,
    /// Yes.
    Yes,
    /// No, because the operator could not read the result: a sentence that says why.
    Unreadable(String),
}

impl AuthorityReconcile<'_> {
    /// Creates a root Secret that can be read.
    pub(super) async fn create_secret(&self, secret: &WipedSecret, phase: Phase) -> Result<Written, Error> {
        let place = place(secret);
        if let Err(why) = read_back(secret, self.spec, &place, phase, self.context.clock.now()) {
            return Ok(Written::Unreadable(why));
        }
        self.context.client.create_secret(secret, WRITE_TIMEOUT).await?;
        tracing::info!(authority = self.spec.name, secret = place, "stored a new root");
        Ok(Written::Yes)
    }

    /// Changes a root Secret to one that can be read, over the version that was observed.
    pub(super) async fn patch_secret(
        &self,
        secret: &Secret,
        patch: &RootPatch,
        phase: Phase,
    ) -> Result<Written, Error> {
        let context = self.context;
        let after = WipedSecret::from(patch.applied_to(secret));
        if let Err(why) = read_back(&after, self.spec, &place(secret), phase, context.clock.now()) {
            return Ok(Written::Unreadable(why));
        }
        let name = secret.metadata.name.as_deref().unwrap_or_default();
        let version = secret.metadata.resource_version.as_deref().unwrap_or_default();
        let patch = patch.at_version(version);
        context.client.patch_secret(&context.namespace, name, patch, WRITE_TIMEOUT).await?;
        Ok(Written::Yes)
    }
}

fn place(secret: &Secret) -> String {
    let meta = &secret.metadata;
    format!("{}/{}", meta.namespace.as_deref().unwrap_or_default(), meta.name.as_deref().unwrap_or_default())
}
