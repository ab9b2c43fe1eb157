//! Where trust bundles shall lie now: what specs ask, in the namespaces that there are, as far as they are served. And
//! what there is to do for it.

use std::collections::HashSet;
use std::sync::Arc;

use super::objects::RenderedBundle;
use super::store::{BundleStore, PublishFailure};
use crate::operator::context::Context;
use crate::operator::index::digest::Digest;
use crate::operator::index::time::{Millis, Second};
use crate::operator::issuers::{Issuer, SigningCa};
use crate::plan::authority::spec::AuthoritySpec;
use crate::plan::trust_bundle::decide::{BundlePlan, Conflict, Target, decide, decide_unwanted};

/// A place where a bundle shall lie.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TargetSite {
    /// The place.
    pub place: Target,
    /// When its namespace was made, in seconds since 1970.
    pub made: i64,
}

/// The places where an authority's bundle shall lie. Nothing can be put into a namespace that is being deleted.
#[must_use]
pub fn spots(context: &Context, terms: &AuthoritySpec) -> Vec<TargetSite> {
    let posted = posted(context, terms);
    let board = context.board.lock();
    let open =
        board.policy().namespaces().filter(|(name, ns)| !ns.is_terminating && context.is_watched(name));
    let within = open.filter_map(|(name, ns)| {
        terms
            .publication
            .within(name, &ns.labels)
            .map(|place| TargetSite { place, made: ns.created.map_or(0, Second::get) })
    });
    let cluster = terms.publication.cluster().map(|place| TargetSite { place, made: i64::MIN });
    let mut spots: Vec<TargetSite> = within.chain(cluster).collect();
    spots.extend(posted.into_iter().filter_map(|place| {
        let namespace = board.policy().namespace(place.namespace()?)?;
        (!namespace.is_terminating)
            .then_some(TargetSite { place, made: namespace.created.map_or(0, Second::get) })
    }));
    spots
}

/// The places where it lies, while it cannot be read where it shall: there it stays, and is kept up to date.
fn posted(context: &Context, terms: &AuthoritySpec) -> Vec<Target> {
    if !terms.unread.hides_publication() {
        return Vec::new();
    }
    context.bundles.lock().places_of(&terms.name).cloned().collect()
}

/// One thing to do.
#[derive(Clone)]
pub struct Change {
    /// Where.
    pub place: Target,
    /// What.
    pub plan: BundlePlan,
    /// For whom.
    pub service: Arc<Issuer>,
}

impl Change {
    /// The text that it is about; none in particular, where something is removed.
    #[must_use]
    pub fn text(&self) -> Digest {
        match (&self.plan, &self.service.signer) {
            (BundlePlan::Remove, _) | (_, Err(_)) => 0,
            (_, Ok(root)) => bundle(&self.service, root).wanted().text,
        }
    }
}

/// The bundle of an authority.
#[must_use]
pub fn bundle<'a>(service: &'a Issuer, root: &'a SigningCa) -> RenderedBundle<'a> {
    let text = root.authority.bundle().to_pem();
    RenderedBundle { authority: &service.terms.name, text, trust: &root.facts.trust }
}

/// The same errand by what is in force now. `None` where that asks for something else: the next comparison finds it.
#[must_use]
pub fn still(context: &Context, errand: &Change) -> Option<Change> {
    let service = context.authorities.get(&errand.service.terms.name)?;
    let is_wanted = is_spot(context, &service.terms, &errand.place);
    let found = context.bundles.lock().found(&errand.place);
    let plan = match &service.signer {
        Ok(root) if is_wanted => {
            let exists = context.roster.lock().names();
            decide(bundle(&service, root).wanted(), &found, |name| exists.iter().any(|other| other == name))
        }
        Err(_) if is_wanted => return None,
        _ => decide_unwanted(&service.terms.name, &found),
    };
    (plan == errand.plan).then(|| Change { service, ..errand.clone() })
}

