//! One event is one line of JSON with the wall clock's milliseconds, so that events of all Pods of a node line up.

use std::io::Write as _;
use std::time::{Duration, SystemTime};

use serde_json::{Value, json};

/// Notes an event.
pub fn note(event: &str, what: &Value) {
    let mut line = json!({ "at": u64::try_from(now().as_millis()).unwrap_or(u64::MAX), "event": event });
    if let (Some(line), Some(what)) = (line.as_object_mut(), what.as_object()) {
        line.extend(what.clone());
    }
    // A reader that has gone is no reason to stop.
    let _ = writeln!(std::io::stdout(), "{line}");
}

/// Time since 1970.
#[expect(clippy::disallowed_methods, reason = "the only clock of this program")]
pub fn now() -> Duration {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default()
}
