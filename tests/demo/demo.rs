//! `make demo`: the main job on a real Kubernetes API, from an empty machine to proof over real sockets. It ends with
//! an error if anything is not as it should be, and leaves nothing running unless asked to.

mod environment;
mod handshake;

use std::process::ExitCode;

use environment::Environment;
use handshake::{Credentials, Outcome};
use test_support::Failure;
use test_support::reporter::Reporter;

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

/// Another authority, to show that a client of it is refused.
const OTHER_AUTHORITY: &str = "
apiVersion: mtls-operator.dev/v1alpha1
kind: MtlsAuthority
metadata: {name: foreign}
---
apiVersion: v1
kind: Namespace
metadata: {name: elsewhere}
---
apiVersion: mtls-operator.dev/v1alpha1
kind: MtlsIdentity
metadata: {name: client, namespace: elsewhere}
spec: {authorityRef: {name: foreign}}
";

#[tokio::main]
async fn main() -> ExitCode {
    let mut reporter = Reporter::default();
    let outcome = play(&mut reporter).await;
    reporter.end(outcome)
}

async fn play(reporter: &mut Reporter) -> Result<(), Failure> {
    let is_kept = std::env::var_os("KEEP").is_some_and(|keep| keep == "1");
    if is_kept {
        devcluster::Retained::refuse_second()?;
    }
    let environment =
        reporter.timed("Start etcd, kube-apiserver and kube-controller-manager", Environment::open)?;
    reporter.timed("Install the chart with helm, run the operator as its service account", || {
        environment.install()
    })?;
    apply_examples(reporter, &environment).await?;
    shake_hands(reporter, &environment).await?;
    refuse_unauthorised(&environment).await?;
    heal(reporter, &environment).await?;
    renew(reporter, &environment).await?;
    if is_kept {
        return environment.keep();
    }
    reporter.timed("Stop everything", || environment.close())?;
    Ok(())
}

async fn apply_examples(reporter: &mut Reporter, environment: &Environment) -> Result<(), Failure> {
    Reporter::section("Apply the examples (deploy/examples)");
    environment.apply_examples()?;
    let started = reporter.clock();
    for (namespace, name) in EXAMPLES {
        environment.ready(namespace, name).await?;
    }
    reporter.took("every identity of the examples that can be issued is Ready", started);
    environment.show(&["get", "mtlsidentities", "-A", "-o", "wide"])?;
    Reporter::say("(frozen is the example of a paused identity)");
    Ok(())
}

async fn shake_hands(reporter: &mut Reporter, environment: &Environment) -> Result<(), Failure> {
    Reporter::section("A mutual handshake between two issued identities, over a real socket");
    let server = environment.credentials("shop", "server-mtls").await?;
    let client = environment.credentials("shop", "client-mtls").await?;
    let started = reporter.clock();
    match handshake::between(&server, Some(&client), "server.shop.svc", true).await? {
        Outcome::Granted { reply } => {
            Reporter::say(&format!("7. data exchanged: the server answers {reply:?}"));
        }
        Outcome::Refused(why) => return Err(format!("the handshake was refused: {why}").into()),
    }
    reporter.took("the handshake and one exchange", started);
    Ok(())
}

async fn refuse_unauthorised(environment: &Environment) -> Result<(), Failure> {
    Reporter::section("Clients that are not authorised are refused");
    let server = environment.credentials("shop", "server-mtls").await?;
    refused("without a client certificate", &server, None).await?;
    environment.apply(OTHER_AUTHORITY)?;
    environment.ready("elsewhere", "client").await?;
    let foreign = environment.credentials("elsewhere", "client-mtls").await?;
    // It trusts the server, so that only the server's verification can refuse it.
    let foreign = Credentials { trust: server.trust.clone(), ..foreign };
    refused("with a certificate of another root", &server, Some(&foreign)).await
}

async fn refused(how: &str, server: &Credentials, client: Option<&Credentials>) -> Result<(), Failure> {
    match handshake::between(server, client, "server.shop.svc", false).await? {
        Outcome::Refused(why) => {
            Reporter::say(&format!("{how}: refused ({why})"));
            Ok(())
        }
        Outcome::Granted { .. } => Err(format!("a client {how} was let in").into()),
    }
}

async fn heal(reporter: &mut Reporter, environment: &Environment) -> Result<(), Failure> {
    Reporter::section("A deleted Secret is healed");
    let before = environment.serial("shop", "server-mtls").await?;
    let key = environment.credentials("shop", "server-mtls").await?.key;
    let started = reporter.clock();
    environment.delete_secret("shop", "server-mtls").await?;
    let after = environment.serial_other_than("shop", "server-mtls", &before).await?;
    reporter.took(&format!("Secret shop/server-mtls is back, with a new key and serial {after}"), started);
    let server = environment.credentials("shop", "server-mtls").await?;
    if server.key == key {
        return Err("the healed Secret holds the former key".into());
    }
    let client = environment.credentials("shop", "client-mtls").await?;
    match handshake::between(&server, Some(&client), "server.shop.svc", false).await? {
        Outcome::Granted { .. } => Reporter::say("and the new certificate is accepted"),
        Outcome::Refused(why) => return Err(format!("the healed Secret is refused: {why}").into()),
    }
    Ok(())
}

async fn renew(reporter: &mut Reporter, environment: &Environment) -> Result<(), Failure> {
    Reporter::section("A renewal, watched: identity blink lives one minute");
    let before = environment.serial("default", "blink-mtls").await?;
    Reporter::say(&format!("now it holds serial {before}; the next one comes within 40 seconds"));
    let started = reporter.clock();
    let after = environment.serial_other_than("default", "blink-mtls", &before).await?;
    reporter.took(&format!("renewed before it expired: serial {after}"), started);
    environment.show(&["get", "mtlsidentity", "blink", "-n", "default", "-o", "wide"])?;
    environment.show(&["get", "mtlsauthorities"])?;
    Reporter::say("(corporate is the example of a CA that people provide later)");
    Ok(())
}
