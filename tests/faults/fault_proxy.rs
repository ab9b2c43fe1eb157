//! What lies between the operator and the API server: it counts writes, and at one of them the operator is killed; it
//! holds a change of the root on its way; or a storm rages over it.

use std::future::pending;
use std::sync::Arc;

use http::{Method, Request, Response};
use kube::Client;
use kube::client::Body;
use mtls_operator::runtime::response_timeout::ResponseTimeout;
use mtls_operator::runtime::watch_throttle::is_watch;
use parking_lot::Mutex;
use tokio::sync::{oneshot, watch};

use crate::chaos::{Chaos, RequestFault, WatchFault, refusal};
use crate::delayed_write::{DelayedWrite, is_root_change};
use crate::watch_stream::weathered;

/// An answer at the operator's end.
pub type Answer = Response<axum::body::Body>;

/// What becomes of the write at which the operator is killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WriteFault {
    /// It never leaves.
    Lost,
    /// It is carried out, and nobody is there any more for the answer.
    Unanswered,
    /// It is on its way for so long that the next operator has begun to work.
    Late,
}

/// A wire of one operator.
#[derive(Clone)]
pub struct FaultProxy(Arc<State>);

struct State {
    api: Client,
    plan: Mutex<Plan>,
    hold: Mutex<Hold>,
    storm: Mutex<Option<Chaos>>,
    in_flight: watch::Sender<usize>,
    is_cut: watch::Sender<bool>,
}

#[derive(Default)]
struct Plan {
    /// Writes since the plan was made.
    writes: usize,
    /// The write at which the operator is killed, counted from 1.
    crash: Option<(usize, WriteFault)>,
    /// A write that is on its way and has no sender any more.
    late: Option<Request<Body>>,
}

#[derive(Default)]
struct Hold {
    /// The change of the root that is to be held, counted from now and from 1.
    next: Option<usize>,
    held: Option<DelayedWrite>,
    /// Whether the sender has got the answer.
    is_answered: bool,
}

impl Hold {
    /// Whether this is the one.
    fn is_next(&mut self, request: &Request<Body>) -> bool {
        let next = self.next.filter(|_| is_root_change(request));
        if next.is_some() {
            self.next = next.map(|next| next - 1).filter(|next| *next > 0);
        }
        next == Some(1)
    }
}

impl FaultProxy {
    /// A wire to the API server that this client reaches.
    pub fn to(api: Client) -> Self {
        Self(Arc::new(State {
            api,
            plan: Mutex::default(),
            hold: Mutex::default(),
            storm: Mutex::default(),
            in_flight: watch::Sender::new(0),
            is_cut: watch::Sender::new(false),
        }))
    }

    /// The client at the operator's end, which waits for no answer without end.
    pub fn client(&self) -> Client {
        let wire = self.clone();
        let service = tower::service_fn(move |request| {
            let wire = wire.clone();
            async move { wire.carry(request).await }
        });
        Client::new(ResponseTimeout::new(service), "default")
    }

    /// Counts writes from now on, and kills the operator at this one.
    pub fn plan(&self, crash: Option<(usize, WriteFault)>) {
        *self.0.plan.lock() = Plan { crash, ..Plan::default() };
    }

    /// Writes since the plan was made.
    pub fn writes(&self) -> usize {
        self.0.plan.lock().writes
    }

    /// Holds a change of the root on its way: the first from now on, or a later one.
    pub fn hold(&self, change: usize) {
        self.0.hold.lock().next = Some(change);
    }

    /// The change that is held. Its sender waits for the answer.
    pub fn held(&self) -> Option<DelayedWrite> {
        self.0.hold.lock().held.take()
    }

    /// Whether the sender of the change that was held has got the answer.
    pub fn is_answered(&self) -> bool {
        self.0.hold.lock().is_answered
    }

    /// From now on this storm rages, or none.
    pub fn weather(&self, storm: Option<Chaos>) {
        *self.0.storm.lock() = storm;
    }

    /// Sends a request beside the operator.
    pub async fn deliver(&self, request: Request<Body>) {
        let _ = self.0.api.send(request).await;
    }

