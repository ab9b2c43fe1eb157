//! One look at a root: who is suspected of having been signed by another one was gathered before the root Secret is read,
//! since the watches are independent; everything else is read after it.

use crate::api::MtlsAuthority;
use crate::operator::authority::root::ca_pem::next_pem;
use crate::operator::authority::root::known_signers::known_signers;
use crate::operator::authority::root::load::{load, reserved_for};
use crate::operator::authority::root::loaded_ca::{LoadedCa, LoadedRoot};
use crate::operator::authority::root::loss::evidence;
use crate::operator::authority::root::provided::provided;
use crate::operator::authority::root::recovery::{Recovery, recover};
use crate::operator::authority::rotation::blockers::Blockers;
use crate::operator::authority::rotation::gate;
use crate::operator::client::wiped_secret::WipedSecret;
use crate::operator::context::Context;
use crate::operator::error::Error;
use crate::operator::index::awaited_object::AwaitedObject;
use crate::operator::issuers::ClockReading;
use crate::pki::AuthorityPem;
use crate::plan::authority::rotation_inputs::RotationInputs;
use crate::plan::authority::spec::AuthoritySpec;
use crate::plan::authority::world::{LossAcceptance, RootWorld};

/// Everything that a decision on a root depends on, and what carrying it out takes.
pub struct ObservedRoot {
    /// What is decided from.
    pub world: RootWorld,
    /// The root Secret.
    pub loaded: LoadedRoot,
    /// Whom a rotation waits for.
    pub survey: Blockers,
    /// The CA that people provide.
    pub provided: Option<AuthorityPem>,
    /// What is left of a root whose loss was accepted.
    pub recovery: Option<Recovery>,
    /// The Secret, whatever it holds.
    pub secret: Option<WipedSecret>,
    /// The moment before the Secret was read.
    pub read_at: ClockReading,
}

/// Observes a root.
///
/// # Errors
/// [`Error`] where something cannot be read.
pub async fn observe(
    context: &Context,
    authority: &MtlsAuthority,
    terms: &AuthoritySpec,
) -> Result<ObservedRoot, Error> {
    let name = authority.root_secret_name();
    let place = format!("{}/{name}", context.namespace);
    let known = known_signers(context, authority);
    let read_at = ClockReading::now(&context.clock);
    let found = context.requests.secret(&context.namespace, &name).await?;
    let loaded = match tenant(context, authority, &name).filter(|_| found.is_none()) {
        Some(tenant) => reserved_for(&tenant, &place),
        None => load(found.as_deref(), terms, &place, context.clock.now()),
    };
    let (provided, provided_pem) = provided(context, authority, terms, &loaded).await?;
    let evidence = evidence(context, terms, &place, &loaded, &known).await?;
    let (acceptance, recovery) = match &evidence {
        Some(_) => recover(context, authority, terms, &loaded, &known).await?,
        None => (LossAcceptance::NotAsked, None),
    };
    let witnesses = evidence.iter().flat_map(|evidence| &evidence.witnesses).map(AwaitedObject::from);
    context.roster.lock().set_awaited(&terms.name, witnesses.collect());
    let (distribution, survey) = gate::look(context, authority, terms, &loaded);
    let inputs = RotationInputs {
        now: context.clock.now(),
        rules: terms.rules(context.safeguards),
        provided,
        request: authority.rotate_request().map(str::to_owned),
        distribution,
    };
    let world = RootWorld {
        secret_name: place,
        secret: loaded.map(LoadedCa::state),
        inputs,
        evidence,
        acceptance,
        unread: terms.unread.clone(),
        // After the Secret was read: its answer has told the time.
        clock: context.clock.doubt().map(|doubt| doubt.to_string()),
    };
    Ok(ObservedRoot { world, loaded, survey, provided: provided_pem, recovery, secret: found, read_at })
}

impl ObservedRoot {
    /// The announced CA.
    #[must_use]
    pub fn next(&self) -> Option<AuthorityPem> {
        self.secret.as_deref().map(next_pem)
    }
}

/// Another authority whose root the Secret has held, where this one has had none.
fn tenant(context: &Context, authority: &MtlsAuthority, secret: &str) -> Option<String> {
    let has_had_a_root = authority.status.as_ref().is_some_and(|status| !status.roots.is_empty());
    let name = authority.metadata.name.as_deref().unwrap_or_default();
    context.roster.lock().owner_of_root_secret(secret, name).filter(|_| !has_had_a_root)
}
