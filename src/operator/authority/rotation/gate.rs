//! Looking at a rotation: from the index, as often as the authority is looked at, and once from a fresh list, right
//! before a change that rests on it.

use std::collections::BTreeMap;

use futures::{StreamExt as _, TryStreamExt as _, stream};

use super::blockers::{Blockers, survey};
use super::bundles;
use super::fresh_list::{Claim, FreshList};
use crate::api::MtlsAuthority;
use crate::api::MtlsIdentity;
use crate::api::authority::Phase;
use crate::operator::authority::activate::{facts, signer_mark};
use crate::operator::authority::root::loaded_ca::LoadedRoot;
use crate::operator::client::AT_ONCE;
use crate::operator::context::Context;
use crate::operator::error::Error;
use crate::operator::index::digest::digest;
use crate::operator::index::issuer::IssuerEntry;
use crate::operator::trust_bundle::targets::sites;
use crate::plan::authority::quiet_period::Distribution;
use crate::plan::authority::spec::AuthoritySpec;

/// What the index shows of a rotation. Nothing, while there is none.
#[must_use]
pub fn look(
    context: &Context,
    authority: &MtlsAuthority,
    terms: &AuthoritySpec,
    loaded: &LoadedRoot,
) -> (Distribution, Blockers) {
    let excluded = authority.excluded(served_exclusion(loaded));
    let unknown = unknown(context, terms, &excluded);
    let Some((phase, signer)) = rotating(loaded) else {
        context.sights.forget(&terms.name);
        return (Distribution::default(), Blockers { unknown, ..Blockers::default() });
    };
    let now = context.clock.now().as_second();
    let (survey, was_behind) = {
        let mut board = context.board.lock();
        let was_behind = board.take_behind(&terms.name, &excluded);
        let index = |entry: &crate::operator::index::identity::IdentityEntry| {
            board.index().secret(&entry.namespace, &entry.secret_name())
        };
        (survey(&board, &terms.name, &signer, &excluded, now, index), was_behind)
    };
    let (bundles, has_strayed) = bundles::look(context, terms, loaded, &excluded);
    let mut survey = survey.with(bundles);
    survey.unknown = unknown;
    let (is_behind, was_behind) = (survey.is_behind(), was_behind || has_strayed);
    let sight =
        context.sights.look(&terms.name, (phase, &signer), is_behind, was_behind, context.clock.monotonic());
    (held_up(context, terms, loaded, sight, &mut survey, &excluded), survey)
}

/// The same, where a Pod was seen not to trust the announced root: that is for how long nobody was behind then, too.
fn held_up(
    context: &Context,
    terms: &AuthoritySpec,
    loaded: &LoadedRoot,
    sight: Distribution,
    survey: &mut Blockers,
    excluded: &[String],
) -> Distribution {
    let Some(next) = loaded.held().and_then(|ca| ca.next.as_ref()) else { return sight };
    let root = next.ca.fingerprint().to_string();
    let holders = context.probes.holding_up(&terms.name, &root, context.clock.monotonic());
    survey.probed(&holders, excluded);
    if survey.distrusting > 0 { Distribution { quiet_for: None } } else { sight }
}

