//! Reads a root Secret before it is written, with the code that will read it afterwards (I13): one that the operator could not
//! load again would stop signing for good.

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Secret;

use super::load::load;
use crate::api::authority::Phase;
use crate::pki::TrustBundle;
use crate::plan::authority::ca_state::RootSecret;
use crate::plan::authority::spec::AuthoritySpec;

/// Checks that a root Secret can be read, and is in the phase that it should be in.
///
/// # Errors
/// A sentence that says why not.
pub fn read_back(
    secret: &Secret,
    spec: &AuthoritySpec,
    place: &str,
    phase: Phase,
    now: Timestamp,
) -> Result<(), String> {
    let ca = match load(Some(secret), spec, place, now) {
        RootSecret::Sound(ca) => ca,
        RootSecret::Invalid(why) | RootSecret::NotOurs(why) | RootSecret::OtherTrustDomain(why) => {
            return Err(why);
        }
        RootSecret::Expired(ca) => {
            return Err(format!("its signer would have expired at {}", ca.signer.ca.window().not_after));
        }
        RootSecret::Absent => return Err("it would be empty".into()),
    };
    if ca.phase != phase {
        return Err(format!("it would be in phase {}, not {}", ca.phase.as_str(), phase.as_str()));
    }
    let bundle = ca.signer.ca.bundle().to_pem();
    TrustBundle::from_pem(bundle.as_bytes()).map(|_| ()).map_err(|error| error.to_string())
}
