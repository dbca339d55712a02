{{/* Name of the application, for labels. */}}
{{- define "lockkeeper.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{/* Name of the operator's objects. */}}
{{- define "lockkeeper.fullname" -}}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 63 | trimSuffix "-" }}
{{- else if contains (include "lockkeeper.name" .) .Release.Name }}
{{- .Release.Name | trunc 63 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name (include "lockkeeper.name" .) | trunc 63 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{/* Name of objects without namespace: two releases of one name must not share them. */}}
{{- define "lockkeeper.clusterName" -}}
{{- printf "%s-%s" (include "lockkeeper.fullname" .) .Release.Namespace }}
{{- end }}

{{/* Labels that select the operator's pods; they can never change. */}}
{{- define "lockkeeper.selectorLabels" -}}
app.kubernetes.io/name: {{ include "lockkeeper.name" . }}
app.kubernetes.io/instance: {{ .Release.Name | trunc 63 | trimSuffix "-" }}
app.kubernetes.io/component: operator
{{- end }}

{{/* Labels of every object. The chart's own come first: selectors rest on them. */}}
{{- define "lockkeeper.labels" -}}
{{- include "lockkeeper.labelsAnd" (dict "root" . "labels" dict) }}
{{- end }}

{{/* The same and more: a dict of root and labels. */}}
{{- define "lockkeeper.labelsAnd" -}}
{{- $own := dict
  "helm.sh/chart" (printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-")
  "app.kubernetes.io/version" .root.Chart.AppVersion
  "app.kubernetes.io/managed-by" .root.Release.Service
  "app.kubernetes.io/part-of" "lockkeeper" }}
{{- toYaml (merge $own (include "lockkeeper.selectorLabels" .root | fromYaml) .labels .root.Values.commonLabels) }}
{{- end }}

{{- define "lockkeeper.serviceAccountName" -}}
{{- if .Values.serviceAccount.create }}
{{- default (include "lockkeeper.fullname" .) .Values.serviceAccount.name }}
{{- else }}
{{- default "default" .Values.serviceAccount.name }}
{{- end }}
{{- end }}

{{/* Reference of an image: a dict of repository, tag, digest. */}}
{{- define "lockkeeper.imageReference" -}}
{{- if .digest }}{{ .repository }}@{{ .digest }}{{ else }}{{ .repository }}:{{ .tag }}{{ end }}
{{- end }}

{{- define "lockkeeper.image" -}}
{{- $tag := default .Chart.AppVersion .Values.image.tag }}
{{- include "lockkeeper.imageReference" (dict "repository" .Values.image.repository "tag" $tag "digest" .Values.image.digest) }}
{{- end }}

{{/* The operator's image, in what workerImage does not say otherwise. */}}
{{- define "lockkeeper.workerImage" -}}
{{- $own := .Values.workerImage }}
{{- $tag := default (default .Chart.AppVersion .Values.image.tag) $own.tag }}
{{- $digest := $own.digest }}
{{- if not (or $own.repository $own.tag $own.digest) }}{{ $digest = .Values.image.digest }}{{ end }}
{{- include "lockkeeper.imageReference" (dict "repository" (default .Values.image.repository $own.repository) "tag" $tag "digest" $digest) }}
{{- end }}

{{/* metadata.name, namespace and labels of an object named after the operator. */}}
{{- define "lockkeeper.metadata" -}}
name: {{ include "lockkeeper.fullname" . }}
namespace: {{ .Release.Namespace }}
labels:
  {{- include "lockkeeper.labels" . | nindent 2 }}
{{- end }}

{{/* The same with more labels, by which the Prometheus operator selects: a dict of root and labels. */}}
{{- define "lockkeeper.monitoringMetadata" -}}
name: {{ include "lockkeeper.fullname" .root }}
namespace: {{ .root.Release.Namespace }}
labels:
  {{- include "lockkeeper.labelsAnd" . | nindent 2 }}
{{- end }}
