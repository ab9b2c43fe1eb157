//! One pass over one authority: observe its root, decide, act, observe again, publish who signs, record.
//!
//! Evidence is gathered before the root Secret is read: a root is called lost only if a GET made after the evidence
//! was seen does not explain it.

use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::core::v1::Secret;

use super::attention::SignerMark;
use super::authorities::{Moment, Service, SigningRoot, Unready};
use super::census::{has_identity, signed_by_unknown};
use super::context::Context;
use super::entry::{Digest, digest};
use super::error::Error;
use super::requests::WRITE_TIMEOUT;
use super::root_secret::{self, LoadedRoot, Origin};
use crate::api::MtlsAuthority;
use crate::api::authority::RootRole;
use crate::api::names::label;
use crate::pki::{Authority, AuthorityPem};
use crate::plan::root::{Provided, RootDecision, RootPlan, RootSecret, RootWorld, decide};
use crate::plan::terms::Terms;
use crate::plan::world::{NotReady, Signer};

/// How an authority stands after a pass.
pub struct Passed {
    /// The decision that holds.
    pub decision: RootDecision,
    /// The root Secret.
    pub loaded: LoadedRoot,
    /// The moment before it was read.
    pub read_at: Moment,
}

/// Passes over an authority until nothing remains to be done to its root Secret.
///
/// # Errors
/// [`Error`]: transient, to be tried again.
pub async fn pass(context: &Context, authority: &MtlsAuthority, terms: &Terms) -> Result<Passed, Error> {
    // Each round either changes the root Secret or ends; a root is made, then its limits raised, at most.
    for _ in 0..4 {
        let observed = observe(context, authority, terms).await?;
        let decision = decide(&observed.world);
        if decision.plan == RootPlan::Keep {
            return Ok(Passed { decision, loaded: observed.loaded, read_at: observed.read_at });
        }
        act(context, authority, terms, &decision.plan, &observed).await?;
    }
    Err(Error::Stale { what: format!("root Secret of MtlsAuthority {}", terms.name) })
}

struct ObservedRoot {
    world: RootWorld,
    loaded: LoadedRoot,
    provided: Option<AuthorityPem>,
    read_at: Moment,
}

async fn observe(context: &Context, authority: &MtlsAuthority, terms: &Terms) -> Result<ObservedRoot, Error> {
    let name = authority.root_secret_name();
    let place = format!("{}/{name}", context.namespace);
    let suspects = suspects(context, authority);
    let read_at = Moment::now(&context.clock);
    let found = context.requests.get::<Secret>(Some(&context.namespace), &name).await?;
    let loaded = root_secret::load(found.as_ref(), terms, &place, context.clock.now());
    let (provided, provided_pem) = provided(context, authority).await?;
    let evidence = evidence(context, authority, terms, &loaded, &suspects).await?;
    let world = RootWorld {
        secret_name: place,
        secret: loaded.secret.clone(),
        provided,
        evidence,
        max_leaf_ttl: terms.max_leaf_ttl.as_secs(),
    };
    Ok(ObservedRoot { world, loaded, provided: provided_pem, read_at })
}

/// Signers that are known to have signed, with what knows it. Collected before the root Secret is read.
struct Suspects {
    recorded: Option<String>,
    statuses: Vec<(Digest, String)>,
}

fn suspects(context: &Context, authority: &MtlsAuthority) -> Suspects {
    let roots = authority.status.as_ref().map_or(&[][..], |status| &status.roots);
    let recorded = roots.iter().find(|root| root.role == RootRole::Signing).map(|root| root.key_id.clone());
    let board = context.board.lock();
    let name = authority.metadata.name.as_deref().unwrap_or_default();
    let now = context.clock.now().as_second();
    let mut known = Vec::new();
    let mut statuses = Vec::new();
    while let Some((key_id, identity)) = signed_by_unknown(&board, name, &known, now) {
        known.push(key_id);
        statuses.push((key_id, identity));
    }
    Suspects { recorded, statuses }
}

/// The sentence that says which root existed, if the root Secret does not explain it.
async fn evidence(
    context: &Context,
    authority: &MtlsAuthority,
    terms: &Terms,
    loaded: &LoadedRoot,
    suspects: &Suspects,
) -> Result<Option<String>, Error> {
    let place = format!("Secret {}/{}", context.namespace, authority.root_secret_name());
    if loaded.secret == RootSecret::Absent {
        if let Some(key_id) = &suspects.recorded {
            return Ok(Some(format!("{place} is missing, which held the root with key id {key_id}")));
        }
        if let Some((_, identity)) = suspects.statuses.first() {
            return Ok(Some(format!(
                "{place} is missing, which held the root that MtlsIdentity {identity} depends on"
            )));
        }
        return leaf_without_root(context, terms, &place).await;
    }
    let Some(signer) = &loaded.authority else { return Ok(None) };
    let known: Vec<String> = std::iter::once(signer.key_id().to_string())
        .chain(loaded.former.iter().map(|former| former.key_id.clone()))
        .collect();
    if let Some(recorded) = suspects.recorded.as_ref().filter(|recorded| !known.contains(recorded)) {
        return Ok(Some(format!(
            "{place} holds another root than the one with key id {recorded}, which status names"
        )));
    }
    let known: Vec<Digest> = known.iter().map(|key_id| digest(key_id)).collect();
    let unknown = suspects.statuses.iter().find(|(key_id, _)| !known.contains(key_id));
    Ok(unknown.map(|(_, identity)| {
        format!("{place} holds another root than the one that MtlsIdentity {identity} depends on")
    }))
}

