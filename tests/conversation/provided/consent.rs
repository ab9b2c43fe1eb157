//! A Secret is used as a CA only for authorities that it names, and only if it is complete; otherwise the condition says what
//! to do.

use serde_json::{Value, json};
use test_support::ca::Ca;
use test_support::in_memory::harness::{Harness, NOW, SECRETS};

use super::{OWN, assert_stands, harness_over, input, put};
use crate::authority_controller::{ROOT, controller, rotating, run_a_minute};

/// People change the Secret with their CA, which its watch shows.
pub fn change(harness: &Harness, change: impl FnOnce(&mut Value)) {
    harness.server.edit(SECRETS, "mtls-system", OWN, change);
    harness.context.authorities.lock().apply_secret(OWN);
}

pub fn consent(input: &mut Value, to: Option<&str>) {
    let to = to.map(|to| ("mtls-operator.dev/provides-for".to_owned(), json!(to)));
    input["metadata"]["annotations"] = Value::Object(to.into_iter().collect());
}

fn root_secret(harness: &Harness) -> Option<Value> {
    harness.server.get(SECRETS, "mtls-system", ROOT)
}

#[tokio::test(start_paused = true)]
async fn no_authority_gets_a_ca_that_was_not_meant_for_it() {
    let one = Ca::root("one", NOW);
    for named in [None, Some("other")] {
        let mut input = input(&one, &one.pem());
        consent(&mut input, named);
        let harness = harness_over(&input).await;
        let mut controller = controller(&harness);
        run_a_minute(&mut controller).await;
        assert_stands(&harness, "False", "ProvidedInvalid", "kubectl -n mtls-system annotate secret own-ca");
        assert_eq!(root_secret(&harness), None, "nothing is copied");
        change(&harness, |input| consent(input, Some("other, mesh")));
        run_a_minute(&mut controller).await;
        assert_stands(&harness, "True", "Ready", "signs with root");
    }
}

#[tokio::test(start_paused = true)]
async fn the_root_of_an_authority_is_never_the_input_of_another_one() {
    let one = Ca::root("one", NOW);
    let mut input = input(&one, &one.pem());
    input["type"] = json!("mtls-operator.dev/root");
    let harness = harness_over(&input).await;
    let mut controller = controller(&harness);
    run_a_minute(&mut controller).await;
    assert_stands(&harness, "False", "ProvidedInvalid", "mtls-operator.dev/root");
    assert_eq!(root_secret(&harness), None, "nothing is copied");
}

/// As an operator has left it that did not know the annotation.
#[tokio::test(start_paused = true)]
async fn a_copy_in_force_is_consent_until_the_ca_is_changed() {
    let (one, two) = (Ca::root("one", NOW), Ca::root("two", NOW));
    let both = format!("{}{}", one.pem(), two.pem());
    for changed in [input(&two, &two.pem()), input(&one, &both)] {
        let harness = harness_over(&input(&one, &one.pem())).await;
        let mut controller = controller(&harness);
        change(&harness, |input| consent(input, None));
        run_a_minute(&mut controller).await;
        assert_stands(&harness, "True", "Ready", "signs with root");
        let copy = root_secret(&harness);
        let mut changed = changed;
        consent(&mut changed, None);
        put(&harness, &changed);
        run_a_minute(&mut controller).await;
        assert_stands(
            &harness,
            "True",
            "ProvidedInvalid",
            "provides-for=mesh). Signing goes on with the copy",
        );
        assert_eq!(root_secret(&harness), copy, "nothing is taken");
        change(&harness, |input| consent(input, Some("mesh")));
        run_a_minute(&mut controller).await;
        assert_stands(&harness, "True", "Ready", "signs with root");
        assert_ne!(root_secret(&harness), copy);
    }
}

/// The next root in a root Secret has been copied with consent, too.
#[tokio::test(start_paused = true)]
async fn an_announced_copy_is_consent_as_well() {
    let (one, two) = (Ca::root("one", NOW), Ca::root("two", NOW));
    let mut harness = harness_over(&input(&one, &one.pem())).await;
    harness.apply("web", &json!({}));
    harness.settle().await;
    put(&harness, &input(&two, &two.pem()));
    let mut controller = controller(&harness);
    run_a_minute(&mut controller).await;
    assert_eq!(rotating(&harness).1, "Announced", "the identity is behind");
    change(&harness, |input| consent(input, None));
    run_a_minute(&mut controller).await;
    assert_stands(&harness, "True", "Ready", "signs with root");
}

#[tokio::test(start_paused = true)]
async fn what_kubectl_create_secret_tls_makes_gets_a_sentence_with_the_command_that_it_needs() {
    let one = Ca::root("one", NOW);
    let below = one.intermediate("one-1");
    let chained = |mut input: Value, chain: &str| {
        input["data"]["tls.crt"] = json!(k8s_openapi::ByteString(chain.as_bytes().to_vec()));
        input["data"].as_object_mut().unwrap().remove("ca.crt");
        input
    };
    let rows = [
        (chained(input(&one, ""), &one.pem()), "jq '.data[\"ca.crt\"] = .data[\"tls.crt\"]'"),
        (chained(input(&below, ""), &below.pem()), "the root above \"CN=one, O=Example\""),
        (
            chained(input(&below, ""), &format!("{}{}", below.pem(), one.pem())),
            "the last certificate of tls.crt is a root",
        ),
    ];
    for (input, advice) in rows {
        let harness = harness_over(&input).await;
        let mut controller = controller(&harness);
        run_a_minute(&mut controller).await;
        assert_stands(&harness, "False", "ProvidedInvalid", advice);
        assert_stands(&harness, "False", "ProvidedInvalid", "kubectl create secret tls makes none");
    }
}
