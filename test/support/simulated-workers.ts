import { instanceConfigPath, sourcePath, workerPath, workersPath, type InstanceRef } from '../../common/zookeeper/paths.ts';
import { decodeInstanceConfig } from '../../crds/config-codec.ts';
import type { SourceReport } from '../../crds/source-report.ts';
import type { WorkerInfo } from '../../crds/worker-info.ts';
import { matchesLabels, type Live, type Pod } from '../../operator/kube/index.ts';
import type { ApiServer } from '../apiserver/index.ts';
import type { MemoryZookeeper } from './memory-zookeeper.ts';

/** What worker pods do, without workers: they register, and one of them reports on the source. */
export class SimulatedWorkers {
  readonly #server: ApiServer;
  readonly #zookeeper: MemoryZookeeper;
  readonly #registered = new Map<string, string>();
  /** What the source is found to be. */
  found: Partial<SourceReport> = {};
  /** Whether the pod's worker comes up. */
  serves: (pod: Live<Pod>) => boolean = () => true;

  constructor(server: ApiServer, zookeeper: MemoryZookeeper) {
    this.#server = server;
    this.#zookeeper = zookeeper;
  }

  /** For the kubelet: a worker is ready while it has a session. */
  isReady(pod: Live<Pod>): boolean {
    return this.serves(pod) && !this.#zookeeper.isDown;
  }

  /** What changes between two moments. */
  tick(): void {
    if (this.#zookeeper.isDown) return;
    const pods = (this.#server.store.list('v1/pods') as readonly Live<Pod>[]).filter(
      (pod) =>
        matchesLabels(pod.metadata.labels, { 'app.kubernetes.io/name': 'worker' }) &&
        pod.metadata.deletionTimestamp === undefined &&
        pod.status?.phase === 'Running' &&
        this.serves(pod),
    );
    const living = new Map(pods.map((pod) => [workerPath(refOf(pod), pod.metadata.name), pod]));
    for (const path of this.#registered.keys()) {
      if (living.has(path)) continue;
      this.#registered.delete(path);
      this.#zookeeper.drop(path);
    }
    for (const [path, pod] of living) {
      if (this.#registered.has(path)) continue;
      this.#registered.set(path, pod.metadata.uid);
      this.#zookeeper.put(path, JSON.stringify(this.#info(pod)), { ephemeral: true });
    }
    for (const pod of pods) this.#report(refOf(pod), pod);
  }

  #info(pod: Live<Pod>): WorkerInfo {
    const startedAt = pod.status!.startTime!;
    return { region: regionOf(pod), version: '1', load: 0, pipelines: [], startedAt, host: pod.metadata.name };
  }

  #report(ref: InstanceRef, { metadata }: Live<Pod>): void {
    const [chosen] = this.#zookeeper.childrenOf(workersPath(ref));
    const text = this.#zookeeper.read(instanceConfigPath(ref));
    if (metadata.name !== chosen || text === null) return;
    const { generation, source } = decodeInstanceConfig(text, ref.instance);
    const at = new Date(this.#server.clock.now()).toISOString();
    const report: SourceReport = {
      ...{ namespace: ref.namespace, instance: ref.instance, generation, worker: 'w', region: 'r', at: '' },
      ...{ currentSource: `${source.master.host}:${source.master.port}`, serverUuid: 'u', flavor: 'mysql', version: '8.4.0' },
      binlogRetention: null,
      preflight: { at: '', passed: 9, findings: [], leftOut: 0 },
      ...this.found,
    };
    const before = this.#zookeeper.read(sourcePath(ref));
    const told = JSON.stringify(report);
    if (before === null || JSON.stringify({ ...(JSON.parse(before) as SourceReport), at: '' }) !== told) {
      this.#zookeeper.put(sourcePath(ref), JSON.stringify({ ...report, at }));
    }
  }
}

function refOf({ metadata }: Live<Pod>): InstanceRef {
  return { namespace: metadata.namespace!, instance: metadata.labels!['app.kubernetes.io/instance']! };
}

function regionOf({ metadata }: Live<Pod>): string {
  return metadata.labels!['lockkeeper.io/region']!;
}
