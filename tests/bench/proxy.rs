//! A proxy for TCP on loopback whose connections can all be cut at once, as by a network that fails.

use std::sync::Arc;

use parking_lot::Mutex;
use test_support::Failure;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

/// A proxy; it ends when it is dropped.
pub struct Proxy {
    /// Where it stands in for the API server.
    pub url: String,
    connections: Arc<Mutex<JoinSet<()>>>,
    accepting: JoinHandle<()>,
}

impl Proxy {
    /// Opens one before a server of this address.
    pub async fn open(server: &str) -> Result<Self, Failure> {
        let server = server.trim_start_matches("https://").to_owned();
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let url = format!("https://{}", listener.local_addr()?);
        let connections = Arc::<Mutex<JoinSet<()>>>::default();
        let accepting = tokio::spawn(accept(listener, server, Arc::clone(&connections)));
        Ok(Self { url, connections, accepting })
    }

    /// Cuts every connection; new ones are accepted.
    pub fn cut(&self) {
        self.connections.lock().abort_all();
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn accept(listener: TcpListener, server: String, connections: Arc<Mutex<JoinSet<()>>>) {
    while let Ok((client, _)) = listener.accept().await {
        connections.lock().spawn(relay(client, server.clone()));
    }
}

/// A connection that fails ends, on both sides.
async fn relay(mut client: TcpStream, server: String) {
    if let Ok(mut server) = TcpStream::connect(server).await {
        let _ = client.set_nodelay(true).and_then(|()| server.set_nodelay(true));
        let _ = copy_bidirectional(&mut client, &mut server).await;
    }
}
