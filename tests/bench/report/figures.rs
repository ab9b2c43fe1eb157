//! Figures of a measurement: a closed list of names, each with its unit, in the order of the tables' columns.
//!
//! A figure that was not measured is absent, never zero.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::scenario::{Scenario, Subject};

/// From this many identities on, what each adds is told.
const LARGE: usize = 10_000;

/// Name of a figure; its stored form ends with the unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Name {
    /// Secrets of others.
    ForeignSecrets,
    /// Namespaces that hold the identities.
    Namespaces,
    /// From the start to the last write.
    WallSeconds,
    /// The same against the bare writer.
    WallRatio,
    /// The same against the bare writer on `MtlsIdentity`.
    WallRatioOnIdentity,
    /// From the start to the last write for an identity with an ECDSA key.
    EcdsaSeconds,
    /// CPU of the writer or operator.
    CpuSeconds,
    /// CPU of the API server.
    ApiServerCpuSeconds,
    /// The same against the bare writer.
    ApiServerCpuRatio,
    /// The same against the bare writer on `MtlsIdentity`.
    ApiServerCpuRatioOnIdentity,
    /// CPU of etcd.
    EtcdCpuSeconds,
    /// Resident memory of the writer or operator afterwards.
    ResidentMebibytes,
    /// Most that it ever was.
    PeakMebibytes,
    /// What the resident memory has grown by since the start without identities, for each.
    ResidentBytesEach,
    /// Mutating requests for each identity, issuance or renewal.
    WritesEach,
    /// Writes of a rotation beyond two for each renewal that fell due, for each identity.
    WritesBeyondRenewalsEach,
    /// All mutating requests.
    Writes,
    /// Secrets read.
    SecretReads,
    /// Identities read.
    IdentityReads,
    /// Certificates renewed.
    Renewals,
    /// Shortest time that a certificate had left when its successor was seen.
    ShortestLeftSeconds,
    /// From the start until `/readyz` says yes.
    ReadySeconds,
    /// From the start until the first identity was looked at that was created after it.
    WorksSeconds,
    /// From the cut to the last request of the recovery.
    QuietSeconds,
    /// Median from creating an identity to its Secret.
    P50Milliseconds,
    /// 99 of 100 are faster.
    P99Milliseconds,
    /// The slowest.
    MaxMilliseconds,
    /// How many were timed.
    Timed,
    /// The 99th percentile against that of the quiet case.
    P99Ratio,
    /// What etcd stores of an identity and its Secret.
    StoredBytesEach,
    /// What etcd's file has grown by for each, history included.
    DatabaseBytesEach,
    /// What the API server's resident memory has grown by for each.
    ApiServerBytesEach,
}

impl Name {
    /// Heading of its column, with the unit.
    pub fn heading(self) -> &'static str {
        match self {
            Self::ForeignSecrets => "Secrets of others",
            Self::Namespaces => "namespaces",
            Self::WallSeconds => "time, s",
            Self::WallRatio => "time × bare",
            Self::WallRatioOnIdentity => "time × bare on `MtlsIdentity`",
            Self::EcdsaSeconds => "time of ECDSA, s",
            Self::CpuSeconds => "own CPU, s (ms each)",
            Self::ApiServerCpuSeconds => "API server's CPU, s (ms each)",
            Self::ApiServerCpuRatio => "API server's CPU × bare",
            Self::ApiServerCpuRatioOnIdentity => "API server's CPU × bare on `MtlsIdentity`",
            Self::EtcdCpuSeconds => "etcd's CPU, s (ms each)",
            Self::ResidentMebibytes => "resident, MiB",
            Self::PeakMebibytes => "peak, MiB",
            Self::ResidentBytesEach => "resident, B each",
            Self::WritesEach => "writes each",
            Self::WritesBeyondRenewalsEach => "writes each beyond renewals",
            Self::Writes => "writes",
            Self::SecretReads => "Secrets read",
            Self::IdentityReads => "identities read",
            Self::Renewals => "renewals",
            Self::ShortestLeftSeconds => "shortest time left, s",
            Self::ReadySeconds => "ready, s",
            Self::WorksSeconds => "serves a new identity, s",
            Self::QuietSeconds => "quiet again, s",
            Self::P50Milliseconds => "p50, ms",
            Self::P99Milliseconds => "p99, ms",
            Self::MaxMilliseconds => "max, ms",
            Self::Timed => "timed",
            Self::P99Ratio => "p99 × quiet",
            Self::StoredBytesEach => "stored, B each",
            Self::DatabaseBytesEach => "etcd's file, B each",
            Self::ApiServerBytesEach => "API server's memory, B each",
        }
    }

    /// Whether it is a time that tells most when it is divided by the identities.
    pub fn is_shared(self) -> bool {
        matches!(self, Self::CpuSeconds | Self::ApiServerCpuSeconds | Self::EtcdCpuSeconds)
    }

    /// Digits after the point.
    pub fn digits(self) -> usize {
        match self {
            Self::WallRatio
            | Self::WallRatioOnIdentity
            | Self::ApiServerCpuRatio
            | Self::ApiServerCpuRatioOnIdentity
            | Self::WritesEach
            | Self::WritesBeyondRenewalsEach
            | Self::P99Ratio => 2,
            Self::WallSeconds
            | Self::EcdsaSeconds
            | Self::CpuSeconds
            | Self::ApiServerCpuSeconds
            | Self::EtcdCpuSeconds
            | Self::ResidentMebibytes
            | Self::PeakMebibytes
            | Self::ShortestLeftSeconds
            | Self::ReadySeconds
            | Self::WorksSeconds
            | Self::QuietSeconds
            | Self::P50Milliseconds
            | Self::P99Milliseconds
            | Self::MaxMilliseconds => 1,
            _ => 0,
        }
    }
}

/// One measurement.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Measurement {
    /// What was measured.
    pub scenario: Scenario,
    /// Who or what did the work.
    pub subject: Subject,
    /// For how many identities.
    pub identities: usize,
    /// What was found.
    pub figures: BTreeMap<Name, f64>,
    /// Requests by verb and resource, with the answer's code where it is an error.
    pub requests: BTreeMap<String, usize>,
}

impl Measurement {
    /// One without figures.
    pub fn new(scenario: Scenario, subject: Subject, identities: usize) -> Self {
        Self { scenario, subject, identities, figures: BTreeMap::new(), requests: BTreeMap::new() }
    }

    /// With one more figure.
    pub fn with(mut self, name: Name, value: f64) -> Self {
        self.figures.insert(name, value);
        self
    }

    /// With one more figure if there are so many identities that the start and the buffers do not outweigh it.
    pub fn with_if_many(self, name: Name, value: f64) -> Self {
        if self.is_large() { self.with(name, value) } else { self }
    }

    /// Whether the start and the buffers do not outweigh what each identity adds.
    pub fn is_large(&self) -> bool {
        self.identities >= LARGE
    }

    /// A figure, if it was measured.
    pub fn get(&self, name: Name) -> Option<f64> {
        self.figures.get(&name).copied()
    }

    /// What a figure comes to for each identity.
    pub fn each(&self, name: Name) -> Option<f64> {
        Some(self.get(name)? / count(self.identities.max(1)))
    }

    /// What is repeated, for medians, and told apart, for ratios.
    pub fn key(&self) -> (Scenario, usize, Subject) {
        (self.scenario, self.identities, self.subject)
    }
}

/// A count as a figure.
pub fn count(of: usize) -> f64 {
    u32::try_from(of).map_or(f64::INFINITY, f64::from)
}
