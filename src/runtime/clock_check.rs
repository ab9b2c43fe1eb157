//! Compares the clock with the `Date` of every answer of the API server.

use std::fmt;
use std::task::{Context, Poll};

use futures::future::BoxFuture;
use http::header::DATE;
use http::{HeaderMap, Request, Response};
use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimeParser;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric as _};
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;
use tower::Service;

use super::clock::Clock;

/// Lets every request through, and notes the server time of every response. Close to the connection: what a request waits for before
/// it is sent says nothing about the clock.
#[derive(Clone)]
pub struct ClockCheck<S> {
    inner: S,
    clock: Clock,
}

impl<S> ClockCheck<S> {
    /// Compares this clock with the answers of a service.
    pub fn new(inner: S, clock: Clock) -> Self {
        Self { inner, clock }
    }
}

impl<S, B, A> Service<Request<B>> for ClockCheck<S>
where
    S: Service<Request<B>, Response = Response<A>>,
    S::Future: Send + 'static,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = BoxFuture<'static, Result<S::Response, S::Error>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let (clock, sent) = (self.clock.clone(), self.clock.monotonic());
        let answer = self.inner.call(request);
        Box::pin(async move {
            let answer = answer.await?;
            if let Some(date) = date(answer.headers()) {
                clock.observe_server_time(sent, date);
            }
            Ok(answer)
        })
    }
}

/// Registers the metric of how far the clock differs. It is computed at each scrape: on a standby replica,
/// too.
pub fn register(registry: &mut Registry, clock: Clock) {
    registry.register_collector(Box::new(Figure(clock)));
}

struct Figure(Clock);

impl fmt::Debug for Figure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Figure")
    }
}

impl Collector for Figure {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let Some(skew) = self.0.skew().map(ConstGauge::new) else { return Ok(()) };
        let help = "By how many seconds the clock is ahead of the API server's";
        let name = "mtls_operator_clock_skew_seconds";
        skew.encode(encoder.encode_descriptor(name, help, None, skew.metric_type())?)
    }
}

/// When an answer was made. One without a `Date` is ignored.
fn date(headers: &HeaderMap) -> Option<Timestamp> {
    DateTimeParser::new().parse_timestamp(headers.get(DATE)?.as_bytes()).ok()
}
