{{/*
What the operator does in the namespaces that it looks after. Server-side apply takes patch, and create where the object is new;
before each write the object is read. A kind that is watched takes get, list and watch.
*/}}
{{- define "lockkeeper.rules" -}}
- apiGroups: [lockkeeper.io]
  resources: [zkensembles, canalinstances, syncpipelines]
  verbs: [get, list, watch, patch] # patch: finalizers
- apiGroups: [lockkeeper.io]
  resources: [zkensembles/status, canalinstances/status, syncpipelines/status]
  verbs: [patch]
- apiGroups: [lockkeeper.io]
  resources: [zkensembles/finalizers, canalinstances/finalizers, syncpipelines/finalizers]
  verbs: [update] # asked for by clusters that guard owner references
- apiGroups: [apps]
  resources: [statefulsets, deployments]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: ['']
  resources: [services]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: ['']
  resources: [configmaps]
  verbs: [get, list, watch, create, patch]
- apiGroups: ['']
  resources: [secrets]
  verbs: [get, list, watch, create, patch] # the ensemble's passwords are made; those of databases are read
- apiGroups: [policy]
  resources: [poddisruptionbudgets]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [networking.k8s.io]
  resources: [networkpolicies]
  verbs: [get, list, watch, create, patch]
- apiGroups: ['']
  resources: [pods]
  verbs: [get, list, watch, delete] # ZooKeeper's servers; one that is deleted starts anew
- apiGroups: ['']
  resources: [persistentvolumeclaims]
  verbs: [get, list, watch, patch, delete] # made by StatefulSets; patch: growth, and that they hold data
- apiGroups: ['']
  resources: [events]
  verbs: [create, patch]
{{- end }}

{{/* Kinds without namespace. */}}
{{- define "lockkeeper.clusterRules" -}}
- apiGroups: [storage.k8s.io]
  resources: [storageclasses]
  verbs: [get] # whether volumes of a class may grow
{{- end }}

{{/* The election of the leading operator. create cannot be bound to a name. */}}
{{- define "lockkeeper.leaseRules" -}}
- apiGroups: [coordination.k8s.io]
  resources: [leases]
  verbs: [create]
- apiGroups: [coordination.k8s.io]
  resources: [leases]
  resourceNames: [{{ include "lockkeeper.fullname" . }}]
  verbs: [get, update]
{{- end }}

{{/* subjects of a binding. */}}
{{- define "lockkeeper.subjects" -}}
subjects:
  - kind: ServiceAccount
    name: {{ include "lockkeeper.serviceAccountName" . }}
    namespace: {{ .Release.Namespace }}
{{- end }}
