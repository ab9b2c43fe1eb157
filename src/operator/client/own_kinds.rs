//! Requests about objects of this operator's own kinds. A spec may hold values that only another version can read.

use kube::Resource as _;
use kube::api::Patch;
use kube::core::Request;
use serde_json::Value;

use super::request::{ApiRequest, describe, patch_params};
use super::written::WrittenVersion;
use super::{ApiClient, WRITE_TIMEOUT};
use crate::api::decoded::{Decoded, StandIn};
use crate::api::{MtlsAuthority, MtlsIdentity};
use crate::operator::error::Error;

impl ApiClient {
    /// Reads one object of a kind of this operator, whether or not this version can read its spec; `None` where there is none.
    ///
    /// # Errors
    /// [`Error`] where the API server does not answer, or with an error.
    pub async fn read<K: StandIn>(&self, namespace: Option<&str>, name: &str) -> Result<Option<K>, Error> {
        Ok(self.get::<Decoded<K>>(namespace, name).await?.map(|Decoded(object)| object))
    }

    /// Whether there is an authority. No more of them is kept than a page.
    ///
    /// # Errors
    /// [`Error`] where the API server does not answer, or with an error.
    pub async fn has_authorities(&self) -> Result<bool, Error> {
        let mut pages = self.list_all::<Decoded<MtlsAuthority>>(None);
        while let Some(page) = pages.next().await? {
            if !page.items.is_empty() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Applies these fields of an authority, and owns no other; creates it where there is none.
    ///
    /// # Errors
    /// [`Error::Stale`] where another field manager has given them other values.
    pub async fn apply_authority(&self, name: &str, fields: &Value) -> Result<(), Error> {
        let what = describe::<MtlsAuthority>(None, name);
        let request = Request::new(MtlsAuthority::url_path(&(), None));
        let request = request.patch(name, &patch_params(), &Patch::Apply(fields));
        self.write::<Value>(ApiRequest::new("patch", what, request, WRITE_TIMEOUT)?).await.map(drop)
    }

    /// Patches an authority; the patch names the version that was observed.
    ///
    /// # Errors
    /// [`Error::Stale`] where it has another version, or is gone.
    pub async fn patch_authority(&self, name: &str, patch: Value) -> Result<MtlsAuthority, Error> {
        let Decoded(patched) = self.patch(None, name, patch, WRITE_TIMEOUT).await?;
        Ok(patched)
    }

    /// Patches the status of an authority.
    ///
    /// # Errors
    /// [`Error::Stale`] where the authority has another version, or is gone.
    pub async fn patch_authority_status(&self, name: &str, patch: Value) -> Result<MtlsAuthority, Error> {
        self.patch_status::<MtlsAuthority>(None, name, patch).await
    }

    /// Patches the status of an identity.
    ///
    /// # Errors
    /// [`Error::Stale`] where the identity has another version, or is gone.
    pub async fn patch_identity_status(
        &self,
        namespace: &str,
        name: &str,
        patch: Value,
    ) -> Result<MtlsIdentity, Error> {
        self.patch_status::<MtlsIdentity>(Some(namespace), name, patch).await
    }

    /// Patches the status of an identity, and returns the version of the result. As the patch names the version that it is made
    /// for, everything else is as it was.
    ///
    /// # Errors
    /// [`Error::Stale`] where the identity has another version, or is gone.
    pub async fn write_identity_status(
        &self,
        namespace: &str,
        name: &str,
        patch: Value,
    ) -> Result<String, Error> {
        let call = status_call::<MtlsIdentity>(Some(namespace), name, patch)?;
        self.write::<WrittenVersion>(call.answered_by_metadata()).await.map(Into::into)
    }

    async fn patch_status<K: StandIn>(
        &self,
        namespace: Option<&str>,
        name: &str,
        patch: Value,
    ) -> Result<K, Error> {
        let Decoded(patched) = self.write(status_call::<K>(namespace, name, patch)?).await?;
        Ok(patched)
    }
}

fn status_call<K: StandIn>(namespace: Option<&str>, name: &str, patch: Value) -> Result<ApiRequest, Error> {
    let what = format!("status of {}", describe::<K>(namespace, name));
    let request = Request::new(K::url_path(&(), namespace));
    let request = request.patch_subresource("status", name, &patch_params(), &Patch::Merge(patch));
    ApiRequest::new("patch", what, request, WRITE_TIMEOUT)
}
