//! `make demo`: the main job on a real Kubernetes API, from an empty machine to proof over real sockets. It ends with
//! an error if anything is not as it should be, and leaves nothing running unless asked to. With the argument `bench`
//! it is `make bench`: the same stage, measured; `bench issue` and `bench rotate` are its parts.

mod account;
mod cost;
mod etcd;
mod fleet;
mod handshake;
mod measure;
mod narrator;
mod newcomers;
mod rotate;
mod theatre;
mod waiting;

use std::error::Error;
use std::process::ExitCode;

use handshake::{Credentials, Outcome};
use measure::Bench;
use narrator::Narrator;
use theatre::Theatre;

type Failure = Box<dyn Error + Send + Sync>;

/// Every identity of the examples that can be issued.
const EXAMPLES: [(&str, &str); 8] = [
    ("shop", "server"),
    ("shop", "client"),
    ("shop", "gateway"),
    ("default", "blink"),
    ("default", "hello"),
    ("default", "ledger"),
    ("default", "billing"),
    ("default", "legacy"),
];

/// An authority of its own, to show that trust ends where the organisation does.
const STRANGER: &str = "
apiVersion: mtls-operator.dev/v1alpha1
kind: MtlsAuthority
metadata: {name: stranger}
---
apiVersion: v1
kind: Namespace
metadata: {name: elsewhere}
---
apiVersion: mtls-operator.dev/v1alpha1
kind: MtlsIdentity
metadata: {name: client, namespace: elsewhere}
spec: {authorityRef: {name: stranger}}
";

#[tokio::main]
async fn main() -> ExitCode {
    let mut narrator = Narrator::default();
    let outcome = play(&mut narrator).await;
    narrator.end(outcome)
}

async fn play(narrator: &mut Narrator) -> Result<(), Failure> {
    let bench = Bench::asked(&std::env::args().skip(1).collect::<Vec<_>>())?;
    let is_kept = std::env::var_os("KEEP").is_some_and(|keep| keep == "1");
    if is_kept {
        devcluster::Retained::refuse_second()?;
    }
    let theatre = narrator.timed("Start etcd, kube-apiserver and kube-controller-manager", Theatre::open)?;
    narrator.timed("Install the chart with helm, run the operator as its service account", || {
        theatre.install()
    })?;
    if let Some(bench) = bench {
        bench.run(narrator, &theatre).await?;
        return theatre.close();
    }
    apply_examples(narrator, &theatre).await?;
    shake_hands(narrator, &theatre).await?;
    refuse_strangers(&theatre).await?;
    heal(narrator, &theatre).await?;
    renew(narrator, &theatre).await?;
    if is_kept {
        return theatre.keep();
    }
    narrator.timed("Stop everything", || theatre.close())?;
    Ok(())
}

async fn apply_examples(narrator: &mut Narrator, theatre: &Theatre) -> Result<(), Failure> {
    Narrator::scene("Apply the examples (deploy/examples)");
    theatre.apply_examples()?;
    let started = narrator.clock();
    for (namespace, name) in EXAMPLES {
        theatre.ready(namespace, name).await?;
    }
    narrator.took("every identity of the examples that can be issued is Ready", started);
    theatre.show(&["get", "mtlsidentities", "-A", "-o", "wide"])?;
    Narrator::say("(frozen is the example of a paused identity)");
    Ok(())
}

async fn shake_hands(narrator: &mut Narrator, theatre: &Theatre) -> Result<(), Failure> {
    Narrator::scene("A mutual handshake between two issued identities, over a real socket");
    let server = theatre.credentials("shop", "server-mtls").await?;
    let client = theatre.credentials("shop", "client-mtls").await?;
    let started = narrator.clock();
    match handshake::between(&server, Some(&client), "server.shop.svc", true).await? {
        Outcome::Granted { reply } => {
            Narrator::say(&format!("7. data exchanged: the server answers {reply:?}"));
        }
        Outcome::Refused(why) => return Err(format!("the handshake was refused: {why}").into()),
    }
    narrator.took("the handshake and one exchange", started);
    Ok(())
}

async fn refuse_strangers(theatre: &Theatre) -> Result<(), Failure> {
    Narrator::scene("Who is not authorised stays outside");
    let server = theatre.credentials("shop", "server-mtls").await?;
    refused("without a client certificate", &server, None).await?;
    theatre.apply(STRANGER)?;
    theatre.ready("elsewhere", "client").await?;
    let stranger = theatre.credentials("elsewhere", "client-mtls").await?;
    // It trusts the server, so that only the server's verification can refuse it.
    let stranger = Credentials { trust: server.trust.clone(), ..stranger };
    refused("with a certificate of another root", &server, Some(&stranger)).await
}

async fn refused(how: &str, server: &Credentials, client: Option<&Credentials>) -> Result<(), Failure> {
    match handshake::between(server, client, "server.shop.svc", false).await? {
        Outcome::Refused(why) => {
            Narrator::say(&format!("{how}: refused ({why})"));
            Ok(())
        }
        Outcome::Granted { .. } => Err(format!("a client {how} was let in").into()),
    }
}

async fn heal(narrator: &mut Narrator, theatre: &Theatre) -> Result<(), Failure> {
    Narrator::scene("A deleted Secret is healed");
    let before = theatre.serial("shop", "server-mtls").await?;
    let key = theatre.credentials("shop", "server-mtls").await?.key;
    let started = narrator.clock();
    theatre.delete_secret("shop", "server-mtls").await?;
    let after = theatre.serial_other_than("shop", "server-mtls", &before).await?;
    narrator.took(&format!("Secret shop/server-mtls is back, with a new key and serial {after}"), started);
    let server = theatre.credentials("shop", "server-mtls").await?;
    if server.key == key {
        return Err("the healed Secret holds the former key".into());
    }
    let client = theatre.credentials("shop", "client-mtls").await?;
    match handshake::between(&server, Some(&client), "server.shop.svc", false).await? {
        Outcome::Granted { .. } => Narrator::say("and the new certificate is accepted"),
        Outcome::Refused(why) => return Err(format!("the healed Secret is refused: {why}").into()),
    }
    Ok(())
}

async fn renew(narrator: &mut Narrator, theatre: &Theatre) -> Result<(), Failure> {
    Narrator::scene("A renewal, watched: identity blink lives one minute");
    let before = theatre.serial("default", "blink-mtls").await?;
    Narrator::say(&format!("now it holds serial {before}; the next one comes within 40 seconds"));
    let started = narrator.clock();
    let after = theatre.serial_other_than("default", "blink-mtls", &before).await?;
    narrator.took(&format!("renewed before it expired: serial {after}"), started);
    theatre.show(&["get", "mtlsidentity", "blink", "-n", "default", "-o", "wide"])?;
    theatre.show(&["get", "mtlsauthorities"])?;
    Narrator::say("(corporate is the example of a CA that people provide later)");
    Ok(())
}
