//! What a request asks for, by its path and its query.

use http::Uri;

use super::selector::Selector;

/// A request.
pub enum Route {
    /// A page of a list.
    List { of: Selector, limit: usize, from: usize },
    /// The changes after a version.
    Watch { of: Selector, after: u64, seconds: u64 },
    /// Anything about one object, or its creation.
    Object { kind: String, namespace: String, name: String },
}

impl Route {
    /// Of a request that reads, or writes.
    pub fn of(uri: &Uri, is_read: bool) -> Self {
        let (kind, namespace, name) = place(uri.path());
        match name {
            None if is_read => Self::collection(uri, kind, namespace),
            name => Self::Object {
                kind: kind.into(),
                namespace: namespace.unwrap_or_default().into(),
                name: name.unwrap_or_default().into(),
            },
        }
    }

    fn collection(uri: &Uri, kind: &str, namespace: Option<&str>) -> Self {
        let query = |name: &str| value(uri.query().unwrap_or_default(), name);
        let number = |name: &str| query(name).and_then(|value| value.parse::<usize>().ok());
        let of = Selector::new(kind, namespace, &query("labelSelector").unwrap_or_default());
        if query("watch").as_deref() == Some("true") {
            let seconds = number("timeoutSeconds").unwrap_or(290) as u64;
            return Self::Watch { of, after: number("resourceVersion").unwrap_or(0) as u64, seconds };
        }
        let limit = number("limit").unwrap_or(usize::MAX);
        Self::List { of, limit, from: number("continue").unwrap_or(0) }
    }
}

/// Collection, namespace and name.
fn place(path: &str) -> (&str, Option<&str>, Option<&str>) {
    let parts: Vec<&str> = path.trim_start_matches('/').split('/').collect();
    let parts = parts.get(if parts[0] == "api" { 2 } else { 3 }..).unwrap_or_default();
    match *parts {
        ["namespaces", namespace, kind, ref rest @ ..] => (kind, Some(namespace), rest.first().copied()),
        [kind, ref rest @ ..] => (kind, None, rest.first().copied()),
        // The resources of a group.
        [] => ("", None, Some("")),
    }
}

/// The value of a parameter, decoded.
fn value(query: &str, name: &str) -> Option<String> {
    let text = query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))?;
    Some(text.replace("%3D", "=").replace("%2C", ",").replace("%2F", "/"))
}
