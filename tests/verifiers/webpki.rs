//! webpki, in this process, as rustls uses it.

use std::sync::Arc;
use std::time::Duration;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier as _;
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::{ServerName, UnixTime};
use rustls::server::WebPkiClientVerifier;
use rustls::{Error, RootCertStore};

use crate::listener::certificates;
use crate::question::{Judge, Question, Role, Verdict};

struct Webpki;

#[allow(clippy::unnecessary_wraps, reason = "each verifier is looked for, and this one is always there")]
pub fn find() -> Option<Box<dyn Judge>> {
    Some(Box::new(Webpki))
}

impl Judge for Webpki {
    fn version(&self) -> String {
        const LOCK: &str = include_str!("../../Cargo.lock");
        let package = LOCK.split("name = \"rustls-webpki\"\nversion = \"").nth(1).unwrap();
        format!("rustls-webpki {}", package.split('"').next().unwrap())
    }

    fn judge(&self, questions: &[Question]) -> Vec<Verdict> {
        questions.iter().map(|question| verify(question).map_err(|error| error.to_string())).collect()
    }
}

fn verify(question: &Question) -> Result<(), Error> {
    let mut roots = RootCertStore::empty();
    for root in certificates(&question.trust) {
        roots.add(root).unwrap();
    }
    let (roots, provider) = (Arc::new(roots), Arc::new(default_provider()));
    let chain = certificates(&question.chain);
    let (leaf, above) = chain.split_first().unwrap();
    let seconds = question.at.as_second().try_into().unwrap();
    let at = UnixTime::since_unix_epoch(Duration::from_secs(seconds));
    match question.role {
        Role::Server => {
            let verifier = WebPkiServerVerifier::builder_with_provider(roots, provider).build().unwrap();
            let name = ServerName::try_from(question.name).unwrap();
            verifier.verify_server_cert(leaf, above, &name, &[], at).map(|_| ())
        }
        Role::Client => {
            let verifier = WebPkiClientVerifier::builder_with_provider(roots, provider).build().unwrap();
            verifier.verify_client_cert(leaf, above, at).map(|_| ())
        }
    }
}
