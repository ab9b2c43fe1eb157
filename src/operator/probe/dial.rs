//! Connections to endpoints, as an input: TCP, or a wire in memory.
//!
//! A dialer connects only to the address that it is given.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use futures::future::BoxFuture;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

/// A connection.
pub trait Wire: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Wire for T {}

type Dialing = BoxFuture<'static, io::Result<Box<dyn Wire>>>;

/// Makes connections.
#[derive(Clone)]
pub struct Dialer(Arc<dyn Fn(SocketAddr) -> Dialing + Send + Sync>);

impl Dialer {
    /// Connects by TCP.
    #[must_use]
    pub fn tcp() -> Self {
        Self::new(TcpStream::connect)
    }

    /// Connects in another way.
    pub fn new<F, W>(connect: impl Fn(SocketAddr) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = io::Result<W>> + Send + 'static,
        W: Wire + 'static,
    {
        Self(Arc::new(move |address| {
            let connecting = connect(address);
            Box::pin(async move { connecting.await.map(|wire| Box::new(wire) as Box<dyn Wire>) })
        }))
    }

    /// Connects to an address.
    pub(super) fn dial(&self, address: SocketAddr) -> Dialing {
        (self.0)(address)
    }
}
