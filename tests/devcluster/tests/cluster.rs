//! Claims of a control plane: version, isolation, rights of accounts, outages, audit log.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking, its own functions too")]

use std::process::{Command, Output};
use std::thread;

use devcluster::{Cluster, Options, audit};

fn start(name: &str) -> Cluster {
    Cluster::start(Options { name: name.into(), ..Options::default() }).unwrap()
}

fn kubectl(cluster: &Cluster, arguments: &[&str]) -> Output {
    cluster.kubectl().args(arguments).output().unwrap()
}

fn succeed(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn two_clusters_side_by_side_do_not_see_each_other() {
    // Started by a thread that has ended: a cluster belongs to its holder, not to a thread.
    let starting = thread::spawn(|| start("left"));
    let right = start("right");
    let left = starting.join().unwrap();
    assert_ne!(left.url(), right.url());

    succeed(left.kubectl().args(["create", "namespace", "only-left"]));
    assert!(!kubectl(&right, &["get", "namespace", "only-left"]).status.success());

    let folder = left.data_dir().to_owned();
    left.stop().unwrap();
    assert!(!folder.exists());
    succeed(right.kubectl().args(["get", "--raw=/readyz"]));
}

#[test]
fn the_api_server_is_of_the_version_that_was_chosen() {
    let cluster = start("version");
    let version = succeed(cluster.kubectl().args(["get", "--raw=/version"]));
    let chosen = devcluster::kubernetes_version().unwrap();
    if std::env::var_os("KUBEBUILDER_ASSETS").is_none() {
        assert!(version.contains(&format!("\"{chosen}\"")), "{chosen} was chosen: {version}");
    }
}

#[test]
fn a_service_account_has_its_own_rights_and_no_more() {
    let cluster = start("rights");
    succeed(cluster.kubectl().args(["create", "serviceaccount", "reader"]));
    succeed(cluster.kubectl().args(["create", "role", "reader", "--verb=list", "--resource=configmaps"]));
    let binding = ["create", "rolebinding", "reader", "--role=reader", "--serviceaccount=default:reader"];
    succeed(cluster.kubectl().args(binding));

    let kubeconfig = cluster.kubeconfig_for("default", "reader").unwrap();
    let as_reader =
        |what: &str| cluster.kubectl().env("KUBECONFIG", &kubeconfig).args(["get", what]).output().unwrap();
    assert!(as_reader("configmaps").status.success());
    let refused = String::from_utf8(as_reader("secrets").stderr).unwrap();
    assert!(refused.contains("Forbidden"), "{refused}");
    assert!(refused.contains("system:serviceaccount:default:reader"), "{refused}");
    assert!(cluster.kubeconfig_for("default", "absent").is_err());
}

#[test]
fn an_outage_of_the_api_server_keeps_address_data_and_tokens() {
    let cluster = start("outage");
    let token = cluster.kubeconfig_for("default", "default").unwrap();
    succeed(cluster.kubectl().args(["create", "configmap", "kept"]));

    cluster.stop_api_server().unwrap();
    assert!(!kubectl(&cluster, &["get", "--raw=/readyz"]).status.success());
    cluster.start_api_server().unwrap();

    succeed(cluster.kubectl().args(["get", "configmap", "kept"]));
    succeed(cluster.kubectl().env("KUBECONFIG", token).args(["auth", "whoami"]));
}

#[test]
fn a_request_that_was_answered_is_in_the_audit_log_once() {
    let cluster = start("audit");
    let offset = audit::end(&cluster.audit_log()).unwrap();
    succeed(cluster.kubectl().args(["create", "configmap", "counted"]));

    let events = audit::read(&cluster.audit_log(), offset).unwrap();
    let ours: Vec<_> = events.iter().filter(|event| event.user == "devcluster-admin").collect();
    let changes: Vec<_> = ours.iter().filter(|event| event.is_mutating()).collect();
    let [change] = changes.as_slice() else { panic!("one change was asked for: {ours:#?}") };
    assert_eq!((change.verb.as_str(), change.resource.as_str()), ("create", "configmaps"));
    assert_eq!((change.namespace.as_str(), change.name.as_str()), ("default", "counted"));
    assert_eq!((change.code, change.stage.as_str()), (201, "ResponseComplete"));
    assert!(change.user_agent.starts_with("kubectl"));
}
