{{/* Name of the chart's objects. Short enough for the longest suffix. */}}
{{- define "mtls-operator.name" -}}
{{- $name := .Release.Name -}}
{{- if not (contains .Chart.Name $name) -}}
{{- $name = printf "%s-%s" $name .Chart.Name -}}
{{- end -}}
{{- $name | trunc 55 | trimSuffix "-" -}}
{{- end -}}

{{/* Labels that select the operator's Pods. They can never change: a Deployment's selector is immutable. */}}
{{- define "mtls-operator.selector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name | quote }}
{{- end -}}

{{/* Labels of every object. Helm itself adds app.kubernetes.io/managed-by. */}}
{{- define "mtls-operator.labels" -}}
{{ include "mtls-operator.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
{{- end -}}

{{- define "mtls-operator.serviceAccount" -}}
{{- if .Values.serviceAccount.create -}}
{{- .Values.serviceAccount.name | default (include "mtls-operator.name" .) -}}
{{- else -}}
{{- required "serviceAccount.name must name an existing ServiceAccount when serviceAccount.create is false" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{/* Names of the operator's accounts as JSON: its own first, then those that it had before. */}}
{{- define "mtls-operator.accountNames" -}}
{{- prepend (.Values.serviceAccount.formerNames | default list) (include "mtls-operator.serviceAccount" .) | uniq | toJson -}}
{{- end -}}

{{/* The subjects of every binding. */}}
{{- define "mtls-operator.subjects" -}}
{{- range include "mtls-operator.accountNames" . | fromJsonArray -}}
- kind: ServiceAccount
  name: {{ . | quote }}
  namespace: {{ $.Release.Namespace | quote }}
{{ end -}}
{{- end -}}

{{/*
Name of a policy and its binding. They are cluster-scoped, so release and namespace are in it; no namespace has a dot, so no
two releases have the same.
*/}}
{{- define "mtls-operator.policyName" -}}
{{- printf "%s.%s.%s" (include "mtls-operator.name" (index . 0)) (index . 0).Release.Namespace (index . 1) -}}
{{- end -}}

{{/* The operator's accounts as the API server names them, a list in CEL. */}}
{{- define "mtls-operator.accounts" -}}
{{- $accounts := list -}}
{{- range include "mtls-operator.accountNames" . | fromJsonArray -}}
{{- $accounts = append $accounts (printf "system:serviceaccount:%s:%s" $.Release.Namespace .) -}}
{{- end -}}
{{- toJson $accounts -}}
{{- end -}}

{{/* Who may write status, a list in CEL. */}}
{{- define "mtls-operator.writers" -}}
{{- concat (include "mtls-operator.accounts" . | fromJsonArray) .Values.admissionPolicies.writers | uniq | toJson -}}
{{- end -}}

{{/* Whether an authority is this release's, in CEL. */}}
{{- define "mtls-operator.isClaimed" -}}
{{ index . 1 }}.metadata.?annotations[?'mtls-operator.dev/operator-namespace'].orValue('') == '{{ (index . 0).Release.Namespace }}'
{{- end -}}

{{- define "mtls-operator.image" -}}
{{- with .Values.image -}}
{{- if .digest -}}
{{ .repository }}@{{ .digest }}
{{- else -}}
{{ .repository }}:{{ .tag | default $.Chart.AppVersion }}
{{- end -}}
{{- end -}}
{{- end -}}
