//! A Secret with a provided CA: whether an authority may use it, and what its condition says if not.
//!
//! The right to create authorities must not be, by itself, the power to sign with every CA key in the same namespace.

use crate::api::names::{ROOT_SECRET_TYPE, annotation};
use crate::pki::ChainTop;

/// Longest value of the annotation that a sentence repeats.
const MAX_REPEATED: usize = 256;

/// A Secret that `spec.root.provided.secretName` names, as its metadata describe it.
#[derive(Clone, Copy, Debug)]
pub struct ProvidedSecret<'a> {
    /// Its namespace.
    pub namespace: &'a str,
    /// Its name.
    pub name: &'a str,
    /// Its type.
    pub type_: &'a str,
    /// The value of the annotation `provides-for`.
    pub provides_for: Option<&'a str>,
}

impl ProvidedSecret<'_> {
    /// Its kind, namespace and name, for sentences.
    #[must_use]
    pub fn describe(&self) -> String {
        format!("Secret {}/{}", self.namespace, self.name)
    }

    /// Why this authority may not use it, in a sentence, if it may not. What the authority already signs with, it may:
    /// `is_in_force`.
    #[must_use]
    pub fn refusal(&self, authority: &str, is_in_force: bool) -> Option<String> {
        let place = self.describe();
        if self.type_ == ROOT_SECRET_TYPE {
            return Some(format!(
                "{place} has the type {ROOT_SECRET_TYPE}: it holds the root of an MtlsAuthority, and provides none for another one; put the CA into a Secret of another type"
            ));
        }
        let consents = self.names().any(|name| name == authority);
        (!consents && !is_in_force).then(|| {
            format!(
                "{place} does not say that MtlsAuthority {authority} may sign with the CA in it; if it may, add the annotation (kubectl -n {} annotate secret {} --overwrite {}={})",
                self.namespace,
                self.name,
                annotation::PROVIDES_FOR,
                self.names_with(authority)
            )
        })
    }

    /// What a Secret without `ca.crt` lacks, by the upper end of its chain.
    #[must_use]
    pub fn missing_anchors_message(&self, top: Option<&ChainTop>) -> String {
        let Self { namespace, name, .. } = self;
        let what = format!(
            "{} has no ca.crt, the roots that workloads are to trust (kubectl create secret tls makes none)",
            self.describe()
        );
        let put = format!(
            r#"kubectl -n {namespace} patch secret {name} --type=merge -p "{{\"data\":{{\"ca.crt\":\"$(base64 < root.pem | tr -d '\n')\"}}}}""#
        );
        match top {
            Some(ChainTop::Alone) => format!(
                r#"{what}; tls.crt is a root itself, so put it there too (kubectl -n {namespace} get secret {name} -o json | jq '.data["ca.crt"] = .data["tls.crt"]' | kubectl replace -f -)"#
            ),
            Some(ChainTop::Root) => format!(
                "{what}; the last certificate of tls.crt is a root: save it as root.pem and put it there too ({put})"
            ),
            Some(ChainTop::Below(issuer)) => {
                format!(
                    "{what}; save the root above {issuer:?} or, if that is one, itself as root.pem and put it there ({put})"
                )
            }
            None => format!("{what}; save the root as root.pem and put it there ({put})"),
        }
    }

    /// The authorities that may use it.
    fn names(&self) -> impl Iterator<Item = &str> {
        let names = self.provides_for.unwrap_or_default().split(',').map(str::trim);
        names.filter(|name| !name.is_empty())
    }

    /// The value that names this authority, too. One that is too long for a sentence, or no list of names, is left to the user.
    fn names_with(&self, authority: &str) -> String {
        let all = self.names().chain([authority]).collect::<Vec<_>>().join(",");
        let is_name = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b',';
        if all.len() <= MAX_REPEATED && all.bytes().all(is_name) {
            all
        } else {
            format!("<the names that it has>,{authority}")
        }
    }
}
