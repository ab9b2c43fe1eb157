//! The operator's own program at another time. Its clock (by libfaketime) and the `Date` of every answer (by a proxy) are
//! behind by the same span, so that it finds no difference between them; the API server keeps the real time.

use std::path::Path;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::State;
use axum::response::Response;
use http::header::DATE;
use http::{Request, StatusCode};
use jiff::SignedDuration;
use jiff::fmt::rfc2822::DateTimePrinter;
use kube::Client;
use mtls_operator::runtime::clock::Clock;
use serde_json::json;
use tempfile::TempDir;
use test_support::cluster::TestCluster;
use test_support::installation::{FREE_PORTS, SYSTEM};
use test_support::tools::faketime_library;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// An operator that runs, with its way to the API server.
pub struct Operator<'a> {
    cluster: &'a TestCluster,
    name: &'a str,
    proxy: JoinHandle<()>,
    _kubeconfig: TempDir,
}

impl<'a> Operator<'a> {
    /// Starts it, with the rights of its service account. Each of one cluster needs a name of its own.
    pub async fn start(
        cluster: &'a TestCluster,
        name: &'a str,
        faketime: &Path,
        behind: SignedDuration,
    ) -> Operator<'a> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let server = format!("http://{}", listener.local_addr().unwrap());
        let api = Arc::new((cluster.operator_client().await, behind));
        let router = Router::new().fallback(forward).with_state(api);
        let proxy = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        let folder = tempfile::tempdir().unwrap();
        let kubeconfig = folder.path().join("kubeconfig");
        std::fs::write(&kubeconfig, kubeconfig_of(&server)).unwrap();
        let args = [&["run", "--namespace", SYSTEM, "--log-format", "json"][..], &FREE_PORTS].concat();
        let (library, offset) = (faketime_library(faketime), format!("-{}", behind.as_secs()));
        let environment = [
            ("KUBECONFIG", kubeconfig.to_str().unwrap()),
            ("POD_NAME", name),
            ("LD_PRELOAD", &library),
            ("FAKETIME", &offset),
            // Both names: libfaketime has renamed it.
            ("DONT_FAKE_MONOTONIC", "1"),
            ("FAKETIME_DONT_FAKE_MONOTONIC", "1"),
        ];
        let program = Path::new(env!("CARGO_BIN_EXE_mtls-operator"));
        cluster.control_plane().start_program(name, program, &args, &environment).unwrap();
        Self { cluster, name, proxy, _kubeconfig: folder }
    }

    /// Its metrics.
    pub async fn metrics(&self) -> String {
        self.cluster.admin_page(self.name, "/metrics").await
    }

    /// Kills it.
    pub fn kill(self) {
        self.cluster.control_plane().stop_program(self.name).unwrap();
        self.proxy.abort();
    }
}

fn kubeconfig_of(server: &str) -> String {
    let named = |key: &str, value| json!([{ "name": "golden", key: value }]);
    json!({
        "apiVersion": "v1", "kind": "Config", "current-context": "golden",
        "clusters": named("cluster", json!({ "server": server })),
        "users": named("user", json!({})),
        "contexts": named("context", json!({ "cluster": "golden", "user": "golden" })),
    })
    .to_string()
}

/// Sends a request on with the credentials of the operator's service account, and dates the answer back.
async fn forward(State(api): State<Arc<(Client, SignedDuration)>>, request: Request<Body>) -> Response {
    let (client, behind) = &*api;
    let (head, body) = request.into_parts();
    let body = to_bytes(body, usize::MAX).await.unwrap();
    let request = Request::from_parts(head, kube::client::Body::from(body));
    let Ok(answer) = client.send(request).await else {
        return Response::builder().status(StatusCode::BAD_GATEWAY).body(Body::empty()).unwrap();
    };
    let mut answer = answer.map(Body::new);
    let date = Clock::system().now() - *behind;
    let date = DateTimePrinter::new().timestamp_to_rfc9110_string(&date).unwrap();
    answer.headers_mut().insert(DATE, date.parse().unwrap());
    answer
}
