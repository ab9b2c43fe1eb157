//! The verifiers, and the known limits of each.

use crate::family_roots::Kind;
use crate::question::{Find, Role};
use crate::{batch, gnutls, nss, openssl, web_servers, webpki};

/// A verifier.
pub struct Verifier {
    pub name: &'static str,
    /// The roles in which it judges leaves.
    pub roles: &'static [Role],
    /// The most CAs between leaf and root that it follows.
    pub depth: usize,
    /// Kinds of roots of which it cannot check a signature.
    pub unknown: &'static [Kind],
    /// Where it is found.
    pub find: Find,
}

impl Verifier {
    /// It follows every chain of these tests.
    const fn new(name: &'static str, find: Find) -> Self {
        Self { name, roles: &Role::ALL, depth: usize::MAX, unknown: &[], find }
    }

    const fn without_ed25519(self) -> Self {
        Self { unknown: &[Kind::ED25519], ..self }
    }

    const fn of_clients(self, depth: usize) -> Self {
        Self { roles: &[Role::Client], depth, ..self }
    }
}

/// Those that `make test` asks.
const COMMON: [Verifier; 5] = [
    Verifier::new("OpenSSL", openssl::find),
    Verifier::new("GnuTLS", gnutls::find),
    Verifier::new("Go", batch::go),
    Verifier::new("Java 17", || batch::java(&["17", "21"])),
    Verifier::new("webpki", webpki::find),
];

/// Those that `make verifiers` asks, too.
const OTHERS: [Verifier; 7] = [
    Verifier::new("Java 25", || batch::java(&["25"])),
    Verifier::new("NSS", nss::find).without_ed25519(),
    Verifier::new("mbedTLS", || batch::c("mbedtls", "libmbedtls-dev", &["-lmbedx509", "-lmbedcrypto"]))
        .without_ed25519(),
    Verifier::new("wolfSSL", || batch::c("wolfssl", "libwolfssl-dev", &["-lwolfssl"])),
    Verifier::new("nginx", web_servers::nginx).of_clients(1),
    // Apache counts the root, too.
    Verifier::new("Apache", || web_servers::apache(1)).of_clients(0),
    Verifier::new("Apache, depth 2", || web_servers::apache(2)).of_clients(1),
];

/// Those whose clock can be set.
pub const AT_ANY_TIME: [Find; 5] =
    [openssl::find, gnutls::at_any_time, batch::go, || batch::java(&["17", "21"]), webpki::find];

/// Those that are asked now.
pub fn asked() -> Vec<Verifier> {
    let mut asked = Vec::from(COMMON);
    if std::env::var_os("MTLS_VERIFIERS").is_some() {
        asked.extend(OTHERS);
    }
    asked
}
