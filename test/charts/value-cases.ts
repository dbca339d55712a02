import type { ChartValuesInput } from '../../charts/values.ts';

const digest = `sha256:${'0123456789abcdef'.repeat(4)}`;

/** Values that turn each condition of the templates on and off. */
export const valueCases: Readonly<Record<string, ChartValuesInput>> = {
  'nothing but defaults': {},
  'everything on': {
    commonLabels: { team: 'storage' },
    image: { repository: 'registry.example:5000/db/lockkeeper', digest, pullPolicy: 'Always', pullSecrets: [{ name: 'login' }] },
    workerImage: { tag: '0.0.9' },
    logLevel: 'debug',
    extraEnv: [{ name: 'NODE_EXTRA_CA_CERTS', value: '/etc/ssl/extra.pem' }],
    replicas: 3,
    priorityClassName: 'system-cluster-critical',
    nodeSelector: { 'kubernetes.io/os': 'linux' },
    tolerations: [{ key: 'control', operator: 'Exists', effect: 'NoSchedule' }],
    affinity: {
      nodeAffinity: {
        requiredDuringSchedulingIgnoredDuringExecution: {
          nodeSelectorTerms: [{ matchExpressions: [{ key: 'kubernetes.io/arch', operator: 'In', values: ['amd64'] }] }],
        },
      },
    },
    topologySpreadConstraints: [
      { maxSkew: 1, topologyKey: 'topology.kubernetes.io/zone', whenUnsatisfiable: 'ScheduleAnyway', labelSelector: {} },
    ],
    podAnnotations: { 'example.com/scrape': 'yes' },
    podLabels: { 'example.com/tier': 'control' },
    serviceAccount: { name: 'operator', annotations: { 'example.com/role': 'db' } },
    rbac: { aggregateRoles: true },
    networkPolicy: {
      ingressFrom: [{ namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'monitoring' } } }],
      egress: { enabled: true, apiServerPorts: [8443], zookeeperPorts: [2181, 2281], extra: [{ ports: [{ port: 3128 }] }] },
    },
    podDisruptionBudget: { maxUnavailable: '50%' },
    serviceMonitor: { enabled: true, interval: '10s', labels: { release: 'monitoring' } },
    podMonitor: { enabled: true, interval: '10s', labels: { release: 'monitoring' } },
    prometheusRule: {
      enabled: true,
      labels: { release: 'monitoring' },
      alertLabels: { team: 'storage' },
      disabled: ['LockkeeperTwoLeaders'],
    },
    dashboard: { enabled: true, namespace: 'grafana', annotations: { grafana_folder: 'Databases' } },
  },
  'everything off': {
    replicas: 0,
    resources: {},
    serviceAccount: { create: false },
    rbac: { create: false },
    crds: { install: false },
    podDisruptionBudget: { enabled: false },
    networkPolicy: { enabled: false },
    dashboard: { labels: {} },
  },
  'one replica': { replicas: 1 },
  'two namespaces': { watchNamespaces: ['shop', 'billing'], podMonitor: { enabled: true } },
  'namespaces only, with no cluster role': { watchNamespaces: ['shop'], rbac: { clusterRoles: false }, crds: { install: false } },
  'a tag': { image: { tag: '1.2.3' } },
  'a digest': { image: { digest } },
  'workers of another repository': { image: { tag: '1.2.3', digest }, workerImage: { repository: 'mirror/lockkeeper' } },
  'workers at a digest': { image: { tag: '1.2.3' }, workerImage: { digest } },
  'names of its own': { fullnameOverride: 'keeper', nameOverride: 'lock' },
  'a long name': { fullnameOverride: 'a'.repeat(80) },
  'CRDs that go with the release': { crds: { keep: false } },
  'a service account from elsewhere': { serviceAccount: { create: false, name: 'shared' } },
  'egress with the default ports': { networkPolicy: { egress: { enabled: true } } },
  'labels that try to be selectors': {
    commonLabels: { 'app.kubernetes.io/name': 'other' },
    podLabels: { 'app.kubernetes.io/component': 'other' },
  },
  'part of another chart': { global: { imageRegistry: 'registry.example' }, enabled: true },
  'alerts and dashboard with defaults': { prometheusRule: { enabled: true }, dashboard: { enabled: true } },
};

/** Values that the schema must refuse, and what Helm's message has to name. */
export const wrongValues: readonly (readonly [what: string, values: unknown, named: RegExp])[] = [
  ['an unknown value', { replicaCount: 2 }, /replicaCount/],
  ['an unknown value in a group', { networkPolicy: { egres: { enabled: true } } }, /networkPolicy[\s\S]*egres/],
  ['a misspelt group', { servicemonitor: { enabled: true } }, /servicemonitor/],
  ['a word for a number', { replicas: 'two' }, /replicas/],
  ['a negative number', { replicas: -1 }, /replicas/],
  ['too many operators', { replicas: 50 }, /replicas/],
  ['a fraction', { replicas: 1.5 }, /replicas/],
  ['a number for a switch', { crds: { install: 1 } }, /crds\/install|crds\.install/],
  ['a quoted switch', { dashboard: { enabled: 'true' } }, /dashboard\/enabled|dashboard\.enabled/],
  ['an unknown log level', { logLevel: 'verbose' }, /logLevel/],
  ['an unknown pull policy', { image: { pullPolicy: 'always' } }, /pullPolicy/],
  ['an empty repository', { image: { repository: '' } }, /repository/],
  ['a repository with a scheme', { image: { repository: 'https://registry.example/x y' } }, /repository/],
  ['a digest that is none', { image: { digest: 'sha256:abc' } }, /digest/],
  ['a string for a list of namespaces', { watchNamespaces: 'shop,billing' }, /watchNamespaces/],
  ['a namespace that cannot be', { watchNamespaces: ['Shop_1'] }, /watchNamespaces/],
  ['a pull secret as a string', { image: { pullSecrets: ['login'] } }, /pullSecrets/],
  ['a label that is a number', { podLabels: { tier: 1 } }, /podLabels/],
  ['a map for a list', { tolerations: { key: 'x' } }, /tolerations/],
  ['a port that cannot be', { networkPolicy: { egress: { apiServerPorts: [70_000] } } }, /apiServerPorts/],
  ['no port at all', { networkPolicy: { egress: { zookeeperPorts: [] } } }, /zookeeperPorts/],
  ['an interval without unit', { podMonitor: { interval: '30' } }, /interval/],
  ['a share that is no share', { podDisruptionBudget: { maxUnavailable: 'half' } }, /maxUnavailable/],
  ['an alert of somebody else', { prometheusRule: { disabled: ['KubePodCrashLooping'] } }, /disabled/],
  ['an empty runbook address', { prometheusRule: { runbookBaseUrl: '' } }, /runbookBaseUrl/],
];
