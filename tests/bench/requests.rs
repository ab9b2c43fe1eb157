//! What a user has asked of the API server, by the API server's own audit log, folded line by line.
//!
//! The log of a large run takes hundreds of megabytes: only counts are kept.

use std::collections::BTreeMap;
use std::path::Path;

use devcluster::audit::{self, Event};
use jiff::Timestamp;
use test_support::Failure;

/// Kinds of request, as counted.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Request {
    namespace: String,
    verb: String,
    /// With the subresource, as in `mtlsidentities/status`.
    resource: String,
    code: u16,
    is_mutating: bool,
}

/// Requests of one user.
#[derive(Debug, Default)]
pub struct Requests {
    counts: BTreeMap<Request, usize>,
    /// When the last one came in that wanted to change something besides the Lease.
    pub last_write: Option<Timestamp>,
    /// When the last one came in, whatever it was, but those for the Lease.
    pub last: Option<Timestamp>,
}

impl Requests {
    /// Those that a user made after an offset in the log.
    pub fn since(log: &Path, offset: u64, user: &str) -> Result<Self, Failure> {
        let mut requests = Self::default();
        audit::for_each(log, offset, |event| {
            if event.user == user {
                requests.add(&event);
            }
        })?;
        Ok(requests)
    }

    fn add(&mut self, event: &Event) {
        if event.resource != "leases" {
            let at = event.timestamp.parse().ok();
            self.last = self.last.max(at);
            self.last_write = self.last_write.max(at.filter(|_| event.is_mutating()));
        }
        // A watch is in the log when it begins, and again when it ends.
        if event.verb == "watch" && event.stage != "ResponseStarted" {
            return;
        }
        let subresource = Some(&event.subresource).filter(|it| !it.is_empty());
        let resource =
            subresource.map_or_else(|| event.resource.clone(), |it| format!("{}/{it}", event.resource));
        let request = Request {
            namespace: event.namespace.clone(),
            verb: event.verb.clone(),
            resource,
            code: event.code,
            is_mutating: event.is_mutating(),
        };
        *self.counts.entry(request).or_default() += 1;
    }

    /// How many wanted to change something in namespaces that begin so.
    pub fn writes(&self, namespace: &str) -> usize {
        self.sum(|request| request.is_mutating && request.namespace.starts_with(namespace))
    }

    /// How many of these were carried out, by what the API server answered. A request that the operator no longer
    /// waited for has no answer: it is in the log as 504, and may have changed something or not.
    pub fn answered_writes(&self, namespace: &str) -> usize {
        self.sum(|it| it.is_mutating && it.namespace.starts_with(namespace) && it.code < 300)
    }

    /// How many wanted to change something, but the Lease.
    pub fn all_writes(&self) -> usize {
        self.sum(|request| request.is_mutating && request.resource != "leases")
    }

    /// How many objects of a kind were read one by one in namespaces that begin so.
    pub fn reads(&self, namespace: &str, resource: &str) -> usize {
        self.sum(|it| it.verb == "get" && it.resource == resource && it.namespace.starts_with(namespace))
    }

    fn sum(&self, is_counted: impl Fn(&Request) -> bool) -> usize {
        self.counts.iter().filter(|(request, _)| is_counted(request)).map(|(_, count)| count).sum()
    }

    /// All of them by verb and resource, with the code of an answer that is an error.
    pub fn by_kind(&self) -> BTreeMap<String, usize> {
        let mut kinds = BTreeMap::new();
        for (Request { verb, resource, code, .. }, count) in &self.counts {
            let outcome = if *code < 300 { String::new() } else { format!(" ({code})") };
            *kinds.entry(format!("{verb} {resource}{outcome}")).or_default() += count;
        }
        kinds
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(verb: &str, resource: &str, second: u8, code: u16) -> Event {
        Event {
            verb: verb.into(),
            resource: resource.into(),
            subresource: String::new(),
            api_group: String::new(),
            namespace: "bench-7".into(),
            name: "m-1".into(),
            user: "operator".into(),
            code,
            stage: "ResponseComplete".into(),
            user_agent: String::new(),
            uri: String::new(),
            timestamp: format!("2030-01-01T00:00:{second:02}.000001Z"),
        }
    }

    fn of(events: &[Event]) -> Requests {
        let mut requests = Requests::default();
        for event in events {
            requests.add(event);
        }
        requests
    }

    #[test]
    fn requests_are_counted_by_what_they_were_and_how_they_were_answered() {
        let requests = of(&[
            event("create", "secrets", 1, 201),
            event("create", "secrets", 2, 409),
            event("get", "secrets", 3, 200),
        ]);
        assert_eq!(
            requests.by_kind().into_iter().collect::<Vec<_>>(),
            [
                ("create secrets".to_owned(), 1),
                ("create secrets (409)".to_owned(), 1),
                ("get secrets".to_owned(), 1),
            ]
        );
        assert_eq!((requests.writes("bench-"), requests.answered_writes("bench-")), (2, 1));
        assert_eq!((requests.reads("bench-", "secrets"), requests.writes("fleet")), (1, 0));
    }

    #[test]
    fn the_lease_is_no_sign_of_work() {
        let requests = of(&[event("patch", "secrets", 1, 200), event("update", "leases", 9, 200)]);
        assert_eq!(requests.last_write.unwrap().to_string(), "2030-01-01T00:00:01.000001Z");
        assert_eq!((requests.all_writes(), requests.writes("")), (1, 2));
    }

    #[test]
    fn a_watch_counts_when_it_begins() {
        let started = Event { stage: "ResponseStarted".into(), ..event("watch", "secrets", 1, 200) };
        let requests = of(&[started, event("watch", "secrets", 2, 200)]);
        assert_eq!(requests.by_kind().values().sum::<usize>(), 1);
    }
}
