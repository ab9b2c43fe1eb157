//! Watches, as news for board and roster. kube's watcher lists by pages, follows bookmarks and lists anew after a
//! lost history; on top of that every watch lists anew at a long jittered interval, and after repeated errors,
//! because some ways to lose an event leave no trace.

use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt as _;
use futures::stream::BoxStream;
use k8s_openapi::api::core::v1::{Namespace, Secret};
use kube::api::{Api, PartialObjectMeta};
use kube::core::DeserializeGuard;
use kube::runtime::watcher::{self, Event};
use kube::runtime::{WatchStreamExt as _, watcher as watch};
use kube::{Client, Resource, ResourceExt as _};
use serde::de::DeserializeOwned;

use super::context::Context;
use super::entry::digest;
use super::index::ListNumber;
use super::keeper::claimed_by;
use super::roster::Roster;
use crate::api::names::label;
use crate::api::{MtlsAuthority, MtlsIdentity};
use crate::plan::terms::Terms;
use crate::runtime::readiness::ReadinessHandle;

/// A watch lists anew after this long, and up to half as long again.
const RELIST_AFTER: Duration = Duration::from_mins(45);
/// Errors in a row after which a watch starts over with a list. kube's watcher repeats a watch that is answered
/// with the HTTP status 410 for ever.
const ERRORS_BEFORE_RELIST: u32 = 4;
/// Objects per page of a list.
const PAGE: u32 = 500;

/// What a watch does with what it sees.
pub trait Audience<K>: Send {
    /// A list begins.
    fn begin_list(&mut self);
    /// An object was seen.
    fn saw(&mut self, object: K, is_from_list: bool);
    /// An object was seen to be gone.
    fn lost(&mut self, object: K);
    /// A list ended.
    fn end_list(&mut self);
}

/// What to watch.
#[derive(Clone)]
pub struct Subject<K> {
    api: Api<K>,
    labels: Option<String>,
    name: String,
}

impl<K> Subject<K>
where
    K: Resource<DynamicType = ()>,
{
    /// All objects of a kind.
    #[must_use]
    pub fn all(client: &Client) -> Self {
        Self { api: Api::all(client.clone()), labels: None, name: K::plural(&()).into_owned() }
    }

    /// The objects of a kind in one namespace, or in all.
    #[must_use]
    pub fn within(client: &Client, namespace: Option<&str>) -> Self
    where
        K: Resource<Scope = k8s_openapi::NamespaceResourceScope>,
    {
        let Some(namespace) = namespace else { return Self::all(client) };
        let name = format!("{} in {namespace}", K::plural(&()));
        Self { api: Api::namespaced(client.clone(), namespace), labels: None, name }
    }

    /// Those of them with these labels.
    #[must_use]
    pub fn labelled(self, labels: String) -> Self {
        Self { labels: Some(labels), ..self }
    }
}

impl<K> Subject<K>
where
    K: Resource<DynamicType = ()> + Clone + Debug + DeserializeOwned + Send + 'static,
{
    fn stream(&self) -> BoxStream<'static, watcher::Result<Event<K>>> {
        let config = watcher::Config { label_selector: self.labels.clone(), ..watcher::Config::default() };
        watch(self.api.clone(), config.page_size(PAGE)).default_backoff().boxed()
    }

    /// Watches for ever. The handle is dropped when the first list is complete.
    pub async fn run(self, context: Context, mut audience: impl Audience<K>, ready: ReadinessHandle) {
        let mut ready = Some(ready);
        let mut round: u64 = 0;
        loop {
            let mut stream = self.stream();
            let again = context.clock.sleep(jittered(&self.name, round));
            tokio::pin!(again);
            round = round.wrapping_add(1);
            let mut errors = 0;
            while errors < ERRORS_BEFORE_RELIST {
                let event = tokio::select! {
                    event = stream.next() => event,
                    () = &mut again => break,
                };
                match event {
                    Some(Ok(event)) => {
                        errors = 0;
                        if tell(&mut audience, event) {
                            drop(ready.take());
                        }
                    }
                    Some(Err(error)) => {
                        errors += 1;
                        tracing::warn!(watch = self.name, %error, "a watch was interrupted");
                    }
                    None => break,
                }
            }
        }
    }
}

/// True if a list ended.
fn tell<K>(audience: &mut impl Audience<K>, event: Event<K>) -> bool {
    match event {
        Event::Init => audience.begin_list(),
        Event::InitApply(object) => audience.saw(object, true),
        Event::Apply(object) => audience.saw(object, false),
        Event::Delete(object) => audience.lost(object),
        Event::InitDone => {
            audience.end_list();
            return true;
        }
    }
    false
}

/// Watches that began together do not list together.
fn jittered(name: &str, round: u64) -> Duration {
    let spread = u32::try_from(digest(&format!("{name}/{round}")) % 1000).unwrap_or(0);
    RELIST_AFTER + RELIST_AFTER / 2 * spread / 1000
}

/// Identities, for the board.
pub struct Identities {
    context: Context,
    scope: Option<String>,
    list: ListNumber,
}

impl Identities {
    /// Those of one namespace, or of all.
    #[must_use]
    pub fn new(context: Context, scope: Option<String>) -> Self {
        Self { context, scope, list: ListNumber::default() }
    }
}

impl Audience<DeserializeGuard<MtlsIdentity>> for Identities {
    fn begin_list(&mut self) {
        self.list = self.context.board.lock().begin_list();
    }

