import { resources } from '../../operator/kube/index.ts';
import type { Operator } from '../kube/cluster.ts';
import { namespace, PipelineSite } from './pipeline-site.ts';

type Change = (site: PipelineSite) => Promise<unknown> | void;

/** A state of affairs, and what is then asked for, one after the other; each is waited for, the first ones in vain perhaps. */
export interface PipelineWorkload {
  readonly before: readonly Change[];
  readonly changes: readonly Change[];
}

const ground: Change = (site) => site.ground();
const pipeline =
  (name: string, spec: Readonly<Record<string, unknown>> = {}): Change =>
  (site) =>
    site.pipeline(name, spec);
const remove =
  (kind: Parameters<PipelineSite['remove']>[0], name: string): Change =>
  (site) =>
    site.remove(kind, name);
const patch =
  (name: string, spec: Readonly<Record<string, unknown>>): Change =>
  (site) =>
    site.cluster.user.patch(resources.SyncPipeline, { name, namespace }, { type: 'merge', body: { spec } });
/** Once the old one is gone. */
const anew =
  (name: string, spec: Readonly<Record<string, unknown>>): Change =>
  async (site) => {
    for (let second = 0; site.object(name) !== undefined; second++) {
      if (second === 60) site.operator.connection.catchUp();
      await site.pass(1_000);
    }
    await site.pipeline(name, spec);
  };
const rival = { target: { host: 'mysql.east', credentialsSecretRef: { name: 'target' } } };

export const pipelineWorkloads: Readonly<Record<string, PipelineWorkload>> = {
  'is made': { before: [ground], changes: [pipeline('east')] },
  'pauses, stops and goes on': {
    before: [ground, pipeline('east')],
    changes: [patch('east', { state: 'Paused' }), patch('east', { state: 'Stopped' }), patch('east', { state: 'Running' })],
  },
  'changes its tables while it is made': {
    before: [ground],
    changes: [pipeline('east'), pipeline('east', { tables: [{ source: 'shop.orders' }] })],
  },
  'changes its mind': {
    before: [ground, pipeline('east')],
    changes: [patch('east', { alerts: { lagSeconds: 5 } }), patch('east', { alerts: { lagSeconds: 30 } })],
  },
  'has an instance that changes': {
    before: [ground, pipeline('east'), pipeline('west')],
    changes: [(site) => site.instance({ master: { host: 'mysql.new' } })],
  },
  'is there before all that it takes': {
    before: [pipeline('east')],
    changes: [(site) => site.instance(), (site) => site.secret(), (site) => site.ensemble()],
  },
  'loses its Secret and gets it back': {
    before: [ground, pipeline('east')],
    changes: [remove('Secret', 'target'), (site) => site.secret()],
  },
  'is wrong and put right': {
    before: [ground, pipeline('east')],
    changes: [patch('east', { region: 'moon' }), patch('east', { region: 'home' })],
  },
  'would write another’s table, and may when that is gone': {
    before: [ground, pipeline('east')],
    changes: [pipeline('new', rival), remove('SyncPipeline', 'east')],
  },
  'would come to write another’s table, though it is the older one': {
    before: [
      ground,
      pipeline('east', { ...rival, tables: [{ source: 'shop.orders' }] }),
      pipeline('new', { ...rival, tables: [{ source: 'shop.items' }] }),
    ],
    changes: [
      patch('east', { tables: [{ source: 'shop.items' }] }),
      patch('new', { alerts: { lagSeconds: 5 } }),
      patch('new', { tables: [{ source: 'shop.stock' }] }),
    ],
  },
  'hands a table over': {
    before: [ground, pipeline('east', { ...rival, tables: [{ source: 'shop.orders' }, { source: 'shop.items' }] })],
    changes: [
      async (site) => {
        await pipeline('new', { ...rival, tables: [{ source: 'shop.items' }] })(site);
        await patch('east', { tables: [{ source: 'shop.orders' }] })(site);
      },
    ],
  },
  'is deleted': { before: [ground, pipeline('east'), pipeline('west')], changes: [remove('SyncPipeline', 'east')] },
  'is deleted and made anew': {
    before: [ground, pipeline('east')],
    changes: [remove('SyncPipeline', 'east'), anew('east', { tables: [{ source: 'shop.orders' }] })],
  },
  'outlives its instance': {
    before: [ground, pipeline('east'), pipeline('west')],
    changes: [remove('CanalInstance', 'orders'), remove('SyncPipeline', 'east'), remove('SyncPipeline', 'west')],
  },
  'goes with everything else': {
    before: [ground, pipeline('east')],
    changes: [
      async (site) => {
        await site.remove('SyncPipeline', 'east');
        await site.remove('CanalInstance', 'orders');
        await site.remove('Secret', 'target');
      },
    ],
  },
  'gets another leader': {
    before: [ground, pipeline('east')],
    changes: [
      ({ workers }) => {
        workers.workers.set('w2', workers.workers.get('w1')!);
        workers.workers.delete('w1');
        workers.fields.set('east', { epoch: 2 });
        workers.tell();
      },
    ],
  },
  'is suspended and goes on': {
    before: [ground, pipeline('east')],
    changes: [
      ({ workers }) => {
        const lastError = { code: 'LK1308', message: 'the tables differ', remedy: 'Make them equal.' };
        workers.fields.set('east', { phase: 'suspended', lastError: { ...lastError, at: '2026-01-01T00:00:00Z', attempts: 1 } });
      },
      ({ workers }) => void workers.fields.delete('east'),
    ],
  },
};

