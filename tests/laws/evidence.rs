//! Laws of evidence (I11): what the root Secret does not explain shows a loss, and nothing that users of a namespace can write
//! alone does while there is a root Secret.

use mtls_operator::api::namespaced_name::NamespacedName;
use mtls_operator::plan::authority::evidence::{Evidence, Explained, LeafClaim, Traces, Witness};
use mtls_operator::plan::authority::known_signers::{Claimant, KnownSigners, RecordedSigner};

fn claimant(name: &str, key_id: u8, has_proof: bool) -> Claimant<u8> {
    Claimant { namespace: "orders".into(), name: name.into(), key_id, has_proof }
}

fn recorded(key_id: u8) -> KnownSigners<u8> {
    let recorded = Some(RecordedSigner { key_id, text: format!("0{key_id}") });
    KnownSigners { recorded, ..KnownSigners::default() }
}

fn claimed(claimants: Vec<Claimant<u8>>) -> KnownSigners<u8> {
    KnownSigners { claimants, ..KnownSigners::default() }
}

/// A root Secret that explains signers 1 and 2, with this evidence key.
fn held(evidence_key: Option<&str>) -> Explained<u8> {
    let evidence_key_id = evidence_key.map(str::to_owned);
    Explained::Held { signers: vec![1, 2], evidence_key_id, lost_evidence_key_id: Some("lost".into()) }
}

fn shown(known: &KnownSigners<u8>, explained: &Explained<u8>) -> Option<Evidence> {
    Traces::of(known).evidence("Secret roots/mesh", explained)
}

#[test]
fn a_signer_that_status_names_and_the_root_secret_does_not_know_is_lost() {
    assert_eq!(shown(&recorded(2), &held(None)), None);
    let found = shown(&recorded(3), &held(None)).unwrap();
    assert!(found.what.contains("key id 03") && found.otherwise.is_none(), "{found:?}");
    let found = shown(&recorded(1), &Explained::Nothing).unwrap();
    assert!(found.what.contains("is missing") && found.otherwise.is_none(), "{found:?}");
}

#[test]
fn a_root_secret_with_another_evidence_key_is_another_one_unless_that_loss_was_accepted() {
    let named = |name: &str| KnownSigners { evidence_key_id: Some(name.into()), ..KnownSigners::default() };
    assert_eq!(shown(&named("key"), &held(Some("key"))), None);
    assert_eq!(shown(&named("lost"), &held(Some("key"))), None);
    assert!(shown(&named("other"), &held(Some("key"))).unwrap().what.contains("another evidence.key"));
    assert!(shown(&named("other"), &held(None)).unwrap().what.contains("no evidence.key"));
    assert!(shown(&named("other"), &Explained::Nothing).is_some());
}

#[test]
fn what_a_status_claims_shows_a_loss_by_itself_only_while_there_is_no_root_secret() {
    let known = claimed(vec![claimant("web", 3, true)]);
    assert_eq!(shown(&known, &held(Some("key"))), None, "its proof has to be read");
    let found = shown(&known, &Explained::Nothing).unwrap();
    assert!(found.otherwise.is_some(), "it may be forged: {found:?}");
    assert_eq!(found.witnesses, [Witness::Identity(NamespacedName::new("orders", "web"))]);
    assert_eq!(shown(&known, &Explained::Unknown), None, "the decision says what is wrong with the Secret");
}

#[test]
fn only_proofs_of_unknown_signers_are_read_and_no_more_than_a_few() {
    let known = claimed(vec![
        claimant("known", 1, true),
        claimant("without-proof", 3, false),
        claimant("web", 3, true),
    ]);
    let unsettled = |known: &KnownSigners<u8>, explained: &Explained<u8>| {
        Traces::of(known).unsettled(explained).map(|claimant| claimant.name.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(unsettled(&known, &held(Some("key"))), ["web"]);
    assert_eq!(unsettled(&known, &held(None)), [""; 0], "nothing tells a proof from an invention");
    assert_eq!(unsettled(&known, &Explained::Nothing), [""; 0]);
    let many = claimed((0..100).map(|n| claimant(&format!("x{n}"), 3, true)).collect());
    assert_eq!(unsettled(&many, &held(Some("key"))).len(), 32);

    let proven = Traces { proven: known.claimants.last(), ..Traces::of(&known) };
    let found = proven.evidence("Secret roots/mesh", &held(Some("key"))).unwrap();
    assert_eq!((found.otherwise, found.witnesses.len()), (None, 1));
}

#[test]
fn a_leaf_secret_shows_a_loss_only_while_there_is_no_root_secret() {
    let known = KnownSigners::default();
    let claim = LeafClaim { namespace: "orders".into(), identity: "web".into(), secret: "web-mtls".into() };
    let traces = Traces { leaf_secret: Some(claim), ..Traces::of(&known) };
    assert_eq!(traces.evidence("Secret roots/mesh", &held(None)), None);
    let found = traces.evidence("Secret roots/mesh", &Explained::Nothing).unwrap();
    assert!(found.what.contains("orders/web-mtls") && found.otherwise.is_some(), "{found:?}");
    assert_eq!(found.witnesses.len(), 2);
}