/// While there is no root Secret, any leaf Secret of an existing identity shows that there was one. The list is
/// fresh: an index that lags must not make a second root.
async fn leaf_without_root(context: &Context, terms: &Terms, place: &str) -> Result<Option<String>, Error> {
    let labels = format!("{}={},{}={}", label::MANAGED_BY, label::MANAGER, label::AUTHORITY, terms.name);
    for namespace in context.watched() {
        for secret in context.requests.list_secrets(namespace.as_deref(), &labels).await? {
            let meta = &secret.metadata;
            let (Some(namespace), Some(name)) = (&meta.namespace, &meta.name) else { continue };
            let identity = meta.labels.as_ref().and_then(|labels| labels.get(label::IDENTITY));
            if identity.is_some_and(|identity| has_identity(&context.board.lock(), namespace, identity)) {
                return Ok(Some(format!(
                    "{place} is missing, though Secret {namespace}/{name} holds a leaf of its root"
                )));
            }
        }
    }
    Ok(None)
}

async fn provided(
    context: &Context,
    authority: &MtlsAuthority,
) -> Result<(Provided, Option<AuthorityPem>), Error> {
    let Some(name) = &authority.spec.root.provided_secret_name else { return Ok((Provided::NotAsked, None)) };
    let place = format!("Secret {}/{name}", context.namespace);
    let Some(secret) = context.requests.get::<Secret>(Some(&context.namespace), name).await? else {
        let why = format!("{place}, which spec.root.providedSecretName names, does not exist; create it");
        return Ok((Provided::Missing(why), None));
    };
    let pem = root_secret::pem(&secret);
    Ok(match Authority::load(&pem, context.clock.now()) {
        Ok(ca) => {
            let (fingerprint, anchors) = (ca.fingerprint().to_string(), ca.bundle().hash());
            (Provided::Sound { fingerprint, anchors }, Some(pem))
        }
        Err(error) => (Provided::Invalid(format!("{place}: {error}")), None),
    })
}

async fn act(
    context: &Context,
    authority: &MtlsAuthority,
    terms: &Terms,
    plan: &RootPlan,
    observed: &ObservedRoot,
) -> Result<(), Error> {
    let name = authority.root_secret_name();
    let patch = match (plan, &observed.provided) {
        (RootPlan::Generate, _) => {
            let pem =
                Authority::generate(&terms.name, terms.root_algorithm, terms.root_ttl, context.clock.now())?;
            return create(context, terms, &name, &pem, Origin::Generated).await;
        }
        (RootPlan::Copy, Some(pem)) => return create(context, terms, &name, pem, Origin::Provided).await,
        (RootPlan::Replace { over }, Some(pem)) => {
            root_secret::replacement(terms, &observed.loaded, pem, over, context.clock.now())
        }
        (RootPlan::RaiseMaxLeafTtl { over }, _) => root_secret::raised_max_leaf_ttl(terms, over),
        (RootPlan::Keep | RootPlan::Copy | RootPlan::Replace { .. }, _) => return Ok(()),
    };
    context.requests.patch_secret(&context.namespace, &name, patch, WRITE_TIMEOUT).await?;
    tracing::info!(authority = terms.name, plan = plan.as_str(), "changed the root Secret");
    Ok(())
}

async fn create(
    context: &Context,
    terms: &Terms,
    name: &str,
    pem: &AuthorityPem,
    origin: Origin,
) -> Result<(), Error> {
    let secret = root_secret::new(terms, &context.namespace, name, pem, origin, context.clock.now());
    context.requests.create_secret(&secret, Duration::from_secs(30)).await?;
    tracing::info!(authority = terms.name, secret = name, ?origin, "stored a new root");
    Ok(())
}

/// Tells everybody who signs from now on.
pub fn publish(context: &Context, authority: &MtlsAuthority, terms: Arc<Terms>, passed: Passed) {
    let before = context.authorities.get(&terms.name);
    let Passed { decision, loaded, read_at } = passed;
    let signer = match loaded.authority {
        Some(ca) if decision.signs => Ok(Arc::new(signing_root(authority, ca, &loaded.secret, read_at))),
        _ => Err(Unready::Down(NotReady(format!("{}: {}", decision.reason.as_str(), decision.message)))),
    };
    if let Ok(root) = &signer {
        context.metrics.root(&terms.name, root.facts.window.not_after.as_second());
    }
    let mark = signer.as_ref().ok().map(|root| signer_mark(&root.facts));
    let is_news = before.is_none_or(|before| {
        let mark_before = before.signer.as_ref().ok().map(|root| signer_mark(&root.facts));
        mark_before != mark || before.terms != terms
    });
    let name = terms.name.clone();
    context.authorities.put(Service { terms, signer });
    if is_news {
        context.board.change(|board| board.saw_signer(&name, mark, context.millis()));
    }
}

fn signing_root(
    authority: &MtlsAuthority,
    ca: Authority,
    secret: &RootSecret,
    read_at: Moment,
) -> SigningRoot {
    let facts = Signer { key_id: ca.key_id().to_string(), window: ca.window(), trust: ca.bundle().hash() };
    let version = match secret {
        RootSecret::Sound(root) => root.version.clone(),
        _ => String::new(),
    };
    SigningRoot::new(ca, facts, authority.root_secret_name(), version, read_at)
}

fn signer_mark(signer: &Signer) -> SignerMark {
    SignerMark {
        key_id: digest(&signer.key_id),
        not_after: signer.window.not_after.as_second(),
        trust: digest(&signer.trust),
    }
}
