//! What people, other clients, time and the authority's controller do to the objects of one identity.

use std::collections::BTreeSet;

use jiff::SignedDuration;
use mtls_operator::api::MtlsAuthority;
use mtls_operator::api::names::annotation;
use mtls_operator::plan::identity::signer::{NotReady, RetiringSigner};
use mtls_operator::plan::spread::RolloutWindow;
use proptest::prelude::*;
use serde_json::json;

use super::model::DAY;
use super::objects::Objects;

/// What can change around an identity.
#[derive(Clone, Copy, Debug)]
pub enum Change {
    Nothing,
    Minutes(i32),
    OtherNames,
    AskForOthersNames,
    GrantThem,
    TurnPaused,
    Annotate(&'static str, u8),
    Announce,
    Switch,
    Drop,
    Distrust,
    Halt,
    Resume,
    LoseSigner,
    LoseAuthority,
    DeleteSecret,
    TouchSecret,
    LabelSecret,
    DamageLeaf,
    NameSigner(bool),
}

const CHANGES: [Change; 19] = [
    Change::Nothing,
    Change::OtherNames,
    Change::AskForOthersNames,
    Change::GrantThem,
    Change::TurnPaused,
    Change::Announce,
    Change::Switch,
    Change::Drop,
    Change::Distrust,
    Change::Halt,
    Change::Resume,
    Change::LoseSigner,
    Change::LoseAuthority,
    Change::DeleteSecret,
    Change::TouchSecret,
    Change::LabelSecret,
    Change::DamageLeaf,
    Change::NameSigner(true),
    Change::NameSigner(false),
];

/// The annotations that are read of an identity.
const ANNOTATIONS: [(&str, &str); 1] = [("RENEW", annotation::RENEW)];

/// A minute to eight days, in minutes.
const PAUSES: [i32; 7] = [1, 2, 60, 8 * 60, 16 * 60, 24 * 60, 8 * 24 * 60];

pub fn changes() -> impl Strategy<Value = Change> {
    prop_oneof![
        6 => proptest::sample::select(&CHANGES[..]),
        3 => proptest::sample::select(&PAUSES[..]).prop_map(Change::Minutes),
        1 => (proptest::sample::select(&ANNOTATIONS[..]), 0u8..2)
            .prop_map(|((_, key), value)| Change::Annotate(key, value)),
    ]
}

impl Objects {
    pub fn change(&mut self, change: Change) {
        match change {
            Change::Nothing => {}
            Change::Minutes(minutes) => self.now += SignedDuration::from_mins(minutes.into()),
            Change::OtherNames => self.edit(|spec| turn(&mut spec.dns_names, "a.orders.svc")),
            Change::AskForOthersNames => self.edit(|spec| turn(&mut spec.dns_names, "example.com")),
            Change::TurnPaused => self.edit(|spec| spec.paused = !spec.paused),
            Change::Annotate(key, value) => {
                let annotations = self.identity.metadata.annotations.get_or_insert_default();
                annotations.insert(key.into(), value.to_string());
            }
            Change::GrantThem => self.edit_authority(|spec| match spec.grants.pop() {
                Some(_) => {}
                None => spec.grants.push(serde_json::from_value(grant()).unwrap()),
            }),
            Change::LoseAuthority => self.authority = None,
            Change::DeleteSecret => self.secret = None,
            Change::TouchSecret => {
                self.write(|annotations| drop(annotations.insert("other".into(), "1".into())));
            }
            Change::LabelSecret => {
                self.write(|annotations| drop(annotations.remove("mtls-operator.dev/trust")));
            }
            Change::DamageLeaf => {
                if let Some(secret) = &mut self.secret {
                    secret.is_sound = false;
                }
                self.write(|_| {});
            }
            Change::NameSigner(is_known) => {
                // A status that people wrote is corrected while a root signs.
                let status = self
                    .identity
                    .status
                    .as_mut()
                    .filter(|_| self.signer.is_some() && self.authority.is_some());
                if let Some(named) = status.and_then(|status| status.authority_key_id.as_mut()) {
                    *named = if is_known { "a2" } else { "strange" }.into();
                }
            }
            _ => self.change_signer(change),
        }
    }

