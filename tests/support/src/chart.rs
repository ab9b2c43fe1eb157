//! The chart as helm renders it, without a cluster.

use std::process::{Command, Output};

use serde_json::Value;

use crate::installation::{RELEASE, SYSTEM};

/// The chart.
pub const CHART: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../charts/mtls-operator");

/// Renders the chart with these values.
pub fn render(values: &[&str]) -> Vec<Value> {
    let output = template(values);
    assert!(output.status.success(), "{values:?}: {}", said(&output));
    let documents = serde_norway::Deserializer::from_slice(&output.stdout);
    let values = documents.map(|document| <Value as serde::Deserialize>::deserialize(document).unwrap());
    values.filter(|value| !value.is_null()).collect()
}

/// What helm says against these values.
pub fn refusal(values: &[&str]) -> String {
    let output = template(values);
    assert!(!output.status.success(), "{values:?} was not refused");
    said(&output)
}

fn template(values: &[&str]) -> Output {
    let mut helm = Command::new(devcluster::tool("helm").unwrap());
    helm.args(["template", RELEASE, CHART, "-n", SYSTEM]);
    for value in values {
        helm.args(["--set", value]);
    }
    helm.output().unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}
