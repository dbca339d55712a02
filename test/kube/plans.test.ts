import { describe, expect, it } from 'vitest';
import type { ZkEnsembleInput } from '../../crds/index.ts';
import { APPLIED_ANNOTATION } from '../../operator/kube/applied.ts';
import { isTrue, resources, type Live } from '../../operator/kube/index.ts';
import type { Connection, Fault } from '../apiserver/index.ts';
import { Cluster, type Operator } from './cluster.ts';
import { Outside, addSample } from './sample-reconciler.ts';

type Spec = NonNullable<ZkEnsembleInput['spec']>;
type Action = Spec | 'delete';

const ref = { namespace: 'shop', name: 'main' };
const east = { region: 'east', replicas: 2 };
const west = { region: 'west', replicas: 1 };

/** What a user does; after each step the cluster comes to rest. */
const workloads: Readonly<Record<string, readonly Action[]>> = {
  'scale up and down': [{ voters: { replicas: 3 } }, { voters: { replicas: 5 } }, { voters: { replicas: 1 } }],
  'regions come and go': [{ observers: [east] }, { observers: [east, west] }, { observers: [west] }],
  'delete and create again': [{ observers: [east] }, 'delete', { voters: { replicas: 1 } }],
};

interface Run {
  readonly cluster: Cluster;
  readonly outside: Outside;
  /** Everything that the operators wrote, by kind of write. */
  readonly writes: readonly string[];
  readonly state: unknown;
}

/** Runs a workload; operators that die are followed by another, and `prepare` may harm the first one. */
async function run(
  actions: readonly Action[],
  prepare: (connection: Connection, cluster: Cluster) => void = () => undefined,
): Promise<Run> {
  const cluster = new Cluster();
  const outside = new Outside();
  const connections: Connection[] = [];
  let operator: Operator;
  const start = () => {
    operator = cluster.startOperator(
      (manager) => addSample(manager, outside),
      (connection) => {
        if (connections.length === 0) prepare(connection, cluster);
        connections.push(connection);
      },
    );
  };
  start();
  for (const action of actions) {
    await act(cluster, action);
    await cluster.rest();
    if (operator!.connection.dead) {
      start();
      await cluster.rest();
    }
  }
  const writes = connections.flatMap((connection) => connection.writes.map(({ verb, path }) => `${verb} ${path}`));
  const before = cluster.server.store.revision;
  const requests = operator!.connection.writeRequests;
  operator!.manager.enqueueAll();
  await cluster.rest();
  expect([cluster.server.store.revision, operator!.connection.writeRequests]).toEqual([before, requests]);
  return { cluster, outside, writes, state: stateOf(cluster, outside) };
}

async function act({ user }: Cluster, action: Action): Promise<void> {
  if (action === 'delete') return user.delete(resources.ZkEnsemble, ref);
  const { apiVersion, kind } = resources.ZkEnsemble;
  await user.apply(resources.ZkEnsemble, { apiVersion, kind, metadata: { ...ref }, spec: action }, { fieldManager: 'kubectl' });
}

/** What must be the same in the end, whatever happened in between: all but times, versions and uids. */
function stateOf({ server }: Cluster, outside: Outside): unknown {
  const objects = [...server.store.all()].filter(({ kind }) => kind !== 'Event').map(normal);
  return { objects: objects.sort((a, b) => (a.id < b.id ? -1 : 1)), outside: [...outside.of('shop/main')].sort() };
}

function normal(object: Live): { id: string; text: string } {
  const { metadata, status, ...rest } = object as Live & { status?: { conditions?: object[] } };
  const { name, labels, annotations, finalizers, ownerReferences } = metadata;
  const { [APPLIED_ANNOTATION]: _digest, ...noted } = annotations ?? {}; // the digest is of the owner's uid, too
  const owners = ownerReferences?.map(({ kind, name: owner }) => `${kind} ${owner}`);
  const judged = object.kind === 'ZkEnsemble' ? isTrue(object, 'Ready') : undefined;
  const replicas = object.kind === 'StatefulSet' ? (status as { readyReplicas?: number }).readyReplicas : undefined;
  return {
    id: `${object.kind} ${name}`,
    text: JSON.stringify({ labels, noted, finalizers, owners, rest, judged, replicas }),
  };
}

const references = new Map<string, Run>();
async function reference(name: string): Promise<Run> {
  const known = references.get(name) ?? (await run(workloads[name]!));
  references.set(name, known);
  return known;
}

/** Deletions by path, of which there must be no more than in an undisturbed run. */
const deletions = (writes: readonly string[]) => writes.filter((write) => write.startsWith('delete')).sort();

describe.each(Object.keys(workloads))('%s', (name) => {
  const actions = workloads[name]!;

  it('ends in the right state when the operator dies after any of its writes', async () => {
    const { state, writes } = await reference(name);
    expect(writes.length).toBeGreaterThan(4);
    for (let index = 1; index <= writes.length; index++) {
      const after = await run(actions, (connection) => connection.crashAfterWrite(index));
      expect(after.state, `crash after write ${index}: ${writes[index - 1]}`).toEqual(state);
      expect(deletions(after.writes)).toEqual(deletions(writes));
    }
  });

  const faults: readonly Fault[] = [
    { kind: 'refuse', status: 409, reason: 'Conflict' },
    { kind: 'refuse', status: 422, reason: 'Invalid' },
    { kind: 'refuse', status: 429, reason: 'TooManyRequests', retryAfterSeconds: 3 },
    { kind: 'refuse', status: 500 },
    { kind: 'lose answer' },
    { kind: 'hang' },
  ];
  it.each(faults)('ends in the right state when any one request meets $kind $status', async (fault) => {
    const { state } = await reference(name);
    let requests = 0;
    await run(actions, (connection) => (connection.fault = ({ watch }) => (watch ? undefined : (requests++, undefined))));
    expect(requests).toBeGreaterThan(10);
    for (let index = 1; index <= requests; index++) {
      let seen = 0;
      const after = await run(actions, (connection) => {
        connection.fault = ({ watch }) => (!watch && ++seen === index ? fault : undefined);
      });
      expect(after.state, `request ${index}`).toEqual(state);
    }
  });

  it.each([1, 2, 3, 5, 8, 13])('ends in the right state with caches that are %d changes late', async (changes) => {
    const { state, writes } = await reference(name);
    const after = await run(actions, (connection, cluster) => {
      connection.lagBy(changes);
      const catchUp = () => {
        connection.catchUp();
        cluster.clock.after(20_000, () => connection.lagBy(changes));
        cluster.clock.after(25_000, catchUp);
      };
      cluster.clock.after(5_000, catchUp);
    });
    expect(after.state).toEqual(state);
    expect(deletions(after.writes)).toEqual(deletions(writes));
  });

  it('ends in the right state when watches break and history is lost at any moment', async () => {
    const { state, writes } = await reference(name);
    for (let index = 1; index <= writes.length; index++) {
      const after = await run(actions, (connection, { server }) => {
        connection.onWrite = () => {
          if (connection.writes.length !== index) return;
          connection.freezeAt(server.store.revision);
          connection.cutWatches();
          server.clock.after(3_000, () => {
            server.compact();
            connection.catchUp();
          });
        };
      });
      expect(after.state, `after write ${index}`).toEqual(state);
    }
  });
});
