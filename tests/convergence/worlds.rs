//! Small worlds: with and without authority, signer, permission; paused or not; whatever lies in the Secret.
//!
//! A leaf has one of a few ages, each in another part of its life; [`worlds`] draws ages between them.

use jiff::SignedDuration;
use mtls_operator::pki::Validity;
use mtls_operator::plan::identity::profile::{AuthoritySpecHash, IdentitySpecHash, ProfileHash};
use mtls_operator::plan::identity::world::{LeafDefect, OwnedSecret, SecretState, StoredLeaf};
use proptest::prelude::*;
use test_support::objects::LEAF_DEFECTS;

use super::model::{Model, NOW, asked, terms};

const HOUR: i64 = 3600;
const DAY: i64 = 24 * HOUR;

/// Age and lifetime in seconds: of a clock that was ahead, new, before its renewal, after it, in its last second, at its
/// end, expired.
const LIVES: [(i64, i64); 7] =
    [(-HOUR, DAY), (0, DAY), (12 * HOUR, DAY), (20 * HOUR, DAY), (DAY - 1, DAY), (DAY, DAY), (2 * DAY, DAY)];
/// Requests to renew that are made: which of them is no matter.
const REQUESTS: [Option<&str>; 2] = [None, Some("monday")];
/// Requests that are answered.
const ANSWERS: [Option<&str>; 3] = [None, Some("monday"), Some("tuesday")];
const TRUSTS: [Option<&str>; 3] = [None, Some("t0"), Some("t1")];

/// The authority: one with a signer, one that does not sign, none.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Authority {
    Signs,
    SignsNothing,
    Missing,
}

const AUTHORITIES: [Authority; 3] = [Authority::Signs, Authority::SignsNothing, Authority::Missing];

/// A leaf of this age, of this signer or of another.
fn leaf(age: i64, lifetime: i64, is_ours: bool) -> StoredLeaf {
    let issued_at = NOW - SignedDuration::from_secs(age);
    let not_after = issued_at + SignedDuration::from_secs(lifetime);
    let window = Validity { not_before: issued_at - SignedDuration::from_mins(5), not_after };
    let key_id = if is_ours { "a1" } else { "a0" }.into();
    StoredLeaf { serial: "old".into(), window, key_id, issued_at }
}

/// No profile, that of the identity, that of one which asks for something else.
fn profiles() -> [Option<ProfileHash>; 3] {
    let hash = |asked: &_| ProfileHash::of(IdentitySpecHash::of(asked), AuthoritySpecHash::of(&terms()));
    let mut other = asked();
    other.services.push("other".into());
    [None, Some(hash(&asked())), Some(hash(&other))]
}

/// What a Secret holds besides its leaf.
type Rest = (Option<ProfileHash>, Option<&'static str>, Option<&'static str>, (bool, bool, bool));

fn held(leaf: Result<StoredLeaf, LeafDefect>, rest: Rest) -> SecretState {
    let (profile, trust, request, (carries_uid, matches_profile, metadata_is_current)) = rest;
    let (trust, renew_request) = (trust.map(str::to_owned), request.map(str::to_owned));
    SecretState::Held(OwnedSecret {
        version: "w0".into(),
        carries_uid,
        leaf,
        profile,
        matches_profile,
        trust,
        metadata_is_current,
        renew_request,
    })
}

fn world(
    secret: SecretState,
    request: Option<&str>,
    paused: bool,
    authority: Authority,
    is_permitted: bool,
) -> Model {
    let mut model = Model::new(asked(), terms());
    model.secret = secret;
    model.asked.renew_request = request.map(str::to_owned);
    model.asked.paused = paused;
    if !is_permitted {
        model.asked.dns_names.push("example.com".into());
    }
    if authority != Authority::Signs {
        model.signer = None;
    }
    if authority == Authority::Missing {
        model.terms = None;
    }
    model
}

/// Each of several with each of the others.
fn pairs<A: Clone, B: Clone>(ones: &[A], others: &[B]) -> Vec<(A, B)> {
    ones.iter().flat_map(|one| others.iter().map(move |other| (one.clone(), other.clone()))).collect()
}

fn every_secret() -> Vec<SecretState> {
    let sound =
        pairs(&LIVES, &[false, true]).into_iter().map(|((age, life), ours)| Ok(leaf(age, life, ours)));
    let leaves: Vec<_> = sound.chain(LEAF_DEFECTS.map(Err)).collect();
    let flags = pairs(&pairs(&[false, true], &[false, true]), &[false, true]);
    let rest = pairs(&pairs(&profiles(), &TRUSTS), &pairs(&ANSWERS, &flags));
    let mut secrets = vec![SecretState::Absent, SecretState::Foreign("Bob's".into())];
    secrets.extend(pairs(&leaves, &rest).into_iter().map(|(leaf, ((profile, trust), (request, flags)))| {
        let ((carries_uid, matches_profile), metadata_is_current) = flags;
        held(leaf, (profile, trust, request, (carries_uid, matches_profile, metadata_is_current)))
    }));
    secrets
}

/// Every world there is.
pub fn every_world() -> impl Iterator<Item = Model> {
    let around = pairs(&pairs(&REQUESTS, &[false, true]), &pairs(&AUTHORITIES, &[false, true]));
    every_secret().into_iter().flat_map(move |secret| {
        around.clone().into_iter().map(move |((request, paused), (authority, is_permitted))| {
            world(secret.clone(), request, paused, authority, is_permitted)
        })
    })
}

/// The same, with leaves that were issued up to a week ago, or by a clock that was up to a day ahead, for an hour to a week.
pub fn worlds() -> impl Strategy<Value = Model> {
    let sound = (-DAY..7 * DAY, HOUR..7 * DAY, any::<bool>())
        .prop_map(|(age, lifetime, is_ours)| Ok(leaf(age, lifetime, is_ours)));
    let leaves = prop_oneof![3 => sound, 1 => proptest::sample::select(LEAF_DEFECTS.to_vec()).prop_map(Err)];
    let profiles = proptest::sample::select(profiles().to_vec());
    let (trusts, answers) = (proptest::sample::select(&TRUSTS[..]), proptest::sample::select(&ANSWERS[..]));
    let flags = (any::<bool>(), any::<bool>(), any::<bool>());
    let held = (leaves, profiles, trusts, answers, flags)
        .prop_map(|(leaf, profile, trust, request, flags)| held(leaf, (profile, trust, request, flags)));
    let secrets = prop_oneof![1 => Just(SecretState::Absent), 1 => Just(SecretState::Foreign("Bob's".into())), 8 => held];
    let (requests, authorities) =
        (proptest::sample::select(&REQUESTS[..]), proptest::sample::select(&AUTHORITIES[..]));
    (secrets, requests, any::<bool>(), authorities, any::<bool>()).prop_map(
        |(secret, request, paused, authority, is_permitted)| {
            world(secret, request, paused, authority, is_permitted)
        },
    )
}