    fn change_signer(&mut self, change: Change) {
        let now = self.now;
        match (change, &mut self.signer) {
            (Change::LoseSigner, signer) => *signer = None,
            (Change::Resume, None) => {
                *self = Self { authority: Self::new().authority, signer: Self::new().signer, ..self.clone() }
            }
            (Change::Resume, Some(signer)) => signer.halted = None,
            (Change::Halt, Some(signer)) => signer.halted = Some(NotReady("the clock is wrong".into())),
            (Change::Announce, Some(signer)) if signer.key_id == "a1" && !signer.rotation.is_announced => {
                signer.rotation.is_announced = true;
                signer.rotation.next = Some("a2".into());
                follow(signer, now);
            }
            (Change::Switch, Some(signer)) if signer.rotation.is_announced => {
                signer.rotation.is_announced = false;
                signer.rotation.next = None;
                signer.key_id = "a2".into();
                signer.rotation.known.push("a2".into());
                signer.rotation.retiring = vec![RetiringSigner { key_id: "a1".into(), until: now + DAY * 8 }];
                signer.rotation.window = Some(RolloutWindow { began: now, ends: now + DAY });
            }
            (Change::Drop, Some(signer)) if signer.key_id == "a2" && !signer.rotation.retiring.is_empty() => {
                signer.rotation.retiring.clear();
                signer.rotation.known.retain(|known| known == "a2");
                follow(signer, now);
            }
            (Change::Distrust, Some(signer)) if signer.key_id == "a2" => {
                signer.rotation.distrusted = vec!["a1".into()];
            }
            _ => {}
        }
    }

    fn edit(&mut self, edit: impl FnOnce(&mut mtls_operator::api::MtlsIdentitySpec)) {
        edit(&mut self.identity.spec);
        self.identity.metadata.generation =
            self.identity.metadata.generation.map(|generation| generation + 1);
        self.stalls_at = self.now + SignedDuration::from_mins(1);
    }

    fn edit_authority(&mut self, edit: impl FnOnce(&mut mtls_operator::api::MtlsAuthoritySpec)) {
        if let Some(MtlsAuthority { spec, .. }) = &mut self.authority {
            edit(spec);
            self.stalls_at = self.now + SignedDuration::from_mins(1);
        }
    }

    /// Another client writes the Secret.
    fn write(&mut self, write: impl FnOnce(&mut std::collections::BTreeMap<String, String>)) {
        let version = self.next_version();
        if let Some(secret) = &mut self.secret {
            write(secret.metadata.annotations.get_or_insert_default());
            secret.metadata.resource_version = Some(version);
        }
    }
}

/// Another bundle is in force, which Secrets follow from now on.
fn follow(signer: &mut mtls_operator::plan::identity::signer::Signer, now: jiff::Timestamp) {
    let next = format!("{}+", signer.trust);
    signer.rotation.former_trust = Some(std::mem::replace(&mut signer.trust, next));
    signer.rotation.window = Some(RolloutWindow { began: now, ends: now + DAY });
}

fn turn(names: &mut Vec<String>, name: &str) {
    match names.iter().position(|known| known == name) {
        Some(at) => drop(names.remove(at)),
        None => names.push(name.into()),
    }
}

fn grant() -> serde_json::Value {
    json!({ "name": "all", "namespaces": { "from": "All" }, "dnsNames": ["example.com"] })
}

/// The names of annotations in a source file.
fn read_in(source: &str) -> BTreeSet<&str> {
    let names = source.split("annotation::").skip(1);
    names.map(|rest| rest.split(|c: char| !c.is_ascii_uppercase() && c != '_').next().unwrap()).collect()
}

/// The decision and the index read annotations each by itself. One that only one of them reads, or that no change touches,
/// would be outside of the law between scheduler and decision.
#[test]
fn every_annotation_that_is_read_of_an_identity_has_a_change() {
    let changed: BTreeSet<&str> = ANNOTATIONS.into_iter().map(|(name, _)| name).collect();
    assert_eq!(read_in(include_str!("../../src/plan/identity/spec.rs")), changed, "the decision");
    assert_eq!(read_in(include_str!("../../src/operator/index/identity.rs")), changed, "the index");
}
