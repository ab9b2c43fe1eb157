//! Objects as the API server holds them, whether or not this version can read them: one that it cannot read exists like
//! any other, and must never be taken for deleted (`docs/api-policy.md`, C6).

use std::borrow::Cow;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::Resource;
use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::trimmed::Trimmed;
use super::{
    MtlsAuthority, MtlsAuthoritySpec, MtlsAuthorityStatus, MtlsIdentity, MtlsIdentitySpec, MtlsIdentityStatus,
};

/// A kind whose objects have a stand-in where their spec cannot be read.
pub trait StandIn: Resource<DynamicType = ()> + DeserializeOwned {
    /// Its spec.
    type Spec: DeserializeOwned;
    /// Its status.
    type Status: DeserializeOwned;

    /// An object that can be read.
    fn read(metadata: ObjectMeta, spec: Self::Spec, status: Option<Self::Status>) -> Self;

    /// What is left of an object whose spec cannot be read, for this reason.
    fn stand_in(metadata: ObjectMeta, status: Option<Self::Status>, why: String) -> Self;
}

/// An object, read as well as this version can, without what only others use.
#[derive(Clone, Debug)]
pub struct Decoded<K>(pub K);

impl<'de, K: StandIn> Deserialize<'de> for Decoded<K> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Trimmed { metadata, spec, status } = Trimmed::deserialize(deserializer)?;
        let metadata = metadata.map(ObjectMeta::from).unwrap_or_default();
        Ok(Self(match parts::<K>(spec.as_ref(), status.as_ref()) {
            Ok((spec, status)) => K::read(metadata, spec, status),
            Err(why) => K::stand_in(metadata, status.and_then(|status| readable(&status)), why.to_string()),
        }))
    }
}

/// Spec and status, where both can be read.
fn parts<K: StandIn>(
    spec: Option<&Value>,
    status: Option<&Value>,
) -> Result<(K::Spec, Option<K::Status>), serde_json::Error> {
    let spec = spec.ok_or_else(|| serde_json::Error::missing_field("spec"))?;
    Ok((K::Spec::deserialize(spec)?, status.map(K::Status::deserialize).transpose()?))
}

impl StandIn for MtlsIdentity {
    type Spec = MtlsIdentitySpec;
    type Status = MtlsIdentityStatus;

    fn read(metadata: ObjectMeta, spec: Self::Spec, status: Option<Self::Status>) -> Self {
        Self { metadata, spec, status }
    }

    /// It stays with the authority and the Secret that its status names.
    fn stand_in(metadata: ObjectMeta, status: Option<Self::Status>, why: String) -> Self {
        let mut spec = MtlsIdentitySpec { unreadable: Some(why), ..MtlsIdentitySpec::default() };
        if let Some(name) = status.as_ref().and_then(|status| status.authority_name.clone()) {
            spec.authority_ref.name = name;
        }
        spec.secret.name = status.as_ref().and_then(|status| Some(status.secret.as_ref()?.name.clone()));
        Self { metadata, spec, status }
    }
}

impl StandIn for MtlsAuthority {
    type Spec = MtlsAuthoritySpec;
    type Status = MtlsAuthorityStatus;

    fn read(metadata: ObjectMeta, spec: Self::Spec, status: Option<Self::Status>) -> Self {
        Self { metadata, spec, status }
    }

    fn stand_in(metadata: ObjectMeta, status: Option<Self::Status>, why: String) -> Self {
        let spec = MtlsAuthoritySpec { unreadable: Some(why), ..MtlsAuthoritySpec::default() };
        Self { metadata, spec, status }
    }
}

/// Why a spec could not be read is neither read nor written: only a stand-in has it.
#[allow(clippy::ref_option, reason = "serde hands it over so")]
pub(super) const fn is_internal(_: &Option<String>) -> bool {
    true
}

fn readable<S: DeserializeOwned>(status: &Value) -> Option<S> {
    S::deserialize(status).ok()
}

impl<K: Resource> Resource for Decoded<K> {
    type DynamicType = K::DynamicType;
    type Scope = K::Scope;

    fn kind(dt: &Self::DynamicType) -> Cow<'_, str> {
        K::kind(dt)
    }

    fn group(dt: &Self::DynamicType) -> Cow<'_, str> {
        K::group(dt)
    }

    fn version(dt: &Self::DynamicType) -> Cow<'_, str> {
        K::version(dt)
    }

    fn plural(dt: &Self::DynamicType) -> Cow<'_, str> {
        K::plural(dt)
    }

    fn meta(&self) -> &ObjectMeta {
        self.0.meta()
    }

    fn meta_mut(&mut self) -> &mut ObjectMeta {
        self.0.meta_mut()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read<K: StandIn>(object: Value) -> K {
        serde_json::from_value::<Decoded<K>>(object).unwrap().0
    }

    #[test]
    fn an_identity_whose_spec_cannot_be_read_stays_with_its_authority_and_its_secret() {
        let identity: MtlsIdentity = read(json!({
            "metadata": { "name": "cart", "namespace": "shop", "uid": "1" },
            "spec": { "paused": "perhaps" },
            "status": { "authorityName": "edge", "secret": { "name": "certs", "resourceVersion": "7" } },
        }));
        assert!(identity.spec.unreadable.as_ref().unwrap().contains("perhaps"), "{:?}", identity.spec);
        assert_eq!(identity.spec.authority_ref.name, "edge");
        assert_eq!(identity.secret_name(), "certs");
        assert_eq!(identity.metadata.name.as_deref(), Some("cart"));
    }

    #[test]
    fn words_of_another_version_in_a_status_are_kept_or_ignored() {
        let authority: MtlsAuthority = read(json!({
            "metadata": { "name": "mesh" },
            "spec": {},
            "status": {
                "rotation": { "phase": "Rehearsing", "waitingFor": [{ "kind": "Planet", "count": 1 }] },
                "roots": [{ "fingerprint": "ab", "role": "Spare", "colour": "red" }],
                "identities": { "total": 3, "dreaming": 1 },
            },
        }));
        assert_eq!(authority.spec.unreadable, None);
        let status = authority.status.unwrap();
        assert_eq!(status.phase(), None);
        assert_eq!(status.roots[0].fingerprint, "ab");
        assert_eq!(status.identities.unwrap().total, 3);
    }
}
