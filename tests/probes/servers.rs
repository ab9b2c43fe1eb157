//! Probes of rustls servers. Time is tokio's and paused: it passes when every task waits.

use std::time::Duration;

use mtls_operator::operator::probe::dial::Dialer;
use mtls_operator::operator::probe::handshake::Limits;
use mtls_operator::plan::probe::observation::{ClientOutcome, Observation};
use tokio::io::{AsyncWriteExt as _, DuplexStream, duplex};

use crate::fixture::{UNKNOWN, assert_strict, is_refused, outcomes, probe};
use crate::rustls_server::{ClientAuth, CloseBehaviour, STRICT, Server, kinds, slow};

#[tokio::test(start_paused = true)]
async fn a_strict_server_is_observed_to_accept_only_clients_that_it_trusts() {
    for trusts_next in [true, false] {
        for kind in kinds(ClientAuth::Strict { trusts_next }) {
            for close_behaviour in
                [CloseBehaviour::Orderly, CloseBehaviour::Abrupt, CloseBehaviour::SendsFirst]
            {
                let server = Server { close_behaviour, ..kind };
                let observation = server.observed().await;
                assert_strict(&observation, trusts_next, &format!("{server:?}"));
                let next = outcomes(&observation).next;
                assert_eq!(next, Some(if trusts_next { ClientOutcome::Accepted } else { UNKNOWN }));
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_that_accepts_clients_without_a_certificate_is_observed_to() {
    for server in kinds(ClientAuth::Optional) {
        let seen = outcomes(&server.observed().await);
        assert_eq!(
            (seen.mesh, seen.without_certificate),
            (ClientOutcome::Accepted, ClientOutcome::Accepted),
            "{server:?}"
        );
        assert_eq!((seen.next, seen.unrelated_root), (Some(UNKNOWN), UNKNOWN), "{server:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_that_accepts_any_certificate_or_asks_for_none_is_observed_to() {
    for client_auth in [ClientAuth::AcceptsAnyone, ClientAuth::None] {
        for server in kinds(client_auth) {
            let seen = outcomes(&server.observed().await);
            let all = [Some(seen.mesh), seen.next, Some(seen.without_certificate), Some(seen.unrelated_root)];
            assert_eq!(all, [Some(ClientOutcome::Accepted); 4], "{server:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_that_closes_untrusted_connections_above_tls_is_not_reported_to_accept_them() {
    for kind in kinds(ClientAuth::AcceptsAnyone) {
        let server = Server { close_behaviour: CloseBehaviour::DropsUntrusted, ..kind };
        let seen = outcomes(&server.observed().await);
        assert_eq!(seen.mesh, ClientOutcome::Accepted, "{server:?}");
        let others = (seen.next, seen.without_certificate, seen.unrelated_root);
        assert_eq!(
            others,
            (Some(ClientOutcome::Unclear), ClientOutcome::Unclear, ClientOutcome::Unclear),
            "{server:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_that_closes_every_connection_is_not_judged() {
    for kind in kinds(STRICT) {
        let server = Server { close_behaviour: CloseBehaviour::DropsAll, ..kind };
        let seen = outcomes(&server.observed().await);
        assert_eq!((seen.mesh, seen.next), (ClientOutcome::Unclear, None), "{server:?}");
        assert!(is_refused(seen.without_certificate) && is_refused(seen.unrelated_root), "{server:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_that_never_answers_is_judged_by_its_ticket_or_not_at_all() {
    let deaf = Server { close_behaviour: CloseBehaviour::Silent, ..Server::new(STRICT) };
    assert_strict(&deaf.observed().await, true, "it sends a ticket only to a client that it has verified");
    let silent = Server { tickets: 0, ..deaf };
    let seen = outcomes(&silent.observed().await);
    assert_eq!((seen.mesh, seen.next), (ClientOutcome::Unclear, None));
    assert!(is_refused(seen.without_certificate) && is_refused(seen.unrelated_root));
}

#[tokio::test(start_paused = true)]
async fn a_slow_server_that_refuses_is_not_taken_for_one_without_an_answer() {
    let limits = Limits::default();
    let delay = limits.settle + Duration::from_millis(500);
    for server in kinds(ClientAuth::Strict { trusts_next: false }) {
        let observation = probe(slow(server, delay), limits).await;
        assert_strict(&observation, false, &format!("{server:?}"));
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_without_an_answer_is_unreachable_and_one_with_another_protocol_speaks_no_tls() {
    let refused = Dialer::new(|_| async {
        Err::<DuplexStream, _>(std::io::Error::from(std::io::ErrorKind::ConnectionRefused))
    });
    let lost = Dialer::new(|_| std::future::pending::<std::io::Result<DuplexStream>>());
    let mute = Dialer::new(|_| async {
        let (here, there) = duplex(1024);
        tokio::spawn(async move {
            let _kept = there;
            std::future::pending::<()>().await;
        });
        Ok(here)
    });
    for dialer in [refused, lost, mute] {
        assert_eq!(probe(dialer, Limits::default()).await, Observation::Unreachable);
    }
    let http = Dialer::new(|_| async {
        let (here, mut there) = duplex(4096);
        tokio::spawn(async move { there.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await });
        Ok(here)
    });
    assert_eq!(probe(http, Limits::default()).await, Observation::NoTls);
}
