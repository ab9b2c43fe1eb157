//! A proxy between the operator and the API server: it counts writes and kills the operator at one of them, holds a change of
//! the root on its way, or injects random faults.

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
use crate::watch_stream::with_faults;

/// An answer at the operator's end.
pub type Answer = Response<axum::body::Body>;

/// The fault of the write at which the operator is killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WriteFault {
    /// It never leaves.
    Lost,
    /// It is carried out, and the operator is killed before the answer.
    Unanswered,
    /// It is on its way for so long that the next operator has begun to work.
    Late,
}

/// The proxy of one operator.
#[derive(Clone)]
pub struct FaultProxy(Arc<State>);

struct State {
    api: Client,
    plan: Mutex<Plan>,
    hold: Mutex<Hold>,
    chaos: Mutex<Option<Chaos>>,
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
    /// A proxy to the API server of this client.
    pub fn to(api: Client) -> Self {
        Self(Arc::new(State {
            api,
            plan: Mutex::default(),
            hold: Mutex::default(),
            chaos: Mutex::default(),
            in_flight: watch::Sender::new(0),
            is_cut: watch::Sender::new(false),
        }))
    }

    /// The client at the operator's end, which waits for no answer without end.
    pub fn client(&self) -> Client {
        let proxy = self.clone();
        let service = tower::service_fn(move |request| {
            let proxy = proxy.clone();
            async move { proxy.carry(request).await }
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

    /// Injects these faults from now on, or none.
    pub fn inject(&self, chaos: Option<Chaos>) {
        *self.0.chaos.lock() = chaos;
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
            // From here on the caller does not wait for it: time passes.
            drop(passage);
            return Ok(self.wait_held(request).await);
        }
        match self.fault(&request) {
            None => return self.brave(request, passage).await,
            Some(WriteFault::Lost) => {}
            Some(WriteFault::Unanswered) => self.deliver(request).await,
            Some(WriteFault::Late) => self.0.plan.lock().late = Some(request),
        }
        self.0.is_cut.send_replace(true);
        pending().await
    }

    /// Holds a request, and waits until the test has had it answered.
    async fn wait_held(&self, request: Request<Body>) -> Answer {
        let (sender, answer) = oneshot::channel();
        self.0.hold.lock().held = Some(DelayedWrite::new(request, sender));
        let answer = answer.await.unwrap();
        self.0.hold.lock().is_answered = true;
        answer
    }

    /// Carries a request out, with a random fault if there are some.
    async fn brave(&self, request: Request<Body>, passage: Passage<'_>) -> kube::Result<Answer> {
        let request_fault =
            self.0.chaos.lock().as_mut().and_then(|chaos| chaos.request_fault(request.method()));
        match request_fault {
            None => self.answer(request).await,
            Some(RequestFault::Refused(code)) => Ok(refusal(code)),
            Some(RequestFault::AnswerLost) => {
                self.deliver(request).await;
                let reset = std::io::Error::from(std::io::ErrorKind::ConnectionReset);
                Err(kube::Error::Service(reset.into()))
            }
            // From here on the caller does not wait for it: time passes.
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

    /// The answer of the API server. That of a watch goes on, with the faults that are injected later.
    async fn answer(&self, request: Request<Body>) -> kube::Result<Answer> {
        let (proxy, goes_on) = (self.clone(), is_watch(&request));
        let answer = self.0.api.send(request).await?.map(axum::body::Body::new);
        Ok(if goes_on { answer.map(|body| with_faults(body, move || proxy.watch_fault())) } else { answer })
    }

    fn watch_fault(&self) -> Option<WatchFault> {
        self.0.chaos.lock().as_mut().and_then(Chaos::watch_fault)
    }

    /// The fault of a request, if it has one.
    fn fault(&self, request: &Request<Body>) -> Option<WriteFault> {
        if *self.0.is_cut.borrow() {
            return Some(WriteFault::Lost);
        }
        if request.method() == Method::GET {
            return None;
        }
        let mut plan = self.0.plan.lock();
        plan.writes += 1;
        plan.crash.filter(|(at, _)| *at == plan.writes).map(|(_, fault)| fault)
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
