//! A CA that people provide: checked, handed over, changed, and replaced after its end.

use std::fs;

use jiff::{SignedDuration, Timestamp};
use mtls_operator::api::authority::Phase;
use mtls_operator::runtime::clock::Clock;
use serde_json::{Value, json};
use test_support::ca::{Ca, offset};
use test_support::markdown::block;

use crate::fixture::{Fixture, prompt, trusted};

fn now() -> Timestamp {
    Clock::system().now()
}

/// Writes the three files of a CA below an anchor, as the commands name them.
fn write(fixture: &Fixture, ca: &Ca, anchor: &Ca) {
    for (name, text) in [("chain.pem", ca.pem()), ("key.pem", ca.key_pem()), ("anchors.pem", anchor.pem())] {
        fs::write(fixture.file(name), text).unwrap();
    }
}

/// Puts the CA of the files into the Secret of this authority.
fn provide(fixture: &Fixture) {
    let create = block("docs/runbooks.md", "Your own CA", "--from-file");
    fixture.run(&create.with("corporate-ca", &format!("{}-ca", fixture.name)));
}

/// Lets this authority sign with it.
fn consent(fixture: &Fixture) {
    let annotate = block("docs/runbooks.md", "Your own CA", "provides-for");
    fixture.run(&annotate.with("corporate", &fixture.name));
}

fn spec(fixture: &Fixture) -> Value {
    let mut spec = prompt();
    spec["trustDomain"] = json!("prod.example.com");
    spec["root"] = json!({ "provided": { "secretName": format!("{}-ca", fixture.name) } });
    spec
}

fn fingerprint(ca: &Ca) -> String {
    ca.bundle().fingerprints().next().unwrap().to_string()
}

#[tokio::test]
async fn a_ca_is_checked_handed_over_and_changed() {
    let Some(fixture) = Fixture::without_authority("corporate").await else { return };
    let anchor = Ca::root("Example Root", now());
    write(&fixture, &anchor.intermediate("Issuing 1"), &anchor);
    let checked = fixture.run(&block("docs/runbooks.md", "Your own CA", "openssl verify"));
    assert!(checked.contains("chain.pem: OK") && checked.contains("Issuing 1"), "{checked}");
    assert!(checked.ends_with("the key fits\n"), "{checked}");
    provide(&fixture);
    fixture.create_authority(&fixture.name, spec(&fixture)).await;
    fixture.stands("False", "ProvidedInvalid").await;
    consent(&fixture);
    fixture.stands("True", "Ready").await;
    fixture.issue(&["cart"]).await;
    assert_eq!(trusted(&fixture.leaf("cart").await), [fingerprint(&anchor)]);
    a_new_intermediate_signs_at_once(&fixture, &anchor).await;
    a_ca_with_another_root_is_announced_before_it_signs(&fixture, &anchor).await;
}

async fn a_new_intermediate_signs_at_once(fixture: &Fixture, anchor: &Ca) {
    let former = fixture.root("Signing").await;
    write(fixture, &anchor.intermediate("Issuing 2"), anchor);
    provide(fixture);
    fixture
        .status_where("the new intermediate to sign", |status| {
            status.signing_root().is_some_and(|root| root.fingerprint != former)
        })
        .await;
    fixture.trusts("cart", &[&fingerprint(anchor)]).await;
}

async fn a_ca_with_another_root_is_announced_before_it_signs(fixture: &Fixture, anchor: &Ca) {
    let other = Ca::root("Another Root", now());
    write(fixture, &other, &other);
    provide(fixture);
    fixture.reaches(Phase::Announced).await;
    fixture.trusts("cart", &[&fingerprint(anchor), &fingerprint(&other)]).await;
    fixture.reaches(Phase::Draining).await;
    assert_eq!(fixture.root("Signing").await, fingerprint(&other));
}

#[tokio::test]
async fn after_its_end_a_ca_is_replaced_and_signs_at_once() {
    let Some(fixture) = Fixture::without_authority("ending").await else { return };
    // Long enough for a certificate, and not longer.
    let end = now() + SignedDuration::from_secs(20);
    let short = Ca::root_with("Short Root", now(), |params| params.not_after = offset(end));
    write(&fixture, &short, &short);
    provide(&fixture);
    consent(&fixture);
    fixture.create_authority(&fixture.name, spec(&fixture)).await;
    fixture.stands("False", "RootExpired").await;
    let other = Ca::root("Next Root", now());
    write(&fixture, &other, &other);
    provide(&fixture);
    fixture.stands("True", "Ready").await;
    fixture.issue(&["cart"]).await;
    fixture.trusts("cart", &[&fingerprint(&other)]).await;
}
