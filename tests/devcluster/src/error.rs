//! Errors of clusters and tools; each message says what to do next.

use std::io;
use std::path::PathBuf;

use crate::{NODE_TOOLS, Obstacle, TOOLS};

/// Why a cluster, or a tool, is not there.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file could not be read or written.
    #[error("{action} {path}: {source}", path = path.display())]
    File {
        /// What was being done, as in "write".
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// A command could not be run at all.
    #[error("run {command}: {source}")]
    Spawn {
        /// The command.
        command: String,
        /// What the operating system says.
        source: io::Error,
    },
    /// A command ran and ended with an error.
    #[error("{command} ended with {status}: {output}")]
    Command {
        /// The command.
        command: String,
        /// Its exit status.
        status: String,
        /// The end of what it wrote.
        output: String,
    },
    /// No such tool.
    #[error("there is no tool {0:?}: known are {known}", known = [&TOOLS[..], &NODE_TOOLS[..]].concat().join(", "))]
    UnknownTool(String),
    /// No control plane of that version can be built.
    #[error("MTLS_KUBERNETES={0}: there are 1.33, 1.36 and 1.37")]
    UnknownKubernetes(String),
    /// A tool is nowhere to be found and cannot be built.
    #[error(
        "{tool} is missing and Go cannot build it ({reason}): install Go 1.26 or newer, or name a folder that holds {tool} in KUBEBUILDER_ASSETS"
    )]
    CannotBuild {
        /// The tool.
        tool: String,
        /// Why the build did not happen.
        reason: String,
    },
    /// Neither `MTLS_OPERATOR_CACHE`, `XDG_CACHE_HOME` nor `HOME` is set.
    #[error("no place for the cache: set MTLS_OPERATOR_CACHE, XDG_CACHE_HOME or HOME")]
    NoCacheFolder,
    /// No free port in the range.
    #[error("no free port on 127.0.0.1 between {0} and {1}: stop something that listens there")]
    NoFreePort(u16, u16),
    /// A certificate of the cluster could not be made.
    #[error("make the cluster's {what} certificate: {source}")]
    Certificate {
        /// The owner of the certificate.
        what: &'static str,
        /// What the library says.
        source: rcgen::Error,
    },
    /// A component ended, or did not become ready.
    #[error("{component} {what}; the end of its log:\n{log}")]
    Component {
        /// The component.
        component: String,
        /// What it did.
        what: &'static str,
        /// Its last lines.
        log: String,
    },
    /// The process that owns the cluster's processes is gone or refuses.
    #[error("the cluster's supervisor {0}")]
    Supervisor(String),
    /// A cluster made by `up` is already there.
    #[error("a cluster is already up in {}: take it down with `cargo run -q -p devcluster -- down`", .0.display())]
    AlreadyUp(PathBuf),
    /// No cluster made by `up` is there.
    #[error("no cluster is up: start one with `cargo run -q -p devcluster -- up`")]
    NotUp,
    /// A node was asked for where none can be.
    #[error("{0}")]
    Obstacle(Obstacle),
    /// Something was asked of a node that is not there.
    #[error("this cluster has no node: start it with one (`Options::node`, `--node`)")]
    NoNode,
    /// The audit log holds a line that is no event.
    #[error("audit log {} holds a line that is no event: {source}", path.display())]
    Audit {
        /// The audit log.
        path: PathBuf,
        /// What the parser says.
        source: serde_json::Error,
    },
}

impl Error {
    /// Wraps an I/O error with what was done to which file.
    pub(crate) fn file(action: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::File { action, path, source }
    }
}
