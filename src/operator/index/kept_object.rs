//! The object of an identity, so that a reconcile need not read it: texts that many share, and the values that are its own.
//!
//! Exact or absent: what is put together again is all that a reconcile reads of the object (`tests/laws/kept_objects.rs`). A value
//! that has no short form stays in the text; an object whose text is long, or that is unusual in another way, is not kept.

use std::borrow::Cow;
use std::io;
use std::sync::Arc;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ManagedFieldsEntry, ObjectMeta, Time};
use serde::Serialize;

use super::own_values::OwnValues;
use super::recorded_status::RecordedStatus;
use super::texts::{Text, Texts};
use super::time::Second;
use crate::api::identity::{MtlsIdentity, MtlsIdentityStatus};
use crate::api::names::annotation;

/// Most octets of the text of a spec, and of a status: several times those of a usual one.
pub const MAX_TEXT: usize = 4 << 10;

/// Stand for the name, the namespace and the end of the leaf in the texts, so that those of many identities are the same. JSON has
/// no control characters, so that none of them stands for itself.
const NAME: char = '\u{1}';
const NAMESPACE: char = '\u{2}';
const END: char = '\u{3}';

/// What is kept of an object beside its entry in the index.
#[derive(Clone, Debug)]
pub struct KeptObject {
    spec: Arc<Text>,
    status: Option<Arc<Text>>,
    own: OwnValues,
}

/// The same, before its texts are known to be those of others.
#[derive(Debug)]
pub struct PackedObject {
    spec: String,
    status: Option<String>,
    own: OwnValues,
}

impl PackedObject {
    /// What of an object is to be kept. `None` where it is too long, or where not all of it would be there again.
    #[must_use]
    pub fn of(identity: &MtlsIdentity) -> Option<Self> {
        let mut object = needed(identity)?;
        let end = object.status.as_ref().and_then(|status| Second::exactly(status.not_after.as_ref()?.0));
        let own = OwnValues::take_out_of(&mut object)?;
        let places =
            Places::new(identity.metadata.name.as_deref()?, identity.metadata.namespace.as_deref()?, end);
        let status = object.status.take();
        let status = match status {
            Some(status) => Some(places.put_into(&json(&status)?)),
            None => None,
        };
        Some(Self { spec: places.put_into(&json(&object)?), status, own })
    }

    /// The same with the texts as others have them, where there is room.
    pub fn keep(self, texts: &mut Texts) -> Option<KeptObject> {
        let spec = texts.intern(&self.spec)?;
        let status = match self.status {
            Some(status) => Some(texts.intern(&status)?),
            None => None,
        };
        Some(KeptObject { spec, status, own: self.own })
    }
}

impl KeptObject {
    /// All that a reconcile reads of the object of this name, in this version and with this status.
    #[must_use]
    pub fn object(
        &self,
        (namespace, name): (&str, &str),
        version: u64,
        recorded: &RecordedStatus,
    ) -> Option<MtlsIdentity> {
        let places = Places::new(name, namespace, recorded.not_after);
        let mut object: MtlsIdentity = serde_json::from_str(&places.take_out_of(&self.spec)).ok()?;
        if let Some(status) = &self.status {
            let status: MtlsIdentityStatus = serde_json::from_str(&places.take_out_of(status)).ok()?;
            object.status = Some(status);
        }
        self.own.put_into(&mut object, version, recorded);
        Some(object)
    }
}

/// What a reconcile reads of an object. An object that is being deleted is not kept, since what keeps it matters then; nor one that
/// cannot be read, nor what its probes have found, which changes with every look at it.
fn needed(identity: &MtlsIdentity) -> Option<MtlsIdentity> {
    let (meta, status) = (&identity.metadata, &identity.status);
    let is_unusual = meta.deletion_timestamp.is_some() || identity.spec.unreadable.is_some();
    if is_unusual || status.as_ref().is_some_and(|status| status.served.is_some()) {
        return None;
    }
    let renew =
        meta.annotations.as_ref().and_then(|annotations| annotations.get_key_value(annotation::RENEW));
    let metadata = ObjectMeta {
        name: meta.name.clone(),
        namespace: meta.namespace.clone(),
        uid: meta.uid.clone(),
        resource_version: meta.resource_version.clone(),
        generation: meta.generation,
        annotations: renew.map(|(key, value)| [(key.clone(), value.clone())].into()),
        managed_fields: last_write(meta).map(|write| vec![write]),
        ..ObjectMeta::default()
    };
    Some(MtlsIdentity { metadata, spec: identity.spec.clone(), status: status.clone() })
}

/// The last write that was not of the status, without the list of its fields: the log of issuances names the writer.
fn last_write(meta: &ObjectMeta) -> Option<ManagedFieldsEntry> {
    let writes = meta.managed_fields.iter().flatten().filter(|entry| entry.subresource.is_none());
    let last = writes.max_by_key(|entry| entry.time.as_ref().map(|time: &Time| time.0))?;
    Some(ManagedFieldsEntry {
        manager: last.manager.clone(),
        operation: last.operation.clone(),
        time: last.time.clone(),
        ..ManagedFieldsEntry::default()
    })
}

/// What stands in the texts of an object in place of what is its own.
struct Places<'a>([(char, Cow<'a, str>); 3]);

impl<'a> Places<'a> {
    fn new(name: &'a str, namespace: &'a str, end: Option<Second>) -> Self {
        let end = end.and_then(Second::timestamp).map_or_else(String::new, |end| end.to_string());
        Self([(NAME, name.into()), (NAMESPACE, namespace.into()), (END, end.into())])
    }

    fn put_into(&self, text: &str) -> String {
        let places = self.0.iter().filter(|(_, own)| !own.is_empty());
        places
            .fold(text.to_owned(), |text, (place, own)| text.replace(&**own, place.encode_utf8(&mut [0; 4])))
    }

    fn take_out_of(&self, text: &str) -> String {
        self.0.iter().fold(text.to_owned(), |text, (place, own)| text.replace(*place, own))
    }
}

/// A value as JSON, if that is short enough.
fn json(value: &impl Serialize) -> Option<String> {
    let mut text = Short(Vec::new());
    serde_json::to_writer(&mut text, value).ok()?;
    String::from_utf8(text.0).ok()
}

/// Takes no more than fits.
struct Short(Vec<u8>);

impl io::Write for Short {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        if self.0.len() + octets.len() > MAX_TEXT {
            return Err(io::ErrorKind::OutOfMemory.into());
        }
        self.0.extend_from_slice(octets);
        Ok(octets.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
