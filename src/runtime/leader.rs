//! Leader election by a Lease, with client-go's rules: another holder is judged by the local monotonic clock only,
//! every write of the Lease names the version that was read, and a leader stops before another can start.

use std::future::Future;
use std::time::Duration;

use k8s_openapi::api::coordination::v1::Lease;
use kube::Client;
use kube::api::{Api, PostParams};
use tokio::sync::watch;

use super::clock::Clock;
use super::error_chain::cause;
use super::lease::{Candidate, OtherHolder};
use super::shutdown::Shutdown;

/// How leadership is kept.
#[derive(Clone, Debug)]
pub struct LeaderConfig {
    /// Namespace of the Lease.
    pub namespace: String,
    /// Name of the Lease.
    pub name: String,
    /// Name of this replica, unlike that of any other process ever.
    pub identity: String,
    /// How long a Lease that is not renewed keeps others away.
    pub lease_duration: Duration,
    /// How long after its last renewal a leader still writes; less than `lease_duration`.
    pub renew_deadline: Duration,
    /// How often it is tried to acquire or renew.
    pub retry_period: Duration,
}

impl LeaderConfig {
    /// The usual durations.
    #[must_use]
    pub fn new(namespace: &str, name: &str, identity: &str) -> Self {
        Self {
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            identity: identity.to_owned(),
            lease_duration: Duration::from_secs(15),
            renew_deadline: Duration::from_secs(10),
            retry_period: Duration::from_secs(2),
        }
    }
}

/// Until when this replica leads, by its monotonic clock.
type Tenure = Option<Duration>;

/// Whether this replica leads: asked before each write.
#[derive(Clone)]
pub struct Leadership {
    tenure: watch::Receiver<Tenure>,
    clock: Clock,
}

impl Leadership {
    /// Leadership without election: for a single replica.
    #[must_use]
    pub fn always(clock: Clock) -> Self {
        let (_, tenure) = watch::channel(Some(Duration::MAX));
        Self { tenure, clock }
    }

    /// Whether this replica leads now.
    #[must_use]
    pub fn is_leader(&self) -> bool {
        self.tenure.borrow().is_some_and(|until| self.clock.monotonic() < until)
    }

    /// Waits until this replica leads.
    pub async fn until_leader(&mut self) {
        while !self.is_leader() {
            if self.tenure.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }
}

/// Takes part in the election. The future ends after the signal to stop, once the Lease is released.
pub fn elect(
    client: Client,
    config: LeaderConfig,
    clock: Clock,
    shutdown: Shutdown,
) -> (Leadership, impl Future<Output = ()> + Send) {
    let (sender, tenure) = watch::channel(None);
    let elector = Elector::new(client, config, clock.clone());
    (Leadership { tenure, clock }, elector.run(sender, shutdown))
}

/// What an attempt came to.
enum Outcome {
    /// The Lease was written with our name.
    Held,
    /// Another replica holds it, or did until a moment ago.
    HeldByAnother,
    /// It was written between our read and our write. This does not show which replica holds it.
    Overtaken,
}

struct Elector {
    api: Api<Lease>,
    config: LeaderConfig,
    candidate: Candidate,
    clock: Clock,
    other_holder: OtherHolder,
    /// The Lease as we wrote it last: it is renewed without being read again.
    held: Option<Lease>,
}

impl Elector {
    fn new(client: Client, config: LeaderConfig, clock: Clock) -> Self {
        let api = Api::namespaced(client, &config.namespace);
        let candidate =
            Candidate { identity: config.identity.clone(), lease_duration: config.lease_duration };
        Self { api, config, candidate, clock, other_holder: OtherHolder::default(), held: None }
    }

