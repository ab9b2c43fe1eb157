//! The command line. Each flag of `run` is also an environment variable, `MTLS_OPERATOR_` and the flag in capitals.

use std::net::SocketAddr;
use std::num::ParseIntError;
use std::str::FromStr;

use clap::{ArgAction, Args, Parser, Subcommand};

use crate::api::patterns::ends_in_number;
use crate::operator::scheduler::workers::WorkerCount;
use crate::runtime::telemetry::LogFormat;

/// Issues mutual TLS identities in a Kubernetes cluster, and renews them.
#[derive(Debug, Parser)]
#[command(name = "mtls-operator", version, propagate_version = true, max_term_width = 100)]
pub struct Cli {
    /// The subcommand.
    #[command(subcommand)]
    pub command: Command,
}

/// Subcommands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the operator until SIGTERM or SIGINT.
    ///
    /// It connects to the API server by KUBECONFIG, else by the service account of the Pod.
    Run(Box<Run>),
    /// Print the custom resource definitions, for `kubectl apply --server-side -f -`.
    Crds,
    /// Print the version.
    Version,
}

/// Flags of `run`.
#[derive(Args, Debug)]
pub struct Run {
    /// Namespace of root Secrets and of the Lease [default: that of the Pod, else mtls-system].
    #[arg(long, env = "MTLS_OPERATOR_NAMESPACE", value_parser = dns_label)]
    pub namespace: Option<String>,

    /// Serve identities of this namespace only. May be repeated, or a list with commas. Default: all namespaces.
    #[arg(long, env = "MTLS_OPERATOR_WATCH_NAMESPACE", value_parser = dns_label, value_delimiter = ',', action = ArgAction::Append)]
    pub watch_namespace: Vec<String>,

    /// Create the MtlsAuthority mesh at start, if there is no MtlsAuthority.
    #[arg(long, env = "MTLS_OPERATOR_CREATE_AUTHORITY", default_value_t = true, action = ArgAction::Set)]
    pub create_authority: bool,

    /// SPIFFE trust domain of the MtlsAuthority that is created.
    #[arg(long, env = "MTLS_OPERATOR_TRUST_DOMAIN", default_value = "cluster.local", value_parser = trust_domain)]
    pub trust_domain: String,

    /// DNS suffix of service names, for the MtlsAuthority that is created.
    #[arg(long, env = "MTLS_OPERATOR_CLUSTER_DOMAIN", default_value = "cluster.local", value_parser = dns_name)]
    pub cluster_domain: String,

    /// Address of /metrics. With port 0 a free port is chosen and logged.
    #[arg(long, env = "MTLS_OPERATOR_ADMIN_ADDRESS", default_value = "0.0.0.0:8080")]
    pub admin_address: SocketAddr,

    /// Address of /livez and /readyz. With port 0 a free port is chosen and logged.
    #[arg(long, env = "MTLS_OPERATOR_HEALTH_ADDRESS", default_value = "0.0.0.0:8081")]
    pub health_address: SocketAddr,

    /// Elect a leader: one replica works, the others are on standby. Disable it only for a single replica.
    #[arg(long, env = "MTLS_OPERATOR_LEADER_ELECTION", default_value_t = true, action = ArgAction::Set)]
    pub leader_election: bool,

    /// Identities reconciled concurrently: 1 to 256, or auto: 8 to 64, as the API server answers.
    #[arg(long, env = "MTLS_OPERATOR_WORKERS", default_value = "auto")]
    pub workers: Workers,

    /// Probe what Pods serve and trust, where an MtlsIdentity has spec.probes.
    #[arg(long, env = "MTLS_OPERATOR_ENDPOINT_PROBES")]
    pub endpoint_probes: bool,

    /// Format of log lines.
    #[arg(long, env = "MTLS_OPERATOR_LOG_FORMAT", value_enum, default_value_t)]
    pub log_format: LogFormat,

