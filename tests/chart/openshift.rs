//! The SCC restricted-v2 of `OpenShift`, the rule under which Pods run that have no other: what it demands is written down here,
//! and the rendered Pods are held against it.

use serde_json::{Value, json};
use test_support::chart::{CHART, refusal, render};

/// The values that the chart's README gives for `OpenShift`.
const VALUES: [&str; 2] = ["podSecurityContext.runAsUser=null", "podSecurityContext.runAsGroup=null"];

/// Users that `OpenShift` gives to a namespace (`openshift.io/sa.scc.uid-range`: 1000680000/10000). No two have the same.
const USERS: std::ops::Range<i64> = 1_000_680_000..1_000_690_000;
/// `volumes` of the SCC.
const VOLUMES: [&str; 8] = [
    "configMap",
    "csi",
    "downwardAPI",
    "emptyDir",
    "ephemeral",
    "persistentVolumeClaim",
    "projected",
    "secret",
];

fn pod(values: &[&str]) -> Value {
    let objects = render(values);
    let deployment = objects.iter().find(|object| object["kind"] == "Deployment").unwrap();
    deployment["spec"]["template"]["spec"].clone()
}

/// What of a Pod the SCC refuses. What a Pod leaves open the SCC fills in: a user, `SELinux` options, `RuntimeDefault`.
fn refused(pod: &Value) -> Vec<String> {
    let mut faults = Vec::new();
    for flag in ["hostNetwork", "hostPID", "hostIPC"] {
        if pod[flag] == true {
            faults.push(flag.to_owned());
        }
    }
    let containers =
        [&pod["initContainers"], &pod["containers"]].into_iter().filter_map(Value::as_array).flatten();
    for container in containers {
        faults.extend(refused_of_container(container));
        faults.extend(refused_of_context(&container["securityContext"]));
    }
    faults.extend(refused_of_context(&pod["securityContext"]));
    // fsGroup and supplementalGroups: MustRunAs a group of the namespace's range, RunAsAny.
    if pod["securityContext"]["fsGroup"].as_i64().is_some_and(|group| !USERS.contains(&group)) {
        faults.push("fsGroup".to_owned());
    }
    let volumes = pod["volumes"].as_array().into_iter().flatten().filter_map(Value::as_object);
    let kinds = volumes.flat_map(|volume| volume.keys()).filter(|key| *key != "name");
    faults
        .extend(kinds.filter(|kind| !VOLUMES.contains(&kind.as_str())).map(|kind| format!("volume {kind}")));
    faults
}

/// `runAsUser` `MustRunAsRange`, `seLinuxContext` `MustRunAs`, `seccompProfiles` runtime/default: of a Pod or a container.
fn refused_of_context(context: &Value) -> Vec<String> {
    let mut faults = Vec::new();
    if context["runAsUser"].as_i64().is_some_and(|user| !USERS.contains(&user)) {
        faults.push("runAsUser".to_owned());
    }
    if context["seLinuxOptions"].is_object() {
        faults.push("seLinuxOptions".to_owned());
    }
    if context["seccompProfile"]["type"].as_str().is_some_and(|profile| profile != "RuntimeDefault") {
        faults.push("seccompProfile".to_owned());
    }
    faults
}

/// `allowPrivilegeEscalation` and `allowPrivilegedContainer` false, `requiredDropCapabilities` ALL, `allowedCapabilities`
/// `NET_BIND_SERVICE`, no host ports.
fn refused_of_container(container: &Value) -> Vec<String> {
    let context = &container["securityContext"];
    let added = context["capabilities"]["add"].as_array();
    let is_more = added.is_some_and(|added| added.iter().any(|one| one != "NET_BIND_SERVICE"));
    let ports = container["ports"].as_array();
    [
        ("privileged", context["privileged"] == true),
        ("allowPrivilegeEscalation", context["allowPrivilegeEscalation"] == true),
        ("capabilities", is_more || context["capabilities"]["drop"] != json!(["ALL"])),
        ("hostPort", ports.is_some_and(|ports| ports.iter().any(|port| port["hostPort"].is_i64()))),
    ]
    .into_iter()
    .filter(|(_, is_so)| *is_so)
    .map(|(fault, _)| fault.to_owned())
    .collect()
}

#[test]
fn restricted_v2_admits_the_pods_with_the_documented_values() {
    assert_eq!(refused(&pod(&[])), ["runAsUser"]);
    let open = pod(&VALUES);
    assert_eq!(refused(&open), Vec::<String>::new());
    // The SCC gives a user; that it is not root stays demanded, and the rest of the context is as it was.
    let context = json!({ "runAsNonRoot": true, "seccompProfile": { "type": "RuntimeDefault" } });
    assert_eq!(open["securityContext"], context);
    assert_eq!(open["containers"], pod(&[])["containers"]);
    let readme = std::fs::read_to_string(format!("{CHART}/README.md")).unwrap();
    for value in VALUES {
        assert!(readme.contains(&format!("--set {value}")), "{value}");
    }
}

#[test]
fn what_the_restricted_standard_demands_cannot_be_taken_away() {
    for value in [
        "podSecurityContext.runAsNonRoot=false",
        "podSecurityContext.runAsNonRoot=null",
        "podSecurityContext.runAsUser=0",
        "podSecurityContext.seccompProfile=null",
        "podSecurityContext.seccompProfile.type=Unconfined",
        "securityContext.allowPrivilegeEscalation=true",
        "securityContext.privileged=true",
        "securityContext.capabilities.drop=null",
        "securityContext.capabilities.add={SYS_ADMIN}",
        "securityContext.runAsUser=0",
    ] {
        refusal(&[value]);
    }
    let other = pod(&["podSecurityContext.runAsUser=1000680001", "podSecurityContext.fsGroup=1000680001"]);
    assert_eq!(refused(&other), Vec::<String>::new());
}
