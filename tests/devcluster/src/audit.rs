//! The audit log of the API server, read as events that a test can count.
//!
//! The log is written before the response leaves (blocking mode), so a request that has been answered is in it.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::Path;

use serde_json::Value;

use crate::Error;

/// One line of the audit log: one request, seen at one stage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// `get`, `list`, `watch`, `create`, `update`, `patch`, `delete`, `deletecollection`.
    pub verb: String,
    /// Plural name, as in `secrets`; empty for a request that names no resource.
    pub resource: String,
    /// As in `status`; empty without one.
    pub subresource: String,
    /// API group; empty for the core group.
    pub api_group: String,
    /// Empty for a cluster-scoped object.
    pub namespace: String,
    /// Empty for a collection.
    pub name: String,
    /// The user that asked, as in `system:serviceaccount:<namespace>:<name>`.
    pub user: String,
    /// HTTP status of the answer; 0 when there is none yet.
    pub code: u16,
    /// `ResponseComplete`, or `ResponseStarted` for a watch that goes on, or `Panic`.
    pub stage: String,
    /// The client's `User-Agent`.
    pub user_agent: String,
    /// Path and query.
    pub uri: String,
    /// When the request came in: RFC 3339 in UTC with microseconds, so order of text is order of time.
    pub timestamp: String,
}

impl Event {
    /// Whether the request asked to change something stored (a review or a token is answered, not stored).
    #[must_use]
    pub fn is_mutating(&self) -> bool {
        let changes =
            matches!(self.verb.as_str(), "create" | "update" | "patch" | "delete" | "deletecollection");
        changes && !self.resource.ends_with("reviews") && self.subresource != "token"
    }

    fn parse(line: &str) -> Result<Self, serde_json::Error> {
        let value: Value = serde_json::from_str(line)?;
        let text =
            |pointer: &str| value.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
        let code = value.pointer("/responseStatus/code").and_then(Value::as_u64).unwrap_or_default();
        Ok(Self {
            verb: text("/verb"),
            resource: text("/objectRef/resource"),
            subresource: text("/objectRef/subresource"),
            api_group: text("/objectRef/apiGroup"),
            namespace: text("/objectRef/namespace"),
            name: text("/objectRef/name"),
            user: text("/user/username"),
            code: u16::try_from(code).unwrap_or_default(),
            stage: text("/stage"),
            user_agent: text("/userAgent"),
            uri: text("/requestURI"),
            timestamp: text("/requestReceivedTimestamp"),
        })
    }
}

/// The length of the log: the offset from which only later events are read.
///
/// # Errors
/// When the log cannot be read.
pub fn end(path: &Path) -> Result<u64, Error> {
    path.metadata().map(|data| data.len()).map_err(Error::file("read", path))
}

/// The events from `offset` (0, or what [`end`] returned) to the last complete line.
///
/// # Errors
/// When the log cannot be read, or holds something else.
pub fn read(path: &Path, offset: u64) -> Result<Vec<Event>, Error> {
    let mut bytes = Vec::new();
    let mut file = File::open(path).map_err(Error::file("read", path))?;
    file.seek(SeekFrom::Start(offset))
        .and_then(|_| file.read_to_end(&mut bytes))
        .map_err(Error::file("read", path))?;
    parse(&bytes).map_err(|source| Error::Audit { path: path.into(), source })
}

/// The same one by one, for a log that is too long to be held.
///
/// # Errors
/// When the log cannot be read, or holds something else.
pub fn for_each(path: &Path, offset: u64, mut seen: impl FnMut(Event)) -> Result<(), Error> {
    let failed = || Error::file("read", path);
    let mut file = File::open(path).map_err(failed())?;
    file.seek(SeekFrom::Start(offset)).map_err(failed())?;
    let (mut file, mut line) = (BufReader::new(file), String::new());
    // The line after the last newline is still being written.
    while file.read_line(&mut line).map_err(failed())? > 0 && line.ends_with('\n') {
        seen(Event::parse(&line).map_err(|source| Error::Audit { path: path.into(), source })?);
        line.clear();
    }
    Ok(())
}

fn parse(bytes: &[u8]) -> Result<Vec<Event>, serde_json::Error> {
    // The line after the last newline is still being written.
    let complete = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
    String::from_utf8_lossy(&bytes[..complete]).lines().map(Event::parse).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: &str = r#"{"stage":"ResponseComplete","requestURI":"/api/v1/namespaces/shop/secrets/x","verb":"patch","user":{"username":"system:admin"},"userAgent":"kubectl","objectRef":{"resource":"secrets","namespace":"shop","name":"x","apiVersion":"v1"},"responseStatus":{"code":200},"requestReceivedTimestamp":"2026-01-02T03:04:05.000006Z"}"#;

    #[test]
    fn a_line_becomes_an_event_and_an_unfinished_one_waits() {
        let events = parse(format!("{LINE}\n{{\"sta").as_bytes()).unwrap();
        let [event] = events.as_slice() else { unreachable!("one complete line") };
        assert_eq!((event.verb.as_str(), event.resource.as_str(), event.code), ("patch", "secrets", 200));
        assert_eq!((event.namespace.as_str(), event.name.as_str()), ("shop", "x"));
        assert!(event.is_mutating());
    }

    #[test]
    fn a_log_is_read_line_by_line_up_to_the_one_that_is_being_written() {
        let path = std::env::temp_dir().join(format!("devcluster-audit-{}", std::process::id()));
        std::fs::write(&path, format!("{LINE}\n{LINE}\n{{\"sta")).unwrap();
        let (mut seen, offset) = (Vec::new(), u64::try_from(LINE.len() + 1).unwrap());
        for_each(&path, offset, |event| seen.push(event)).unwrap();
        let whole = read(&path, offset).unwrap();
        std::fs::remove_file(&path).unwrap();
        assert_eq!(seen, whole);
        assert_eq!(seen.len(), 1);
    }

    #[test]
    fn a_question_is_not_a_change() {
        let event = |verb: &str, resource: &str, subresource: &str| {
            let mut event = Event::parse(LINE).unwrap();
            (event.verb, event.resource, event.subresource) =
                (verb.into(), resource.into(), subresource.into());
            event
        };
        assert!(!event("get", "secrets", "").is_mutating());
        assert!(!event("create", "subjectaccessreviews", "").is_mutating());
        assert!(!event("create", "serviceaccounts", "token").is_mutating());
        assert!(event("create", "serviceaccounts", "").is_mutating());
        assert!(event("update", "leases", "").is_mutating());
    }
}
