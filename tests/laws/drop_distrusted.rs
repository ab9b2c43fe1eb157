//! Laws of what distrust writes: a leaf that is made with the stolen key is refused by every trust bundle in force,
//! whatever the phase and whatever the root did in it; and what is dropped is recorded with the reason.

use k8s_openapi::api::core::v1::Secret;
use mtls_operator::api::authority::{AuthorityRequests, Phase};
use mtls_operator::api::names::key;
use mtls_operator::api::secret::content;
use mtls_operator::operator::authority::root::ca_pem::{next_pem, pem};
use mtls_operator::operator::authority::root::load::load;
use mtls_operator::operator::authority::root::loaded_ca::{LoadedCa, LoadedRoot};
use mtls_operator::operator::authority::root::patch::RootPatch;
use mtls_operator::operator::authority::root::transition::RootTransition;
use mtls_operator::pki::{
    Authority, AuthorityPem, CrossCertificate, Fingerprint, LeafError, PrivateKey, Serial, Validity,
    verify_as_peer,
};
use mtls_operator::plan::authority::ca_state::{Provided, RootSecret};
use mtls_operator::plan::authority::decide::decide;
use mtls_operator::plan::authority::decision::{RootDecision, RootPlan};
use mtls_operator::plan::authority::origin::Origin;
use mtls_operator::plan::authority::safeguards::Safeguards;
use mtls_operator::plan::authority::spec::AuthoritySpec;
use mtls_operator::plan::authority::transition::{NextRoot, Transition};
use mtls_operator::plan::authority::world::RootWorld;
use mtls_operator::plan::identity::policy::authorize;
use mtls_operator::plan::selector::Labels;

use super::fixture::{DAY, HOUR, NOW, asked, terms};
use super::root::world;
use super::root_load::{PLACE, apply, written};
use super::root_transition::{announce, change, finish, switch};

/// A root whose key was stolen: the key, and the public cross-certificate of it.
struct Stolen {
    pem: AuthorityPem,
    cross: Option<String>,
}

impl Stolen {
    /// The root that signs.
    fn signer(secret: &Secret) -> Self {
        Self { pem: pem(secret), cross: text(secret, key::CROSS_CERTIFICATE) }
    }

    /// The announced root.
    fn next(secret: &Secret) -> Self {
        Self { pem: next_pem(secret), cross: text(secret, key::NEXT_CROSS_CERTIFICATE) }
    }

    fn fingerprint(&self) -> Fingerprint {
        Authority::load(&self.pem, NOW).unwrap().fingerprint()
    }

    /// What a peer with the trust bundle in force says to a leaf that is made with it now.
    fn verdict(&self, secret: &Secret, distrusted: &[Fingerprint]) -> Result<(), LeafError> {
        let stolen = Authority::load(&self.pem, NOW).unwrap();
        let cross = self.cross.as_deref().map(str::as_bytes).unwrap_or_default();
        let cross = CrossCertificate::from_pem(cross, &stolen).unwrap();
        let stolen = stolen.with_rotation(&[], cross.as_ref(), &[]);
        let profile = authorize(&asked("web"), &terms(), &Labels::new()).unwrap().profile;
        let key = PrivateKey::generate(profile.key_algorithm).unwrap();
        let window = Validity::leaf(NOW, HOUR, stolen.window());
        let leaf = stolen.issue(&profile, key, window, Serial::random().unwrap()).unwrap();
        let authority = loaded(secret, distrusted).into_held().unwrap().signer.ca;
        let verified =
            verify_as_peer(leaf.chain_pem.as_bytes(), leaf.key_pem.as_bytes(), authority.bundle(), NOW);
        verified.map(|_| ())
    }
}

fn text(secret: &Secret, key: &str) -> Option<String> {
    let text = content(secret, key);
    (!text.is_empty()).then(|| String::from_utf8(text.to_vec()).unwrap())
}

fn distrusting(roots: &[Fingerprint]) -> AuthoritySpec {
    AuthoritySpec { distrust: roots.to_vec(), ..terms() }
}

fn loaded(secret: &Secret, distrusted: &[Fingerprint]) -> LoadedRoot {
    load(Some(secret), &distrusting(distrusted), PLACE, NOW)
}

