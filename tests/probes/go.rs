//! A Go server: the stack of most Kubernetes workloads.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use mtls_operator::plan::probe::observation::{ClientOutcome, TlsAlert};
use test_support::tools::go;
use test_support::tools::process::Server;

use crate::fixture::{MESH, UNKNOWN, assert_strict, is_refused, outcomes, patient, probe, trust};
use crate::process::{dialer, folder};

const KINDS: [&[&str]; 3] = [&["-max", "12"], &["-max", "13"], &["-max", "13", "-tickets=false"]];

/// Where the program is built.
static WORKSHOP: LazyLock<tempfile::TempDir> = LazyLock::new(|| tempfile::tempdir().unwrap());

/// The program, built once; `None` without Go.
static PROGRAM: LazyLock<Option<PathBuf>> =
    LazyLock::new(|| go::build("tests/probes/go", &WORKSHOP.path().join("server")));

fn start(program: &Path, folder: &tempfile::TempDir, arguments: &[&str]) -> Server {
    Server::start(Command::new(program).args(arguments).current_dir(folder.path()), "listening on ")
}

#[tokio::test]
async fn a_strict_go_server_is_observed_as_it_is() {
    let Some(program) = &*PROGRAM else { return };
    for trusts_next in [true, false] {
        let roots: &[_] = if trusts_next { &[&MESH.current, &MESH.next] } else { &[&MESH.current] };
        let folder = folder(&trust(roots));
        for kind in KINDS {
            let server = start(program, &folder, &[kind, &["-auth", "require"]].concat());
            let observation = probe(dialer(&server), patient()).await;
            assert_strict(&observation, trusts_next, &format!("{kind:?}"));
            assert!(trusts_next || outcomes(&observation).next == Some(UNKNOWN), "{kind:?}: {observation:?}");
        }
    }
}

#[tokio::test]
async fn a_go_server_that_accepts_clients_without_a_certificate_or_with_any_is_observed_to() {
    let Some(program) = &*PROGRAM else { return };
    let folder = folder(&trust(&[&MESH.current, &MESH.next]));
    for kind in KINDS {
        for (auth, takes_any) in [("given", false), ("any", true), ("none", true)] {
            let server = start(program, &folder, &[kind, &["-auth", auth]].concat());
            let seen = outcomes(&probe(dialer(&server), patient()).await);
            assert_eq!((seen.mesh, seen.next), (ClientOutcome::Accepted, Some(ClientOutcome::Accepted)));
            assert_eq!(
                seen.without_certificate == ClientOutcome::Accepted,
                auth != "any",
                "{kind:?} {auth}: {seen:?}"
            );
            assert_eq!(
                seen.unrelated_root == ClientOutcome::Accepted,
                takes_any,
                "{kind:?} {auth}: {seen:?}"
            );
        }
    }
}

#[tokio::test]
async fn a_go_server_that_authorises_by_name_refuses_the_probe_and_is_not_reported_to_distrust_its_root() {
    let Some(program) = &*PROGRAM else { return };
    let folder = folder(&trust(&[&MESH.current]));
    let name = "spiffe://cluster.local/ns/shop/sa/till";
    for kind in KINDS {
        let server = start(program, &folder, &[kind, &["-auth", "require", "-name", name]].concat());
        let seen = outcomes(&probe(dialer(&server), patient()).await);
        assert_eq!(seen.mesh, ClientOutcome::Refused(TlsAlert::Alert("BadCertificate")), "{kind:?}");
        assert_eq!(seen.next, None, "{kind:?}");
        assert!(
            is_refused(seen.without_certificate) && is_refused(seen.unrelated_root),
            "{kind:?}: {seen:?}"
        );
    }
}
