//! The answer to a watch with injected faults: parts of it late, one twice, or broken off after the last.

use std::io::{Error, ErrorKind};

use axum::body::{Body, BodyDataStream, Bytes};
use futures::StreamExt as _;
use futures::stream::unfold;

use crate::chaos::WatchFault;

/// An answer whose parts have these faults.
pub fn with_faults<G>(answer: Body, watch_fault: G) -> Body
where
    G: FnMut() -> Option<WatchFault> + Send + 'static,
{
    let stream = WatchStream { parts: answer.into_data_stream(), watch_fault, repeated: None };
    Body::from_stream(unfold(stream, async |mut stream| stream.next().await.map(|part| (part, stream))))
}

struct WatchStream<G> {
    parts: BodyDataStream,
    watch_fault: G,
    /// The part that comes a second time.
    repeated: Option<Bytes>,
}

impl<G: FnMut() -> Option<WatchFault>> WatchStream<G> {
    async fn next(&mut self) -> Option<Result<Bytes, axum::Error>> {
        if let Some(part) = self.repeated.take() {
            return Some(Ok(part));
        }
        let part = match self.parts.next().await? {
            Ok(part) => part,
            broken => return Some(broken),
        };
        match (self.watch_fault)() {
            Some(WatchFault::Cut) => {
                return Some(Err(axum::Error::new(Error::from(ErrorKind::ConnectionReset))));
            }
            Some(WatchFault::Twice) if is_whole(&part) => self.repeated = Some(part.clone()),
            Some(WatchFault::Late(span)) => tokio::time::sleep(span).await,
            Some(WatchFault::Twice) | None => {}
        }
        Some(Ok(part))
    }
}

/// Whether a part is a whole event, or several.
fn is_whole(part: &Bytes) -> bool {
    part.starts_with(b"{\"type\":") && part.ends_with(b"\n")
}
