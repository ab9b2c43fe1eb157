//! What lists and watches deliver: whole objects, or the part of their metadata that is used.
//!
//! Of an object that users of a namespace can fill at will, no more is kept in memory than what is read of it.

use std::borrow::Cow;
use std::marker::PhantomData;

use kube::{Resource, ResourceExt as _};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::operator::index::metadata::ObjectVersion;

/// An object as a list or a watch delivers it.
pub trait ApiObject: DeserializeOwned + Send + 'static {
    /// Path of the collection, in one namespace or in all.
    fn path(namespace: Option<&str>) -> String;
    /// Name of the collection.
    fn plural() -> Cow<'static, str>;
    /// The same in sentences.
    #[must_use]
    fn title() -> String {
        Self::plural().into_owned()
    }
    /// Whether metadata are asked for, or the object.
    fn is_metadata() -> bool;
    /// Its resource version.
    fn version(&self) -> String;
}

impl<K: Resource<DynamicType = ()> + DeserializeOwned + Send + 'static> ApiObject for K {
    fn path(namespace: Option<&str>) -> String {
        K::url_path(&(), namespace)
    }

    fn plural() -> Cow<'static, str> {
        Cow::Owned(<K as Resource>::plural(&()).into_owned())
    }

    fn is_metadata() -> bool {
        K::metadata_api()
    }

    fn version(&self) -> String {
        self.resource_version().unwrap_or_default()
    }
}

/// An object of a kind, by a part of its metadata. What is not in that part is skipped while it is parsed.
#[derive(Clone, Debug, Deserialize)]
#[serde(bound(deserialize = "M: Deserialize<'de>"))]
pub struct MetadataOf<K, M> {
    /// The metadata.
    pub metadata: M,
    #[serde(skip)]
    kind: PhantomData<fn() -> K>,
}

impl<K, M> MetadataOf<K, M> {
    /// An object with these metadata.
    #[must_use]
    pub const fn new(metadata: M) -> Self {
        Self { metadata, kind: PhantomData }
    }
}

impl<K, M> ApiObject for MetadataOf<K, M>
where
    K: Resource<DynamicType = ()> + 'static,
    M: ObjectVersion + DeserializeOwned + Send + 'static,
{
    fn path(namespace: Option<&str>) -> String {
        K::url_path(&(), namespace)
    }

    fn plural() -> Cow<'static, str> {
        Cow::Owned(K::plural(&()).into_owned())
    }

    fn title() -> String {
        let kind = K::kind(&());
        kind.strip_suffix('y').map_or_else(|| format!("{kind}s"), |stem| format!("{stem}ies"))
    }

    fn is_metadata() -> bool {
        true
    }

    fn version(&self) -> String {
        self.metadata.resource_version().to_owned()
    }
}
