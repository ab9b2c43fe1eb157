//! The connection to the API server. Small requests leave at once (Nagle's algorithm would hold each write for the
//! 40 ms of a delayed acknowledgement), dead peers are noticed, no answer is waited for without end, and nothing is
//! retried behind the caller's back.

use std::time::Duration;

use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use kube::client::{Body, ConfigExt as _};
use kube::{Client, Config};
use tower::ServiceBuilder;

use super::patience::Patience;
use super::watch_pace::WatchPace;

/// After this long without a word the kernel asks whether the peer is still there, and again at this interval.
const KEEPALIVE: Duration = Duration::from_secs(30);
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(10);
/// A peer that leaves so many questions unanswered is gone.
const KEEPALIVE_QUESTIONS: u32 = 3;
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
    connector.set_keepalive_interval(Some(KEEPALIVE_INTERVAL));
    connector.set_keepalive_retries(Some(KEEPALIVE_QUESTIONS));
    connector.set_connect_timeout(Some(CONNECT_TIMEOUT));
    let https = config.rustls_https_connector_with_connector(connector)?;
    let connection = legacy::Client::builder(TokioExecutor::new()).build::<_, Body>(https);
    let service = ServiceBuilder::new()
        .layer(config.base_uri_layer())
        .option_layer(config.auth_layer()?)
        .layer_fn(WatchPace::new)
        .layer_fn(Patience::new)
        .service(connection);
    Ok(Client::new(service, config.default_namespace))
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::core::v1::Secret;
    use kube::Api;
    use kube::api::ListParams;
    use tokio::net::TcpListener;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_server_that_accepts_and_never_answers_is_given_up() {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let black_hole = tokio::spawn(async move {
            let mut held = Vec::new();
            loop {
                held.push(listener.accept().await.unwrap());
            }
        });
        let client = connect(Config::new(address.parse().unwrap())).unwrap();
        let (secrets, all) = (Api::<Secret>::all(client), ListParams::default());
        let list = tokio::time::timeout(Duration::from_mins(10), secrets.list(&all));
        let error = list.await.unwrap().unwrap_err();
        assert!(error.to_string().contains("did not begin to answer"), "{error:?}");
        black_hole.abort();
    }
}