    /// Sends a request beside the operator, and returns the answer.
    pub async fn ask(&self, request: Request<Body>) -> Response<Body> {
        self.0.api.send(request).await.unwrap()
    }

    /// Waits until every request is answered. A watch is, once its answer begins.
    pub async fn is_at_rest(&self) {
        let mut in_flight = self.0.in_flight.subscribe();
        in_flight.wait_for(|count| *count == 0).await.unwrap();
    }

    /// Waits until the operator is killed. Returns the write that is still on its way.
    pub async fn cut(&self) -> Option<Request<Body>> {
        self.0.is_cut.subscribe().wait_for(|is_cut| *is_cut).await.unwrap();
        self.0.plan.lock().late.take()
    }

    async fn carry(&self, request: Request<Body>) -> kube::Result<Answer> {
        let passage = Passage::begin(&self.0.in_flight);
        if self.0.hold.lock().is_next(&request) {
            // From here on nobody waits for it: time passes.
            drop(passage);
            return Ok(self.wait_held(request).await);
        }
        match self.fate(&request) {
            None => return self.brave(request, passage).await,
            Some(WriteFault::Lost) => {}
            Some(WriteFault::Unanswered) => self.deliver(request).await,
            Some(WriteFault::Late) => self.0.plan.lock().late = Some(request),
        }
        self.0.is_cut.send_replace(true);
        pending().await
    }

    /// Holds a request, and waits until somebody has seen to it that it is answered.
    async fn wait_held(&self, request: Request<Body>) -> Answer {
        let (sender, answer) = oneshot::channel();
        self.0.hold.lock().held = Some(DelayedWrite::new(request, sender));
        let answer = answer.await.unwrap();
        self.0.hold.lock().is_answered = true;
        answer
    }

    /// Carries a request through the storm.
    async fn brave(&self, request: Request<Body>, passage: Passage<'_>) -> kube::Result<Answer> {
        let blow = self.0.storm.lock().as_mut().and_then(|storm| storm.blow(request.method()));
        match blow {
            None => self.answer(request).await,
            Some(RequestFault::Refused(code)) => Ok(refusal(code)),
            Some(RequestFault::AnswerLost) => {
                self.deliver(request).await;
                let reset = std::io::Error::from(std::io::ErrorKind::ConnectionReset);
                Err(kube::Error::Service(reset.into()))
            }
            // From here on nobody waits for it: time passes.
            Some(RequestFault::Late(span)) => {
                drop(passage);
                tokio::time::sleep(span).await;
                let _passage = Passage::begin(&self.0.in_flight);
                self.answer(request).await
            }
            Some(RequestFault::Silence) => {
                self.deliver(request).await;
                drop(passage);
                pending().await
            }
        }
    }

    /// The answer of the API server. That of a watch goes on, through whatever weather there will be.
    async fn answer(&self, request: Request<Body>) -> kube::Result<Answer> {
        let (wire, goes_on) = (self.clone(), is_watch(&request));
        let answer = self.0.api.send(request).await?.map(axum::body::Body::new);
        Ok(if goes_on { answer.map(|body| weathered(body, move || wire.gust())) } else { answer })
    }

    fn gust(&self) -> Option<WatchFault> {
        self.0.storm.lock().as_mut().and_then(Chaos::gust)
    }

    /// What becomes of a request that does not just pass.
    fn fate(&self, request: &Request<Body>) -> Option<WriteFault> {
        if *self.0.is_cut.borrow() {
            return Some(WriteFault::Lost);
        }
        if request.method() == Method::GET {
            return None;
        }
        let mut plan = self.0.plan.lock();
        plan.writes += 1;
        plan.crash.filter(|(at, _)| *at == plan.writes).map(|(_, fate)| fate)
    }
}

/// A request on its way.
struct Passage<'a>(&'a watch::Sender<usize>);

impl<'a> Passage<'a> {
    fn begin(in_flight: &'a watch::Sender<usize>) -> Self {
        in_flight.send_modify(|count| *count += 1);
        Self(in_flight)
    }
}

impl Drop for Passage<'_> {
    fn drop(&mut self) {
        self.0.send_modify(|count| *count -= 1);
    }
}
