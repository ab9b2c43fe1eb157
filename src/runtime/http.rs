//! An HTTP/1 server that no client can hold up: connections are counted, their headers are awaited for a limited time,
//! and the end does not wait for those that do not leave.

use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::task::TaskTracker;

use super::shutdown::Shutdown;

/// Connections at once; more wait in the kernel's queue.
const MAX_CONNECTIONS: usize = 128;

/// How long a client may take to send its headers, or to say nothing between two requests.
const HEADER_TIMEOUT: Duration = Duration::from_secs(10);

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
        tracing::debug!(connections = connections.len(), "connections that did not end are left behind");
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

/// How the conversation ends is the client's affair.
async fn converse(stream: TcpStream, router: Router, shutdown: Shutdown) {
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(HEADER_TIMEOUT);
    let service = TowerToHyperService::new(router);
    let mut conversation = pin!(builder.serve_connection(TokioIo::new(stream), service));
    tokio::select! {
        _ = conversation.as_mut() => return,
        () = shutdown.triggered() => conversation.as_mut().graceful_shutdown(),
    }
    let _ = conversation.await;
}