    async fn run(mut self, sender: watch::Sender<Tenure>, shutdown: Shutdown) {
        let mut tenure: Tenure = None;
        while !shutdown.is_triggered() {
            let led = tenure.is_some();
            tenure = self.attempt(tenure).await;
            sender.send_replace(tenure);
            self.report(led, tenure.is_some());
            tokio::select! {
                () = self.clock.sleep(self.config.retry_period) => {}
                () = shutdown.triggered() => {}
            }
        }
        // Nothing may rely on this tenure once another replica may start.
        sender.send_replace(None);
        self.release().await;
    }

    fn report(&self, led: bool, leads: bool) {
        let identity = self.config.identity.as_str();
        match (led, leads) {
            (false, true) => tracing::info!(identity, "this replica leads"),
            (true, false) => tracing::warn!(identity, "this replica does not lead any more"),
            _ => {}
        }
    }

    /// One try. The tenure counts from before the call: whenever the API server did write, others have seen it later.
    /// Without a clear answer the tenure stays as it was, and ends by itself.
    async fn attempt(&mut self, tenure: Tenure) -> Tenure {
        let started = self.clock.monotonic();
        let answer = tokio::time::timeout(self.call_timeout(), self.acquire_or_renew()).await;
        let tenure = match answer {
            Ok(Ok(Outcome::Held)) => Some(started.saturating_add(self.config.renew_deadline)),
            Ok(Ok(Outcome::HeldByAnother)) => None,
            Ok(Ok(Outcome::Overtaken)) => tenure,
            Ok(Err(error)) => {
                tracing::warn!(error = cause(&error), "the Lease could be neither taken nor renewed");
                tenure
            }
            Err(_) => {
                tracing::warn!("the API server did not answer about the Lease in time");
                tenure
            }
        };
        tenure.filter(|until| self.clock.monotonic() < *until)
    }

    /// A call that hangs must leave time for another one within the same tenure.
    fn call_timeout(&self) -> Duration {
        self.config.renew_deadline / 3
    }

    async fn acquire_or_renew(&mut self) -> Result<Outcome, kube::Error> {
        if let Some(lease) = self.held.take()
            && let Outcome::Held = self.write(Some(lease)).await?
        {
            return Ok(Outcome::Held);
        }
        let lease = self.api.get_opt(&self.config.name).await?;
        if self.other_holder.may_lead(&self.candidate, lease.as_ref(), self.clock.monotonic()) {
            return Ok(Outcome::HeldByAnother);
        }
        self.write(lease).await
    }

    async fn write(&mut self, lease: Option<Lease>) -> Result<Outcome, kube::Error> {
        let (name, parameters, now) = (&self.config.name, PostParams::default(), self.clock.now());
        let (written, overtaken): (_, &[u16]) = match lease {
            None => (self.api.create(&parameters, &self.candidate.first(name, now)).await, &[409]),
            Some(lease) => {
                let claimed = self.candidate.claim(lease, now);
                (self.api.replace(name, &parameters, &claimed).await, &[409, 404])
            }
        };
        match written {
            Ok(lease) => {
                self.held = Some(lease);
                Ok(Outcome::Held)
            }
            Err(kube::Error::Api(status)) if overtaken.contains(&status.code) => Ok(Outcome::Overtaken),
            Err(error) => Err(error),
        }
    }

    /// Lets another replica take over at once. Tried also without a tenure: the answer to a claim may have been lost.
    async fn release(&self) {
        match tokio::time::timeout(self.call_timeout(), self.try_release()).await {
            Ok(Ok(true)) => tracing::info!("released the Lease"),
            Ok(Ok(false)) => {}
            Ok(Err(error)) => {
                tracing::warn!(error = cause(&error), "the Lease was not released; it ends by itself");
            }
            Err(_) => tracing::warn!("the Lease was not released in time; it ends by itself"),
        }
    }

    async fn try_release(&self) -> Result<bool, kube::Error> {
        let lease = self.api.get_opt(&self.config.name).await?;
        let Some(lease) = lease.and_then(|lease| self.candidate.release(lease)) else { return Ok(false) };
        self.api.replace(&self.config.name, &PostParams::default(), &lease).await?;
        Ok(true)
    }
}
