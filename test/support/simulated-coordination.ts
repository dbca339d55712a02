import {
  instancePath,
  pipelinesPath,
  sourcePath,
  statusPath,
  workerPath,
  workersPath,
  type InstanceRef,
} from '../../common/zookeeper/paths.ts';
import { pipelineReportSchema } from '../../crds/pipeline-report.ts';
import { readReport } from '../../crds/read-report.ts';
import { sourceReportSchema } from '../../crds/source-report.ts';
import { workerInfoSchema } from '../../crds/worker-info.ts';
import type { Coordination, InstanceView } from '../../operator/coordination/view.ts';
import type { MemoryZookeeper, ZkFault } from './memory-zookeeper.ts';

export interface CoordinationOptions {
  /** Whether the process that it belongs to lives; what it writes after is not done. */
  readonly isAlive?: () => boolean;
  readonly fault?: (operation: string, path: string) => ZkFault;
  /** Whether the ensemble has passwords. */
  readonly hasPasswords?: () => boolean;
}

/** One operator's way to znodes in memory. What is followed is known a moment after it was first asked for, as with real servers. */
export function simulatedCoordination(zookeeper: MemoryZookeeper, options: CoordinationOptions = {}): Coordination {
  const { isAlive = () => true, fault, hasPasswords = () => true } = options;
  const listeners = new Set<(ref: InstanceRef, pipeline: string | undefined) => void>();
  const known = new Map<string, { readonly ref: InstanceRef; isKnown: boolean }>();
  const session = zookeeper.session((operation, path) => (isAlive() ? fault?.(operation, path) : 'lose'));
  const tell = (ref: InstanceRef, pipeline: string | undefined) => {
    for (const listener of listeners) listener(ref, pipeline);
  };
  zookeeper.onChange((path) => {
    for (const { ref } of known.values()) {
      if (path === sourcePath(ref) || path.startsWith(`${workersPath(ref)}/`)) tell(ref, undefined);
      else if (path.startsWith(`${pipelinesPath(ref)}/`)) tell(ref, path.slice(pipelinesPath(ref).length + 1).split('/')[0]);
    }
  });
  return {
    view: (_ensemble, ref) => {
      if (!hasPasswords()) return Promise.resolve(null);
      const key = instancePath(ref);
      const entry = known.get(key) ?? { ref, isKnown: false };
      if (!known.has(key)) {
        known.set(key, entry);
        setImmediate(() => {
          entry.isKnown = true;
          tell(ref, undefined);
        });
      }
      return Promise.resolve(viewOf(zookeeper, ref, entry.isKnown, session));
    },
    forget: (ref) => void known.delete(instancePath(ref)),
    onNews: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

function viewOf(zookeeper: MemoryZookeeper, ref: InstanceRef, known: boolean, session: InstanceView['session']): InstanceView {
  const each = <T>(names: readonly string[], read: (name: string) => T | null) =>
    new Map(names.flatMap((name) => [[name, read(name)] as const]).filter((entry): entry is [string, T] => entry[1] !== null));
  return {
    known,
    trouble: zookeeper.isDown ? `no server answers` : null,
    workers: each(known ? zookeeper.childrenOf(workersPath(ref)) : [], (id) =>
      readReport(workerInfoSchema, zookeeper.read(workerPath(ref, id))),
    ),
    source: known ? readReport(sourceReportSchema, zookeeper.read(sourcePath(ref))) : null,
    reports: each(known ? zookeeper.childrenOf(pipelinesPath(ref)) : [], (name) =>
      readReport(pipelineReportSchema, zookeeper.read(statusPath(ref, name))),
    ),
    session,
  };
}
