import { beforeAll, describe, expect, test } from 'vitest';
import { ZkError } from '../../common/zookeeper/zk-error.ts';
import { failRequests, failWrite, faults } from '../support/disturbances.ts';
import { pipelineWorkloads, runPipelinePlan, type PipelineDisturbance, type PipelinePlanEnd } from '../support/pipeline-plans.ts';

/**
 * Every workload with everything that can befall the operator while it is at it: it dies after any of its writes, to the API server or
 * to ZooKeeper, its view of the cluster is late or has holes, requests are refused, answers are lost. The end must be the same, on the
 * way no pipeline may be called Ready that is not and no two may have one server id, and a fresh operator must find nothing to do.
 */
const references = new Map<string, PipelinePlanEnd>();
let plans = 0;

beforeAll(async () => {
  for (const [what, workload] of Object.entries(pipelineWorkloads)) references.set(what, await runPipelinePlan(workload));
});

async function expectSameEnd(what: string, how: string, disturbance: PipelineDisturbance): Promise<void> {
  plans++;
  const { state, violations, vainWrites } = await runPipelinePlan(pipelineWorkloads[what]!, disturbance).catch(
    (error: unknown) => {
      throw new Error(`${what}, ${how}: ${String(error)}`, { cause: error });
    },
  );
  const expected = { how, violations: [], vainWrites: [], state: references.get(what)!.state };
  expect({ how, violations, vainWrites, state }).toEqual(expected);
}

describe.each(Object.keys(pipelineWorkloads))('a pipeline that %s', (what) => {
  const reference = () => references.get(what)!;

  test('comes to rest, and a second look changes nothing', () => {
    const { violations, vainWrites } = reference();
    expect({ violations, vainWrites }).toEqual({ violations: [], vainWrites: [] });
    expect(reference().all.writes).toBeGreaterThan(reference().before.writes);
  });

  test('comes to the same end when the operator dies after any of its writes to the API server', async () => {
    const { before, all } = reference();
    for (let count = before.writes + 1; count <= all.writes; count++) {
      const begin: PipelineDisturbance['begin'] = (_site, { connection }) => connection.crashAfterWrite(count);
      await expectSameEnd(what, `dies after write ${count} of ${all.writes}`, { begin });
    }
  });

  test('and when it dies before or after any write to ZooKeeper, or only the connection does', async () => {
    const { before, all } = reference();
    // Removals are asked for again and again until workers have left; the first rounds show it all.
    for (let count = 1; count <= Math.min(all.znodes - before.znodes, 12); count++) {
      for (const when of ['before', 'after'] as const) {
        for (const dies of [true, false]) {
          await expectSameEnd(what, `${dies ? 'dies' : 'loses the connection'} ${when} znode ${count}`, {
            begin: ({ workers }, operator) => {
              let writes = 0;
              workers.zookeeper.fault = (now, write) => {
                if (now !== when || ++writes !== count) return;
                if (dies) operator.connection.sever();
                throw new ZkError('connection-loss', 'write', write, { uncertain: when === 'after' });
              };
            },
          });
        }
      }
    }
  });

  test('and when any write fails once, in one way or another', async () => {
    const { before, all } = reference();
    for (let count = 1; count <= all.writes - before.writes; count++) {
      for (const fault of [faults[(count + what.length) % faults.length]!, faults[(count + what.length + 3) % faults.length]!]) {
        await expectSameEnd(what, `write ${count}: ${JSON.stringify(fault)}`, {
          begin: (_site, { connection }) => failWrite(connection, count, fault),
        });
      }
    }
  });

  test('and when the API server fails for a while', async () => {
    for (const fault of faults) {
      await expectSameEnd(what, `for 8 requests: ${JSON.stringify(fault)}`, {
        begin: (_site, { connection }) => failRequests(connection, { after: 1, count: 8 }, fault),
      });
    }
  });

  test('and when its view of the cluster is late, or that of the past', async () => {
    for (const changes of [1, 3, 8]) {
      await expectSameEnd(what, `${changes} changes late`, {
        begin: (_site, { connection }) => connection.lagBy(changes),
        during: (_site, { connection }) => {
          connection.catchUp();
          connection.lagBy(changes);
        },
      });
    }
    for (const back of [2, 10, 1_000_000]) {
      await expectSameEnd(what, `${back} changes behind`, {
        begin: ({ cluster }, { connection }) => {
          connection.freezeAt(Math.max(1, cluster.server.store.revision - back));
          connection.cutWatches();
        },
      });
    }
  });

  test('and when it is not told of everything', async () => {
    for (const compacts of [true, false]) {
      await expectSameEnd(what, `its watches break${compacts ? ' and history is lost' : ''}`, {
        begin: ({ cluster }, { connection }) => {
          connection.freezeAt(cluster.server.store.revision);
        },
        during: ({ cluster }, { connection }) => {
          if (compacts) cluster.server.compact();
          connection.cutWatches();
          connection.catchUp();
        },
      });
    }
  });

  test('and when the ensemble is away meanwhile', async () => {
    await expectSameEnd(what, 'the ensemble is away', {
      begin: ({ workers, cluster }) => {
        workers.zookeeper.reachable = false;
        cluster.clock.after(30_000, () => (workers.zookeeper.reachable = true));
      },
    });
  });
});

test('are many plans', () => {
  console.log(`${plans} plans`);
  expect(plans).toBeGreaterThan(130);
});
