import { resources } from '../../operator/kube/index.ts';
import type { ZkEnsembleInput } from '../../crds/index.ts';
import { EnsembleSite, name, namespace, type Operator } from './ensemble-site.ts';

type Spec = NonNullable<ZkEnsembleInput['spec']>;

/** A state of an ensemble, and what is then asked of it. */
export interface Workload {
  /** Brought about undisturbed; none: there is no ensemble yet. */
  readonly before: readonly Spec[];
  /** The changes that are disturbed, one after the other; each is waited for, the first ones in vain perhaps. */
  readonly changes: readonly ((site: EnsembleSite) => Promise<void>)[];
}

const apply = (spec: Spec) => (site: EnsembleSite) => site.apply(spec);
const east = (replicas: number): Spec => ({ observers: [{ region: 'east', replicas }] });
const storage = (more: Spec['storage']): Spec => ({ storage: { data: { size: '1Gi' }, ...more } });

export const workloads: Readonly<Record<string, Workload>> = {
  'is made': { before: [], changes: [apply(east(1))] },
  'grows from 3 to 5': { before: [{}], changes: [apply({ voters: { replicas: 5 } })] },
  'shrinks from 5 to 3': { before: [{ voters: { replicas: 5 } }], changes: [apply({})] },
  'shrinks to 1 and grows again': { before: [{}], changes: [apply({ voters: { replicas: 1 } }), apply({})] },
  // Without its volumes: which servers there were meanwhile depends on when the operator looks.
  'changes its mind while it grows': {
    before: [storage({ reclaimPolicy: 'Delete' })],
    changes: [
      apply({ ...storage({ reclaimPolicy: 'Delete' }), voters: { replicas: 5 } }),
      apply({ ...storage({ reclaimPolicy: 'Delete' }), voters: { replicas: 1 } }),
    ],
  },
  'gets a region': { before: [{}], changes: [apply(east(2))] },
  'loses a region': { before: [east(2)], changes: [apply({})] },
  'gets another image': { before: [east(1)], changes: [apply({ ...east(1), image: 'zookeeper:3.9.5' })] },
  'gets another setting and grows': { before: [{}], changes: [apply({ config: { tickTime: 1000 }, voters: { replicas: 5 } })] },
  'gets larger volumes': {
    before: [storage({})],
    changes: [apply(storage({ data: { size: '2Gi' } }))],
  },
  'shrinks and drops its volumes': {
    before: [{ ...storage({ reclaimPolicy: 'Delete' }), ...east(1) }],
    changes: [apply({ ...storage({ reclaimPolicy: 'Delete' }), voters: { replicas: 1 } })],
  },
  'keeps its data in pods and rolls': {
    before: [{ storage: { ephemeral: true } }],
    changes: [apply({ storage: { ephemeral: true }, config: { syncLimit: 7 } })],
  },
  'is deleted': { before: [east(1)], changes: [(site) => site.remove()] },
  'is deleted with its volumes': {
    before: [storage({ reclaimPolicy: 'Delete' })],
    changes: [(site) => site.remove()],
  },
  'is deleted and made anew, smaller': {
    before: [{ voters: { replicas: 5 } }],
    changes: [(site) => site.remove(), apply({ voters: { replicas: 1 } })],
  },
  'pauses while the spec changes': {
    before: [{}],
    changes: [apply({ paused: true, voters: { replicas: 5 } }), apply({ voters: { replicas: 5 } })],
  },
  'gets new passwords': {
    before: [{}],
    changes: [
      (site) => site.user.delete(resources.Secret, { name: `${name}-zookeeper-auth`, namespace }),
      // The Secret is not watched; it is looked at when the ensemble is.
      apply({ pod: { annotations: { asked: 'yes' } } }),
    ],
  },
};

export interface PlanEnd {
  readonly state: Record<string, unknown>;
  readonly violations: readonly string[];
  /** Requests of the first operator that wrote something, before `changes` and in all. */
  readonly writesBefore: number;
  readonly writes: number;
  /** What the operators wrote after everything was settled. */
  readonly vainWrites: number;
}

/** What befalls a run: `begin` when the undisturbed part is over, `each` in every round after. */
export interface Disturbance {
  readonly begin?: (site: EnsembleSite, operator: Operator) => void | Promise<void>;
  /** After each change has been asked for. */
  readonly during?: (site: EnsembleSite, operator: Operator, round: number) => void | Promise<void>;
}

/** Takes a site through a workload; whoever dies is replaced. */
export async function runPlan(workload: Workload, disturbance: Disturbance = {}): Promise<PlanEnd> {
  const site = new EnsembleSite();
  try {
    let operator = site.startOperator();
    for (const spec of workload.before) {
      await site.apply(spec);
      await site.settle();
    }
    const first = operator.connection;
    const writesBefore = first.writes.length;
    await disturbance.begin?.(site, operator);
    for (const [index, change] of workload.changes.entries()) {
      await change(site);
      const isLast = index === workload.changes.length - 1;
      for (let round = 0; round < 30; round++) {
        await site.round();
        await disturbance.during?.(site, operator, round);
        if (operator.connection.dead) {
          await operator.stop();
          operator = site.startOperator();
        }
      }
      if (isLast) await site.settle();
    }
    if (operator.connection.dead) {
      await operator.stop();
      operator = site.startOperator();
    }
    operator.connection.catchUp();
    await site.settle();
    const { writes } = first;
    // A fresh operator, which remembers nothing, finds nothing to do.
    await operator.stop();
    const fresh = site.startOperator();
    await site.quiet();
    return {
      state: site.state(),
      violations: site.ensemble.violations,
      writesBefore,
      writes: writes.length,
      vainWrites: fresh.connection.writes.length,
    };
  } finally {
    await site.stop();
  }
}
