//! What the chart renders, for every shape of installation.

use clap::Parser as _;
use mtls_operator::cli::Cli;
use serde_json::{Value, json};
use test_support::chart::{CHART, refusal, render};
use test_support::installation::succeed;

const SHAPES: [&[&str]; 7] = [
    &[],
    &["watchNamespaces={red,blue}", "trustBundles.clusterTrustBundles=true"],
    &["crds.enabled=false", "podDisruptionBudget.enabled=false", "networkPolicy.enabled=false"],
    &["endpointProbes.enabled=true", "watchNamespaces={red}"],
    &["authority.create=false", "replicaCount=1", "metrics.serviceMonitor.enabled=true"],
    &["serviceAccount.create=false", "serviceAccount.name=mine", "rbac.aggregateClusterRoles=false"],
    &["serviceAccount.name=new", "serviceAccount.formerNames={old,older}", "admissionPolicies.enabled=false"],
];

fn of_kind<'a>(objects: &'a [Value], kinds: &'a [&'a str]) -> impl Iterator<Item = &'a Value> {
    objects.iter().filter(|object| kinds.contains(&object["kind"].as_str().unwrap_or_default()))
}

fn strings(value: &Value) -> Vec<&str> {
    value.as_array().map(|items| items.iter().filter_map(Value::as_str).collect()).unwrap_or_default()
}

fn rules(objects: &[Value]) -> Vec<(String, Vec<&str>, Vec<&str>)> {
    let mut rules = Vec::new();
    for role in of_kind(objects, &["Role", "ClusterRole"]) {
        let name =
            format!("{} {}", role["kind"].as_str().unwrap(), role["metadata"]["name"].as_str().unwrap());
        for rule in role["rules"].as_array().unwrap() {
            rules.push((name.clone(), strings(&rule["resources"]), strings(&rule["verbs"])));
        }
    }
    rules
}

#[test]
fn the_chart_passes_strict_lint() {
    let helm = devcluster::tool("helm").unwrap();
    succeed(std::process::Command::new(helm).args(["lint", "--strict", CHART])).unwrap();
}

#[test]
fn values_that_mean_nothing_are_refused() {
    for (value, sentence) in [
        ("replicas=3", "additional properties 'replicas' not allowed"),
        ("replicaCount=-1", "minimum"),
        ("workers=many", "workers"),
        ("log.format=xml", "log"),
        ("image=null", "image"),
    ] {
        let refusal = refusal(&[value]);
        assert!(refusal.contains(sentence), "{value}: {refusal}");
    }
}

#[test]
fn no_role_has_a_wildcard_and_no_secret_is_updated_or_deleted() {
    for shape in SHAPES {
        for (role, resources, verbs) in rules(&render(shape)) {
            assert!(!resources.contains(&"*") && !verbs.contains(&"*"), "{role}");
            let secrets = resources.contains(&"secrets");
            assert!(
                !secrets || !verbs.iter().any(|verb| ["update", "delete", "deletecollection"].contains(verb)),
                "{role}"
            );
        }
    }
}

#[test]
fn with_a_list_of_namespaces_no_cluster_role_of_the_operator_names_what_lives_in_them() {
    let objects = render(&["watchNamespaces={red,blue}"]);
    let cluster = rules(&objects).into_iter().filter(|(role, ..)| role == "ClusterRole mtls-operator");
    for (role, resources, _) in cluster {
        let within = ["secrets", "configmaps", "mtlsidentities"];
        assert!(
            !resources.iter().any(|resource| within.iter().any(|kind| resource.contains(kind))),
            "{role}: {resources:?}"
        );
    }
    for namespace in ["red", "blue"] {
        let here = |object: &&Value| object["metadata"]["namespace"] == namespace;
        assert_eq!(of_kind(&objects, &["Role"]).filter(here).count(), 1, "{namespace}");
        assert_eq!(of_kind(&objects, &["RoleBinding"]).filter(here).count(), 1, "{namespace}");
    }
}

#[test]
fn endpoints_are_read_and_pods_dialed_only_with_probes() {
    for (values, is_on) in [(&[][..], false), (&["endpointProbes.enabled=true"][..], true)] {
        let objects = render(values);
        let rules = rules(&objects);
        let reading = rules.iter().filter(|(_, resources, _)| resources.contains(&"endpointslices"));
        assert_eq!(
            reading.map(|(.., verbs)| verbs.clone()).collect::<Vec<_>>(),
            [["list", "watch"]][..usize::from(is_on)]
        );
        let policy = of_kind(&objects, &["NetworkPolicy"]).next().unwrap();
        let egress = policy["spec"]["egress"].as_array().unwrap();
        let to_pods = egress.iter().filter(|rule| rule["to"][0]["namespaceSelector"].is_object());
        assert_eq!(to_pods.count(), usize::from(is_on));
        let deployment = of_kind(&objects, &["Deployment"]).next().unwrap();
        let flags = strings(&deployment["spec"]["template"]["spec"]["containers"][0]["args"]);
        assert_eq!(flags.contains(&"--endpoint-probes"), is_on);
    }
}