export interface PipelinePlanEnd {
  readonly state: unknown;
  readonly violations: readonly string[];
  /** Writes of the first operator, to the API server and to ZooKeeper, before `changes` and in all. */
  readonly before: { readonly writes: number; readonly znodes: number };
  readonly all: { readonly writes: number; readonly znodes: number };
  /** What a fresh operator wrote after everything was settled. */
  readonly vainWrites: readonly string[];
}

/** What befalls a run: `begin` when the undisturbed part is over, `during` after each change, when there has been a moment. */
export interface PipelineDisturbance {
  readonly begin?: (site: PipelineSite, operator: Operator) => void;
  readonly during?: (site: PipelineSite, operator: Operator) => void;
}

/** Takes a site through a workload; an operator that dies is replaced. */
export async function runPipelinePlan(
  workload: PipelineWorkload,
  disturbance: PipelineDisturbance = {},
): Promise<PipelinePlanEnd> {
  const site = new PipelineSite();
  const { zookeeper } = site.workers;
  const first = site.start();
  const counts = () => ({ writes: first.connection.writes.length, znodes: zookeeper.writes });
  for (const change of workload.before) {
    await change(site);
    await site.rest(30_000);
  }
  const before = counts();
  disturbance.begin?.(site, first);
  const replace = async () => {
    if (!site.operator.connection.dead) return;
    await site.stop();
    site.start();
  };
  for (const [index, change] of workload.changes.entries()) {
    await change(site);
    for (let round = 0; round < 8; round++) {
      await site.pass(2_500);
      if (round === 3) disturbance.during?.(site, first);
      await replace();
    }
    if (index === workload.changes.length - 1) {
      first.connection.catchUp();
      await site.rest();
      await replace();
      await site.rest();
    }
  }
  const all = counts();
  // A fresh operator, which remembers nothing, finds nothing to do.
  await site.stop();
  zookeeper.fault = () => undefined;
  const fresh = site.start();
  const znodes = zookeeper.writes;
  await site.rest(60_000);
  const vainWrites = fresh.connection.writes.map(({ verb, path }) => `${verb} ${path}`);
  if (zookeeper.writes !== znodes) vainWrites.push(`${zookeeper.writes - znodes} writes to ZooKeeper`);
  const end = { state: site.state(), violations: site.violations, before, all, vainWrites };
  await site.stop();
  return end;
}
