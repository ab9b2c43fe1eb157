//! The server: a client that passes the handshake and is on the list gets a line with what this side holds.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

use crate::Failure;
use crate::arguments::Serving;
use crate::certificate::Leaf;
use crate::event_log::note;
use crate::reload::Reload;

/// Longer than any handshake takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);

/// Serves for ever.
pub async fn serve(keeper: Arc<Reload>, serving: Serving) -> Result<(), Failure> {
    let listener = TcpListener::bind(serving.listen).await?;
    note("listening", &json!({ "address": serving.listen.to_string() }));
    let serving = Arc::new(serving);
    loop {
        let (socket, from) = listener.accept().await?;
        let (keeper, serving) = (keeper.clone(), serving.clone());
        tokio::spawn(async move {
            let served = timeout(PATIENCE, welcome(&keeper, &serving, socket)).await;
            let served = served.unwrap_or_else(|_| Err("it took too long".into()));
            if let Err(error) = served {
                note("turned_away", &json!({ "from": from.to_string(), "why": error.to_string() }));
            }
        });
    }
}

async fn welcome(keeper: &Reload, serving: &Serving, socket: TcpStream) -> Result<(), Failure> {
    let material = keeper.material();
    let acceptor = TlsAcceptor::from(Arc::new(material.server(serving.accept_any_client)?));
    let mut stream = acceptor.accept(socket).await?;
    let certificate = stream.get_ref().1.peer_certificates().and_then(<[_]>::first);
    let who = certificate.map(Leaf::of).transpose()?.map(|leaf| leaf.spiffe_id);
    if !is_welcome(serving, who.as_deref()) {
        // Closed with close_notify, or the client would take it for a cut connection.
        stream.shutdown().await?;
        return Err(format!(
            "{} is not on the list",
            who.unwrap_or_else(|| "a client without a certificate".into())
        )
        .into());
    }
    stream.write_all(format!("{}\n", serde_json::to_string(&material.state)?).as_bytes()).await?;
    stream.flush().await?;
    // Like a server that waits for a request. How the client ends the connection does not matter.
    let _ = stream.read(&mut [0]).await;
    let _ = stream.shutdown().await;
    Ok(())
}

/// A chain to the mesh's root is not enough: every workload has one.
fn is_welcome(serving: &Serving, who: Option<&str>) -> bool {
    serving.accept_any_client
        || who.is_some_and(|who| {
            serving.allowed.is_empty() || serving.allowed.iter().any(|allowed| allowed == who)
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn serving(allowed: &[&str], accept_any_client: bool) -> Serving {
        let allowed = allowed.iter().map(|id| (*id).to_owned()).collect();
        Serving { listen: ([127, 0, 0, 1], 0).into(), allowed, accept_any_client }
    }

    #[test]
    fn who_is_not_on_the_list_stays_outside() {
        assert!(is_welcome(&serving(&["a", "b"], false), Some("b")));
        assert!(!is_welcome(&serving(&["a", "b"], false), Some("c")));
        assert!(is_welcome(&serving(&[], false), Some("c")));
        assert!(!is_welcome(&serving(&[], false), None));
        assert!(is_welcome(&serving(&["a"], true), None));
    }
}