fn decided(secret: &Secret, distrusted: &[Fingerprint]) -> RootDecision {
    let secret = loaded(secret, distrusted).map(LoadedCa::state);
    assert!(matches!(secret, RootSecret::Sound(_)), "{secret:?}");
    decide(&RootWorld { secret, ..world(RootSecret::Absent, Provided::NotAsked) })
}

/// What the operator does once these are distrusted, until it keeps the Secret as it is.
fn settle(secret: &mut Secret, distrusted: &[Fingerprint]) -> Vec<&'static str> {
    let mut done = Vec::new();
    for _ in 0..4 {
        let RootPlan::Change(transition) = decided(secret, distrusted).plan else { break };
        done.push(transition.as_str());
        let (found, spec) = (loaded(secret, distrusted), distrusting(distrusted));
        let (rules, ca) = (spec.rules(Safeguards::ALL), found.held().unwrap());
        let requests = AuthorityRequests::default();
        let change = RootTransition { spec: &spec, rules: &rules, ca, requests, now: NOW };
        let patch = carry_out(&change, &transition);
        let phase = transition.leads_to(&ca.state());
        apply(secret, &patch.at_version("9"));
        assert_eq!(loaded(secret, distrusted).held().unwrap().phase, phase, "{transition:?}");
    }
    done
}

fn carry_out(change: &RootTransition<'_>, transition: &Transition) -> RootPatch {
    let fresh = || Authority::generate("mesh", terms().root_algorithm, DAY * 365, NOW).unwrap();
    match transition {
        Transition::Succeed(next @ NextRoot::New(Origin::Generated)) => change.succeed(&fresh(), *next),
        Transition::Announce(..) => change.announce(&fresh(), Origin::Generated, None),
        Transition::Drop(gone) => change.drop(gone),
        other => panic!("{other:?}"),
    }
}

fn at(prepare: impl FnOnce(&mut Secret)) -> Secret {
    let mut secret = written();
    prepare(&mut secret);
    secret
}

/// Which CAs were distrusted with the one that people named.
fn taken(secret: &Secret) -> Vec<String> {
    let former = loaded(secret, &[]).into_held().unwrap().former;
    former
        .iter()
        .filter_map(|former| former.taken.as_ref())
        .flat_map(|taken| taken.fingerprints.clone())
        .collect()
}

#[test]
fn a_signer_that_is_distrusted_while_draining_goes_with_the_root_that_has_certified_it() {
    let mut secret = at(|secret| announce(secret, NOW));
    let former = Stolen::signer(&secret).fingerprint();
    switch(&mut secret, NOW);
    let stolen = Stolen::signer(&secret);
    let named = [stolen.fingerprint()];
    assert_eq!(stolen.verdict(&secret, &[]), Ok(()), "the path exists before");
    assert_eq!(settle(&mut secret, &named), ["Succeed"]);
    assert_eq!(stolen.verdict(&secret, &named), Err(LeafError::Untrusted));
    assert_eq!(loaded(&secret, &named).held().unwrap().phase, Phase::Stable, "no retiring root is left");
    assert_eq!(taken(&secret), [former.to_string()]);
}

#[test]
fn an_announced_root_goes_with_the_signer_that_has_certified_it() {
    let mut secret = at(|secret| announce(secret, NOW));
    let (signer, stolen) = (Stolen::signer(&secret).fingerprint(), Stolen::next(&secret));
    let named = [stolen.fingerprint()];
    assert!(!decided(&secret, &named).signs, "its key leads to the signer");
    assert_eq!(settle(&mut secret, &named), ["Succeed"]);
    assert_eq!(stolen.verdict(&secret, &named), Err(LeafError::Untrusted));
    assert_eq!(taken(&secret), [signer.to_string()]);
}

#[test]
fn an_announced_root_without_a_cross_certificate_goes_alone() {
    let mut secret = at(|secret| announce(secret, NOW));
    secret.data.as_mut().unwrap().remove(key::NEXT_CROSS_CERTIFICATE);
    let notes = secret.metadata.annotations.as_mut().unwrap();
    notes.remove("mtls-operator.dev/certified");
    let (signer, stolen) = (Stolen::signer(&secret), Stolen::next(&secret));
    let named = [stolen.fingerprint()];
    assert_eq!(settle(&mut secret, &named), ["Announce"]);
    assert_eq!(stolen.verdict(&secret, &named), Err(LeafError::Untrusted));
    assert_eq!(signer.verdict(&secret, &named), Ok(()), "the signer signs on");
}

