//! The cache folder: it holds everything that outlives a cluster.

use std::env;
use std::path::PathBuf;

use crate::Error;

/// The folder for binaries and for the state of `up`.
pub(crate) fn folder() -> Result<PathBuf, Error> {
    let set = |name| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    set("MTLS_OPERATOR_CACHE")
        .or_else(|| set("XDG_CACHE_HOME").map(|folder| folder.join("mtls-operator")))
        .or_else(|| set("HOME").map(|folder| folder.join(".cache/mtls-operator")))
        .map(|folder| folder.join("devcluster"))
        .ok_or(Error::NoCacheFolder)
}