/// Whether a fresh list shows the same, nobody behind: the index lags, and must not decide alone. Where it does not, whom
/// it shows.
///
/// # Errors
/// [`Error`] where Secrets or bundles cannot be listed.
pub async fn confirm(
    context: &Context,
    terms: &AuthoritySpec,
    loaded: &LoadedRoot,
) -> Result<Result<(), Blockers>, Error> {
    let Some((_, signer)) = rotating(loaded) else { return Ok(Ok(())) };
    let listed = FreshList::of(&context.leaf_secrets(&terms.name).await?);
    let authority = context.roster.lock().get(&terms.name);
    let excluded =
        authority.map(|authority| authority.excluded(served_exclusion(loaded))).unwrap_or_default();
    let now = context.clock.now().as_second();
    let (mut survey, untold, unknown) = {
        let board = context.board.lock();
        let survey = survey(&board, &terms.name, &signer, &excluded, now, |entry| listed.secret(entry));
        (survey, listed.untold(&board), listed.unknown_behind(&board, &signer, now))
    };
    // An identity that the index does not know yet holds the mesh up like any other.
    for identity in holders(context, unknown).await? {
        survey.add(identity, &excluded);
    }
    survey.put_in_order();
    let (bundles, untold_bundles) = bundles::confirm(context, terms, loaded, &excluded).await?;
    let mut survey = survey.with(bundles);
    if survey.is_behind() {
        let (behind, names, bundles) = (survey.behind, survey.names.join(", "), survey.bundles);
        tracing::info!(authority = terms.name, behind, names, bundles, "a fresh list shows who is behind");
        context.sights.spoil(&terms.name);
    }
    // An index that lags may not have been told yet of what was behind: its turn comes.
    survey.unconfirmed = not_told(untold + untold_bundles);
    let is_confirmed = !survey.is_behind() && survey.unconfirmed.is_none();
    Ok(if is_confirmed { Ok(()) } else { Err(survey) })
}

fn not_told(count: usize) -> Option<String> {
    let why = || format!("a fresh list shows {count} Secrets or trust bundles that no watch has told of yet");
    (count > 0).then(why)
}

/// The identities of those claims that are true, by `<namespace>/<name>`. The users of a namespace can make claims by the
/// thousand: each identity is asked for once, however many name it, and several at a time.
async fn holders(context: &Context, claims: Vec<Claim>) -> Result<Vec<String>, Error> {
    let mut claims_of = BTreeMap::<(String, String), Vec<Claim>>::new();
    for claim in claims {
        claims_of.entry((claim.namespace.clone(), claim.identity.clone())).or_default().push(claim);
    }
    let asked = stream::iter(claims_of).map(|(identity, claims)| holder(context, identity, claims));
    let found: Vec<Option<String>> = asked.buffer_unordered(AT_ONCE).try_collect().await?;
    Ok(found.into_iter().flatten().collect())
}

/// An identity, where one of these claims is true. One that cannot be read exists, and is waited for by its name.
async fn holder(
    context: &Context,
    (namespace, name): (String, String),
    claims: Vec<Claim>,
) -> Result<Option<String>, Error> {
    let holds = match context.requests.read::<MtlsIdentity>(Some(&namespace), &name).await {
        Err(Error::Unreadable { .. }) => true,
        found => found?.is_some_and(|identity| claims.iter().any(|claim| claim.is_true(&identity))),
    };
    Ok(holds.then(|| format!("{namespace}/{name}")))
}

/// The phase and the signer of a rotation, while there is one.
fn rotating(loaded: &LoadedRoot) -> Option<(Phase, IssuerEntry)> {
    let LoadedRoot::Sound(ca) = loaded else { return None };
    (ca.phase != Phase::Stable).then(|| (ca.phase, signer_mark(&facts(ca))))
}

/// The exclusion that has served a rotation already.
fn served_exclusion(loaded: &LoadedRoot) -> Option<&str> {
    loaded.held()?.exclude_request.as_deref()
}

/// Those of them that this authority does not have: a typing error must not exclude nothing in silence.
fn unknown(context: &Context, terms: &AuthoritySpec, excluded: &[String]) -> Vec<String> {
    if excluded.is_empty() {
        return Vec::new();
    }
    let sites: Vec<String> = sites(context, terms).iter().map(|spot| spot.target.to_string()).collect();
    let board = context.board.lock();
    let authority = digest(&terms.name);
    let is_identity = |name: &str| {
        let found = name.split_once('/').and_then(|(namespace, name)| board.index().find(namespace, name));
        found.and_then(|id| board.index().entry(id)).is_some_and(|entry| entry.authority == authority)
    };
    excluded.iter().filter(|name| !sites.contains(name) && !is_identity(name)).cloned().collect()
}
