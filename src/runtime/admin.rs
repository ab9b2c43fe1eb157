//! The two HTTP ports of the process: metrics for Prometheus, and health for the kubelet. Nothing can be changed through them,
//! and nothing secret is shown.
//!
//! They are apart so that a network policy can keep Pods from the port on which the liveness of the process is judged.

use std::io;
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use prometheus_client::encoding::text::encode;
use prometheus_client::registry::Registry;
use tokio::net::TcpListener;

use super::http;
use super::readiness::Readiness;
use super::shutdown::Shutdown;

const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Serves `/metrics` until the signal to stop. The log line says which address was bound: port 0 is a free one.
///
/// # Errors
/// Where the listener has no address.
pub async fn serve_metrics(
    listener: TcpListener,
    registry: Arc<Registry>,
    shutdown: Shutdown,
) -> io::Result<()> {
    let address = listener.local_addr()?;
    tracing::info!(%address, "admin server listens on {address}");
    let router = Router::new().route("/metrics", get(metrics)).with_state(registry);
    http::serve(listener, router, shutdown).await;
    Ok(())
}

/// Serves `/livez` and `/readyz` until the signal to stop. The log line says which address was bound: port 0 is a free one.
///
/// # Errors
/// Where the listener has no address.
pub async fn serve_health(listener: TcpListener, readiness: Readiness, shutdown: Shutdown) -> io::Result<()> {
    let address = listener.local_addr()?;
    tracing::info!(%address, "health server listens on {address}");
    let router = Router::new()
        .route("/livez", get(|| async { "ok\n" }))
        .route("/readyz", get(readyz))
        .with_state(readiness);
    http::serve(listener, router, shutdown).await;
    Ok(())
}

async fn readyz(State(readiness): State<Readiness>) -> Response {
    let awaited = readiness.awaited();
    if awaited.is_empty() {
        return "ok\n".into_response();
    }
    (StatusCode::SERVICE_UNAVAILABLE, format!("waiting for {}\n", awaited.join(", "))).into_response()
}

async fn metrics(State(registry): State<Arc<Registry>>) -> Response {
    let mut text = String::new();
    match encode(&mut text, &registry) {
        Ok(()) => ([(header::CONTENT_TYPE, OPEN_METRICS)], text).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}
