import { setTimeout as sleep } from 'node:timers/promises';
import type { CanalInstanceStatus, Condition, SyncPipelineStatus, ZkEnsembleStatus } from '../../../crds/index.ts';
import type {
  Deployment,
  KubeEvent,
  KubeObject,
  KubeSecret,
  Lease,
  Live,
  Pod,
  StatefulSet,
} from '../../../operator/kube/index.ts';
import type { Cluster } from '../../cluster/cluster.ts';

interface Kinds {
  readonly zkensemble: KubeObject & { readonly status?: ZkEnsembleStatus };
  readonly canalinstance: KubeObject & { readonly status?: CanalInstanceStatus };
  readonly syncpipeline: KubeObject & { readonly status?: SyncPipelineStatus };
  readonly pod: Pod;
  readonly deployment: Deployment;
  readonly statefulset: StatefulSet;
  readonly secret: KubeSecret;
  readonly event: KubeEvent;
  readonly lease: Lease;
  readonly persistentvolumeclaim: KubeObject;
  readonly service: KubeObject;
  readonly configmap: KubeObject;
}

/** The objects of a namespace, as kubectl shows and changes them. */
export class Objects {
  readonly cluster: Cluster;
  readonly namespace: string;

  constructor(cluster: Cluster, namespace: string) {
    this.cluster = cluster;
    this.namespace = namespace;
  }

  kubectl(args: readonly string[], input = ''): Promise<string> {
    return this.cluster.kubectl(['--namespace', this.namespace, ...args], { input, timeoutSeconds: 300 });
  }

  async apply(...objects: readonly object[]): Promise<void> {
    await this.kubectl(['apply', '-f', '-'], JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects }));
  }

  async patch(kind: keyof Kinds, name: string, spec: object): Promise<void> {
    await this.kubectl(['patch', kind, name, '--type=merge', '--patch', JSON.stringify({ spec })]);
  }

  async get<K extends keyof Kinds>(kind: K, name: string): Promise<Live<Kinds[K]>> {
    return JSON.parse(await this.kubectl(['get', kind, name, '--output=json'])) as Live<Kinds[K]>;
  }

  async list<K extends keyof Kinds>(kind: K, selector = ''): Promise<readonly Live<Kinds[K]>[]> {
    const listed = await this.kubectl(['get', kind, '--output=json', ...(selector === '' ? [] : ['--selector', selector])]);
    return (JSON.parse(listed) as { items: Live<Kinds[K]>[] }).items;
  }

  /** Waits for an object as wanted; fails with its conditions after `seconds`. */
  async until<K extends keyof Kinds>(
    kind: K,
    name: string,
    wanted: (object: Live<Kinds[K]>) => boolean,
    seconds = 120,
  ): Promise<Live<Kinds[K]>> {
    const deadline = performance.now() + seconds * 1000;
    let last: Live<Kinds[K]> | undefined;
    for (;;) {
      last = await this.get(kind, name).catch(() => last);
      if (last !== undefined && wanted(last)) return last;
      if (performance.now() > deadline) {
        const status = (last as { status?: unknown } | undefined)?.status;
        throw new Error(`${kind} ${name} did not get there in ${seconds} s: ${JSON.stringify(status, null, 1)}`);
      }
      await sleep(200);
    }
  }

  /** As `kubectl wait --for=condition=Ready`. */
  untilReady(kind: 'zkensemble' | 'canalinstance' | 'syncpipeline', name: string, seconds?: number): Promise<Live> {
    return this.until(kind, name, isReady, seconds);
  }

  async events(): Promise<string[]> {
    return (await this.list('event')).map(
      ({ involvedObject, reason, message }) => `${involvedObject.kind} ${involvedObject.name} ${reason}: ${message}`,
    );
  }

  /** The pod's container dies as by `kill -9`; where that cannot be done the pod is deleted without a grace. */
  async kill(pod: string): Promise<void> {
    const { spec, status } = await this.get('pod', pod);
    const id = status?.containerStatuses?.[0]?.containerID;
    if (this.cluster.killContainer !== undefined && id !== undefined) await this.cluster.killContainer(spec!.nodeName!, id);
    else await this.kubectl(['delete', 'pod', pod, '--grace-period=0', '--force']);
  }

  /** Removes the namespace with all that is in it. */
  async removeNamespace(): Promise<void> {
    await this.cluster.kubectl(['delete', 'namespace', this.namespace, '--ignore-not-found', '--timeout=180s']);
  }
}

export function condition(
  { status }: { readonly status?: { readonly conditions?: readonly Condition[] | undefined } },
  type: string,
): Condition | undefined {
  return status?.conditions?.find((each) => each.type === type);
}

/** Whether Ready is true for the spec as it is now. */
export function isReady(
  object: KubeObject & {
    readonly status?: {
      readonly observedGeneration?: number | undefined;
      readonly conditions?: readonly Condition[] | undefined;
    };
  },
): boolean {
  const { generation } = object.metadata;
  return condition(object, 'Ready')?.status === 'True' && object.status?.observedGeneration === generation;
}
