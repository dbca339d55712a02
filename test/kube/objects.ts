import type {
  ConfigMap,
  Deployment,
  KubeObject,
  NetworkPolicy,
  PersistentVolumeClaim,
  PodDisruptionBudget,
  Service,
  ServiceAccount,
  StatefulSet,
} from '../../operator/kube/index.ts';

/** Objects of the kinds and shapes that reconcilers make, for tests of what carries them to the server. */
const labels = { app: 'zk', 'app.kubernetes.io/managed-by': 'lockkeeper' };
const selector = { matchLabels: { app: 'zk' } };

export function configMap(namespace: string, name: string, data: Record<string, string> = { a: '1' }): ConfigMap {
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace, labels }, data };
}

export function statefulSet(namespace: string, name: string): StatefulSet {
  return {
    apiVersion: 'apps/v1',
    kind: 'StatefulSet',
    metadata: { name, namespace, labels },
    spec: {
      replicas: 3,
      serviceName: `${name}-peers`,
      podManagementPolicy: 'Parallel',
      selector,
      updateStrategy: { type: 'OnDelete' },
      template: {
        metadata: { labels, annotations: { note: 'x' } },
        spec: {
          automountServiceAccountToken: false,
          securityContext: { runAsNonRoot: true, runAsUser: 1000, fsGroup: 1000, seccompProfile: { type: 'RuntimeDefault' } },
          terminationGracePeriodSeconds: 60,
          nodeSelector: { 'topology.kubernetes.io/region': 'home' },
          tolerations: [{ key: 'dedicated', operator: 'Equal', value: 'zk', effect: 'NoSchedule' }],
          topologySpreadConstraints: [
            {
              maxSkew: 1,
              topologyKey: 'topology.kubernetes.io/zone',
              whenUnsatisfiable: 'ScheduleAnyway',
              labelSelector: selector,
            },
          ],
          affinity: {
            podAntiAffinity: {
              requiredDuringSchedulingIgnoredDuringExecution: [
                { topologyKey: 'kubernetes.io/hostname', labelSelector: selector },
              ],
            },
          },
          containers: [
            {
              name: 'zookeeper',
              image: 'zookeeper:3.9',
              command: ['/bin/sh', '-c'],
              args: ['exec zkServer.sh start-foreground'],
              env: [
                { name: 'MODE', value: 'voter' },
                { name: 'POD', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } },
                { name: 'EMPTY', value: '' },
              ],
              ports: [
                { name: 'client', containerPort: 2181 },
                { name: 'quorum', containerPort: 2888, protocol: 'TCP' },
              ],
              resources: { requests: { cpu: '500m', memory: '1024Mi' }, limits: { cpu: '1000m', memory: '1Gi' } },
              readinessProbe: { httpGet: { path: '/commands/ruok', port: 8080 }, periodSeconds: 5 },
              livenessProbe: { tcpSocket: { port: 'client' }, initialDelaySeconds: 10 },
              securityContext: {
                allowPrivilegeEscalation: false,
                readOnlyRootFilesystem: true,
                capabilities: { drop: ['ALL'] },
              },
              volumeMounts: [
                { name: 'data', mountPath: '/data' },
                { name: 'config', mountPath: '/conf', readOnly: true },
                { name: 'tmp', mountPath: '/tmp' },
              ],
            },
          ],
          volumes: [
            { name: 'config', configMap: { name } },
            { name: 'tmp', emptyDir: {} },
          ],
        },
      },
      volumeClaimTemplates: [
        {
          metadata: { name: 'data' },
          spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '10Gi' } } },
        },
      ],
    },
  };
}

export function deployment(namespace: string, name: string): Deployment {
  const { template } = statefulSet(namespace, name).spec!;
  const { containers, volumes, ...pod } = template.spec!;
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name, namespace, labels },
    spec: {
      replicas: 2,
      selector,
      strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 0, maxUnavailable: 1 } },
      template: {
        ...template,
        spec: {
          ...pod,
          containers: containers.map((container) => ({
            ...container,
            volumeMounts: [{ name: 'secrets', mountPath: '/secrets', readOnly: true }],
          })),
          volumes: [
            { name: 'secrets', projected: { sources: [{ secret: { name: 'a', optional: true } }, { secret: { name: 'b' } }] } },
            ...(volumes ?? []),
          ],
        },
      },
    },
  };
}

export function headlessService(namespace: string, name: string): Service {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name, namespace, labels },
    spec: {
      clusterIP: 'None',
      publishNotReadyAddresses: true,
      selector: { app: 'zk' },
      ports: [
        { name: 'client', port: 2181 },
        { name: 'quorum', port: 2888 },
      ],
    },
  };
}

export function clientService(namespace: string, name: string): Service {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name, namespace, labels },
    spec: { selector: { app: 'zk' }, ports: [{ name: 'client', port: 2181, targetPort: 'client' }] },
  };
}

export function disruptionBudget(namespace: string, name: string): PodDisruptionBudget {
  return {
    apiVersion: 'policy/v1',
    kind: 'PodDisruptionBudget',
    metadata: { name, namespace, labels },
    spec: { maxUnavailable: 1, selector },
  };
}

export function networkPolicy(namespace: string, name: string): NetworkPolicy {
  return {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    metadata: { name, namespace, labels },
    spec: {
      podSelector: selector,
      policyTypes: ['Ingress'],
      ingress: [
        { from: [{ podSelector: selector }], ports: [{ port: 2888 }, { port: 3888, protocol: 'TCP' }] },
        { ports: [{ port: 2181 }] },
      ],
    },
  };
}

export function serviceAccount(namespace: string, name: string): ServiceAccount {
  return { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name, namespace, labels }, automountServiceAccountToken: false };
}

export function volumeClaim(namespace: string, name: string): PersistentVolumeClaim {
  return {
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: { name, namespace, labels },
    spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1024Mi' } } },
  };
}

/** One of each kind. */
export function oneOfEach(namespace: string): KubeObject[] {
  return [
    configMap(namespace, 'config'),
    serviceAccount(namespace, 'account'),
    headlessService(namespace, 'peers'),
    clientService(namespace, 'clients'),
    statefulSet(namespace, 'voters'),
    deployment(namespace, 'workers'),
    disruptionBudget(namespace, 'budget'),
    networkPolicy(namespace, 'policy'),
    volumeClaim(namespace, 'claim'),
  ];
}
