//! `openssl s_server`, as strict as it can be and as careless.

use mtls_operator::plan::probe::observation::ClientOutcome;
use test_support::tools::openssl::{MUTUAL, server};
use test_support::tools::require_tool;

use crate::fixture::{MESH, UNKNOWN, assert_strict, outcomes, patient, probe, trust};
use crate::process::{dialer, folder};

const VERSIONS: [&[&str]; 3] = [&["-tls1_2"], &["-tls1_3"], &["-tls1_3", "-num_tickets", "0"]];

#[tokio::test]
async fn a_strict_openssl_server_is_observed_as_it_is() {
    let Some(openssl) = require_tool("openssl") else { return };
    for trusts_next in [true, false] {
        let roots: &[_] = if trusts_next { &[&MESH.current, &MESH.next] } else { &[&MESH.current] };
        let folder = folder(&trust(roots));
        for version in VERSIONS {
            let arguments = [version, &MUTUAL].concat();
            let server = server(&openssl, folder.path(), &arguments);
            let observation = probe(dialer(&server), patient()).await;
            assert_strict(&observation, trusts_next, &format!("{version:?}"));
            let next = outcomes(&observation).next;
            assert_eq!(
                next,
                Some(if trusts_next { ClientOutcome::Accepted } else { UNKNOWN }),
                "{version:?}"
            );
        }
    }
}

#[tokio::test]
async fn a_careless_openssl_server_is_observed_to_accept_untrusted_clients() {
    let Some(openssl) = require_tool("openssl") else { return };
    let folder = folder(&trust(&[&MESH.current]));
    for version in VERSIONS {
        for carelessness in [&["-verify", "5"][..], &[]] {
            let server = server(&openssl, folder.path(), &[version, carelessness].concat());
            let seen = outcomes(&probe(dialer(&server), patient()).await);
            let all = [Some(seen.mesh), seen.next, Some(seen.without_certificate), Some(seen.unrelated_root)];
            assert_eq!(all, [Some(ClientOutcome::Accepted); 4], "{version:?} {carelessness:?}");
        }
    }
}