#[test]
fn what_is_cluster_scoped_can_be_written_only_where_that_was_asked_for() {
    let names = |values: &[&str], resource: &str| {
        rules(&render(values)).iter().any(|(_, resources, _)| resources.contains(&resource))
    };
    for resource in ["clustertrustbundles", "signers"] {
        assert!(
            !names(&[], resource) && names(&["trustBundles.clusterTrustBundles=true"], resource),
            "{resource}"
        );
    }
}

#[test]
fn config_maps_can_be_seen_and_written_unless_that_right_was_taken_away() {
    for namespaces in [&[][..], &["watchNamespaces={red,blue}"]] {
        let names = |values: &[&str]| {
            rules(&render(values)).iter().any(|(_, resources, _)| resources.contains(&"configmaps"))
        };
        assert!(names(namespaces) && !names(&[namespaces, &["trustBundles.configMaps=false"]].concat()));
    }
}

#[test]
fn roles_for_people_never_grant_status_nor_the_writing_of_authorities() {
    let objects = render(&[]);
    let for_people = |role: &str| role.ends_with("-edit") || role.ends_with("-view");
    let rules = rules(&objects);
    let rules: Vec<_> = rules.iter().filter(|(role, ..)| for_people(role)).collect();
    assert_eq!(rules.len(), 3);
    for (role, resources, verbs) in rules {
        assert!(resources.iter().all(|resource| !resource.contains('/')), "{role}");
        let writes = verbs.iter().any(|verb| !["get", "list", "watch"].contains(verb));
        assert!(!writes || *resources == ["mtlsidentities"], "{role}");
    }
}

#[test]
fn the_program_understands_every_flag_that_it_is_given() {
    for shape in SHAPES {
        let objects = render(shape);
        let deployment = of_kind(&objects, &["Deployment"]).next().unwrap();
        let flags = strings(&deployment["spec"]["template"]["spec"]["containers"][0]["args"]);
        let words = std::iter::once("mtls-operator").chain(flags);
        Cli::try_parse_from(words).unwrap_or_else(|error| panic!("{shape:?}: {error}"));
    }
}

#[test]
fn definitions_are_kept_unless_asked_otherwise_and_left_out_on_request() {
    let notes = |objects: &[Value]| -> Vec<Value> {
        let definitions = of_kind(objects, &["CustomResourceDefinition"]);
        definitions.map(|definition| definition["metadata"]["annotations"].clone()).collect()
    };
    // Helm's word for it, and Argo CD's, which prunes in spite of Helm's.
    let kept = json!({
        "helm.sh/resource-policy": "keep", "argocd.argoproj.io/sync-options": "Prune=false,Delete=false",
    });
    assert_eq!(notes(&render(&[])), [kept.clone(), kept]);
    assert_eq!(notes(&render(&["crds.keep=false"])), [Value::Null, Value::Null]);
    assert!(notes(&render(&["crds.enabled=false"])).is_empty());
}

const POLICIES: [&str; 2] = ["ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding"];

#[test]
fn no_two_releases_have_a_policy_of_the_same_name() {
    let objects = render(&[]);
    for kind in POLICIES.chunks(1) {
        let names: Vec<&str> =
            of_kind(&objects, kind).filter_map(|policy| policy["metadata"]["name"].as_str()).collect();
        let expected = ["grants", "status", "status-of-own", "writes"];
        let expected = expected.map(|purpose| format!("mtls-operator.mtls-system.{purpose}"));
        assert_eq!(names.len(), expected.len(), "{names:?}");
        assert!(expected.iter().all(|name| names.contains(&name.as_str())), "{names:?}");
    }
    assert_eq!(of_kind(&render(&["admissionPolicies.enabled=false"]), &POLICIES).count(), 0);
}

#[test]
fn a_missing_grant_is_told_unless_it_shall_be_refused() {
    for (value, actions) in [("Warn", ["Warn", "Audit"]), ("Deny", ["Deny", "Audit"])] {
        let objects = render(&[&format!("admissionPolicies.grants={value}")]);
        let is_grants =
            |binding: &&Value| binding["spec"]["policyName"] == "mtls-operator.mtls-system.grants";
        let binding = of_kind(&objects, &["ValidatingAdmissionPolicyBinding"]).find(is_grants).unwrap();
        assert_eq!(binding["spec"]["validationActions"], json!(actions));
    }
}

#[test]
fn former_accounts_stay_and_keep_the_roles() {
    let objects =
        render(&["serviceAccount.name=new", "serviceAccount.formerNames={old}", "watchNamespaces={red}"]);
    let names: Vec<&Value> =
        of_kind(&objects, &["ServiceAccount"]).map(|account| &account["metadata"]["name"]).collect();
    assert_eq!(names, ["new", "old"]);
    let bindings: Vec<&Value> = of_kind(&objects, &["RoleBinding", "ClusterRoleBinding"]).collect();
    assert!(bindings.len() > 3);
    for binding in bindings {
        let subjects = binding["subjects"].as_array().unwrap().iter();
        let subjects: Vec<&Value> = subjects.map(|subject| &subject["name"]).collect();
        assert_eq!(subjects, ["new", "old"], "{binding}");
    }
}
