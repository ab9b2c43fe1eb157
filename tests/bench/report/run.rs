//! All of one run: where and of what it was measured, every measurement, and their medians; as JSON.
//!
//! The medians are not stored: they follow from the measurements.

use serde::{Deserialize, Serialize};

use super::figures::Measurement;
use super::statistics::medians;

/// Where, and of what.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// Cores of the machine.
    pub cores: usize,
    /// Its memory.
    pub memory_mebibytes: usize,
    /// Its kernel.
    pub kernel: String,
    /// Version of the API server.
    pub kubernetes: String,
    /// Version of etcd.
    pub etcd: String,
    /// Commit of the operator.
    pub commit: String,
    /// Day of the run.
    pub date: String,
}

impl Origin {
    /// As a sentence.
    pub fn sentence(&self) -> String {
        let Self { cores, memory_mebibytes, kernel, kubernetes, etcd, commit, date } = self;
        format!(
            "{cores} cores, {memory_mebibytes} MiB, Linux {kernel}; Kubernetes {kubernetes}, etcd {etcd} with fsync; \
             commit {commit}, {date}."
        )
    }
}

/// A run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Run {
    /// Where, and of what.
    pub origin: Origin,
    /// Every measurement, repetitions apart.
    pub measurements: Vec<Measurement>,
}

impl Run {
    /// One measurement for each that was repeated.
    pub fn medians(&self) -> Vec<Measurement> {
        medians(&self.measurements)
    }

    /// As it is stored.
    pub fn to_json(&self) -> serde_json::Result<String> {
        Ok(format!("{}\n", serde_json::to_string_pretty(self)?))
    }

    /// As it was stored.
    pub fn from_json(text: &str) -> serde_json::Result<Self> {
        serde_json::from_str(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::figures::Name;
    use crate::report::scenario::{Scenario, Subject};

    #[test]
    fn what_is_stored_is_read_again_and_its_names_carry_units() {
        let origin = Origin {
            cores: 2,
            memory_mebibytes: 24_105,
            kernel: "6.18".into(),
            kubernetes: "v1.37.2".into(),
            etcd: "v3.7.0".into(),
            commit: "0a1b2c3".into(),
            date: "2030-01-02".into(),
        };
        let fresh =
            Measurement::new(Scenario::Fresh, Subject::BareOnIdentity, 500).with(Name::WallSeconds, 2.5);
        let run = Run { origin, measurements: vec![fresh] };
        let text = run.to_json().unwrap();
        assert_eq!(Run::from_json(&text).unwrap(), run);
        assert!(text.contains("\"wall_seconds\": 2.5") && text.contains("\"bare-on-identity\""), "{text}");
    }
}
