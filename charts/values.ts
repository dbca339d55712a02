import { z } from 'zod';

/*
 * Every value of the chart lockkeeper, with its meaning and default. values.yaml, values.schema.json and the table in the chart's
 * README are made of this (`make generate`).
 */

/** Kubernetes' own types are described and checked by Kubernetes. */
const kubernetesObject = z.looseObject({});
const kubernetesList = z.array(kubernetesObject);
const strings = z.record(z.string(), z.string());

const dnsName = z.string().regex(/^([a-z0-9]([-a-z0-9]*[a-z0-9])?)?$/);
const duration = z.string().regex(/^([0-9]+(ms|s|m|h))+$/);
const port = z.int().min(1).max(65535);

const image = {
  repository: z.string().regex(/^([a-z0-9][a-zA-Z0-9._/:-]*)?$/),
  tag: z.string().regex(/^([A-Za-z0-9_][A-Za-z0-9._-]{0,127})?$/),
  digest: z.string().regex(/^(sha256:[0-9a-f]{64})?$/),
};

const monitor = {
  enabled: z.boolean().default(false),
  interval: duration.default('15s').describe('Time between scrapes. Some alerts look at five minutes: keep it below one.'),
  labels: strings.default({}).describe('Labels by which your Prometheus selects it, such as release: monitoring.'),
};

