//! Which client wrote an object, by what the API server notes of each write (`metadata.managedFields`).
//!
//! A field manager is a name that a client gives itself; times are in whole seconds.

use std::fmt;

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ManagedFieldsEntry, ObjectMeta};

use crate::api::names::FIELD_MANAGER;

/// A field manager, and when it wrote last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Writer {
    /// Its name.
    pub manager: String,
    /// When it wrote last.
    pub at: Option<Timestamp>,
}

impl fmt::Display for Writer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "field manager {:?}", self.manager)?;
        self.at.map_or(Ok(()), |at| write!(f, " at {at}"))
    }
}

/// The last writer of an object, its status apart.
#[must_use]
pub fn last_writer(metadata: &ObjectMeta) -> Option<Writer> {
    newest(entries(metadata))
}

/// The last other writer of a Secret of this operator: of its data, else of anything in it. One that only took
/// something away may have left no trace.
#[must_use]
pub fn last_other_writer(metadata: &ObjectMeta) -> Option<Writer> {
    let others = || entries(metadata).filter(|entry| entry.manager.as_deref() != Some(FIELD_MANAGER));
    newest(others().filter(|entry| touches_data(entry))).or_else(|| newest(others()))
}

fn entries(metadata: &ObjectMeta) -> impl Iterator<Item = &ManagedFieldsEntry> {
    metadata.managed_fields.iter().flatten().filter(|entry| entry.subresource.is_none())
}

fn touches_data(entry: &ManagedFieldsEntry) -> bool {
    entry.fields_v1.as_ref().is_some_and(|fields| fields.0.get("f:data").is_some())
}

fn newest<'a>(entries: impl Iterator<Item = &'a ManagedFieldsEntry>) -> Option<Writer> {
    let at = |entry: &ManagedFieldsEntry| entry.time.as_ref().map(|time| time.0);
    let newest = entries.max_by_key(|entry| at(entry))?;
    Some(Writer { manager: newest.manager.clone()?, at: at(newest) })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn metadata(entries: &[(&str, &str, Value)]) -> ObjectMeta {
        let entries = entries.iter().map(|(manager, second, fields)| {
            json!({"manager": manager, "time": format!("2026-01-01T00:00:{second}Z"), "fieldsV1": fields})
        });
        serde_json::from_value(json!({"managedFields": entries.collect::<Value>()})).unwrap()
    }

    fn named(writer: Option<Writer>) -> Option<String> {
        writer.map(|writer| writer.manager)
    }

    #[test]
    fn who_wrote_the_data_last_counts_before_who_wrote_something_else_later() {
        let found = metadata(&[
            (FIELD_MANAGER, "09", json!({"f:data": {}})),
            ("copier", "03", json!({"f:data": {}})),
            ("former-copier", "01", json!({"f:data": {}})),
            ("labeller", "05", json!({"f:metadata": {}})),
        ]);
        assert_eq!(named(last_other_writer(&found)).as_deref(), Some("copier"));
        assert_eq!(named(last_writer(&found)).as_deref(), Some(FIELD_MANAGER));
        let text = last_other_writer(&found).unwrap().to_string();
        assert_eq!(text, r#"field manager "copier" at 2026-01-01T00:00:03Z"#);
    }

    #[test]
    fn who_wrote_no_data_is_named_where_no_other_has() {
        let found = metadata(&[
            (FIELD_MANAGER, "09", json!({"f:data": {}})),
            ("labeller", "05", json!({"f:metadata": {}})),
        ]);
        assert_eq!(named(last_other_writer(&found)).as_deref(), Some("labeller"));
        assert_eq!(last_other_writer(&metadata(&[(FIELD_MANAGER, "09", json!({}))])), None);
    }

    #[test]
    fn a_write_of_the_status_is_none_of_the_object() {
        let mut found = metadata(&[("kubectl", "01", json!({})), (FIELD_MANAGER, "02", json!({}))]);
        found.managed_fields.as_mut().unwrap()[1].subresource = Some("status".into());
        assert_eq!(named(last_writer(&found)).as_deref(), Some("kubectl"));
    }
}
