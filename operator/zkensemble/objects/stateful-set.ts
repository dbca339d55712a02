import { createHash } from 'node:crypto';
import { bytesOf } from '../../../crds/quantity.ts';
import type { Live, Pod, StatefulSet } from '../../kube/index.ts';
import { placement } from '../../pod-placement.ts';
import { credentialKeys } from '../credentials.ts';
import { ports, type Group, type Names, type ZkSpec } from '../servers.ts';
import { renderZooConfig, settingPort, zooSettings } from '../zoo-config.ts';
import { ensembleLabels, groupLabels, groupSelector, ownedMeta } from './labels.ts';

type PodSpec = NonNullable<Pod['spec']>;
type Container = PodSpec['containers'][number];
type ClaimTemplates = NonNullable<NonNullable<StatefulSet['spec']>['volumeClaimTemplates']>;

export const CONTAINER = 'zookeeper';
export const CONFIG_HASH = 'lockkeeper.io/config-hash';
export const CREDENTIALS_HASH = 'lockkeeper.io/credentials-hash';

const CONFIG_DIR = '/etc/lockkeeper';
const DATA_DIR = '/data';
const DATA_LOG_DIR = '/datalog';
/** The user of the official image. */
const USER = 1000;
/** Heap in MiB where no memory is asked for; ZooKeeper keeps everything in it. */
const DEFAULT_HEAP = 512;

export interface SetOptions {
  readonly size: number;
  /** Of what servers are given of the Secret: a change of it restarts them. */
  readonly credentialsHash: string;
  /** Sizes in the live set's claim templates, by volume: they cannot be changed there. Empty for a new set. */
  readonly templateSizes: ReadonlyMap<string, string>;
}

/** Servers of one group. Which pod is replaced when is the planner's business (OnDelete), and so is the size. */
export function statefulSet(owner: Live, names: Names, spec: ZkSpec, group: Group, options: SetOptions): StatefulSet {
  return {
    apiVersion: 'apps/v1',
    kind: 'StatefulSet',
    metadata: ownedMeta(owner, names, names.set(group.name), groupLabels(names, group)),
    spec: {
      replicas: options.size,
      serviceName: names.servers,
      // All of a new ensemble's voters must come up together; later they come one at a time anyway.
      podManagementPolicy: 'Parallel',
      updateStrategy: { type: 'OnDelete' },
      persistentVolumeClaimRetentionPolicy: { whenDeleted: 'Retain', whenScaled: 'Retain' },
      revisionHistoryLimit: 2,
      selector: { matchLabels: groupSelector(names, group) },
      template: {
        metadata: {
          labels: groupLabels(names, group),
          annotations: {
            ...spec.pod.annotations,
            [CONFIG_HASH]: hashOf(renderZooConfig(spec)),
            [CREDENTIALS_HASH]: options.credentialsHash,
          },
        },
        spec: podSpec(names, spec, group),
      },
      ...(spec.storage.ephemeral ? {} : { volumeClaimTemplates: claimTemplates(names, spec, group, options.templateSizes) }),
    },
  };
}

export function hashOf(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 16);
}

function podSpec(names: Names, spec: ZkSpec, group: Group): PodSpec {
  return {
    automountServiceAccountToken: false,
    enableServiceLinks: false,
    terminationGracePeriodSeconds: 30,
    securityContext: {
      runAsNonRoot: true,
      runAsUser: USER,
      runAsGroup: USER,
      fsGroup: USER,
      fsGroupChangePolicy: 'OnRootMismatch',
      seccompProfile: { type: 'RuntimeDefault' },
    },
    ...placement(spec.pod, group.region, groupSelector(names, group)),
    containers: [container(names, spec)],
    volumes: [
      {
        name: 'config',
        projected: {
          defaultMode: 0o555,
          sources: [{ configMap: { name: names.config } }, { configMap: { name: names.members } }],
        },
      },
      { name: 'tmp', emptyDir: {} },
      { name: 'logs', emptyDir: {} },
      ...(spec.storage.ephemeral ? [{ name: 'data', emptyDir: {} }] : []),
    ],
  };
}

