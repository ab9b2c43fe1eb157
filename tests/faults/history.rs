//! Every version that the Secrets of a mesh ever had, in the order in which they were stored: no state on the way is worse
//! than the end. What is written there is seen by consumers, however short it lasts.

use std::collections::BTreeMap;

use futures::StreamExt as _;
use k8s_openapi::api::core::v1::Secret;
use kube::Resource as _;
use kube::api::{Api, ListParams, WatchEvent, WatchParams};
use test_support::installation::SYSTEM;
use test_support::namespace::TestNamespace;
use tokio::sync::watch;

use crate::invariants::{LeafVersion, RootVersion};

/// The history of a mesh.
pub struct History {
    secrets: Api<Secret>,
    of: Chapter,
    written: watch::Sender<Vec<Secret>>,
}

/// What belongs to a mesh.
#[derive(Clone)]
struct Chapter {
    namespace: String,
    root: String,
}

impl Chapter {
    fn has(&self, secret: &Secret) -> bool {
        let meta = &secret.metadata;
        match meta.namespace.as_deref() {
            Some(SYSTEM) => meta.name.as_deref() == Some(&self.root),
            namespace => namespace == Some(&self.namespace),
        }
    }
}

impl History {
    /// The history of a namespace's Secrets and of this root Secret from now on, written by the runtime of the caller.
    pub async fn begin(namespace: &TestNamespace, root: String) -> Self {
        let secrets: Api<Secret> = Api::all(namespace.client.clone());
        let now = secrets.list_metadata(&ListParams::default().limit(1)).await.unwrap();
        let of = Chapter { namespace: namespace.name.clone(), root };
        let written = watch::Sender::new(Vec::new());
        tokio::spawn(write(
            secrets.clone(),
            now.metadata.resource_version.unwrap(),
            of.clone(),
            written.clone(),
        ));
        Self { secrets, of, written }
    }

    /// Name of the root Secret.
    pub fn root(&self) -> &str {
        &self.of.root
    }

    /// How many versions of the root Secret there were until now. The audit log may call a change refused whose sender
    /// was killed before the answer, and which was made all the same.
    pub async fn root_versions(&self) -> usize {
        let roots: Api<Secret> = Api::namespaced(self.secrets.clone().into_client(), SYSTEM);
        let last = version(&roots.get(&self.of.root).await.unwrap());
        let mut written = self.written.subscribe();
        let is_told = |told: &Vec<Secret>| told.iter().any(|secret| version(secret) == last);
        let told = written.wait_for(is_told).await.unwrap();
        told.iter().filter(|secret| secret.metadata.name.as_deref() == Some(&self.of.root)).count()
    }

    /// Every version that was written until now.
    pub async fn told(&self) -> Vec<Secret> {
        let now = self.secrets.list(&ListParams::default()).await.unwrap();
        let last: Vec<String> = now.iter().filter(|secret| self.of.has(secret)).map(version).collect();
        let mut written = self.written.subscribe();
        let is_told = |told: &Vec<Secret>| {
            last.iter().all(|version_now| told.iter().any(|secret| version(secret) == *version_now))
        };
        written.wait_for(is_told).await.unwrap().clone()
    }
}

/// Records every version from this one on.
async fn write(secrets: Api<Secret>, mut since: String, of: Chapter, written: watch::Sender<Vec<Secret>>) {
    loop {
        let mut events = secrets.watch(&WatchParams::default(), &since).await.unwrap().boxed();
        while let Some(event) = events.next().await {
            match event.unwrap() {
                WatchEvent::Added(secret) | WatchEvent::Modified(secret) => {
                    since = version(&secret);
                    if of.has(&secret) {
                        written.send_modify(|told| told.push(secret));
                    }
                }
                WatchEvent::Bookmark(mark) => since = mark.metadata.resource_version,
                WatchEvent::Deleted(secret) => assert!(!of.has(&secret), "a Secret was deleted"),
                WatchEvent::Error(status) => panic!("the history has a gap: {status:?}"),
            }
        }
    }
}

fn version(secret: &Secret) -> String {
    secret.meta().resource_version.clone().unwrap()
}

/// What holds of each version, and from one to the next.
pub fn judge(written: &[Secret], root: &str) -> Result<(), String> {
    let mut roots: Vec<RootVersion> = Vec::new();
    let mut leaves: BTreeMap<String, LeafVersion> = BTreeMap::new();
    for secret in written {
        let name = secret.metadata.name.clone().unwrap();
        let said = |why: String| format!("{name} in version {}: {why}", version(secret));
        if name == root {
            let next = RootVersion::read(secret);
            next.follows(&roots).map_err(said)?;
            roots.push(next);
            continue;
        }
        let leaf = LeafVersion::read(secret).map_err(said)?;
        if leaves.get(&name).is_none_or(|former| former.serial != leaf.serial) {
            let strangers = leaves.iter().filter(|(_, other)| !other.trusts(&leaf));
            let strangers: Vec<&String> = strangers.map(|(name, _)| name).collect();
            if !strangers.is_empty() {
                return Err(said(format!("signed by a root that is not in the bundles of {strangers:?}")));
            }
        }
        leaves.insert(name, leaf);
    }
    Ok(())
}
