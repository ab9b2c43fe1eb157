//! The connection to the API server. Small requests leave at once (Nagle's algorithm would hold each write for the
//! 40 ms of a delayed acknowledgement), dead peers are noticed, and nothing is retried behind the caller's back.

use std::time::Duration;

use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use kube::client::{Body, ConfigExt as _};
use kube::{Client, Config};
use tower::{BoxError, ServiceBuilder};

use super::pace::WatchPace;

/// A peer that does not answer for this long, though the kernel asks, is gone.
const KEEPALIVE: Duration = Duration::from_secs(30);
/// Longest that a connection may take to come about.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// A client of the API server that this configuration names.
///
/// # Errors
/// Where its certificates or credentials cannot be used.
pub fn connect(config: Config) -> Result<Client, kube::Error> {
    let mut connector = HttpConnector::new();
    connector.enforce_http(false);
    connector.set_nodelay(true);
    connector.set_keepalive(Some(KEEPALIVE));
    connector.set_connect_timeout(Some(CONNECT_TIMEOUT));
    let https = config.rustls_https_connector_with_connector(connector)?;
    let connection = legacy::Client::builder(TokioExecutor::new()).build::<_, Body>(https);
    let service = ServiceBuilder::new()
        .layer(config.base_uri_layer())
        .option_layer(config.auth_layer()?)
        .layer_fn(WatchPace::new)
        .map_err(BoxError::from)
        .service(connection);
    Ok(Client::new(service, config.default_namespace))
}
