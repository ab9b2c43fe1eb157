//! What kubectl shows of the kinds: columns, short names, the category, selectable fields, and what each field is for.

use serde_json::json;
use test_support::cluster::TestCluster;
use test_support::namespace::TestNamespace;

/// A table of kubectl: its columns, and the cells of each row. Columns are parted by three spaces.
fn table(text: &str) -> (Vec<String>, Vec<Vec<String>>) {
    let cells = |line: &str| -> Vec<String> {
        line.split("   ").map(str::trim).filter(|cell| !cell.is_empty()).map(str::to_owned).collect()
    };
    let mut lines = text.lines();
    (cells(lines.next().unwrap_or_default()), lines.map(cells).collect())
}

async fn issued() -> (&'static TestCluster, TestNamespace, String) {
    let cluster = TestCluster::shared();
    let namespace = cluster.namespace().await;
    let authority = namespace.unique("shown");
    namespace.create_authority(&authority, json!({ "trustDomain": format!("{authority}.example") })).await;
    namespace.create("cart", json!({ "authorityRef": { "name": authority } })).await;
    namespace.ready("cart").await;
    (cluster, namespace, authority)
}

#[tokio::test]
async fn an_identity_is_shown_with_its_columns_by_each_of_its_names() {
    let (cluster, namespace, authority) = issued().await;
    let status = namespace.ready("cart").await.status.unwrap();
    for name in ["mtlsidentities", "mtlsidentity", "mtlsid"] {
        let (columns, rows) = table(&cluster.kubectl(&["get", name, "-n", &namespace.name]));
        assert_eq!(columns, ["NAME", "READY", "REASON", "SECRET", "EXPIRES", "AGE"], "{name}");
        let expires = status.not_after.as_ref().unwrap().0.to_string();
        assert!(rows.len() == 1 && rows[0].len() == columns.len(), "{name}: {rows:?}");
        assert_eq!(rows[0][1..5], ["True", "Issued", "cart-mtls", &*expires], "{name}");
    }
    let wide = cluster.kubectl(&["get", "mtlsid", "cart", "-n", &namespace.name, "-o", "wide"]);
    let (columns, rows) = table(&wide);
    assert_eq!(columns[6..], ["SPIFFE ID", "AUTHORITY", "RENEWS", "SERIAL"]);
    let (id, serial) = (status.spiffe_id.unwrap(), status.serial.unwrap());
    let renews = status.renewal_time.unwrap().0.to_string();
    assert_eq!(rows[0][6..], [id, authority, renews, serial]);
}

#[tokio::test]
async fn an_authority_is_shown_with_its_columns_by_each_of_its_names() {
    let (cluster, namespace, authority) = issued().await;
    let counted = |found: &mtls_operator::api::MtlsAuthority| {
        found
            .status
            .as_ref()
            .and_then(|status| status.identities.as_ref())
            .is_some_and(|count| count.total == 1)
    };
    let found = namespace.authority_where(&authority, "its identity to be counted", counted).await;
    let root = found.status.unwrap().roots.remove(0);
    for name in ["mtlsauthorities", "mtlsauthority", "mtlsca"] {
        let (columns, rows) = table(&cluster.kubectl(&["get", name, &authority, "-o", "wide"]));
        let usual = ["NAME", "READY", "REASON", "PHASE", "IDENTITIES", "ROOT EXPIRES", "AGE"];
        assert_eq!(columns, [&usual[..], &["TRUST DOMAIN", "ROOT"]].concat(), "{name}");
        let ends = root.not_after.as_ref().unwrap().0.to_string();
        assert_eq!(rows[0][1..6], ["True", "Ready", "Stable", "1", &*ends], "{name}");
        assert_eq!(rows[0][7..], [format!("{authority}.example"), root.fingerprint.clone()], "{name}");
    }
}

#[tokio::test]
async fn one_word_shows_authorities_and_identities() {
    let (cluster, namespace, authority) = issued().await;
    let found = cluster.kubectl(&["get", "mtls", "-n", &namespace.name, "-o", "name"]);
    let found: Vec<&str> = found.lines().collect();
    assert!(found.contains(&"mtlsidentity.mtls-operator.dev/cart"), "{found:?}");
    assert!(found.contains(&&*format!("mtlsauthority.mtls-operator.dev/{authority}")), "{found:?}");
}

#[tokio::test]
async fn objects_are_selected_by_authority_serial_and_trust_domain() {
    let (cluster, namespace, authority) = issued().await;
    namespace.create("till", json!({})).await;
    namespace.ready("till").await;
    let serial = namespace.ready("cart").await.status.unwrap().serial.unwrap();
    for selector in [format!("status.authorityName={authority}"), format!("status.serial={serial}")] {
        let found = cluster.kubectl(&["get", "mtlsid", "-A", "-o", "name", "--field-selector", &selector]);
        assert_eq!(found.trim(), "mtlsidentity.mtls-operator.dev/cart", "{selector}");
    }
    let selector = format!("spec.trustDomain={authority}.example");
    let found = cluster.kubectl(&["get", "mtlsca", "-o", "name", "--field-selector", &selector]);
    assert_eq!(found.trim(), format!("mtlsauthority.mtls-operator.dev/{authority}"));
}

#[tokio::test]
async fn every_field_is_explained() {
    let cluster = TestCluster::shared();
    for kind in ["mtlsidentities", "mtlsauthorities"] {
        for part in ["spec", "status"] {
            let of = format!("{kind}.{part}");
            let explained = cluster.kubectl(&["explain", &of, "--recursive=false"]);
            let fields = explained.split_once("FIELDS:").unwrap().1;
            // A field, then what it is for, further to the right.
            let mut lines = fields.lines().filter(|line| !line.trim().is_empty()).peekable();
            let mut count = 0;
            while let Some(line) = lines.next() {
                let is_field = line.starts_with("  ") && line.as_bytes()[2].is_ascii_alphanumeric();
                if is_field {
                    count += 1;
                    let next = lines.peek().copied().unwrap_or_default();
                    assert!(!next.contains("<no description>") && next.starts_with("    "), "{of}: {line}");
                }
            }
            assert!(count >= 5, "{of} has {count} fields: {explained}");
        }
    }
}
