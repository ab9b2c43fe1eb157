//! Leader election by a Lease, with client-go's rules: another holder is judged by the local monotonic clock only,
//! every write of the Lease names the version that was read, and a leader stops before another can start.

use std::future::Future;
use std::time::Duration;

use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use kube::Client;
use kube::api::{Api, ObjectMeta, PostParams};
use tokio::sync::watch;

use super::clock::Clock;
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
    let api = Api::namespaced(client, &config.namespace);
    let elector = Elector { api, config, clock: clock.clone(), seen: None };
    (Leadership { tenure, clock }, elector.run(sender, shutdown))
}

/// Another holder's mark, and when this replica saw it first.
struct Seen {
    mark: (Option<String>, Option<MicroTime>, Option<i32>),
    at: Duration,
}

struct Elector {
    api: Api<Lease>,
    config: LeaderConfig,
    clock: Clock,
    seen: Option<Seen>,
}

impl Elector {
    async fn run(mut self, sender: watch::Sender<Tenure>, shutdown: Shutdown) {
        let mut tenure: Tenure = None;
        while !shutdown.is_triggered() {
            let leading = tenure.is_some();
            tenure = self.round(tenure).await;
            sender.send_replace(tenure);
            if tenure.is_some() != leading {
                tracing::info!(leads = !leading, identity = self.config.identity, "leadership changed");
            }
            tokio::select! {
                () = self.clock.sleep(self.config.retry_period) => {}
                () = shutdown.triggered() => {}
            }
        }
        sender.send_replace(None);
        if tenure.is_some() {
            self.release().await;
        }
    }

    /// One try. An answer that does not come leaves the tenure as it was, until it ends by itself.
    async fn round(&mut self, tenure: Tenure) -> Tenure {
        let now = self.clock.monotonic();
        let left = tenure.map_or(self.config.renew_deadline, |until| until.saturating_sub(now));
        let budget = left.max(self.config.retry_period / 10);
        match tokio::time::timeout(budget, self.acquire_or_renew()).await {
            Ok(Ok(tenure)) => tenure,
            Ok(Err(error)) => {
                tracing::warn!(%error, "the Lease was not renewed");
                self.unless_over(tenure)
            }
            Err(_) => self.unless_over(tenure),
        }
    }

    fn unless_over(&self, tenure: Tenure) -> Tenure {
        tenure.filter(|until| self.clock.monotonic() < *until)
    }

    async fn acquire_or_renew(&mut self) -> Result<Tenure, kube::Error> {
        let started = self.clock.monotonic();
        let written = match self.api.get_opt(&self.config.name).await? {
            None => self.api.create(&PostParams::default(), &self.first()).await,
            Some(lease) if self.is_held_by_another(&lease, started) => return Ok(None),
            // The version that was read travels along: whoever wrote in between wins.
            Some(lease) => {
                let ours = self.renewed(lease);
                self.api.replace(&self.config.name, &PostParams::default(), &ours).await
            }
        };
        match written {
            Ok(_) => Ok(Some(started + self.config.renew_deadline)),
            Err(kube::Error::Api(status)) if status.code == 409 => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// A holder that has not moved for its own lease duration, by this replica's monotonic clock, is gone. Its clock
    /// may show anything.
    fn is_held_by_another(&mut self, lease: &Lease, now: Duration) -> bool {
        let spec = lease.spec.clone().unwrap_or_default();
        let holder = spec.holder_identity.clone().unwrap_or_default();
        if holder.is_empty() || holder == self.config.identity {
            return false;
        }
        let mark = (spec.holder_identity, spec.renew_time, spec.lease_transitions);
        let at = match &self.seen {
            Some(seen) if seen.mark == mark => seen.at,
            _ => now,
        };
        self.seen = Some(Seen { mark, at });
        let seconds = spec.lease_duration_seconds.and_then(|secs| u64::try_from(secs).ok()).unwrap_or(0);
        now < at + Duration::from_secs(seconds)
    }

    fn first(&self) -> Lease {
        let metadata = ObjectMeta { name: Some(self.config.name.clone()), ..ObjectMeta::default() };
        self.renewed(Lease { metadata, spec: None })
    }

    fn renewed(&self, mut lease: Lease) -> Lease {
        let now = Some(MicroTime(self.clock.now()));
        let before = lease.spec.take().unwrap_or_default();
        let is_ours = before.holder_identity.as_deref() == Some(&*self.config.identity);
        let transitions = before.lease_transitions.map_or(0, |count| count + i32::from(!is_ours));
        lease.spec = Some(LeaseSpec {
            holder_identity: Some(self.config.identity.clone()),
            lease_duration_seconds: i32::try_from(self.config.lease_duration.as_secs()).ok(),
            acquire_time: if is_ours { before.acquire_time } else { now.clone() },
            renew_time: now,
            lease_transitions: Some(transitions),
            ..LeaseSpec::default()
        });
        lease
    }

    /// Lets another replica take over at once.
    async fn release(&self) {
        let released = tokio::time::timeout(self.config.retry_period, async {
            let Some(mut lease) = self.api.get_opt(&self.config.name).await? else { return Ok(()) };
            let Some(spec) = &mut lease.spec else { return Ok(()) };
            if spec.holder_identity.as_deref() != Some(&*self.config.identity) {
                return Ok(());
            }
            spec.holder_identity = None;
            self.api.replace(&self.config.name, &PostParams::default(), &lease).await.map(drop)
        });
        match released.await {
            Ok(Ok(())) => tracing::info!("released the Lease"),
            Ok(Err(error)) => tracing::warn!(%error, "the Lease was not released"),
            Err(_) => tracing::warn!("the Lease was not released in time"),
        }
    }
}
