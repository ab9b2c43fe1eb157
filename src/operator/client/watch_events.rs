//! The events of one watch request, read line by line through a limit.
//!
//! A connection that is cut is the end of an answer, as is one that stays silent for longer than the API server keeps a watch open:
//! the watch goes on from the version that it has come to.

use std::error::Error as StdError;
use std::io;
use std::marker::PhantomData;
use std::time::Duration;

use kube::api::WatchParams;
use kube::core::{Request, Status, WatchEvent};

use super::api_object::ApiObject;
use super::connection::{AnswerStream, Connection, End, LARGE_OBJECT, MAX_ANSWER};
use super::throttle::{asked_by, pause};
use crate::operator::error::Error;
use crate::operator::metrics::watches::Interruption;

/// The API server ends a watch after so many seconds.
const OPEN_FOR: u32 = 290;
/// A watch that is silent for longer has lost its connection.
const SILENT_FOR: Duration = Duration::from_secs(295);
/// The HTTP status of a version that is too old to go on from.
const GONE: u16 = 410;

/// What a watch tells.
pub(super) enum Change<K> {
    /// An object was added or modified.
    Apply(K),
    /// An object was deleted.
    Delete(K),
    /// Everything up to this version was told.
    Bookmark(String),
}

/// Why a watch was interrupted.
#[derive(Debug, thiserror::Error)]
pub(super) enum WatchError {
    /// No list.
    #[error("the list failed: {0}")]
    List(#[from] Error),
    /// No watch.
    #[error("the watch was not opened: {0}")]
    Open(#[source] kube::Error),
    /// The API server sends an error instead of an event.
    #[error("{}", .0.message)]
    Told(Box<Status>),
    /// The answer broke off.
    #[error("the watch broke off: {0}")]
    Broken(#[source] io::Error),
    /// An event cannot be parsed.
    #[error("an event cannot be read from column {0} on")]
    Unreadable(usize),
    /// An event is too long: a list tells what there is.
    #[error("an event is longer than {MAX_ANSWER} octets")]
    TooLong,
}

impl WatchError {
    /// The pause that the API server asks for.
    pub(super) fn pause(&self) -> Option<Duration> {
        match self {
            Self::List(error) => pause(error),
            Self::Open(error) => asked_by(error),
            _ => None,
        }
    }

    /// Whether only a list tells what has happened.
    pub(super) fn is_lost(&self) -> bool {
        matches!(self, Self::TooLong) || matches!(self, Self::Told(status) if status.code == GONE)
    }

    /// What metrics call it.
    pub(super) fn interruption(&self) -> Interruption {
        match self {
            Self::List(_) => Interruption::ListFailed,
            Self::Told(status) if status.code == GONE => Interruption::Gone,
            Self::Open(kube::Error::Api(status)) if status.code == GONE => Interruption::Gone,
            Self::Told(_) | Self::Open(kube::Error::Api(_)) => Interruption::Refused,
            Self::Open(_) => Interruption::NotOpened,
            Self::Broken(_) => Interruption::BrokenOff,
            Self::Unreadable(_) => Interruption::Unreadable,
            Self::TooLong => Interruption::TooLarge,
        }
    }

    /// Whether nothing more comes.
    pub(super) const fn ends_the_answer(&self) -> bool {
        matches!(self, Self::Broken(_))
    }
}

/// The changes since a version.
pub(super) struct Changes<K> {
    stream: AnswerStream,
    line: Vec<u8>,
    kind: PhantomData<fn() -> K>,
}

impl<K: ApiObject> Changes<K> {
    /// Those of objects with these labels, in one namespace or in all.
    pub(super) async fn open(
        connection: &Connection,
        namespace: Option<&str>,
        labels: Option<&str>,
        version: &str,
    ) -> Result<Self, WatchError> {
        let params = WatchParams { label_selector: labels.map(str::to_owned), ..WatchParams::default() };
        let (request, params) = (Request::new(K::path(namespace)), params.timeout(OPEN_FOR));
        let request = if K::is_metadata() {
            request.watch_metadata(&params, version)
        } else {
            request.watch(&params, version)
        };
        let request = request.map_err(|error| WatchError::Open(kube::Error::BuildRequest(error)))?;
        let stream = connection.open(request, LARGE_OBJECT).await.map_err(WatchError::Open)?;
        Ok(Self { stream, line: Vec::new(), kind: PhantomData })
    }

    /// The next change; `None` where the answer has ended.
    pub(super) async fn next(&mut self) -> Result<Option<Change<K>>, WatchError> {
        let Ok(read) = tokio::time::timeout(SILENT_FOR, self.stream.line(&mut self.line)).await else {
            return Ok(None);
        };
        let change = match read {
            Ok(End::Found) => self.parse().map(Some),
            Ok(End::OfAnswer) => Ok(None),
            Ok(End::TooLong) => Err(WatchError::TooLong),
            Err(error) if is_cut(&error) => Ok(None),
            Err(error) => Err(WatchError::Broken(error)),
        };
        self.stream.give_back(&mut self.line);
        change
    }

    fn parse(&self) -> Result<Change<K>, WatchError> {
        match serde_json::from_slice::<WatchEvent<K>>(&self.line) {
            Ok(WatchEvent::Added(object) | WatchEvent::Modified(object)) => Ok(Change::Apply(object)),
            Ok(WatchEvent::Deleted(object)) => Ok(Change::Delete(object)),
            Ok(WatchEvent::Bookmark(bookmark)) => Ok(Change::Bookmark(bookmark.metadata.resource_version)),
            Ok(WatchEvent::Error(status)) => Err(WatchError::Told(status)),
            Err(error) => Err(self.refusal().unwrap_or(WatchError::Unreadable(error.column()))),
        }
    }

    /// What the API server says instead of an event.
    fn refusal(&self) -> Option<WatchError> {
        let status: Status = serde_json::from_slice(&self.line).ok()?;
        (status.code > 0).then(|| WatchError::Told(Box::new(status)))
    }
}

/// Whether the connection was closed in the middle of an answer: TLS and chunks say so in different words.
fn is_cut(error: &io::Error) -> bool {
    let mut next: Option<&(dyn StdError + 'static)> = Some(error);
    while let Some(error) = next {
        let is_end =
            error.downcast_ref::<io::Error>().is_some_and(|e| e.kind() == io::ErrorKind::UnexpectedEof);
        if is_end || error.to_string().contains("unexpected EOF during chunk") {
            return true;
        }
        next = error.source();
    }
    false
}
