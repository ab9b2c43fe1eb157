//! Log lines about certificates: each says everything that the certificate holds, and no line holds a key.

use base64::Engine as _;
use mtls_operator::pki::Leaf;
use serde_json::{Value, json};
use test_support::in_memory::api_server::Fault;
use test_support::in_memory::harness::{A_WHILE, Harness, issued};
use test_support::log::Log;

/// The lines about certificates since the last time.
fn lines(log: &Log) -> Vec<Value> {
    let lines = log.lines().into_iter().map(|line| serde_json::from_str::<Value>(&line).unwrap());
    lines.filter(|line| line["target"] == "audit").collect()
}

fn stored(harness: &Harness) -> (Leaf, String) {
    let secret = harness.secret("web-mtls").unwrap();
    let content = |key: &str| {
        let text = secret["data"][key].as_str().unwrap();
        base64::engine::general_purpose::STANDARD.decode(text).unwrap()
    };
    (Leaf::from_chain_pem(&content("tls.crt")).unwrap(), String::from_utf8(content("tls.key")).unwrap())
}

fn joined(names: &[impl ToString]) -> Value {
    json!(names.iter().map(ToString::to_string).collect::<Vec<_>>().join(","))
}

/// An authority that grants a name and an address, and a person who asks for them.
async fn asked_for() -> Harness {
    let spec = json!({"grants": [
        {"name": "edge", "namespaces": {"from": "All"}, "dnsNames": ["example.com"]},
        {"name": "pool", "namespaces": {"from": "All"}, "cidrs": ["10.0.0.0/24"]},
    ]});
    let harness = Harness::bare(
        test_support::in_memory::api_server::ApiServer::default(),
        test_support::in_memory::harness::NOW,
    );
    let harness = harness.with_authority(serde_json::from_value(spec).unwrap()).await;
    harness.apply("web", &json!({"dnsNames": ["example.com"], "ipAddresses": ["10.0.0.7", "10.0.0.8"]}));
    harness.server.edit("mtlsidentities", "orders", "web", |identity| {
        identity["metadata"]["managedFields"] = json!([
            {"manager": "helm", "time": "2026-05-28T20:00:00Z", "operation": "Update"},
            {"manager": "kubectl-client-side-apply", "time": "2026-05-28T20:10:00Z", "operation": "Update"},
            {"manager": "mtls-operator", "time": "2026-05-28T20:20:00Z", "operation": "Update",
             "subresource": "status"},
        ]);
    });
    harness
}

#[tokio::test(start_paused = true)]
async fn one_line_for_each_certificate_says_all_that_is_in_it_who_signed_it_and_why() {
    let (log, _guard) = Log::listen_as_machine();
    let mut harness = asked_for().await;
    harness.settle().await;
    let (leaf, _) = stored(&harness);
    let [line] = &lines(&log)[..] else { panic!("not one line") };
    let root = harness.context.issuers.get("mesh").unwrap();
    let root = &root.signer.as_ref().unwrap().authority;
    let uid = harness.identity("web").metadata.uid.unwrap();
    let expected = json!({
        "level": "INFO", "message": "issued", "stored": "yes", "because": "New", "class": "New",
        "namespace": "orders", "name": "web", "uid": uid, "secret": "web-mtls",
        "serial": leaf.serial.to_string(), "subject": "", "spiffe_id": joined(&leaf.spiffe_ids),
        "dns_names": joined(&leaf.dns_names), "ip_addresses": joined(&leaf.ip_addresses),
        "not_before": leaf.window.not_before.to_string(), "not_after": leaf.window.not_after.to_string(),
        "key_algorithm": "ECDSAP256", "authority": "mesh", "signer_key_id": root.key_id().to_string(),
        "signer_fingerprint": root.fingerprint().to_string(), "grants": "edge,pool",
        "writer": "kubectl-client-side-apply", "writer_time": "2026-05-28T20:10:00Z",
    });
    for (field, value) in expected.as_object().unwrap() {
        assert_eq!(line[field], *value, "{field}");
    }
    assert_eq!(leaf.dns_names.len(), 4);
    harness.manual_clock.set(harness.identity("web").status.unwrap().renewal_time.unwrap().0);
    harness.reconcile_authority().await.unwrap();
    harness.settle().await;
    let [renewed] = &lines(&log)[..] else { panic!("not one line") };
    assert_eq!((&renewed["because"], &renewed["class"]), (&json!("Due"), &json!("Due")));
    assert_eq!(renewed["serial"], json!(stored(&harness).0.serial.to_string()));
}

#[tokio::test(start_paused = true)]
async fn a_certificate_whose_write_was_not_answered_has_a_line_and_one_that_was_refused_has_none() {
    for (fault, expected) in [(Fault::AnswerLost, Some("unknown")), (Fault::Broken, Some("unknown"))] {
        let (log, _guard) = Log::listen_as_machine();
        let mut harness = asked_for().await;
        harness.server.next("POST secrets orders", fault);
        harness.watch();
        harness.work().await;
        let line = lines(&log).first().cloned().unwrap_or_default();
        assert_eq!(line["stored"].as_str(), expected, "{fault:?}");
        harness.advance(A_WHILE);
        harness.reconcile_authority().await.unwrap();
        harness.settle().await;
        assert_eq!(harness.ready("web"), issued());
    }
    let (log, _guard) = Log::listen_as_machine();
    let mut harness = asked_for().await;
    harness.settle().await;
    lines(&log);
    harness.manual_clock.set(harness.identity("web").status.unwrap().renewal_time.unwrap().0);
    harness.reconcile_authority().await.unwrap();
    harness.server.next("PATCH secrets", Fault::Overtaken);
    harness.settle().await;
    assert_eq!(lines(&log).len(), 1, "what was refused was not stored");
}

#[tokio::test(start_paused = true)]
async fn no_line_of_the_log_holds_a_key() {
    let (log, _guard) = Log::listen_as_machine();
    let mut harness = asked_for().await;
    harness.settle().await;
    let text = log.lines().join("\n");
    let (_, key) = stored(&harness);
    for secret in key.lines().filter(|line| !line.starts_with("-----")) {
        assert!(!text.contains(secret), "a key is logged");
    }
    assert!(!text.contains("PRIVATE KEY"));
}