    fn saw(&mut self, object: DeserializeGuard<MtlsIdentity>, is_from_list: bool) {
        let now = self.context.millis();
        match object.0 {
            Ok(identity) => {
                self.context.board.change(|board| board.saw_identity(&identity, is_from_list, now));
            }
            Err(invalid) => {
                tracing::warn!(object = ?invalid.metadata.name, error = invalid.error, "an MtlsIdentity cannot be read");
            }
        }
    }

    fn lost(&mut self, object: DeserializeGuard<MtlsIdentity>) {
        let now = self.context.millis();
        let namespace = object.namespace().unwrap_or_default();
        self.context.board.change(|board| board.lost_identity(&namespace, &object.name_any(), now));
    }

    fn end_list(&mut self) {
        let now = self.context.millis();
        self.context.board.change(|board| board.end_identity_list(self.scope.as_deref(), self.list, now));
    }
}

/// Leaf Secrets, for the board.
pub struct LeafSecrets {
    context: Context,
    scope: Option<String>,
    list: ListNumber,
}

impl LeafSecrets {
    /// Those of one namespace, or of all.
    #[must_use]
    pub fn new(context: Context, scope: Option<String>) -> Self {
        Self { context, scope, list: ListNumber::default() }
    }

    /// The label that selects them.
    #[must_use]
    pub fn labels() -> String {
        format!("{}={}", label::MANAGED_BY, label::MANAGER)
    }
}

impl Audience<PartialObjectMeta<Secret>> for LeafSecrets {
    fn begin_list(&mut self) {
        self.list = self.context.board.lock().begin_list();
    }

    fn saw(&mut self, object: PartialObjectMeta<Secret>, is_from_list: bool) {
        let now = self.context.millis();
        self.context.board.change(|board| board.saw_secret(&object, is_from_list, now));
    }

    fn lost(&mut self, object: PartialObjectMeta<Secret>) {
        let now = self.context.millis();
        let namespace = object.namespace().unwrap_or_default();
        self.context.board.change(|board| board.lost_secret(&namespace, &object.name_any(), now));
    }

    fn end_list(&mut self) {
        let now = self.context.millis();
        self.context.board.change(|board| board.end_secret_list(self.scope.as_deref(), self.list, now));
    }
}

/// Namespaces, for the board.
pub struct Namespaces {
    context: Context,
    listed: Vec<String>,
}

impl Namespaces {
    /// All of them.
    #[must_use]
    pub fn new(context: Context) -> Self {
        Self { context, listed: Vec::new() }
    }
}

impl Audience<PartialObjectMeta<Namespace>> for Namespaces {
    fn begin_list(&mut self) {
        self.listed.clear();
    }

    fn saw(&mut self, object: PartialObjectMeta<Namespace>, is_from_list: bool) {
        let name = object.name_any();
        let is_terminating = object.metadata.deletion_timestamp.is_some();
        let labels = object.metadata.labels.unwrap_or_default();
        let now = self.context.millis();
        self.context.board.change(|board| board.saw_namespace(&name, labels, is_terminating, now));
        if is_from_list {
            self.listed.push(name);
        }
    }

    fn lost(&mut self, object: PartialObjectMeta<Namespace>) {
        self.context.board.change(|board| board.lost_namespace(&object.name_any()));
    }

    fn end_list(&mut self) {
        self.listed.sort_unstable();
        let listed = std::mem::take(&mut self.listed);
        self.context.board.change(|board| {
            let is_gone =
                |name: &Arc<str>| listed.binary_search_by(|listed| (**listed).cmp(&**name)).is_err();
            board.namespace_names().into_iter().filter(is_gone).for_each(|name| board.lost_namespace(&name));
        });
    }
}

/// Authorities, for the roster, and their terms for the board.
pub struct Authorities {
    context: Context,
}

impl Authorities {
    /// All of them.
    #[must_use]
    pub fn new(context: Context) -> Self {
        Self { context }
    }
}

impl Audience<DeserializeGuard<MtlsAuthority>> for Authorities {
    fn begin_list(&mut self) {
        self.context.roster.begin_list();
    }

    fn saw(&mut self, object: DeserializeGuard<MtlsAuthority>, _is_from_list: bool) {
        let authority = match object.0 {
            Ok(authority) => authority,
            Err(invalid) => {
                tracing::warn!(object = ?invalid.metadata.name, error = invalid.error, "an MtlsAuthority cannot be read");
                return;
            }
        };
        let now = self.context.millis();
        let is_ours = claimed_by(&authority).is_none_or(|holder| *holder == *self.context.namespace);
        if let (true, Ok(terms)) = (is_ours, Terms::parse(&authority)) {
            self.context.board.change(|board| board.saw_terms(&Arc::new(terms), now));
        }
        self.context.roster.saw(authority);
    }

    fn lost(&mut self, object: DeserializeGuard<MtlsAuthority>) {
        self.context.roster.lost(&object.name_any());
    }

    fn end_list(&mut self) {
        self.context.roster.end_list();
    }
}

/// Secrets of the operator's own namespace, by name only: roots and provided CAs.
pub struct OwnSecrets(pub Roster);

impl Audience<PartialObjectMeta<Secret>> for OwnSecrets {
    fn begin_list(&mut self) {}

    fn saw(&mut self, object: PartialObjectMeta<Secret>, _is_from_list: bool) {
        self.0.saw_secret(&object.name_any());
    }

    fn lost(&mut self, object: PartialObjectMeta<Secret>) {
        self.0.saw_secret(&object.name_any());
    }

    fn end_list(&mut self) {
        for name in self.0.names() {
            self.0.look_at(&name, 0);
        }
    }
}
