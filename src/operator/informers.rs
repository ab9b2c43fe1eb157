//! What each watch tells: identities, Secrets and namespaces to the board, authorities to the roster.

use std::sync::Arc;

use k8s_openapi::api::core::v1::{Namespace, Secret};
use kube::ResourceExt as _;
use kube::api::PartialObjectMeta;

use super::context::Context;
use super::index::ListNumber;
use crate::api::decoded::Decoded;
use crate::api::{MtlsAuthority, MtlsIdentity};
use crate::operator::authority::controller::claimed_by;
use crate::operator::client::watch::Audience;
use crate::operator::index::authorities::Roster;
use crate::operator::index::awaited_object::{Witness, WitnessKind};
use crate::operator::scheduler::deadlines::Millis;
use crate::operator::trust_bundle::objects::Carrier;
use crate::operator::trust_bundle::shared::Bundles;
use crate::operator::trust_bundle::store::Range;
use crate::plan::authority::spec::Terms;
use crate::runtime::clock::Clock;

/// What changes again and again does not have its authority looked at all the time.
const STIRS_AFTER: Millis = 1000;

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

impl Audience<Decoded<MtlsIdentity>> for Identities {
    fn begin_list(&mut self) {
        self.list = self.context.board.lock().begin_list();
    }

    fn saw(&mut self, Decoded(identity): Decoded<MtlsIdentity>, is_from_list: bool) {
        let now = self.context.millis();
        if is_from_list {
            self.context.probes.listed(&identity);
        } else {
            self.context.probes.saw(&identity);
        }
        self.context.board.change(|board| board.saw_identity(&identity, is_from_list, now));
        let (namespace, name) = (identity.namespace().unwrap_or_default(), identity.name_any());
        stir(&self.context, |witness| witness.is(WitnessKind::Identity, &namespace, &name));
    }

    fn lost(&mut self, object: Decoded<MtlsIdentity>) {
        let now = self.context.millis();
        let namespace = object.namespace().unwrap_or_default();
        self.context.probes.lost(&namespace, &object.name_any());
        self.context.board.change(|board| board.deleted_identity(&object.0, now));
        stir(&self.context, |witness| witness.is(WitnessKind::Identity, &namespace, &object.name_any()));
    }

    fn end_list(&mut self) {
        let now = self.context.millis();
        self.context.board.change(|board| board.end_identity_list(self.scope.as_deref(), self.list, now));
        stir(&self.context, |witness| witness.kind == WitnessKind::Identity);
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
        self.context.board.change(|board| board.deleted_secret(&object, now));
        let namespace = object.namespace().unwrap_or_default();
        stir(&self.context, |witness| witness.is(WitnessKind::Secret, &namespace, &object.name_any()));
    }

    fn end_list(&mut self) {
        let now = self.context.millis();
        self.context.board.change(|board| board.end_secret_list(self.scope.as_deref(), self.list, now));
        stir(&self.context, |witness| witness.kind == WitnessKind::Secret);
    }
}

/// An authority whose loss rests on what has changed is looked at again, but not more often than once a second.
fn stir(context: &Context, is_it: impl Fn(&Witness) -> bool) {
    context.roster.stirred(context.millis().saturating_add(STIRS_AFTER), is_it);
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
        let made = object.metadata.creation_timestamp.map_or(0, |made| made.0.as_second());
        let labels = object.metadata.labels.unwrap_or_default();
        let now = self.context.millis();
        self.context.board.change(|board| {
            board.saw_namespace(&name, labels, is_terminating, now);
            board.dated_namespace(&name, made);
        });
        self.context.bundles.ring();
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
        let is_gone = |name: &Arc<str>| listed.binary_search_by(|listed| (**listed).cmp(&**name)).is_err();
        self.context.board.change(|board| board.lost_namespaces(is_gone));
    }
}

/// Published trust bundles of one kind, for the ledger.
pub struct TrustBundles {
    bundles: Bundles,
    clock: Clock,
    range: Range,
    list: u64,
}

impl TrustBundles {
    /// Those in a range.
    #[must_use]
    pub fn new(context: &Context, range: Range) -> Self {
        Self { bundles: context.bundles.clone(), clock: context.clock.clone(), range, list: 0 }
    }
}

impl<K: Carrier + Send> Audience<K> for TrustBundles {
    fn begin_list(&mut self) {
        self.list = self.bundles.lock().begin_list();
    }

    fn saw(&mut self, object: K, is_from_list: bool) {
        let place = object.place();
        self.bundles.change(|ledger| match object.seen() {
            Some(seen) => ledger.saw(&place, seen, is_from_list),
            // It has our label, and was not made by us.
            None => ledger.lost(&place),
        });
    }

    fn lost(&mut self, object: K) {
        let now = self.clock.now().as_millisecond();
        let version = object.meta().resource_version.clone().unwrap_or_default();
        let place = object.place();
        self.bundles.change(|ledger| {
            // It is shown as it was last.
            if let Some(seen) = object.seen() {
                ledger.saw(&place, seen, false);
            }
            ledger.deleted(&place, &version, now);
        });
    }

    fn end_list(&mut self) {
        self.bundles.change(|ledger| ledger.end_list(self.range.clone(), self.list));
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

impl Audience<Decoded<MtlsAuthority>> for Authorities {
    fn begin_list(&mut self) {
        self.context.roster.begin_list();
    }

    fn saw(&mut self, Decoded(authority): Decoded<MtlsAuthority>, _is_from_list: bool) {
        let now = self.context.millis();
        let is_ours = claimed_by(&authority).is_none_or(|holder| *holder == *self.context.namespace);
        if let (true, Ok(terms)) = (is_ours, Terms::parse(&authority)) {
            self.context.board.change(|board| board.saw_terms(&Arc::new(terms), now));
        }
        self.context.roster.saw(authority);
    }

    fn lost(&mut self, object: Decoded<MtlsAuthority>) {
        let (name, now) = (object.name_any(), self.context.millis());
        self.context.roster.deleted(&object.0, now);
        self.context.board.change(|board| board.lost_authority(&name, now));
    }

    fn end_list(&mut self) {
        let gone = self.context.roster.end_list();
        let now = self.context.millis();
        self.context.board.change(|board| gone.iter().for_each(|name| board.lost_authority(name, now)));
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
