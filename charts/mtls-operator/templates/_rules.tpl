{{/*
What the operator may do where identities live: in a ClusterRole when it serves all namespaces, else in a Role of each
namespace that it serves. Paths are below src/.
*/}}
{{- define "mtls-operator.namespaceRules" -}}
# list, watch: IdentityHandler in operator/informers.rs. get: observe_identity() in operator/identity/reconcile.rs, as the index keeps no objects.
- apiGroups: [mtls-operator.dev]
  resources: [mtlsidentities]
  verbs: [get, list, watch]
# ApiClient::patch_identity_status in operator/client/own_kinds.rs: the second write of an issuance.
- apiGroups: [mtls-operator.dev]
  resources: [mtlsidentities/status]
  verbs: [patch]
# list, watch: LeafSecretHandler in operator/informers.rs; list also: leaf_secret() in operator/authority/root/loss.rs, confirm() in
# operator/authority/rotation/gate.rs, recover() in operator/authority/root/recovery.rs. Metadata by label only, though RBAC cannot limit it to that.
# get: observe_secret() in operator/identity/observe.rs verifies a Secret that another client changed.
# create, patch: issue() and refresh() in operator/identity/act.rs. No delete: that is the garbage collector's, by an
# owner reference that does not block the owner's deletion and so needs no rule on finalizers. Only those of its own:
# admission-writes.yaml.
- apiGroups: [""]
  resources: [secrets]
  verbs: [get, list, watch, create, patch]
{{- if .Values.endpointProbes.enabled }}
# EndpointSlices in operator/probe/informer.rs: which Pods stand behind the Services that spec.probes names.
- apiGroups: [discovery.k8s.io]
  resources: [endpointslices]
  verbs: [list, watch]
{{- end }}
{{- if .Values.trustBundles.configMaps }}
# Trust bundles for clients without an identity, where authorities ask for them (spec.trustBundle.namespaces).
# list, watch: watch_config_maps() in operator/trust_bundle/config_maps.rs, metadata by our label, though RBAC cannot limit it to that,
# and only while an authority asks. list: operator/authority/rotation/bundles.rs, too. get: read() in operator/trust_bundle/apply.rs
# sees what is in the object of that name. create, patch, delete: there, too; what lacks our annotation is neither patched nor deleted
# (admission-writes.yaml).
- apiGroups: [""]
  resources: [configmaps]
  verbs: [get, list, watch, create, patch, delete]
{{- end }}
{{ include "mtls-operator.eventRule" . }}
{{- end -}}

{{- define "mtls-operator.eventRule" -}}
# ApiClient::create_event in operator/client/mod.rs, for operator/events.rs: something needs a person.
- apiGroups: [events.k8s.io]
  resources: [events]
  verbs: [create]
{{- end -}}
