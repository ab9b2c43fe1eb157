//! Laws of distrust: no root stays trusted that has certified a distrusted one, and no other root is distrusted with it.

use mtls_operator::plan::authority::distrust::{
    Ca, Cas, DistrustReason, Distrusted, closure, distrust_command,
};

fn ca(name: &str, certified: &[&str]) -> Ca {
    Ca {
        fingerprints: vec![name.into()],
        certified: Some(certified.iter().map(|name| (*name).to_owned()).collect()),
    }
}

fn cas(retiring: &[Ca], signer: Ca, next: Option<Ca>) -> Cas {
    Cas { retiring: retiring.to_vec(), signer, next, is_next_generated: true }
}

/// What is distrusted, by name.
fn taken(cas: &Cas, named: &[&str]) -> Vec<(String, DistrustReason)> {
    let named: Vec<String> = named.iter().map(|name| (*name).to_owned()).collect();
    let Distrusted { retiring, signer, next } = closure(cas, &named);
    let all = cas.retiring.iter().chain([&cas.signer]).chain(&cas.next);
    let why = retiring.into_iter().chain([signer, next]);
    all.zip(why).filter_map(|(ca, why)| Some((ca.fingerprints[0].clone(), why?))).collect()
}

fn certified(other: &str) -> DistrustReason {
    DistrustReason::Certified(other.into())
}

#[test]
fn a_root_that_certified_no_other_is_distrusted_alone() {
    let stable = cas(&[], ca("r1", &[]), None);
    assert_eq!(taken(&stable, &["r1"]), [("r1".into(), DistrustReason::Named)]);
    assert_eq!(taken(&stable, &["r2"]), [], "it is none of this authority's");
}

#[test]
fn with_an_announced_root_the_signer_that_has_certified_it_is_distrusted() {
    let crossed = cas(&[], ca("r1", &["r2"]), Some(ca("r2", &[])));
    assert_eq!(
        taken(&crossed, &["r2"]),
        [("r1".into(), certified("r2")), ("r2".into(), DistrustReason::Named)]
    );
    let uncrossed = cas(&[], ca("r1", &[]), Some(ca("r2", &[])));
    assert_eq!(taken(&uncrossed, &["r2"]), [("r2".into(), DistrustReason::Named)]);
}

#[test]
fn with_a_signer_the_announced_root_of_the_same_secret_is_distrusted() {
    let generated = cas(&[], ca("r1", &[]), Some(ca("r2", &[])));
    let shared = DistrustReason::SameSecret("r1".into());
    assert_eq!(taken(&generated, &["r1"]), [("r1".into(), DistrustReason::Named), ("r2".into(), shared)]);
    let provided = Cas { is_next_generated: false, ..generated };
    assert_eq!(taken(&provided, &["r1"]), [("r1".into(), DistrustReason::Named)], "both were named");
}

#[test]
fn with_a_signer_the_retiring_root_that_has_certified_it_is_distrusted() {
    let draining = cas(&[ca("r1", &["r2"])], ca("r2", &[]), None);
    assert_eq!(
        taken(&draining, &["r2"]),
        [("r1".into(), certified("r2")), ("r2".into(), DistrustReason::Named)]
    );
    assert_eq!(
        taken(&draining, &["r1"]),
        [("r1".into(), DistrustReason::Named)],
        "the signer certified nothing"
    );
    let uncrossed = cas(&[ca("r1", &[])], ca("r2", &[]), None);
    assert_eq!(taken(&uncrossed, &["r2"]), [("r2".into(), DistrustReason::Named)]);
}

#[test]
fn with_a_withdrawn_root_the_signer_that_has_certified_it_is_distrusted() {
    let withdrawn = cas(&[], ca("r1", &["withdrawn"]), None);
    assert_eq!(taken(&withdrawn, &["withdrawn"]), [("r1".into(), certified("withdrawn"))]);
}

#[test]
fn the_closure_is_transitive() {
    let chain = cas(&[ca("r0", &["r1"]), ca("r1", &["r2"])], ca("r2", &["r3"]), Some(ca("r3", &[])));
    let all = [
        ("r0".into(), certified("r1")),
        ("r1".into(), certified("r2")),
        ("r2".into(), certified("r3")),
        ("r3".into(), DistrustReason::Named),
    ];
    assert_eq!(taken(&chain, &["r3"]), all);
}

#[test]
fn where_it_was_not_recorded_a_root_is_taken_to_have_certified_its_successors() {
    let unknown = Ca { certified: None, ..ca("r1", &[]) };
    let draining = cas(std::slice::from_ref(&unknown), ca("r2", &[]), None);
    assert_eq!(
        taken(&draining, &["r2"]),
        [("r1".into(), certified("r2")), ("r2".into(), DistrustReason::Named)]
    );
    assert_eq!(taken(&draining, &["r9"]), [], "with a root of the past no other is distrusted");
}

/// After an accepted loss the order in which roots have signed is not known, and the root that signs was certified by none.
#[test]
fn of_roots_that_were_recovered_each_may_have_certified_the_others_and_none_its_successor() {
    for [one, other] in [["r1", "r2"], ["r2", "r1"]] {
        let recovered = cas(&[ca(one, &[other]), ca(other, &[one])], ca("r3", &[]), None);
        let both = taken(&recovered, &["r2"]);
        let names: Vec<&str> = both.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, [one, other]);
        assert_eq!(taken(&recovered, &["r3"]), [("r3".into(), DistrustReason::Named)]);
    }
}

#[test]
fn an_intermediate_is_named_by_each_certificate_above_it() {
    let signer = Ca { fingerprints: vec!["i1".into(), "b1".into()], ..ca("i1", &[]) };
    let stable = cas(&[], signer, None);
    for name in ["i1", "b1"] {
        assert_eq!(taken(&stable, &[name]), [("i1".into(), DistrustReason::Named)], "{name}");
    }
}

#[test]
fn the_command_adds_one_entry_for_each_ca() {
    let entry = |name| {
        format!(r#"{{"op":"add","path":"/spec/distrustedRoots/-","value":{{"fingerprint":"{name}"}}}}"#)
    };
    let patch = format!("'[{},{}]'", entry("f1"), entry("f2"));
    let expected = format!("kubectl patch mtlsauthority mesh --type=json -p {patch}");
    assert_eq!(distrust_command("mesh", ["f1", "f2"]), expected);
}
