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

{{/* The one subject of every binding. */}}
{{- define "mtls-operator.subjects" -}}
- kind: ServiceAccount
  name: {{ include "mtls-operator.serviceAccount" . | quote }}
  namespace: {{ .Release.Namespace | quote }}
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
