//! Roots that have rotated, and verifiers that know only some of them: those that have never reloaded their bundle since the
//! former root, and those that have both roots, in either order.

use jiff::Timestamp;
use mtls_operator::pki::{Authority, AuthorityPem, RootAlgorithm};
use test_support::tools::authorities;

use crate::cases::Signer;

/// Every succession, as one verifier sees it. Among `provided` are CAs with names that only a copy gets right.
pub fn all(provided: &[(String, AuthorityPem)], now: Timestamp) -> Vec<Signer> {
    use RootAlgorithm::{EcdsaP256, EcdsaP384};
    let former_only = |roots: &[String]| roots[0].clone();
    let second_only = |roots: &[String]| roots[1].clone();
    let former_first = |roots: &[String]| roots.concat();
    let new_first = |roots: &[String]| roots.iter().rev().cloned().collect();
    let own = |algorithm| authorities::generate(algorithm, now);
    let (p256, p384) = (|| own(EcdsaP256), || own(EcdsaP384));
    let mut found = vec![
        signer("rotated-former-root-only", &[p256(), p384()], former_only, now),
        signer("rotated-to-p256-former-root-only", &[p384(), p256()], former_only, now),
        signer("rotated-former-root-first", &[p256(), p256()], former_first, now),
        signer("rotated-new-root-first", &[p256(), p256()], new_first, now),
        signer("rotated-twice-second-root-only", &[p256(), p256(), p256()], second_only, now),
    ];
    for (name, ca) in provided.iter().filter(|(name, _)| is_named(name)) {
        let (to, from) = (format!("rotated-to-{name}"), format!("rotated-from-{name}"));
        found.push(signer(&to, &[p256(), ca.clone()], former_only, now));
        // An intermediate certifies no root.
        if name.starts_with("root") {
            found.push(signer(&from, &[ca.clone(), p256()], former_only, now));
        }
    }
    found
}

/// Whether this is a CA whose name only a copy gets right.
fn is_named(ca: &str) -> bool {
    ["active-directory", "old-strings"].iter().any(|kind| ca.ends_with(kind))
}

/// The last of these CAs, certified by the one before it.
fn signer(name: &str, cas: &[AuthorityPem], trust: impl Fn(&[String]) -> String, now: Timestamp) -> Signer {
    let roots: Vec<Authority> = cas.iter().map(|ca| Authority::load(ca, now).unwrap()).collect();
    let texts: Vec<String> = roots.iter().map(|root| root.anchors().to_pem().to_owned()).collect();
    let cross = roots.windows(2).last().map(|pair| pair[0].cross_certify(&pair[1], now).unwrap());
    let former: Vec<_> = roots.iter().map(|root| root.anchors().clone()).collect();
    let others: Vec<_> = former.iter().collect();
    let authority = roots.into_iter().last().unwrap().with_rotation(&others, cross.as_ref(), &[]);
    Signer { name: name.into(), authority, trust: trust(&texts), is_old: !is_named(name) }
}