/// Whether a place is one of [`spots`].
fn is_spot(context: &Context, terms: &AuthoritySpec, place: &Target) -> bool {
    let is_kept = posted(context, terms).contains(place);
    let Some(namespace) = place.namespace() else {
        return terms.publication.cluster().as_ref() == Some(place);
    };
    let board = context.board.lock();
    let Some(found) = board.policy().namespace(namespace) else { return false };
    let shared = board.policy().intern(namespace);
    let is_selected = || terms.publication.within(&shared, &found.labels).as_ref() == Some(place);
    !found.is_terminating && (is_kept || (context.is_watched(namespace) && is_selected()))
}

/// What there is to do now, and when there may be more by time alone.
#[derive(Default)]
pub struct Changes {
    /// What to do now: what is put there before what is taken away.
    pub errands: Vec<Change>,
    /// When something that failed is tried again.
    pub next: Option<Millis>,
}

impl Changes {
    fn add(&mut self, ledger: &mut BundleStore, errand: Change, now: Millis) {
        if errand.plan == BundlePlan::Keep {
            return;
        }
        let conflict = match &errand.plan {
            BundlePlan::Refuse(conflict @ Conflict::Authority(_)) => {
                Some(PublishFailure::Conflict(conflict.clone()))
            }
            _ => None,
        };
        if let Some(trouble) = conflict {
            // The ledger tells when that changes.
            return ledger.note(&errand.place, trouble);
        }
        match ledger.held_back(&errand.place, errand.text(), now) {
            Some(until) => self.next = Some(self.next.map_or(until, |next| next.min(until))),
            None => self.errands.push(errand),
        }
    }
}

/// What there is to do for all authorities.
#[must_use]
pub fn agenda(context: &Context) -> Changes {
    let mut agenda = Changes::default();
    let names = context.authorities.names();
    let services = names.iter().filter_map(|name| context.authorities.get(name));
    let services: Vec<_> = services.map(|service| (spots(context, &service.terms), service)).collect();
    let wanted: HashSet<&Target> =
        services.iter().flat_map(|(spots, _)| spots).map(|spot| &spot.place).collect();
    context.bundles.lock().keep_to(|place| wanted.contains(place));
    for (spots, service) in &services {
        put(context, &mut agenda, spots, service);
    }
    for (spots, service) in &services {
        take_away(context, &mut agenda, spots, service);
    }
    agenda
}

/// Puts the bundle of an authority where it shall lie, while it is known what is in force.
fn put(context: &Context, agenda: &mut Changes, spots: &[TargetSite], service: &Arc<Issuer>) {
    let Ok(root) = &service.signer else { return };
    let (now, exists) = (context.millis(), context.roster.lock().names());
    let wanted = bundle(service, root).wanted();
    let mut ledger = context.bundles.lock();
    for TargetSite { place, .. } in spots {
        // What is not listed yet must not be taken for missing.
        if ledger.is_listed(place) {
            let plan = decide(wanted, &ledger.found(place), |name| exists.iter().any(|other| other == name));
            let errand = Change { place: place.clone(), plan, service: service.clone() };
            agenda.add(&mut ledger, errand, now);
        }
    }
}

/// Takes the bundle of an authority away from where none is wanted. A namespace that is not known yet, or is going, says
/// nothing.
fn take_away(context: &Context, agenda: &mut Changes, spots: &[TargetSite], service: &Arc<Issuer>) {
    let authority = &service.terms.name;
    let wanted: HashSet<&Target> = spots.iter().map(|spot| &spot.place).collect();
    let places: Vec<Target> = context.bundles.lock().places_of(authority).cloned().collect();
    let unwanted = places.into_iter().filter(|place| !wanted.contains(place) && is_settled(context, place));
    for place in unwanted.collect::<Vec<_>>() {
        let mut ledger = context.bundles.lock();
        let plan = decide_unwanted(authority, &ledger.found(&place));
        agenda.add(&mut ledger, Change { place, plan, service: service.clone() }, context.millis());
    }
}

fn is_settled(context: &Context, place: &Target) -> bool {
    let board = context.board.lock();
    place.namespace().is_none_or(|namespace| {
        board.policy().namespace(namespace).is_some_and(|found| !found.is_terminating)
    })
}
