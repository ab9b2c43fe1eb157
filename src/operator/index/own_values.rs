//! The values of an identity that no other has, in short: taken out of its object, and put back.
//!
//! A value in another form than the API server and this operator write stays where it is; an object with a version or a time of
//! another form is not kept.

use std::num::NonZeroU32;

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ManagedFieldsEntry, Time};

use super::recorded_status::RecordedStatus;
use super::time::Second;
use crate::api::identity::{MtlsIdentity, MtlsIdentityStatus};
use crate::pki::hex;

/// Conditions whose time is kept in short: usually there is one, of a refused identity there are two.
const CONDITIONS: usize = 2;

/// Those that the entry in the index does not have. The others are its version and what it remembers of the status.
#[derive(Clone, Debug, Default)]
pub struct OwnValues {
    uid: Option<[u8; 16]>,
    serial: Option<[u8; 20]>,
    proof: Option<[u8; 32]>,
    revision: Option<NonZeroU32>,
    written: Option<Second>,
    since: [Option<Second>; CONDITIONS],
}

impl OwnValues {
    /// Takes them out of an object. `None` where it has a version that is no number, or a time that is no whole second.
    pub fn take_out_of(object: &mut MtlsIdentity) -> Option<Self> {
        let (meta, status) = (&mut object.metadata, object.status.as_mut());
        if !is_number(meta.resource_version.as_deref()?) {
            return None;
        }
        meta.resource_version = None;
        let mut own = match status {
            Some(status) => Self::take_out_of_status(status)?,
            None => Self::default(),
        };
        own.uid = taken(&mut meta.uid, |uid| read_uid(uid));
        if let Some(write) = last_write(object) {
            own.written = take_second(&mut write.time)?;
        }
        Some(own)
    }

    fn take_out_of_status(status: &mut MtlsIdentityStatus) -> Option<Self> {
        if let Some(secret) = &mut status.secret {
            if !is_number(&secret.resource_version) {
                return None;
            }
            secret.resource_version.clear();
        }
        for time in [&mut status.not_before, &mut status.not_after, &mut status.renewal_time] {
            take_second(time)?;
        }
        let mut since = [None; CONDITIONS];
        for (place, condition) in status.conditions.iter_mut().enumerate() {
            let second = Second::exactly(condition.last_transition_time.0)?;
            if let Some(since) = since.get_mut(place) {
                *since = Some(second);
                condition.last_transition_time = Time(Timestamp::UNIX_EPOCH);
            }
        }
        Some(Self {
            serial: taken(&mut status.serial, |serial| octets(serial)),
            proof: taken(&mut status.proof, |proof| octets(proof)),
            revision: taken(&mut status.revision, |revision| NonZeroU32::new(u32::try_from(*revision).ok()?)),
            since,
            ..Self::default()
        })
    }

    /// Puts them back, with those that the entry has.
    pub fn put_into(&self, object: &mut MtlsIdentity, version: u64, recorded: &RecordedStatus) {
        object.metadata.resource_version = Some(version.to_string());
        put(&mut object.metadata.uid, self.uid.map(|uid| uid_text(&uid)));
        if let Some(write) = last_write(object) {
            put(&mut write.time, self.written.and_then(moment));
        }
        if let Some(status) = &mut object.status {
            self.put_into_status(status, recorded);
        }
    }

    fn put_into_status(&self, status: &mut MtlsIdentityStatus, recorded: &RecordedStatus) {
        put(&mut status.not_before, recorded.not_before.and_then(moment));
        put(&mut status.not_after, recorded.not_after.and_then(moment));
        put(&mut status.renewal_time, recorded.renewal.and_then(moment));
        put(&mut status.serial, self.serial.map(|serial| text(&serial)));
        put(&mut status.proof, self.proof.map(|proof| text(&proof)));
        put(&mut status.revision, self.revision.map(|revision| revision.get().into()));
        if let Some((secret, version)) = status.secret.as_mut().zip(recorded.secret_version) {
            secret.resource_version = version.to_string();
        }
        for (since, condition) in self.since.iter().zip(&mut status.conditions) {
            if let Some(since) = since.and_then(moment) {
                condition.last_transition_time = since;
            }
        }
    }
}

/// Takes a value out where it has a short form.
fn taken<T, S>(value: &mut Option<T>, short: impl Fn(&T) -> Option<S>) -> Option<S> {
    let short = value.as_ref().and_then(short)?;
    *value = None;
    Some(short)
}

/// Puts a value back, unless it was left where it is.
fn put<T>(value: &mut Option<T>, own: Option<T>) {
    *value = value.take().or(own);
}

/// Takes a time out, where there is one. `None` where it is no whole second: JSON would not have all of it either.
#[allow(clippy::option_option, reason = "one is of the time, the other of its form")]
fn take_second(time: &mut Option<Time>) -> Option<Option<Second>> {
    time.take().map_or(Some(None), |time| Second::exactly(time.0).map(Some))
}

fn last_write(object: &mut MtlsIdentity) -> Option<&mut ManagedFieldsEntry> {
    object.metadata.managed_fields.as_mut()?.first_mut()
}

fn moment(second: Second) -> Option<Time> {
    second.timestamp().map(Time)
}

/// Whether a version is a number other than 0, as the API server writes them.
fn is_number(version: &str) -> bool {
    version.parse::<u64>().is_ok_and(|number| number > 0 && number.to_string() == version)
}

fn octets<const N: usize>(hex: &str) -> Option<[u8; N]> {
    let octets: [u8; N] = hex::read(hex)?.try_into().ok()?;
    (text(&octets) == hex).then_some(octets)
}

fn text(octets: &[u8]) -> String {
    let mut text = String::with_capacity(octets.len() * 2);
    // Writing to a String does not fail.
    let _ = hex::write(&mut text, octets);
    text
}

fn read_uid(uid: &str) -> Option<[u8; 16]> {
    let octets = octets(&uid.replace('-', ""))?;
    (uid_text(&octets) == uid).then_some(octets)
}

fn uid_text(uid: &[u8; 16]) -> String {
    let mut text = text(uid);
    for at in [20, 16, 12, 8] {
        text.insert(at, '-');
    }
    text
}
