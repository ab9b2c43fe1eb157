//! Roots that have rotated, and verifiers that know only some of them: whoever has never reloaded its bundle since the
//! first root, and whoever has both roots, in either order.

use jiff::Timestamp;
use mtls_operator::pki::{Authority, RootAlgorithm};

use crate::authorities;
use crate::cases::Signer;

/// Every succession, as one verifier sees it.
pub fn all(now: Timestamp) -> Vec<Signer> {
    use RootAlgorithm::{EcdsaP256, EcdsaP384};
    let former_only = |roots: &[String]| roots[0].clone();
    let second_only = |roots: &[String]| roots[1].clone();
    let former_first = |roots: &[String]| roots.concat();
    let new_first = |roots: &[String]| roots.iter().rev().cloned().collect();
    vec![
        signer("rotated-former-root-only", &[EcdsaP256, EcdsaP384], former_only, now),
        signer("rotated-to-p256-former-root-only", &[EcdsaP384, EcdsaP256], former_only, now),
        signer("rotated-former-root-first", &[EcdsaP256, EcdsaP256], former_first, now),
        signer("rotated-new-root-first", &[EcdsaP256, EcdsaP256], new_first, now),
        signer("rotated-twice-second-root-only", &[EcdsaP256, EcdsaP256, EcdsaP256], second_only, now),
    ]
}

/// The last of these roots, each certified by the one before it.
fn signer(
    name: &str,
    algorithms: &[RootAlgorithm],
    trust: impl Fn(&[String]) -> String,
    now: Timestamp,
) -> Signer {
    let load =
        |algorithm: &RootAlgorithm| Authority::load(&authorities::generate(*algorithm, now), now).unwrap();
    let roots: Vec<Authority> = algorithms.iter().map(load).collect();
    let texts: Vec<String> = roots.iter().map(|root| root.anchors().to_pem().to_owned()).collect();
    let cross = roots.windows(2).last().map(|pair| pair[0].cross_certify(&pair[1], now).unwrap());
    let former: Vec<_> = roots.iter().map(|root| root.anchors().clone()).collect();
    let others: Vec<_> = former.iter().collect();
    let authority = roots.into_iter().last().unwrap().among(&others, cross.as_ref(), &[]);
    Signer { name: name.into(), authority, trust: trust(&texts), is_old: true }
}
