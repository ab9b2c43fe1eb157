//! Shutdown: no write is in flight any more when the leadership ends, however the operator ends.

use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use http::{Request, Response};
use kube::Client;
use kube::client::Body;
use mtls_operator::operator::client::{ApiClient, WRITE_TIMEOUT};
use mtls_operator::operator::error::TaskEnded;
use mtls_operator::operator::identity::controller::IdentityController;
use mtls_operator::operator::metrics::Metrics;
use mtls_operator::runtime::leader::Leadership;
use serde_json::json;
use test_support::in_memory::harness::Harness;
use tokio::sync::{Notify, watch};
use tower::BoxError;

/// A client whose requests never end, and a sign that the first has begun. `ended` says when it is given up.
fn hanging(begun: &Arc<Notify>, ended: &Arc<AtomicBool>) -> Client {
    struct Ended(Arc<AtomicBool>);
    impl Drop for Ended {
        fn drop(&mut self) {
            self.0.store(true, Ordering::SeqCst);
        }
    }
    let (begun, ended) = (begun.clone(), ended.clone());
    let service = tower::service_fn(move |_: Request<Body>| {
        let ended = Ended(ended.clone());
        begun.notify_one();
        async move {
            let _ended = ended;
            pending::<Result<Response<Body>, BoxError>>().await
        }
    });
    Client::new(service, "default")
}

#[tokio::test(start_paused = true)]
async fn what_is_in_flight_is_waited_for_whether_the_operator_is_told_to_stop_or_breaks() {
    for end in [Ok(()), Err(TaskEnded)] {
        let mut harness = Harness::set().await;
        harness.apply("web", &json!({}));
        harness.watch();
        let (begun, ended) = (Arc::new(Notify::new()), Arc::default());
        let leadership = Leadership::always(harness.context.clock.clone());
        let client = hanging(&begun, &ended);
        harness.context.client = ApiClient::new(client, leadership.clone(), Metrics::default());
        let workers = IdentityController::new(
            harness.context.clone(),
            harness.keys.clone(),
            leadership,
            watch::channel(true).1,
            1,
        );
        let is_broken = end.is_err();
        let result = workers.run(async move {
            begun.notified().await;
            end
        });
        let start = harness.context.clock.monotonic();
        assert_eq!(result.await.is_err(), is_broken);
        assert!(ended.load(Ordering::SeqCst), "a write may still be carried out");
        assert!(harness.context.clock.monotonic() >= start + WRITE_TIMEOUT);
    }
}

#[tokio::test(start_paused = true)]
async fn a_controller_that_ends_before_it_has_reconciled_every_authority_ends_the_operator_with_an_error() {
    let harness = Harness::set().await;
    let leadership = Leadership::always(harness.context.clock.clone());
    let (controller, primed) = watch::channel(false);
    drop(controller);
    let workers =
        IdentityController::new(harness.context.clone(), harness.keys.clone(), leadership, primed, 1);
    let ended = tokio::time::timeout(Duration::from_mins(1), workers.run(pending())).await;
    assert!(ended.unwrap().is_err(), "it would end as after a signal");
}
