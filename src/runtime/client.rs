//! The connection to the API server. Small requests leave at once (Nagle's algorithm would hold each write for the
//! 40 ms of a delayed acknowledgement), dead peers are noticed, no answer is waited for without end, and nothing is
//! retried behind the caller's back.

use std::time::Duration;

use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use kube::client::{Body, ConfigExt as _};
use kube::{Client, Config};
use tower::{BoxError, ServiceBuilder};

use super::clock::Clock;
use super::clock_check::ClockCheck;
use super::response_timeout::ResponseTimeout;
use super::retry_after::RetryAfter;
use super::watch_throttle::WatchThrottle;

/// After this long without a word the kernel asks whether the peer is still there, and again at this interval.
const KEEPALIVE: Duration = Duration::from_secs(30);
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(10);
/// A peer that leaves so many questions unanswered is gone.
const KEEPALIVE_QUESTIONS: u32 = 3;
/// Longest that a connection may take to come about.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Why there is no client.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// A proxy is asked for. Its address is not repeated: it may hold a password.
    #[error(
        "the kubeconfig asks for a proxy (proxy-url), which the operator cannot use; remove it from the cluster's entry, and let the address there be one that is reached directly"
    )]
    Proxy,
    /// The configuration cannot be used.
    #[error(transparent)]
    Unusable(#[from] kube::Error),
}

/// A client of the API server that this configuration names. Its answers are what the clock is compared with.
///
/// # Errors
/// [`ConnectError`] where the configuration asks for a proxy, or its certificates or credentials cannot be used.
pub fn connect(config: Config, clock: Clock) -> Result<Client, ConnectError> {
    if config.proxy_url.is_some() {
        return Err(ConnectError::Proxy);
    }
    let https = config.rustls_https_connector_with_connector(connector())?;
    let connection = legacy::Client::builder(TokioExecutor::new()).build::<_, Body>(https);
    let service = ServiceBuilder::new()
        .layer_fn(RetryAfter::new)
        // Credentials are waited for like an answer: a plugin may have to be asked for them.
        .layer_fn(ResponseTimeout::new)
        .layer(config.base_uri_layer())
        .option_layer(config.auth_layer()?)
        .layer(config.extra_headers_layer()?)
        .map_err(BoxError::from)
        .layer_fn(WatchThrottle::new)
        .layer_fn(move |connection| ClockCheck::new(connection, clock.clone()))
        .service(connection);
    Ok(Client::new(service, config.default_namespace))
}

fn connector() -> HttpConnector {
    let mut connector = HttpConnector::new();
    connector.enforce_http(false);
    connector.set_nodelay(true);
    connector.set_keepalive(Some(KEEPALIVE));
    connector.set_keepalive_interval(Some(KEEPALIVE_INTERVAL));
    connector.set_keepalive_retries(Some(KEEPALIVE_QUESTIONS));
    connector.set_connect_timeout(Some(CONNECT_TIMEOUT));
    connector
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::core::v1::Secret;
    use kube::Api;
    use kube::api::ListParams;
    use tokio::io::AsyncReadExt as _;
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
        let client = connect(Config::new(address.parse().unwrap()), Clock::system()).unwrap();
        let (secrets, all) = (Api::<Secret>::all(client), ListParams::default());
        let list = tokio::time::timeout(Duration::from_mins(10), secrets.list(&all));
        let error = list.await.unwrap().unwrap_err();
        assert!(error.to_string().contains("did not begin to answer"), "{error:?}");
        black_hole.abort();
    }

    #[tokio::test]
    async fn a_proxy_is_refused_with_a_sentence_that_holds_no_password() {
        let mut config = Config::new("https://localhost".parse().unwrap());
        config.proxy_url = Some("http://user:secret@proxy:3128".parse().unwrap());
        let error = connect(config, Clock::system()).err().unwrap().to_string();
        assert!(error.contains("proxy-url") && !error.contains("secret"), "{error}");
    }

    #[tokio::test]
    async fn the_user_that_the_kubeconfig_impersonates_is_sent_to_the_api_server() {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let mut config = Config::new(address.parse().unwrap());
        config.auth_info.impersonate = Some("alice".into());
        config.auth_info.impersonate_groups = Some(vec!["crew".into()]);
        let secrets: Api<Secret> = Api::all(connect(config, Clock::system()).unwrap());
        let asking = tokio::spawn(async move { secrets.list(&ListParams::default()).await });
        let (mut socket, _) = listener.accept().await.unwrap();
        let mut request = String::new();
        while !request.ends_with("\r\n\r\n") {
            request.push(char::from(socket.read_u8().await.unwrap()));
        }
        let request = request.to_lowercase();
        assert!(request.contains("impersonate-user: alice\r\n"), "{request}");
        assert!(request.contains("impersonate-group: crew\r\n"), "{request}");
        asking.abort();
    }
}
