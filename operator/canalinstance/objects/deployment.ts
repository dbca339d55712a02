import { createHash } from 'node:crypto';
import type { PodFields } from '../../../crds/pod-fields.ts';
import { canonicalJson } from '../../kube/applied.ts';
import type { Deployment, Live, Pod } from '../../kube/index.ts';
import { credentialKeys } from '../../zkensemble/credentials.ts';
import { hashOf } from '../../zkensemble/objects/stateful-set.ts';
import { placement } from '../../pod-placement.ts';
import { deploymentName, ownedMeta, regionLabels, regionSelector } from './labels.ts';

type PodSpec = NonNullable<Pod['spec']>;
type Container = PodSpec['containers'][number];

export const CONTAINER = 'worker';
export const httpPort = 9190;

/** On a pod template: of all of it but the mounted Secrets. */
const CONFIG_HASH = 'lockkeeper.io/config-hash';
const CREDENTIALS_HASH = 'lockkeeper.io/credentials-hash';

/** Where `lockkeeper worker` looks for Secrets, each a folder of its name. */
const SECRETS_DIR = '/etc/lockkeeper/secrets';
const ZOOKEEPER_DIR = '/etc/lockkeeper/zookeeper';
const SECRET_VOLUME = 'secret-';

/** What shapes workers' pods besides specs: a change of it restarts them. */
export interface WorkerImage {
  readonly name: string;
  readonly pullPolicy?: 'Always' | 'IfNotPresent' | 'Never' | undefined;
  /** Names of Secrets, in each namespace with workers. */
  readonly pullSecrets?: readonly string[] | undefined;
}

export interface WorkersOptions {
  readonly region: string;
  readonly replicas: number;
  readonly pod: PodFields;
  readonly image: WorkerImage;
  /** Connect string for the region. */
  readonly zookeeper: string;
  /** The ensemble's Secret with the workers' credentials. */
  readonly authSecret: string;
  /** Of these credentials. A worker reads them when it starts, so a change restarts it. */
  readonly credentialsHash: string;
  /** Names of the Secrets that are mounted, sorted. */
  readonly secrets: readonly string[];
}

/**
 * The workers of one region. They are replaced one at a time, the old one first: its pipelines go to another worker, and there is
 * none too many to hold connections and memory.
 */
export function workersDeployment(owner: Live, options: WorkersOptions): Deployment {
  const { name, namespace } = owner.metadata;
  const { region, replicas, secrets, pod } = options;
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: ownedMeta(owner, deploymentName(name, region), regionLabels(name, region)),
    spec: {
      replicas,
      revisionHistoryLimit: 2,
      progressDeadlineSeconds: 120,
      strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 0, maxUnavailable: 1 } },
      selector: { matchLabels: regionSelector(name, region) },
      template: {
        metadata: {
          labels: regionLabels(name, region),
          annotations: {
            ...pod.annotations,
            'kubectl.kubernetes.io/default-container': CONTAINER,
            [CONFIG_HASH]: configHash(namespace!, name, options),
            [CREDENTIALS_HASH]: options.credentialsHash,
          },
        },
        spec: podSpec(namespace!, name, options, secrets),
      },
    },
  };
}

/** The names of the Secrets that a Deployment mounts, sorted. */
export function mountedSecrets(deployment: Deployment): string[] {
  const volumes = deployment.spec?.template.spec?.volumes ?? [];
  return volumes.flatMap(({ name, secret }) => (name.startsWith(SECRET_VOLUME) ? (secret?.secretName ?? []) : [])).sort();
}

/** Of the credentials that a Deployment's pods were started with. */
export function credentialsHashOf(deployment: Deployment): string | undefined {
  return deployment.spec?.template.metadata?.annotations?.[CREDENTIALS_HASH];
}

/** Whether two Deployments' pods differ, in more than what Secrets are mounted if `exceptSecrets`. */
export function podsDiffer(a: Deployment, b: Deployment, { exceptSecrets }: { readonly exceptSecrets: boolean }): boolean {
  const annotations = (deployment: Deployment) => deployment.spec?.template.metadata?.annotations;
  const differ = [CONFIG_HASH, CREDENTIALS_HASH].some((key) => annotations(a)?.[key] !== annotations(b)?.[key]);
  return differ || (!exceptSecrets && mountedSecrets(a).join() !== mountedSecrets(b).join());
}

