//! An HTTP/1 server that no client can hold up for long: connections are counted, each is for one request and ends within
//! a limited time, whether or not the client reads, and the end does not wait for those that do not leave.
//!
//! A connection that has sent no request yet is closed as soon as another one needs its place.

use std::collections::BTreeMap;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use parking_lot::Mutex;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::shutdown::Shutdown;

/// Connections at once; more wait in the kernel's queue.
const MAX_CONNECTIONS: usize = 128;

/// How long a client may take to send the head of its request: one packet.
const REQUEST_HEAD: Duration = Duration::from_secs(1);

/// How long a client may take in all to send its request and to read the answer. Longer than Prometheus waits by default.
const EXCHANGE: Duration = Duration::from_secs(15);

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
    let (permits, silent) = (Arc::new(Semaphore::new(MAX_CONNECTIONS)), Silent::default());
    loop {
        let stream = next(listener).await;
        let Some(permit) = permit(&permits, &silent).await else { return };
        let (router, shutdown, silent) = (router.clone(), shutdown.clone(), silent.clone());
        connections.spawn(async move {
            exchange(stream, router, shutdown, silent).await;
            drop(permit);
        });
    }
}

/// A place for another connection. Where all are taken, the oldest connection without a request loses its place.
async fn permit(permits: &Arc<Semaphore>, silent: &Silent) -> Option<OwnedSemaphorePermit> {
    if permits.available_permits() == 0 {
        silent.close_oldest();
    }
    Arc::clone(permits).acquire_owned().await.ok()
}

/// The connections that have sent no request yet.
#[derive(Clone, Default)]
struct Silent(Arc<Mutex<SilentConnections>>);

#[derive(Default)]
struct SilentConnections {
    last: u64,
    /// In the order in which they were accepted.
    tokens: BTreeMap<u64, CancellationToken>,
}

impl Silent {
    /// Another connection, and what ends it.
    fn insert(&self) -> (u64, CancellationToken) {
        let (mut connections, token) = (self.0.lock(), CancellationToken::new());
        connections.last += 1;
        let id = connections.last;
        connections.tokens.insert(id, token.clone());
        (id, token)
    }

    /// A connection has sent its request, or has ended.
    fn remove(&self, id: u64) {
        self.0.lock().tokens.remove(&id);
    }

    fn close_oldest(&self) {
        if let Some((_, token)) = self.0.lock().tokens.pop_first() {
            token.cancel();
        }
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

/// Answers one request. How it ends is the client's affair, unless it takes too long.
async fn exchange(stream: TcpStream, router: Router, shutdown: Shutdown, silent: Silent) {
    let (id, closed) = silent.insert();
    let answering = tokio::time::timeout(EXCHANGE, answer(stream, router, shutdown, (&silent, id)));
    tokio::select! {
        _ = answering => {}
        () = closed.cancelled() => {}
    }
    silent.remove(id);
}

async fn answer(stream: TcpStream, router: Router, shutdown: Shutdown, (silent, id): (&Silent, u64)) {
    let mut builder = http1::Builder::new();
    builder.keep_alive(false).timer(TokioTimer::new()).header_read_timeout(REQUEST_HEAD);
    let router = TowerToHyperService::new(router);
    let service = service_fn(|request| {
        silent.remove(id);
        router.call(request)
    });
    let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), service));
    tokio::select! {
        _ = connection.as_mut() => return,
        () = shutdown.triggered() => connection.as_mut().graceful_shutdown(),
    }
    let _ = connection.await;
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::net::SocketAddr;

    use axum::routing::get;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::task::JoinHandle;

    use super::*;
    use crate::runtime::shutdown::Trigger;

    /// More than the kernel keeps for a client that does not read.
    static BIG: [u8; 1 << 25] = [0; 1 << 25];

    async fn start() -> (SocketAddr, Trigger, JoinHandle<()>) {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let router =
            Router::new().route("/big", get(async || BIG.as_slice())).route("/livez", get(async || "ok"));
        let (shutdown, trigger) = Shutdown::manual();
        (address, trigger, tokio::spawn(serve(listener, router, shutdown)))
    }

    /// No time passes while a blocking task runs (tokio's paused clock), so that no time limit can help.
    #[tokio::test(start_paused = true)]
    async fn clients_that_send_nothing_keep_no_request_waiting() {
        let (address, trigger, server) = start().await;
        let asked = tokio::task::spawn_blocking(move || {
            let silent: Vec<_> =
                (0..3 * MAX_CONNECTIONS).map(|_| std::net::TcpStream::connect(address).unwrap()).collect();
            let mut probe = std::net::TcpStream::connect(address).unwrap();
            probe.set_read_timeout(Some(2 * EXCHANGE)).unwrap();
            probe.write_all(b"GET /livez HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
            let mut answer = String::new();
            probe.read_to_string(&mut answer).unwrap();
            drop(silent);
            answer
        });
        let answer = asked.await.unwrap();
        assert!(answer.ends_with("ok"), "{answer}");
        trigger.fire();
        server.await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_sends_half_a_request_is_closed_after_a_second() {
        let (address, trigger, server) = start().await;
        let mut client = TcpStream::connect(address).await.unwrap();
        AsyncWriteExt::write_all(&mut client, b"GET /livez HTTP/1.1\r\nHost:").await.unwrap();
        let mut answer = Vec::new();
        let closed = AsyncReadExt::read_to_end(&mut client, &mut answer);
        let _ = tokio::time::timeout(2 * REQUEST_HEAD, closed).await.expect("the connection is closed");
        trigger.fire();
        server.await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn clients_that_ask_and_never_read_keep_no_request_waiting_for_long() {
        let (address, trigger, server) = start().await;
        let mut silent = Vec::new();
        for _ in 0..MAX_CONNECTIONS {
            let mut client = TcpStream::connect(address).await.unwrap();
            AsyncWriteExt::write_all(&mut client, b"GET /big HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
            silent.push(client);
        }
        let mut probe = TcpStream::connect(address).await.unwrap();
        AsyncWriteExt::write_all(&mut probe, b"GET /livez HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
        let mut answer = String::new();
        let read = tokio::time::timeout(2 * EXCHANGE, AsyncReadExt::read_to_string(&mut probe, &mut answer));
        read.await.unwrap().unwrap();
        assert!(answer.ends_with("ok"), "{answer}");
        drop(silent);
        trigger.fire();
        server.await.unwrap();
    }
}
