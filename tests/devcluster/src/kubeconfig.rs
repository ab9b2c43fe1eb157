//! Kubeconfig files: each names one server, one CA and one user, and lies in the cluster's own folder.

use std::path::Path;

use serde_json::{Value, json};

use crate::Error;
use crate::file::write;

/// How the user authenticates.
pub(crate) enum Credential<'a> {
    /// Certificate and key `<name>.crt`, `<name>.key` in the cluster's `pki` folder.
    Certificate(&'a str),
    /// A bearer token.
    Token(&'a str),
}

/// Writes a kubeconfig for `url` to `path` (JSON, which is YAML).
pub(crate) fn write_to(path: &Path, url: &str, pki: &Path, credential: &Credential<'_>) -> Result<(), Error> {
    let config = json!({
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "devcluster",
        "clusters": [{"name": "devcluster", "cluster": {
            "server": url,
            "certificate-authority": pki.join("ca.crt"),
        }}],
        "users": [{"name": "devcluster", "user": user(pki, credential)}],
        "contexts": [{"name": "devcluster", "context": {"cluster": "devcluster", "user": "devcluster"}}],
    });
    write(path, &format!("{config:#}\n"))
}

fn user(pki: &Path, credential: &Credential<'_>) -> Value {
    match credential {
        Credential::Certificate(name) => json!({
            "client-certificate": pki.join(format!("{name}.crt")),
            "client-key": pki.join(format!("{name}.key")),
        }),
        Credential::Token(token) => json!({"token": token}),
    }
}