#[test]
fn a_signer_that_is_distrusted_goes_with_the_announced_root_whose_key_lay_beside_its_own() {
    let mut secret = at(|secret| announce(secret, NOW));
    let (stolen, beside) = (Stolen::signer(&secret), Stolen::next(&secret));
    let named = [stolen.fingerprint()];
    assert_eq!(settle(&mut secret, &named), ["Succeed"]);
    for root in [&stolen, &beside] {
        assert_eq!(root.verdict(&secret, &named), Err(LeafError::Untrusted));
    }
    assert_eq!(taken(&secret), [beside.fingerprint().to_string()]);
}

#[test]
fn a_retiring_root_that_is_distrusted_goes_alone_and_its_cross_certificate_with_it() {
    let mut secret = at(|secret| announce(secret, NOW));
    let stolen = Stolen::signer(&secret);
    switch(&mut secret, NOW);
    let signer = Stolen::signer(&secret);
    let named = [stolen.fingerprint()];
    assert_eq!(settle(&mut secret, &named), ["Drop"]);
    assert_eq!(stolen.verdict(&secret, &named), Err(LeafError::Untrusted));
    assert_eq!(signer.verdict(&secret, &named), Ok(()));
    assert_eq!((text(&secret, key::CROSS_CERTIFICATE), taken(&secret).len()), (None, 0));
}

#[test]
fn a_root_that_was_withdrawn_goes_with_the_signer_that_has_certified_it() {
    let mut secret = at(|secret| announce(secret, NOW));
    let stolen = Stolen::next(&secret);
    change(&mut secret, NOW, |change| change.withdraw());
    let named = [stolen.fingerprint()];
    assert_eq!(stolen.verdict(&secret, &[]), Ok(()), "the path exists before");
    assert_eq!(settle(&mut secret, &named), ["Succeed"]);
    assert_eq!(stolen.verdict(&secret, &named), Err(LeafError::Untrusted));
}

#[test]
fn a_root_of_an_earlier_rotation_takes_nothing_along() {
    let mut secret = at(|secret| announce(secret, NOW));
    let stolen = Stolen::signer(&secret);
    switch(&mut secret, NOW);
    finish(&mut secret, NOW);
    let named = [stolen.fingerprint()];
    assert_eq!(settle(&mut secret, &named), [] as [&str; 0]);
    assert_eq!(stolen.verdict(&secret, &named), Err(LeafError::Untrusted));
    assert!(decided(&secret, &named).signs);
}

/// A Secret of version 0.1 does not say which root has certified which.
#[test]
fn where_nothing_was_recorded_a_retiring_root_goes_with_its_successor() {
    let mut secret = at(|secret| announce(secret, NOW));
    switch(&mut secret, NOW);
    let retiring = "mtls-operator.dev/retiring";
    let notes = secret.metadata.annotations.as_mut().unwrap();
    let mut roots: serde_json::Value = serde_json::from_str(&notes[retiring]).unwrap();
    roots[0].as_object_mut().unwrap().remove("certified").unwrap();
    notes.insert(retiring.into(), roots.to_string());
    let stolen = Stolen::signer(&secret);
    let named = [stolen.fingerprint()];
    assert_eq!(settle(&mut secret, &named), ["Succeed"]);
    assert_eq!(stolen.verdict(&secret, &named), Err(LeafError::Untrusted));
}

/// What status records counts as what people name, so that a backup from before the distrusted root was made signs nothing.
#[test]
fn a_backup_that_is_older_than_the_distrusted_root_signs_nothing_once_status_names_what_was_taken() {
    let mut secret = written();
    let backup = secret.clone();
    announce(&mut secret, NOW);
    let named = [Stolen::next(&secret).fingerprint()];
    settle(&mut secret, &named);
    assert!(decided(&backup, &named).signs, "by itself it knows nothing of the root that it certified later");
    let recorded: Vec<Fingerprint> = taken(&secret).iter().map(|text| text.parse().unwrap()).collect();
    assert!(!decided(&backup, &[named.to_vec(), recorded].concat()).signs);
}
