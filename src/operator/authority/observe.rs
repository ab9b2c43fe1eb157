//! Observes everything that a decision on a root depends on, in the order that makes it sound.
//!
//! The signers that statuses name are gathered before the root Secret is read, since the watches are independent (I11);
//! everything else is read after it.

use super::inputs::AuthorityReconcile;
use super::root::ca_pem::next_pem;
use super::root::known_signers::known_signers;
use super::root::load::{load, reserved_for};
use super::root::loaded_ca::{LoadedCa, LoadedRoot};
use super::root::loss::evidence;
use super::root::provided::provided;
use super::root::recovery::{Recovery, recover};
use super::rotation::blockers::Blockers;
use super::rotation::gate::RotationGate;
use crate::operator::client::wiped_secret::WipedSecret;
use crate::operator::error::Error;
use crate::operator::index::awaited_object::AwaitedObject;
use crate::operator::issuers::ClockReading;
use crate::pki::AuthorityPem;
use crate::plan::authority::ca_state::Provided;
use crate::plan::authority::evidence::Evidence;
use crate::plan::authority::quiet_period::Distribution;
use crate::plan::authority::rotation_inputs::RotationInputs;
use crate::plan::authority::world::{LossAcceptance, RootWorld};

/// Everything that a decision on a root depends on, and what carrying it out takes.
pub struct ObservedRoot {
    /// What is decided from.
    pub world: RootWorld,
    /// The root Secret.
    pub loaded: LoadedRoot,
    /// What a rotation waits for.
    pub blockers: Blockers,
    /// The provided CA.
    pub provided: Option<AuthorityPem>,
    /// What is left of a root whose loss was accepted.
    pub recovery: Option<Recovery>,
    /// The Secret, whatever it holds.
    pub secret: Option<WipedSecret>,
    /// The moment before the Secret was read.
    pub read_at: ClockReading,
}

impl ObservedRoot {
    /// The announced CA.
    #[must_use]
    pub fn next(&self) -> Option<AuthorityPem> {
        self.secret.as_deref().map(next_pem)
    }
}

impl AuthorityReconcile<'_> {
    /// Observes the root.
    ///
    /// # Errors
    /// [`Error`] where something cannot be read.
    pub(super) async fn observe(&mut self) -> Result<ObservedRoot, Error> {
        let (context, spec) = (self.context, self.spec);
        let name = self.authority.root_secret_name();
        let place = format!("{}/{name}", context.namespace);
        let known = known_signers(context, self.authority);
        let read_at = ClockReading::now(&context.clock);
        let secret = context.client.secret(&context.namespace, &name).await?;
        let loaded = match self.former_owner(&name).filter(|_| secret.is_none()) {
            Some(owner) => reserved_for(&owner, &place),
            None => load(secret.as_deref(), spec, &place, context.clock.now()),
        };
        let (provided, provided_pem) = provided(context, self.authority, spec, &loaded).await?;
        let evidence = evidence(context, spec, &place, &loaded, &known).await?;
        let (acceptance, recovery) = match &evidence {
            Some(_) => recover(context, self.authority, spec, &loaded, &known).await?,
            None => (LossAcceptance::NotAsked, None),
        };
        self.await_witnesses(evidence.as_ref());
        let gate = RotationGate::new(self.consumers, spec, &loaded, self.requests);
        let (distribution, blockers) = gate.observe(self.quiet_period);
        let world = RootWorld {
            secret_name: place,
            secret: loaded.map(LoadedCa::state),
            inputs: self.rotation_inputs(provided, distribution),
            evidence,
            acceptance,
            unread: spec.unread.clone(),
            // After the Secret was read: its answer carries the time of the API server.
            clock: context.clock.problem().map(|problem| problem.to_string()),
        };
        Ok(ObservedRoot { world, loaded, blockers, provided: provided_pem, recovery, secret, read_at })
    }

    fn rotation_inputs(&self, provided: Provided, distribution: Distribution) -> RotationInputs {
        RotationInputs {
            now: self.context.clock.now(),
            rules: self.spec.rules(self.context.safeguards),
            provided,
            request: self.requests.rotate.map(str::to_owned),
            distribution,
        }
    }

    /// A change of an object on which the loss rests leads to another reconcile.
    fn await_witnesses(&self, evidence: Option<&Evidence>) {
        let witnesses = evidence.into_iter().flat_map(|evidence| &evidence.witnesses);
        let awaited = witnesses.map(AwaitedObject::from).collect();
        self.context.authorities.lock().set_awaited(&self.spec.name, awaited);
    }

    /// Another authority whose root the Secret has held, where this one has had none.
    fn former_owner(&self, secret: &str) -> Option<String> {
        let has_had_a_root = self.authority.status.as_ref().is_some_and(|status| !status.roots.is_empty());
        let owner = self.context.authorities.lock().owner_of_root_secret(secret, &self.spec.name);
        owner.filter(|_| !has_had_a_root)
    }
}