    /// Filter of log lines, as in `info,mtls_operator=debug`.
    #[arg(long, env = "MTLS_OPERATOR_LOG_FILTER", default_value = "info")]
    pub log_filter: String,
}

impl Run {
    /// Namespace of root Secrets and of the Lease.
    #[must_use]
    pub fn namespace(&self, pod_namespace: Option<String>) -> String {
        self.namespace.clone().or(pod_namespace).unwrap_or_else(|| "mtls-system".into())
    }
}

/// Number of workers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Workers {
    /// As many as the API server answers well.
    Auto,
    /// This number.
    Count(u16),
}

impl From<Workers> for WorkerCount {
    fn from(workers: Workers) -> Self {
        match workers {
            Workers::Auto => Self::Adaptive,
            Workers::Count(count) => Self::Fixed(count.into()),
        }
    }
}

/// Why a text is not a number of workers.
#[derive(Debug, thiserror::Error)]
pub enum WorkersError {
    /// Not a number.
    #[error("neither auto nor a number: {0}")]
    NotANumber(#[from] ParseIntError),
    /// Too few or too many.
    #[error("{0} is not between 1 and 256")]
    OutOfRange(u16),
}

impl FromStr for Workers {
    type Err = WorkersError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "auto" => Ok(Self::Auto),
            number => match number.parse()? {
                count @ 1..=256 => Ok(Self::Count(count)),
                count => Err(WorkersError::OutOfRange(count)),
            },
        }
    }
}

fn dns_label(text: &str) -> Result<String, &'static str> {
    let is_label = !text.is_empty()
        && text.len() <= 63
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        && !text.starts_with('-')
        && !text.ends_with('-');
    if is_label {
        Ok(text.to_owned())
    } else {
        Err("must be a DNS label: lower-case letters, digits and '-', at most 63 characters")
    }
}

fn dns_name(text: &str) -> Result<String, &'static str> {
    let is_name = text.len() <= 100 && text.split('.').all(|label| dns_label(label).is_ok());
    if is_name && !ends_in_number(text) {
        Ok(text.to_owned())
    } else {
        Err("must be a DNS name such as cluster.local, at most 100 characters, and not end in a number")
    }
}

fn trust_domain(text: &str) -> Result<String, String> {
    let parsed: Result<crate::pki::TrustDomain, _> = text.parse();
    parsed.map(|domain| domain.to_string()).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    fn run(args: &[&str]) -> Result<Run, String> {
        let words = ["mtls-operator", "run"].iter().chain(args);
        match Cli::try_parse_from(words) {
            Ok(Cli { command: Command::Run(run) }) => Ok(*run),
            Ok(_) => Err("another command".into()),
            Err(error) => Err(error.to_string()),
        }
    }

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn the_namespace_is_the_flag_else_that_of_the_pod_else_mtls_system() {
        let pod = || Some("pod".to_owned());
        assert_eq!(run(&["--namespace", "flag"]).unwrap().namespace(pod()), "flag");
        assert_eq!(run(&[]).unwrap().namespace(pod()), "pod");
        assert_eq!(run(&[]).unwrap().namespace(None), "mtls-system");
    }

    #[test]
    fn bad_values_are_refused_with_a_sentence() {
        for (args, sentence) in [
            (["--workers", "0"], "0 is not between 1 and 256"),
            (["--workers", "many"], "neither auto nor a number"),
            (["--namespace", "Upper"], "must be a DNS label"),
            (["--cluster-domain", "a..b"], "must be a DNS name"),
            (["--cluster-domain", "a.1"], "not end in a number"),
            (["--trust-domain", "Upper"], "Upper"),
        ] {
            let error = run(&args).unwrap_err();
            assert!(error.contains(sentence), "{args:?}: {error}");
        }
    }

    #[test]
    fn a_first_authority_is_created_unless_said_otherwise() {
        assert!(run(&[]).unwrap().create_authority);
        assert!(!run(&["--create-authority=false"]).unwrap().create_authority);
    }
}
