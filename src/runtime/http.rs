//! An HTTP/1 server that no client can hold up for long: connections are counted, each is for one request and ends within
//! a limited time, whether or not the client reads, and the end does not wait for those that do not leave.

use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::task::TaskTracker;

use super::shutdown::Shutdown;

/// Connections at once; more wait in the kernel's queue.
const MAX_CONNECTIONS: usize = 128;

/// How long a client may take to send its request and to read the answer. Longer than Prometheus waits by default.
const CONVERSATION: Duration = Duration::from_secs(15);

/// How long requests under way are waited for at the end.
const DRAIN: Duration = Duration::from_secs(2);

/// A listener that cannot accept, for want of file descriptors say, is asked again after this time.
const ACCEPT_AGAIN: Duration = Duration::from_millis(500);

/// Serves until the signal to stop.
pub(super) async fn serve(listener: TcpListener, router: Router, shutdown: Shutdown) {
    let connections = TaskTracker::new();
    tokio::select! {
        () = accept(&listener, &router, &shutdown, &connections) => {}
        () = shutdown.triggered() => {}
    }
    connections.close();
    if tokio::time::timeout(DRAIN, connections.wait()).await.is_err() {
        tracing::debug!(connections = connections.len(), "closing connections that are still open");
    }
}

async fn accept(listener: &TcpListener, router: &Router, shutdown: &Shutdown, connections: &TaskTracker) {
    let permits = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    while let Ok(permit) = Arc::clone(&permits).acquire_owned().await {
        let stream = next(listener).await;
        let (router, shutdown) = (router.clone(), shutdown.clone());
        connections.spawn(async move {
            converse(stream, router, shutdown).await;
            drop(permit);
        });
    }
}

async fn next(listener: &TcpListener) -> TcpStream {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => return stream,
            Err(error) if is_the_clients(&error) => {}
            Err(error) => {
                tracing::warn!(%error, "the admin server cannot accept connections");
                tokio::time::sleep(ACCEPT_AGAIN).await;
            }
        }
    }
}

/// Whether only this one connection was lost.
fn is_the_clients(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}

/// How the conversation ends is the client's affair, unless it takes too long.
async fn converse(stream: TcpStream, router: Router, shutdown: Shutdown) {
    let mut builder = http1::Builder::new();
    builder.keep_alive(false);
    let service = TowerToHyperService::new(router);
    let mut conversation = pin!(builder.serve_connection(TokioIo::new(stream), service));
    let _ = tokio::time::timeout(CONVERSATION, async {
        tokio::select! {
            _ = conversation.as_mut() => return,
            () = shutdown.triggered() => conversation.as_mut().graceful_shutdown(),
        }
        let _ = conversation.await;
    })
    .await;
}

#[cfg(test)]
mod tests {
    use axum::routing::get;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    /// More than the kernel keeps for a client that does not read.
    static BIG: [u8; 1 << 25] = [0; 1 << 25];

    #[tokio::test(start_paused = true)]
    async fn clients_that_ask_and_never_read_keep_no_other_out_for_long() {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let router =
            Router::new().route("/big", get(async || BIG.as_slice())).route("/livez", get(async || "ok"));
        let (shutdown, trigger) = Shutdown::manual();
        let server = tokio::spawn(serve(listener, router, shutdown));
        let mut silent = Vec::new();
        for _ in 0..MAX_CONNECTIONS {
            let mut client = TcpStream::connect(address).await.unwrap();
            client.write_all(b"GET /big HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
            silent.push(client);
        }
        let mut probe = TcpStream::connect(address).await.unwrap();
        probe.write_all(b"GET /livez HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
        let mut answer = String::new();
        let read = tokio::time::timeout(2 * CONVERSATION, probe.read_to_string(&mut answer));
        read.await.unwrap().unwrap();
        assert!(answer.ends_with("ok"), "{answer}");
        drop(silent);
        trigger.fire();
        server.await.unwrap();
    }
}
