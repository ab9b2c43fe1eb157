//! What the operator has asked of the API server, by the API server's own audit log, and what it says of itself.

use std::collections::BTreeMap;
use std::time::Duration;

use devcluster::audit::Event;
use test_support::Failure;
use test_support::reporter::Reporter;
use test_support::wait::within;

use crate::environment::Environment;

use crate::environment::PATIENCE;

/// Pause between two reads of the log: a file that grows raises no event.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// The audit log, from a moment on.
pub struct AuditLog {
    offset: u64,
}

impl AuditLog {
    /// Opens one now.
    pub fn open(environment: &Environment) -> Result<Self, Failure> {
        let (_, offset) = environment.requests_since(0)?;
        Ok(Self { offset })
    }

    /// What the operator has asked for since it was opened.
    pub fn balance(&self, environment: &Environment) -> Result<RequestCounts, Failure> {
        let (events, _) = environment.requests_since(self.offset)?;
        Ok(RequestCounts { events })
    }

    /// The same, once it is this many writes to a namespace: a watch may tell of a write before it is answered, and
    /// the log is written with the answer.
    pub async fn settled(
        &self,
        environment: &Environment,
        namespace: &str,
        writes: usize,
    ) -> Result<RequestCounts, Failure> {
        let settled = async {
            loop {
                let balance = self.balance(environment)?;
                if balance.writes(namespace) >= writes {
                    return Ok(balance);
                }
                tokio::time::sleep(LOOK_AGAIN).await;
            }
        };
        within(PATIENCE, "the audit log to be complete", settled).await
    }
}

/// Requests of the operator.
pub struct RequestCounts {
    events: Vec<Event>,
}

impl RequestCounts {
    /// How many requests wanted to change something in a namespace.
    pub fn writes(&self, namespace: &str) -> usize {
        self.writes_where(|event| event.namespace == namespace).count()
    }

    /// How many of these were carried out, by what the API server answered. A request that the operator no longer
    /// waited for has no answer: it is in the log as 504, and may have changed something or not.
    pub fn answered_writes(&self, namespace: &str) -> usize {
        self.writes_where(|event| event.namespace == namespace && event.code < 300).count()
    }

    /// How many objects of a kind were read in a namespace.
    pub fn reads(&self, namespace: &str, resource: &str) -> usize {
        let is_read = |event: &&Event| {
            event.verb == "get" && event.resource == resource && event.namespace == namespace
        };
        self.events.iter().filter(is_read).count()
    }

    /// Tells the writes of a namespace, and those elsewhere, by what they were.
    pub fn tell(&self, namespace: &str) {
        let here = by_kind(self.writes_where(|event| event.namespace == namespace));
        let elsewhere = by_kind(self.writes_where(|event| event.namespace != namespace));
        Reporter::say(&format!("   {}", list(&here)));
        Reporter::say(&format!("   besides, for the authority and the Lease: {}", list(&elsewhere)));
    }

    /// All writes, by what they were.
    pub fn all_writes(&self) -> String {
        list(&by_kind(self.writes_where(|_| true)))
    }

    fn writes_where(&self, is_counted: impl Fn(&Event) -> bool) -> impl Iterator<Item = &Event> {
        self.events.iter().filter(move |event| event.is_mutating() && is_counted(event))
    }
}

fn by_kind<'a>(events: impl Iterator<Item = &'a Event>) -> BTreeMap<String, usize> {
    let mut kinds = BTreeMap::new();
    for Event { verb, resource, subresource, code, .. } in events {
        let subresource = if subresource.is_empty() { String::new() } else { format!("/{subresource}") };
        let outcome = if *code < 300 { String::new() } else { format!(" ({code})") };
        *kinds.entry(format!("{verb} {resource}{subresource}{outcome}")).or_default() += 1;
    }
    kinds
}

fn list(kinds: &BTreeMap<String, usize>) -> String {
    let parts: Vec<String> = kinds.iter().map(|(kind, count)| format!("{count} {kind}")).collect();
    if parts.is_empty() { "none".into() } else { parts.join(", ") }
}

/// The operator's figures, as its admin port serves them.
pub struct Figures(BTreeMap<String, usize>);

impl Figures {
    /// Those of this moment.
    pub async fn of(environment: &Environment) -> Result<Self, Failure> {
        let page = environment.metrics().await?;
        let samples = page.lines().filter(|line| !line.starts_with('#')).filter_map(|line| {
            let (name, value) = line.rsplit_once(' ')?;
            Some((name.to_owned(), value.parse().ok()?))
        });
        Ok(Self(samples.collect()))
    }

    /// One of them; nothing counted is zero.
    pub fn get(&self, sample: &str) -> usize {
        self.0.get(sample).copied().unwrap_or_default()
    }

    /// The sum of those that begin so.
    pub fn sum(&self, prefix: &str) -> usize {
        self.0.iter().filter(|(sample, _)| sample.starts_with(prefix)).map(|(_, value)| value).sum()
    }

    /// Certificates issued so far for this reason.
    pub fn issued(&self, because: &str) -> usize {
        self.sum(&format!("mtls_operator_issued_total{{because=\"{because}\""))
    }

    /// Objects changed so far, or tried to.
    pub fn patches(&self) -> usize {
        self.sum("mtls_operator_api_requests_total{verb=\"patch\"")
    }

    /// Secrets updated so far without a new key.
    pub fn refreshed(&self) -> usize {
        self.get("mtls_operator_refreshed_total")
    }
}
