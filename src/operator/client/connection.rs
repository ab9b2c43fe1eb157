//! The connection to the API server, and how much of its answers is in memory at a time.
//!
//! Every answer is read through a limit: what users of a namespace store decides how long one is.

use std::io;
use std::sync::Arc;

use futures::io::{AsyncBufRead, AsyncBufReadExt as _};
use kube::Client;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use zeroize::Zeroizing;

use super::throttle::Throttle;

/// Longest answer, and longest event of a watch. An object takes 1.5 MiB in etcd at most, unless the cluster's administrators
/// raise that, and JSON has six octets for some of one: any single object fits.
pub const MAX_ANSWER: usize = 12 << 20;
/// Pages of lists up to this length are read side by side, longer ones one at a time. A usual one has half of it.
pub(super) const LARGE_PAGE: usize = 2 << 20;
/// Other answers, and events of watches, up to this length are read side by side: as many of them as there are workers.
pub(super) const LARGE_OBJECT: usize = 256 << 10;
/// Pages of lists that are read or handled at the same time.
const LISTS_AT_ONCE: usize = 4;

/// A client of the API server. Clones share what it may hold in memory, and the pauses that the API server asks for.
#[derive(Clone)]
pub struct Connection {
    client: Client,
    lists: Arc<Semaphore>,
    large: Arc<Semaphore>,
    throttle: Throttle,
}

impl From<Client> for Connection {
    fn from(client: Client) -> Self {
        Self {
            client,
            lists: Arc::new(Semaphore::new(LISTS_AT_ONCE)),
            large: Arc::new(Semaphore::new(1)),
            throttle: Throttle::default(),
        }
    }
}

impl From<&Client> for Connection {
    fn from(client: &Client) -> Self {
        client.clone().into()
    }
}

impl From<&Self> for Connection {
    fn from(connection: &Self) -> Self {
        connection.clone()
    }
}

/// An answer as it was read. While it is held, no other large one is read.
pub(super) struct Answer {
    /// The octets, which may hold a key.
    pub(super) body: Zeroizing<Vec<u8>>,
    /// Whether these are all of them.
    pub(super) is_whole: bool,
    _large: Option<OwnedSemaphorePermit>,
}

/// The right to read and handle a page of a list.
pub(super) type ListPermit = Option<OwnedSemaphorePermit>;

impl Connection {
    /// The pauses that the API server asks for, whatever was requested.
    pub(super) const fn throttle(&self) -> &Throttle {
        &self.throttle
    }

    /// Waits until another page of a list may be read.
    pub(super) async fn list_permit(&self) -> ListPermit {
        // The semaphore is never closed.
        self.lists.clone().acquire_owned().await.ok()
    }

    /// Asks, and reads the answer up to [`MAX_ANSWER`]; one that is longer than `large` when no other such is read.
    pub(super) async fn answer(
        &self,
        request: http::Request<Vec<u8>>,
        large: usize,
    ) -> Result<Answer, kube::Error> {
        let (mut stream, mut body) = (self.open(request, large).await?, Zeroizing::default());
        let end = stream.read(&mut body, None).await.map_err(kube_error)?;
        Ok(Answer { body, is_whole: end != End::TooLong, _large: stream.permit })
    }

    /// Asks, and reads of the answer as much as is asked for.
    pub(super) async fn open(
        &self,
        request: http::Request<Vec<u8>>,
        large: usize,
    ) -> Result<AnswerStream, kube::Error> {
        let source = self.client.request_stream(request).await;
        let source = Box::new(source.inspect_err(|error| self.throttle.note(error))?);
        Ok(AnswerStream { source, large, permits: self.large.clone(), permit: None })
    }
}

type Source = Box<dyn AsyncBufRead + Send + Unpin>;

/// Where reading has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// After the octet that was looked for.
    Found,
    /// At the end of the answer.
    OfAnswer,
    /// At the limit.
    TooLong,
}

/// An answer that is being read.
pub(super) struct AnswerStream {
    source: Source,
    large: usize,
    permits: Arc<Semaphore>,
    permit: Option<OwnedSemaphorePermit>,
}

impl AnswerStream {
    /// Reads to the next such octet, and to the end of the answer where there is none; no more than [`MAX_ANSWER`] in all.
    async fn read(&mut self, body: &mut Vec<u8>, until: Option<u8>) -> io::Result<End> {
        loop {
            let chunk = self.source.fill_buf().await?;
            if chunk.is_empty() {
                return Ok(End::OfAnswer);
            }
            let found = until.and_then(|octet| chunk.iter().position(|other| *other == octet));
            let (wanted, room) = (found.map_or(chunk.len(), |at| at + 1), MAX_ANSWER - body.len());
            if body.len() + wanted > self.large && self.permit.is_none() {
                self.permit = self.permits.clone().acquire_owned().await.ok();
                // Once, instead of by doubling: only what is written of it takes memory.
                body.reserve_exact(room);
            }
            let taken = wanted.min(room);
            body.extend_from_slice(chunk.get(..taken).unwrap_or_default());
            self.source.consume_unpin(taken);
            if wanted > room {
                return Ok(End::TooLong);
            }
            if found.is_some() {
                return Ok(End::Found);
            }
        }
    }

    /// Reads a line into an empty buffer.
    pub(super) async fn line(&mut self, line: &mut Vec<u8>) -> io::Result<End> {
        self.read(line, Some(b'\n')).await
    }

    /// Empties the buffer of a line, and gives back what it has taken.
    pub(super) fn give_back(&mut self, line: &mut Vec<u8>) {
        line.clear();
        line.shrink_to(self.large);
        self.permit = None;
    }
}

/// What kube says of a body that breaks off is wrapped for streams of octets.
fn kube_error(error: io::Error) -> kube::Error {
    error.downcast().unwrap_or_else(kube::Error::ReadEvents)
}