export const chartValues = z.strictObject({
  nameOverride: dnsName.default('').describe('In place of the chart’s name in the label app.kubernetes.io/name.'),
  fullnameOverride: dnsName.default('').describe('In place of RELEASE-lockkeeper as the name of the operator’s objects.'),
  commonLabels: strings.default({}).describe('Labels for every object of the chart.'),

  image: z
    .strictObject({
      repository: image.repository
        .min(1)
        .default('lockkeeper')
        .describe('Where the image is pulled from; the Dockerfile of this repository builds it.'),
      tag: image.tag.default('').describe('Empty: the chart’s appVersion.'),
      digest: image.digest.default('').describe('sha256:..., in place of the tag.'),
      pullPolicy: z
        .enum(['Always', 'IfNotPresent', 'Never'])
        .default('IfNotPresent')
        .describe('When the image is pulled, by operator and workers.'),
      pullSecrets: z
        .array(z.strictObject({ name: z.string().min(1) }))
        .default([])
        .describe('Secrets with the registry’s login, as [{name: registry}]. Workers need one of that name in their namespace.'),
    })
    .prefault({})
    .describe('The image of the operator, and of the workers unless workerImage says otherwise.'),
  workerImage: z
    .strictObject({
      repository: image.repository.default('').describe('Empty: image.repository.'),
      tag: image.tag.default('').describe('Empty: image.tag.'),
      digest: image.digest.default('').describe('Empty: image.digest, unless repository or tag are given here.'),
    })
    .prefault({})
    .describe('Holds the workers at an image of their own, such as the former one while a new operator is tried out.'),

  watchNamespaces: z
    .array(z.string().regex(/^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/))
    .default([])
    .describe('Namespaces whose objects are looked after, with a Role in each; empty: all, with a ClusterRole.'),
  clusterDomain: z
    .string()
    .regex(/^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/)
    .default('cluster.local')
    .describe('DNS domain of the cluster, in the names by which ZooKeeper’s servers find each other.'),
  logLevel: z
    .enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'])
    .default('info')
    .describe('Least severe log line of the operator.'),
  extraEnv: kubernetesList.default([]).describe('More environment variables of the operator, as in a container.'),

  replicas: z.int().min(0).max(5).default(2).describe('Operator pods; one leads, the others stand by.'),
  resources: kubernetesObject
    .default({ requests: { cpu: '50m', memory: '128Mi' }, limits: { memory: '384Mi' } })
    .describe('CPU and memory of an operator pod.'),
  priorityClassName: z.string().default('').describe('PriorityClass of the operator’s pods.'),
  nodeSelector: strings.default({}).describe('Labels that a node of the operator must have.'),
  tolerations: kubernetesList.default([]).describe('Taints that the operator tolerates.'),
  affinity: kubernetesObject.default({}).describe('Empty: the operator’s pods keep apart from each other where they can.'),
  topologySpreadConstraints: kubernetesList.default([]).describe('As in a pod.'),
  podAnnotations: strings.default({}).describe('Annotations of the operator’s pods.'),
  podLabels: strings.default({}).describe('Labels of the operator’s pods.'),

  serviceAccount: z
    .strictObject({
      create: z.boolean().default(true).describe('Whether the chart makes the operator’s ServiceAccount.'),
      name: z.string().default('').describe('Empty: the operator’s name, or default if it is not made.'),
      annotations: strings.default({}).describe('Annotations of the ServiceAccount.'),
    })
    .prefault({})
    .describe('The operator’s identity. Workers have none: no token is mounted into them.'),
  rbac: z
    .strictObject({
      create: z.boolean().default(true).describe('Whether the chart makes roles and bindings.'),
      clusterRoles: z
        .boolean()
        .default(true)
        .describe(
          'With watchNamespaces: whether storage classes may be read, which takes a small ClusterRole. Without it the growth of a volume is tried, whether its class admits it or not.',
        ),
      aggregateRoles: z
        .boolean()
        .default(false)
        .describe('Let those who may view or edit a namespace view or edit Lockkeeper’s objects in it.'),
    })
    .prefault({})
    .describe('What the operator may do: the verbs it uses, no wildcard.'),
  crds: z
    .strictObject({
      install: z
        .boolean()
        .default(true)
        .describe('Whether the chart installs the CustomResourceDefinitions and keeps them up to date.'),
      keep: z
        .boolean()
        .default(true)
        .describe(
          'Whether they stay when the release is uninstalled. Deleting them deletes every ZkEnsemble, CanalInstance and SyncPipeline.',
        ),
    })
    .prefault({})
    .describe('The kinds ZkEnsemble, CanalInstance and SyncPipeline.'),

  podDisruptionBudget: z
    .strictObject({
      enabled: z.boolean().default(true).describe('Made with two replicas or more.'),
      maxUnavailable: z
        .union([z.int().min(0), z.string().regex(/^[0-9]+%$/)])
        .default(1)
        .describe('Operator pods that an eviction may take at once.'),
    })
    .prefault({})
    .describe('Keeps one operator while nodes are drained.'),
  networkPolicy: z
    .strictObject({
      enabled: z.boolean().default(true).describe('Admit connections to the operator’s HTTP port only.'),
      ingressFrom: kubernetesList.default([]).describe('Who may connect, as peers of a NetworkPolicy; empty: everybody.'),
      egress: z
        .strictObject({
          enabled: z
            .boolean()
            .default(false)
            .describe(
              'Let the operator connect to DNS, the API server and ZooKeeper only. Clusters differ in the API server’s port: see to it.',
            ),
          apiServerPorts: z
            .array(port)
            .min(1)
            .default([443, 6443])
            .describe('Ports of the API server’s Service and of its endpoints.'),
          zookeeperPorts: z.array(port).min(1).default([2181]).describe('Client ports, those of external members too.'),
          extra: kubernetesList.default([]).describe('More egress rules.'),
        })
        .prefault({})
        .describe('What the operator itself connects to.'),
    })
    .prefault({})
    .describe('The operator’s NetworkPolicy; those of ensembles and workers are the operator’s work.'),

  serviceMonitor: z
    .strictObject({ ...monitor, enabled: monitor.enabled.describe('Scrape the operator; needs the Prometheus operator.') })
    .prefault({})
    .describe('Metrics of the operator and of what it looks after.'),
  podMonitor: z
    .strictObject({ ...monitor, enabled: monitor.enabled.describe('Scrape the workers; needs the Prometheus operator.') })
    .prefault({})
    .describe('Metrics of the workers, in all watched namespaces.'),
  prometheusRule: z
    .strictObject({
      enabled: z
        .boolean()
        .default(false)
        .describe('Install the alerts; they need serviceMonitor and podMonitor, or the same by other means.'),
      labels: monitor.labels,
      alertLabels: strings.default({}).describe('Labels for every alert, such as team: storage.'),
      runbookBaseUrl: z
        .string()
        .min(1)
        .default('docs/operations')
        .describe('Where the runbooks are published, without a slash at the end. The default is their folder in the repository.'),
      disabled: z
        .array(z.string().regex(/^Lockkeeper[A-Za-z]+$/))
        .default([])
        .describe('Names of alerts to leave out.'),
    })
    .prefault({})
    .describe('Alerts, each with a runbook.'),
  dashboard: z
    .strictObject({
      enabled: z.boolean().default(false).describe('Install the Grafana dashboard as a ConfigMap.'),
      namespace: dnsName.default('').describe('Empty: the release’s.'),
      labels: strings.default({ grafana_dashboard: '1' }).describe('Labels by which Grafana’s sidecar finds it.'),
      annotations: strings.default({}).describe('Annotations, such as grafana_folder: Databases.'),
    })
    .prefault({})
    .describe('Grafana dashboard.'),

  global: kubernetesObject.default({}).describe('Values that Helm shares between charts; not used here.'),
  enabled: z.boolean().optional().describe('For a chart that depends on this one and makes it optional; not used here.'),
});

export type ChartValues = z.output<typeof chartValues>;
export type ChartValuesInput = z.input<typeof chartValues>;
