//! Kubernetes Events: one when manual action is needed or a leaf has expired, none while all is well. Every other change of
//! `Ready` is one log line.

use jiff::Timestamp;
use k8s_openapi::api::core::v1::ObjectReference;
use k8s_openapi::api::events::v1::Event;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta};
use kube::{Resource, ResourceExt as _};

use super::context::Context;
use crate::api::MtlsIdentity;
use crate::api::conditions::{READY, STALLED, find};
use crate::api::names::FIELD_MANAGER;
use crate::operator::index::time::seconds;
use crate::operator::scheduler::held_request::HeldRequest;
use crate::plan::identity::ready::{IdentityReady, ReadyReason};

/// Reason of the Event about a Secret that another writer overwrites again and again.
const OVERWRITTEN: &str = "SecretOverwritten";
/// Reason of the Event about an identity that people change faster than it is reconciled.
const HELD_BACK: &str = "RequestHeldBack";
/// Longest note of an Event, in bytes (`events.k8s.io/v1`: 1 kB).
const NOTE_LENGTH: usize = 1024;

/// Logs a change of an identity's `Ready`, and creates an Event where manual action is needed. An Event that cannot be created is
/// not tried again: the condition says the same.
pub async fn transition(context: &Context, identity: &MtlsIdentity, ready: &IdentityReady) {
    let conditions = identity.status.as_ref().map_or(&[][..], |status| &status.conditions);
    let before = find(conditions, READY).map(|condition| condition.reason.as_str());
    let has_turned = before != Some(ready.reason.as_str());
    let needs_action = ready.stalled && (has_turned || find(conditions, STALLED).is_none());
    if has_turned || needs_action {
        log(identity, before, ready);
    }
    if needs_action || (has_turned && ready.reason == ReadyReason::Expired) {
        warn(context, identity, ready.reason.as_str(), &ready.message).await;
    }
}

fn log(identity: &MtlsIdentity, before: Option<&str>, ready: &IdentityReady) {
    let (namespace, name) = (identity.namespace(), identity.name_any());
    let (reason, why) = (ready.reason.as_str(), &ready.message);
    if ready.stalled {
        tracing::warn!(namespace, name, before, reason, why, "an identity needs manual action");
    } else if before.is_some() || ready.reason != ReadyReason::Issued {
        // The first leaf is logged where it is issued.
        tracing::info!(
            namespace,
            name,
            before,
            reason,
            why,
            "the condition Ready of an identity has changed"
        );
    }
}

/// Creates a warning Event about an object.
pub async fn warn<K: Resource<DynamicType = ()>>(context: &Context, object: &K, reason: &str, note: &str) {
    create(context, event(context, object, "Warning", reason, note)).await;
}

/// Logs a change of roots after which manual action is needed, and creates a warning Event.
pub async fn disruption<K: Resource<DynamicType = ()>>(
    context: &Context,
    object: &K,
    reason: &str,
    note: &str,
) {
    tracing::warn!(
        name = object.name_any(),
        reason,
        note,
        "the roots of an authority were changed; connections can break"
    );
    create(context, event(context, object, "Warning", reason, note)).await;
}

/// Logs that another client undoes what this operator writes, and creates a warning Event.
pub async fn overwritten(context: &Context, identity: &MtlsIdentity, note: &str) {
    let (namespace, name) = (identity.namespace(), identity.name_any());
    tracing::warn!(namespace, name, why = note, "a Secret is overwritten again and again");
    create(context, event(context, identity, "Warning", OVERWRITTEN, note)).await;
}

/// Tells people that what they ask of an identity waits. The object is read for its uid, by which Events are found.
pub async fn held_back(context: &Context, held: &HeldRequest) {
    let until = Timestamp::from_second(seconds(held.until)).unwrap_or_default();
    let note = format!(
        "this identity is changed or renewed by request again and again: the next request waits until {until}; \
         several are served at once, then one a minute"
    );
    let (namespace, name) = (&*held.namespace, &*held.name);
    tracing::info!(namespace, name, why = note, "a request of people is held back");
    if let Ok(Some(identity)) = context.client.read::<MtlsIdentity>(Some(namespace), name).await {
        inform(context, &identity, HELD_BACK, &note).await;
    }
}

/// Creates an Event about a planned change.
pub async fn inform<K: Resource<DynamicType = ()>>(context: &Context, object: &K, reason: &str, note: &str) {
    create(context, event(context, object, "Normal", reason, note)).await;
}

async fn create(context: &Context, event: Event) {
    if let Err(error) = context.client.create_event(&event).await {
        tracing::debug!(%error, "an Event was not created");
    }
}

/// Cluster-scoped objects have their Events in `default`, as everywhere in Kubernetes.
fn event<K: Resource<DynamicType = ()>>(
    context: &Context,
    object: &K,
    type_: &str,
    reason: &str,
    note: &str,
) -> Event {
    let now = context.clock.now();
    let regarding = ObjectReference {
        api_version: Some(K::api_version(&()).into_owned()),
        kind: Some(K::kind(&()).into_owned()),
        name: Some(object.name_any()),
        namespace: object.namespace(),
        uid: object.uid(),
        ..ObjectReference::default()
    };
    Event {
        metadata: ObjectMeta {
            name: Some(format!("{}.{:x}", object.name_any(), now.as_nanosecond())),
            namespace: Some(object.namespace().unwrap_or_else(|| "default".into())),
            ..ObjectMeta::default()
        },
        event_time: Some(MicroTime(now)),
        reporting_controller: Some(format!("mtls-operator.dev/{FIELD_MANAGER}")),
        reporting_instance: Some(context.pod_name.to_string()),
        action: Some("Reconcile".into()),
        type_: Some(type_.into()),
        reason: Some(reason.into()),
        note: note.get(..note.floor_char_boundary(NOTE_LENGTH)).map(str::to_owned),
        regarding: Some(regarding),
        ..Event::default()
    }
}
