//! The life of one operator: a runtime of its own, in which time passes only when the test lets it. The end of the
//! runtime is its death: nothing that it had in hand is finished.

use std::sync::mpsc;
use std::time::Duration;

use http::Request;
use jiff::Timestamp;
use kube::client::Body;
use mtls_operator::operator::run::Settings;
use mtls_operator::runtime::clock::{Clock, ManualClock};
use tokio::runtime::Builder;

use crate::solo::{Solo, settings};
use crate::stage::{Scene, Stage};
use crate::wire::Wire;

/// What the test sees of it, and does.
pub struct Life {
    /// What lies between it and the API server.
    pub wire: Wire,
    /// Its namespace, as people see it.
    pub scene: Scene,
    hand: ManualClock,
    _operator: Solo,
}

/// A death before the end of the story.
pub struct Death {
    /// When.
    pub at: Timestamp,
    /// The write that is still on its way.
    pub late: Option<Request<Body>>,
}

impl Life {
    async fn begin(stage: &Stage, namespace: &str, birth: Timestamp) -> Self {
        let wire = Wire::to(stage.operator_client().await);
        let (clock, hand) = Clock::manual(birth);
        let settings =
            Settings { watch_namespaces: vec![namespace.into()], default_authority: None, ..settings() };
        let operator = Solo::run(settings, clock, wire.client());
        let scene = Scene { client: stage.client().await, namespace: namespace.into() };
        Self { wire, scene, hand, _operator: operator }
    }

    /// What its wall clock shows.
    pub fn now(&self) -> Timestamp {
        self.hand.now()
    }

    /// A second passes, once everything that it has asked for was answered.
    pub async fn second(&self) {
        self.wire.is_at_rest().await;
        tokio::time::advance(Duration::from_secs(1)).await;
    }
}

/// Lets an operator live from this moment until the story ends, or until it is killed.
pub fn live<T>(
    stage: &Stage,
    namespace: &str,
    birth: Timestamp,
    story: impl AsyncFnOnce(&Life) -> T,
) -> Result<T, Box<Death>> {
    let runtime = Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    // Time that stands still jumps to the next timer when everybody waits, but not while a thread is busy.
    let (release, hold) = mpsc::channel::<()>();
    runtime.spawn_blocking(move || hold.recv());
    let end = runtime.block_on(async {
        let life = Life::begin(stage, namespace, birth).await;
        tokio::select! {
            told = story(&life) => Ok(told),
            late = life.wire.cut() => Err(Box::new(Death { at: life.now(), late })),
        }
    });
    drop(release);
    runtime.shutdown_background();
    end
}
