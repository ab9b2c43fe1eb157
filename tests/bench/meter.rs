//! Accounts of CPU, time and requests between two moments.
//!
//! Times end with the last write in the API server's log, so that they do not depend on how soon the end is noticed.

use std::time::Duration;

use devcluster::audit;
use jiff::Timestamp;
use test_support::Failure;

use crate::environment::Environment;
use crate::process;
use crate::report::figures::{Measurement, Name, count};
use crate::requests::Requests;

/// CPU of the control plane.
struct ControlPlane {
    api_server: Duration,
    etcd: Duration,
}

impl ControlPlane {
    fn now(environment: &Environment) -> Result<Self, Failure> {
        let of = |program| process::cpu(environment.component(program)?);
        Ok(Self { api_server: of("kube-apiserver")?, etcd: of("etcd")? })
    }
}

/// An open account.
pub struct Meter {
    started: Timestamp,
    control_plane: ControlPlane,
    /// CPU that the operator had used before.
    own: Duration,
    offset: u64,
}

/// A closed one.
pub struct Spent {
    pub requests: Requests,
    /// From the opening to the last write.
    pub wall: Duration,
    /// From the opening to the last request.
    pub until_quiet: Duration,
    api_server: Duration,
    etcd: Duration,
    own: Duration,
}

impl Meter {
    /// Opens an account of an operator that runs, or of a program that will be started.
    pub fn open(environment: &Environment, pid: Option<u32>) -> Result<Self, Failure> {
        Ok(Self {
            control_plane: ControlPlane::now(environment)?,
            own: pid.map_or(Ok(Duration::ZERO), process::cpu)?,
            offset: environment.log_end()?,
            started: environment.clock.now(),
        })
    }

    /// Closes it for the operator.
    pub fn close(&self, environment: &Environment, pid: u32) -> Result<Spent, Failure> {
        let own = process::cpu(pid)?.saturating_sub(self.own);
        self.close_with(environment, own)
    }

    /// Closes it for a program that has used this much CPU, with the rights of the operator.
    pub fn close_with(&self, environment: &Environment, own: Duration) -> Result<Spent, Failure> {
        let now = ControlPlane::now(environment)?;
        let requests = environment.requests_since(self.offset)?;
        let until = |end: Option<Timestamp>| end.map_or(Duration::ZERO, |end| self.until(end));
        Ok(Spent {
            wall: until(requests.last_write),
            until_quiet: until(requests.last),
            requests,
            api_server: now.api_server.saturating_sub(self.control_plane.api_server),
            etcd: now.etcd.saturating_sub(self.control_plane.etcd),
            own,
        })
    }
}

impl Meter {
    /// From the opening to the last write of a status of an identity whose name is one of these.
    pub fn until_last(
        &self,
        environment: &Environment,
        is_one: impl Fn(&str) -> bool,
    ) -> Result<Duration, Failure> {
        let mut last: Option<Timestamp> = None;
        audit::for_each(&environment.installation.cluster.audit_log(), self.offset, |event| {
            if event.subresource == "status" && event.resource == "mtlsidentities" && is_one(&event.name) {
                last = last.max(event.timestamp.parse().ok());
            }
        })?;
        Ok(last.map_or(Duration::ZERO, |end| self.until(end)))
    }

    fn until(&self, end: Timestamp) -> Duration {
        Duration::try_from(end.duration_since(self.started)).unwrap_or_default()
    }
}

impl Spent {
    /// A measurement with CPU and requests.
    pub fn add_to(&self, measurement: Measurement) -> Measurement {
        let mut measurement = measurement
            .with(Name::CpuSeconds, self.own.as_secs_f64())
            .with(Name::ApiServerCpuSeconds, self.api_server.as_secs_f64())
            .with(Name::EtcdCpuSeconds, self.etcd.as_secs_f64());
        measurement.requests = self.requests.by_kind();
        measurement
    }

    /// The same with the time, and the writes for each of so many.
    pub fn add_work_to(&self, measurement: Measurement, namespace: &str, of: usize) -> Measurement {
        let each = count(self.requests.writes(namespace)) / count(of.max(1));
        let reads = |resource| count(self.requests.reads(namespace, resource));
        self.add_to(measurement)
            .with(Name::WallSeconds, self.wall.as_secs_f64())
            .with(Name::WritesEach, each)
            .with(Name::SecretReads, reads("secrets"))
            .with(Name::IdentityReads, reads("mtlsidentities"))
    }
}

/// A measurement with the memory of a process.
pub fn with_memory(measurement: Measurement, pid: u32) -> Result<Measurement, Failure> {
    let (resident, peak) = process::memory(pid)?;
    Ok(measurement.with(Name::ResidentMebibytes, resident).with(Name::PeakMebibytes, peak))
}
