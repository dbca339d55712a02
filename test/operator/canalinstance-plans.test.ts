import { beforeAll, describe, expect, test } from 'vitest';
import { brokenWatches, failRequests, failWrite, faults, lateView, pastView } from '../support/disturbances.ts';
import { runPlan, workloads, type Disturbance, type PlanEnd } from '../support/instance-plans.ts';

/**
 * Every workload with everything that can befall the operator while it is at it: it dies after any of its writes, its view of the
 * cluster is late or has holes, the API server or ZooKeeper refuses, answers are lost. The end must be the same, on the way nothing may
 * happen that must never happen (see Invariants), and afterwards a fresh operator must find nothing to do.
 */
const references = new Map<string, PlanEnd>();
let plans = 0;

beforeAll(async () => {
  for (const [what, workload] of Object.entries(workloads)) references.set(what, await runPlan(workload));
});

async function expectSameEnd(what: string, how: string, disturbance: Disturbance): Promise<void> {
  plans++;
  const end = await runPlan(workloads[what]!, disturbance).catch((error: unknown) => {
    throw new Error(`${what}, ${how}: ${String(error)}`, { cause: error });
  });
  const { state, violations, vainWrites } = end;
  expect({ how, violations, vainWrites, state }).toEqual({
    ...{ how, violations: [], vainWrites: 0 },
    state: references.get(what)!.state,
  });
}

describe.each(Object.keys(workloads))('an instance that %s', (what) => {
  const writes = () => references.get(what)!.writes.length - references.get(what)!.writesBefore;

  test('comes to rest, and a second look changes nothing', () => {
    const { violations, vainWrites } = references.get(what)!;
    expect({ violations, vainWrites }).toEqual({ violations: [], vainWrites: 0 });
  });

  test('comes to the same end when the operator dies after any of its writes', async () => {
    const { writesBefore } = references.get(what)!;
    for (let count = 1; count <= writes(); count++) {
      await expectSameEnd(what, `dies after write ${count} of ${writes()}`, {
        begin: (_site, { connection }) => connection.crashAfterWrite(writesBefore + count),
      });
    }
  });

  test('and when it dies before or after any write to ZooKeeper, or the connection does', async () => {
    for (const fault of ['lose', 'lose answer'] as const) {
      for (const dies of [true, false]) {
        for (let count = 1; count <= 4; count++) {
          await expectSameEnd(what, `znode write ${count}: ${fault}, ${dies ? 'dies' : 'goes on'}`, {
            begin: (site, { connection }) => {
              let calls = 0;
              site.zkFault = () => {
                if (++calls !== count) return undefined;
                if (dies) connection.sever();
                return fault;
              };
            },
          });
        }
      }
    }
  });

  test('and when a new operator’s view of the cluster is that of the past', async () => {
    for (const back of [1, 8, 25, 1_000_000]) {
      for (const after of [0, 3, 9]) {
        await expectSameEnd(what, `${back} changes behind after round ${after}`, pastView(back, after));
      }
    }
  });

  test('and when it is told late, and not everything', async () => {
    for (const every of [1, 2, 5]) {
      await expectSameEnd(what, `late in every round but each ${every + 1}th`, lateView(every, 20));
      await expectSameEnd(what, `its watches break each ${every} rounds`, brokenWatches(every));
    }
  });

  test('and when any write fails once, in one way or another', async () => {
    for (let count = 1; count <= writes(); count++) {
      const fault = faults[(count + what.length) % faults.length]!;
      await expectSameEnd(what, `write ${count}: ${JSON.stringify(fault)}`, {
        begin: (_site, { connection }) => failWrite(connection, count, fault),
      });
    }
  });

  test('and when the API server, or ZooKeeper, fails for a while', async () => {
    for (const fault of faults) {
      await expectSameEnd(what, `for 20 requests: ${JSON.stringify(fault)}`, {
        begin: ({ clock }, { connection }) => {
          const end = clock.monotonic() + 60_000;
          failRequests(connection, { after: 3, count: 20 }, fault, () => clock.monotonic() < end);
        },
      });
    }
    await expectSameEnd(what, 'ZooKeeper is away for a while', {
      during: (site, _operator, round) => {
        site.zookeeper.isDown = round >= 1 && round < 14;
      },
    });
  });

  test('and when two operators are at it', async () => {
    await expectSameEnd(what, 'two operators', { begin: (site) => void site.startOperator() });
  });
});

test('are many plans', () => {
  console.log(`${plans} plans`);
  expect(plans).toBeGreaterThan(130);
});
