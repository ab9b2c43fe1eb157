{{/*
What the operator may do where identities live: in a ClusterRole when it serves all namespaces, else in a Role of each
namespace that it serves. Paths are below src/.
*/}}
{{- define "mtls-operator.namespaceRules" -}}
# list, watch: Identities in operator/watch.rs. get: reconcile() in operator/reconcile.rs reads again what changed
# while it worked.
- apiGroups: [mtls-operator.dev]
  resources: [mtlsidentities]
  verbs: [get, list, watch]
# Requests::patch_identity_status in operator/requests.rs: the second write of an issuance.
- apiGroups: [mtls-operator.dev]
  resources: [mtlsidentities/status]
  verbs: [patch]
# list, watch: LeafSecrets in operator/watch.rs, metadata by label, though RBAC cannot limit it to that.
# get: secret() in operator/observe.rs verifies a Secret that somebody touched.
# create, patch: operator/act.rs, the first write of an issuance. Secrets are never deleted by the operator: the
# garbage collector does it, by owner reference. These do not block the owner's deletion, so no finalizers rule.
- apiGroups: [""]
  resources: [secrets]
  verbs: [get, list, watch, create, patch]
{{ include "mtls-operator.eventRule" . }}
{{- end -}}

{{- define "mtls-operator.eventRule" -}}
# Requests::create_event in operator/requests.rs, for operator/events.rs: something needs a person.
- apiGroups: [events.k8s.io]
  resources: [events]
  verbs: [create]
{{- end -}}
