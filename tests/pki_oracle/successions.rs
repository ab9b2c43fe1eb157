//! Roots that have rotated, and verifiers that know only some of them: whoever has never reloaded its bundle since the
//! former root, and whoever has both roots, in either order.

use jiff::Timestamp;
use mtls_operator::pki::{Authority, AuthorityPem, RootAlgorithm};

use crate::authorities;
use crate::cases::Signer;

/// Every succession, as one verifier sees it. Among `provided` are CAs with names that only a copy gets right.
pub fn all(provided: &[(String, AuthorityPem)], now: Timestamp) -> Vec<Signer> {
    use RootAlgorithm::{EcdsaP256, EcdsaP384};
    let former_only = |roots: &[String; 2]| roots[0].clone();
    let former_first = |roots: &[String; 2]| roots.concat();
    let new_first = |roots: &[String; 2]| [roots[1].as_str(), &roots[0]].concat();
    let own = |algorithm| authorities::generate(algorithm, now);
    let mut found = vec![
        signer("rotated-former-root-only", [&own(EcdsaP256), &own(EcdsaP384)], former_only, now),
        signer("rotated-to-p256-former-root-only", [&own(EcdsaP384), &own(EcdsaP256)], former_only, now),
        signer("rotated-former-root-first", [&own(EcdsaP256), &own(EcdsaP256)], former_first, now),
        signer("rotated-new-root-first", [&own(EcdsaP256), &own(EcdsaP256)], new_first, now),
    ];
    for (name, ca) in provided.iter().filter(|(name, _)| NAMED.iter().any(|kind| name.ends_with(kind))) {
        let (to, from) = (format!("rotated-to-{name}"), format!("rotated-from-{name}"));
        found.push(signer(&to, [&own(EcdsaP256), ca], former_only, now));
        found.push(signer(&from, [ca, &own(EcdsaP256)], former_only, now));
    }
    found
}

/// CAs whose names only a copy gets right.
const NAMED: [&str; 2] = ["active-directory", "old-strings"];

/// The latter of two CAs, certified by the former one.
fn signer(
    name: &str,
    cas: [&AuthorityPem; 2],
    trust: impl Fn(&[String; 2]) -> String,
    now: Timestamp,
) -> Signer {
    let [former, next] = cas.map(|ca| Authority::load(ca, now).unwrap());
    let texts = [&former, &next].map(|ca| ca.anchors().to_pem().to_owned());
    let cross = former.cross_certify(&next, now).unwrap();
    let authority = next.among(&[former.anchors()], Some(&cross), &[]);
    Signer {
        name: name.into(),
        authority,
        trust: trust(&texts),
        is_old: !NAMED.iter().any(|kind| name.ends_with(kind)),
    }
}
