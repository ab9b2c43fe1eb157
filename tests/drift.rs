//! What is generated and committed is what the generators make: the definitions, their copy in the chart, the field
//! tables of the documents, and the rendered chart.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking, also in what its functions share"
)]

#[path = "drift/fields.rs"]
mod fields;
#[path = "drift/forms.rs"]
mod forms;

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use mtls_operator::api::{definitions, document};

/// With this set to 1 the files are rewritten instead of compared.
const UPDATE: &str = "UPDATE";
/// Where the chart has the definitions.
const IN_CHART: &str = "charts/mtls-operator/crd-manifests";

#[test]
fn the_committed_definitions_are_what_the_types_say() {
    definitions_agree_in("crds");
}

#[test]
fn the_chart_carries_the_same_definitions() {
    definitions_agree_in(IN_CHART);
}

fn definitions_agree_in(folder: &str) {
    for definition in definitions() {
        let name = format!("{}_{}.yaml", definition.spec.group, definition.spec.names.plural);
        agrees(&format!("{folder}/{name}"), &document(&definition).unwrap());
    }
}

#[test]
fn the_field_tables_of_the_documents_are_the_descriptions_of_the_definitions() {
    agrees("docs/fields.md", &fields::tables(&definitions()));
}

#[test]
fn no_definition_is_left_over() {
    the_committed_definitions_are_what_the_types_say();
    the_chart_carries_the_same_definitions();
    for folder in ["crds", IN_CHART] {
        let files = fs::read_dir(in_package(folder)).unwrap().map(|file| file.unwrap().path());
        let files = files.filter(|path| path.extension() == Some(OsStr::new("yaml")));
        assert_eq!(files.count(), definitions().len(), "{folder} has files that no kind accounts for");
    }
}

#[test]
fn a_definition_reads_back_as_it_was_written() {
    for definition in definitions() {
        let text = document(&definition).unwrap();
        let read: CustomResourceDefinition = serde_norway::from_str(&text).unwrap();
        assert_eq!(read, definition);
    }
}

#[test]
fn the_rendered_chart_is_the_committed_manifest() {
    let helm = devcluster::tool("helm").unwrap();
    // The chart is rendered as it is committed, not as another test is about to rewrite it.
    the_chart_carries_the_same_definitions();
    let rendered = Command::new(helm)
        .args(["template", "mtls-operator", "charts/mtls-operator", "-n", "mtls-system"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(rendered.status.success(), "{}", String::from_utf8_lossy(&rendered.stderr));
    let namespace = fs::read_to_string(in_package("deploy/namespace.yaml")).unwrap();
    agrees("deploy/operator.yaml", &(namespace + &String::from_utf8(rendered.stdout).unwrap()));
}

/// Whether a file holds what its generator makes; with `UPDATE=1` it does afterwards.
fn agrees(path: &str, generated: &str) {
    let file = in_package(path);
    let committed = fs::read_to_string(&file).unwrap_or_default();
    if committed == generated {
        return;
    }
    if is_set(UPDATE) {
        // Complete or not at all: other tests read it at the same time.
        let draft =
            file.with_extension(format!("{}.{:?}.draft", std::process::id(), std::thread::current().id()));
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(&draft, generated).unwrap();
        fs::rename(&draft, &file).unwrap();
        return;
    }
    panic!(
        "{path} is not what its generator makes; {}. Run: make generate",
        first_difference(&committed, generated)
    );
}

fn first_difference(committed: &str, generated: &str) -> String {
    let mut lines = committed.lines().zip(generated.lines()).enumerate();
    match lines.find(|(_, (old, new))| old != new) {
        Some((at, (old, new))) => format!("line {} is\n  {old}\nand should be\n  {new}\n", at + 1),
        None => "it ends too early or too late".into(),
    }
}

fn is_set(variable: &str) -> bool {
    std::env::var_os(variable).as_deref() == Some(OsStr::new("1"))
}

fn in_package(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}