function configHash(namespace: string, instance: string, options: WorkersOptions): string {
  return hashOf(canonicalJson([podSpec(namespace, instance, options, []), options.pod.annotations]));
}

function podSpec(namespace: string, instance: string, options: WorkersOptions, secrets: readonly string[]): PodSpec {
  const { region, image, authSecret, pod } = options;
  const pullSecrets = image.pullSecrets ?? [];
  return {
    automountServiceAccountToken: false,
    enableServiceLinks: false,
    // A worker drains in seconds; what a batch at hand still takes is not cut off.
    terminationGracePeriodSeconds: 30,
    // The image names its user by number; OpenShift gives one of its own.
    securityContext: { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } },
    ...(pullSecrets.length === 0 ? {} : { imagePullSecrets: pullSecrets.map((name) => ({ name })) }),
    ...placement(pod, region, regionSelector(instance, region)),
    containers: [container(namespace, instance, options, secrets)],
    volumes: [
      { name: 'tmp', emptyDir: { sizeLimit: '64Mi' } },
      {
        name: 'zookeeper',
        secret: { secretName: authSecret, items: [{ key: credentialKeys.workerAuth, path: credentialKeys.workerAuth }] },
      },
      // One that is missing must not keep the pod from starting: only the pipelines that name it wait for it.
      ...secrets.map((secretName) => ({ name: volumeOf(secretName), secret: { secretName, optional: true } })),
    ],
  };
}

function container(namespace: string, instance: string, options: WorkersOptions, secrets: readonly string[]): Container {
  const { region, image, zookeeper, pod } = options;
  const probe = (path: string) => ({ httpGet: { path, port: 'http' }, timeoutSeconds: 5 });
  return {
    name: CONTAINER,
    image: image.name,
    ...(image.pullPolicy === undefined ? {} : { imagePullPolicy: image.pullPolicy }),
    args: ['worker'],
    env: [
      // A host name may be a cut one.
      { name: 'LOCKKEEPER_WORKER_ID', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } },
      { name: 'LOCKKEEPER_NAMESPACE', value: namespace },
      { name: 'LOCKKEEPER_INSTANCE', value: instance },
      { name: 'LOCKKEEPER_REGION', value: region },
      { name: 'LOCKKEEPER_ZOOKEEPER', value: zookeeper },
      { name: 'LOCKKEEPER_ZOOKEEPER_AUTH_FILE', value: `${ZOOKEEPER_DIR}/${credentialKeys.workerAuth}` },
      { name: 'LOCKKEEPER_SECRETS_DIR', value: SECRETS_DIR },
      { name: 'LOCKKEEPER_HTTP', value: `0.0.0.0:${httpPort}` },
    ],
    ports: [{ name: 'http', containerPort: httpPort }],
    resources: { requests: pod.resources.requests, limits: pod.resources.limits },
    startupProbe: { ...probe('/healthz'), periodSeconds: 1, failureThreshold: 120 },
    livenessProbe: { ...probe('/healthz'), periodSeconds: 10, failureThreshold: 3 },
    readinessProbe: { ...probe('/readyz'), periodSeconds: 3, failureThreshold: 2 },
    securityContext: {
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      runAsNonRoot: true,
      capabilities: { drop: ['ALL'] },
      seccompProfile: { type: 'RuntimeDefault' },
    },
    volumeMounts: [
      { name: 'tmp', mountPath: '/tmp' },
      { name: 'zookeeper', mountPath: ZOOKEEPER_DIR, readOnly: true },
      ...secrets.map((name) => ({ name: volumeOf(name), mountPath: `${SECRETS_DIR}/${name}`, readOnly: true })),
    ],
  };
}

/** A Secret's name may be longer than a volume's, and have dots. */
function volumeOf(secret: string): string {
  return `${SECRET_VOLUME}${createHash('sha256').update(secret).digest('hex').slice(0, 12)}`;
}