function container(names: Names, spec: ZkSpec): Container {
  const { storage, pod } = spec;
  const metrics = settingPort(zooSettings(spec), 'metricsProvider.httpPort');
  const probe = (what: string) => ({ exec: { command: [`${CONFIG_DIR}/health.sh`, what] } });
  return {
    name: CONTAINER,
    image: spec.image,
    command: [`${CONFIG_DIR}/start.sh`],
    env: [
      { name: 'POD_NAME', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } },
      { name: 'ZK_CONFIG_DIR', value: CONFIG_DIR },
      { name: 'ZK_DATA_DIR', value: DATA_DIR },
      ...(storage.dataLog === null ? [] : [{ name: 'ZK_DATA_LOG_DIR', value: DATA_LOG_DIR }]),
      { name: 'ZK_SUPER_DIGEST', valueFrom: { secretKeyRef: { name: names.auth, key: credentialKeys.superDigest } } },
      { name: 'ZK_SERVER_HEAP', value: String(heapOf(pod.resources)) },
      { name: 'ZOO_LOG_DIR', value: '/logs' },
      { name: 'JMXDISABLE', value: 'true' },
      { name: 'SERVER_JVMFLAGS', value: `-Djava.security.properties=${CONFIG_DIR}/java.security` },
    ],
    ports: [
      { name: 'client', containerPort: ports.client },
      { name: 'quorum', containerPort: ports.quorum },
      { name: 'election', containerPort: ports.election },
      ...(metrics === null ? [] : [{ name: 'metrics', containerPort: metrics }]),
    ],
    resources: { requests: pod.resources.requests, limits: pod.resources.limits },
    // Loading a large database takes its time.
    startupProbe: { ...probe('live'), periodSeconds: 3, timeoutSeconds: 10, failureThreshold: 200 },
    livenessProbe: { ...probe('live'), periodSeconds: 15, timeoutSeconds: 10, failureThreshold: 4 },
    readinessProbe: { ...probe('ready'), periodSeconds: 5, timeoutSeconds: 5, failureThreshold: 2 },
    securityContext: {
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      runAsNonRoot: true,
      capabilities: { drop: ['ALL'] },
      seccompProfile: { type: 'RuntimeDefault' },
    },
    volumeMounts: [
      { name: 'config', mountPath: CONFIG_DIR, readOnly: true },
      { name: 'data', mountPath: DATA_DIR },
      ...(storage.dataLog === null ? [] : [{ name: 'datalog', mountPath: DATA_LOG_DIR }]),
      { name: 'logs', mountPath: '/logs' },
      { name: 'tmp', mountPath: '/tmp' },
    ],
  };
}

/** Heap in MiB: two thirds of what the container is given, as the rest is the JVM's own and the network's. */
function heapOf({ limits, requests }: ZkSpec['pod']['resources']): number {
  const memory = limits['memory'] ?? requests['memory'];
  return memory === undefined ? DEFAULT_HEAP : Math.max(64, Math.floor((bytesOf(memory) * 0.66) / 2 ** 20));
}

function claimTemplates(names: Names, spec: ZkSpec, group: Group, sizes: ReadonlyMap<string, string>): ClaimTemplates {
  const labels = { ...ensembleLabels(names), ...groupSelector(names, group) };
  return volumesOf(spec).map(({ name, size, storageClassName }) => ({
    metadata: { name, labels },
    spec: {
      accessModes: ['ReadWriteOnce'],
      resources: { requests: { storage: sizes.get(name) ?? size } },
      ...(storageClassName === null ? {} : { storageClassName }),
    },
  }));
}

/** What a live set asks for, by volume. */
export function templateSizes(set: Live<StatefulSet> | undefined): Map<string, string> {
  const templates = (set?.spec?.volumeClaimTemplates ?? []) as readonly {
    readonly metadata?: { readonly name?: string };
    readonly spec?: { readonly resources?: { readonly requests?: Readonly<Record<string, string>> } };
  }[];
  return new Map(templates.map(({ metadata, spec }) => [metadata?.name ?? '', spec?.resources?.requests?.['storage'] ?? '0']));
}

/** The volumes of each server; none where data is kept in the pod. */
export function volumesOf({ storage }: ZkSpec): { name: string; size: string; storageClassName: string | null }[] {
  if (storage.ephemeral) return [];
  return [{ name: 'data', ...storage.data }, ...(storage.dataLog === null ? [] : [{ name: 'datalog', ...storage.dataLog }])];
}

/** Name of a server's claim of one of its volumes. */
export function claimName(volume: string, pod: string): string {
  return `${volume}-${pod}`;
}
