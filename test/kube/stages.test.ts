import { beforeEach, describe, expect, it } from 'vitest';
import type { ZkEnsembleInput } from '../../crds/index.ts';
import {
  findCondition,
  isTrue,
  resources,
  type ConfigMap,
  type KubeEvent,
  type StatefulSet,
  type ZkEnsembleResource,
} from '../../operator/kube/index.ts';
import { Cluster, type Operator } from './cluster.ts';
import { Outside, addSample } from './sample-reconciler.ts';

type Spec = NonNullable<ZkEnsembleInput['spec']>;

const ref = { namespace: 'shop', name: 'main' };

function ensemble(spec: Spec, name = 'main'): ZkEnsembleResource {
  return { apiVersion: 'lockkeeper.io/v1alpha1', kind: 'ZkEnsemble', metadata: { name, namespace: 'shop' }, spec };
}

describe('a reconciler in stages', () => {
  let cluster: Cluster;
  let outside: Outside;
  let operator: Operator;
  const start = () => cluster.startOperator((manager) => addSample(manager, outside));
  const apply = async (spec: Spec, name?: string) => {
    await cluster.user.apply(resources.ZkEnsemble, ensemble(spec, name), { fieldManager: 'kubectl' });
    await cluster.rest();
  };
  const live = (name = 'main') => cluster.user.get(resources.ZkEnsemble, { namespace: 'shop', name });
  const sets = () =>
    Object.fromEntries(
      (cluster.server.store.list('apps/v1/statefulsets') as readonly StatefulSet[]).map(({ metadata, spec }) => [
        metadata.name,
        spec!.replicas,
      ]),
    );
  const events = () =>
    (cluster.server.store.list('v1/events') as readonly KubeEvent[]).map(
      ({ type, reason, message, count }) => `${type} ${reason}: ${message} x${count}`,
    );

  beforeEach(() => {
    cluster = new Cluster();
    outside = new Outside();
    operator = start();
  });

  it('makes what the spec says, and reports it', async () => {
    await apply({ voters: { replicas: 3 }, observers: [{ region: 'east', replicas: 2 }] });
    expect(sets()).toEqual({ 'main-voters': 3, 'main-observers-east': 2 });
    const object = await live();
    expect(isTrue(object, 'Ready')).toBe(true);
    expect(object.metadata.finalizers).toEqual(['lockkeeper.io/outside']);
    expect([...outside.of('shop/main')].sort()).toEqual(['observers-east', 'voters']);
    expect(events()).toContain('Normal Created: Created StatefulSet main-voters x1');
  });

  it('writes nothing when there is nothing to do: neither it nor an operator that has just begun', async () => {
    await apply({ observers: [{ region: 'east' }] });
    const { revision } = cluster.server.store;
    operator.connection.requests.length = 0;
    operator.manager.enqueueAll();
    await cluster.rest();
    expect(operator.connection.requests.filter(({ watch }) => !watch)).toEqual([]);
    await operator.stop();
    const next = start();
    await cluster.rest();
    expect([next.connection.writeRequests, cluster.server.store.revision]).toEqual([0, revision]);
  });

  it('tells nothing of a spec that changes while it is carried out as if it were the newest', async () => {
    const told: string[] = [];
    cluster.server.store.onCommit(({ object }) => {
      const { observedGeneration, conditions } = (object as ZkEnsembleResource).status ?? {};
      if (object.kind === 'ZkEnsemble' && observedGeneration === 2) told.push(findCondition(conditions, 'Ready')!.reason);
    });
    operator.connection.onWrite = ({ path }) => {
      if (!path.includes('configmaps')) return;
      operator.connection.onWrite = () => undefined;
      void cluster.user.apply(resources.ZkEnsemble, ensemble({ config: { extra: { broken: 'yes' } } }), {
        fieldManager: 'kubectl',
      });
    };
    await apply({});
    expect(new Set(told)).toEqual(new Set(['Broken']));
  });

  it('changes what the spec changes, and deletes what it no longer names', async () => {
    await apply({ voters: { replicas: 5 }, observers: [{ region: 'east' }, { region: 'west' }] });
    await apply({ image: 'zookeeper:3.9.5', voters: { replicas: 3 }, observers: [{ region: 'west', replicas: 1 }] });
    expect(sets()).toEqual({ 'main-voters': 3, 'main-observers-west': 1 });
    const images = (cluster.server.store.list('apps/v1/statefulsets') as readonly StatefulSet[]).map(
      ({ spec }) => spec!.template.spec!.containers[0]!.image,
    );
    expect(new Set(images)).toEqual(new Set(['zookeeper:3.9.5']));
    expect(isTrue(await live(), 'Ready')).toBe(true);
    expect(cluster.server.store.list('v1/pods')).toHaveLength(4);
  });

  it('repairs what others change, and leaves what is theirs', async () => {
    await apply({});
    const patch = { metadata: { labels: { theirs: 'x' } }, spec: { replicas: 1 } };
    await cluster.user.patch(resources.StatefulSet, { namespace: 'shop', name: 'main-voters' }, { type: 'merge', body: patch });
    await cluster.rest();
    const set = await cluster.user.get(resources.StatefulSet, { namespace: 'shop', name: 'main-voters' });
    expect([set.spec!.replicas, set.metadata.labels!.theirs]).toEqual([3, 'x']);
    await cluster.user.delete(resources.ConfigMap, { namespace: 'shop', name: 'main-config' });
    await cluster.rest();
    expect(await cluster.user.find(resources.ConfigMap, { namespace: 'shop', name: 'main-config' })).toBeDefined();
  });

  it('cleans up outside before it lets its object go', async () => {
    await apply({});
    await cluster.user.delete(resources.ZkEnsemble, ref);
    await cluster.rest();
    expect(await cluster.user.find(resources.ZkEnsemble, ref)).toBeUndefined();
    expect([
      outside.groups.size,
      sets(),
      cluster.server.store.list('v1/pods'),
      cluster.server.store.list('v1/configmaps'),
    ]).toEqual([0, {}, [], []]);
  });

  it('lets an object go that was never begun', async () => {
    await apply({ paused: true });
    await cluster.user.delete(resources.ZkEnsemble, ref);
    expect(await cluster.user.find(resources.ZkEnsemble, ref)).toBeUndefined();
    await cluster.rest();
    expect(outside.writes).toBe(0);
  });

  it('finishes deletions that happened while there was no operator', async () => {
    await apply({});
    await operator.stop();
    await cluster.user.delete(resources.ZkEnsemble, ref);
    await cluster.rest();
    expect(await cluster.user.find(resources.ZkEnsemble, ref)).toBeDefined();
    start();
    await cluster.rest();
    expect([await cluster.user.find(resources.ZkEnsemble, ref), outside.groups.size, sets()]).toEqual([undefined, 0, {}]);
  });

  it('begins anew for an object made anew under its name', async () => {
    await apply({ observers: [{ region: 'east' }] });
    await operator.stop();
    await cluster.user.delete(resources.ZkEnsemble, ref);
    await cluster.user.patch(resources.ZkEnsemble, ref, { type: 'merge', body: { metadata: { finalizers: null } } });
    await cluster.user.apply(resources.ZkEnsemble, ensemble({ voters: { replicas: 1 } }), { fieldManager: 'kubectl' });
    const { uid } = (await live()).metadata;
    start();
    await cluster.rest();
    expect(sets()).toEqual({ 'main-voters': 1 });
    const owners = cluster.server.store.list('apps/v1/statefulsets').map(({ metadata }) => metadata.ownerReferences![0]!.uid);
    expect(owners).toEqual([uid]);
    expect(isTrue(await live(), 'Ready')).toBe(true);
  });

  it('says what is wrong with a spec, once, and goes on with the others', async () => {
    await apply({ config: { extra: { broken: 'yes' } } });
    await apply({}, 'other');
    const condition = findCondition((await live()).status?.conditions, 'Ready');
    expect(condition).toMatchObject({ status: 'False', reason: 'Broken', message: 'spec.config.extra.broken: remove it' });
    expect(isTrue(await live('other'), 'Ready')).toBe(true);
    expect(sets()).toEqual({ 'other-voters': 3 });
    const { revision } = cluster.server.store;
    await cluster.clock.advance(4 * 3_600_000);
    expect(cluster.server.store.revision).toBe(revision);
    await apply({});
    expect(isTrue(await live(), 'Ready')).toBe(true);
  });

  it('says what is wrong with a spec that no schema would have let through', async () => {
    cluster.server.store.put('lockkeeper.io/v1alpha1/zkensembles', {
      ...ensemble({}),
      metadata: { ...ensemble({}).metadata, uid: 'u', generation: 1 },
      spec: { voters: 'many' },
    } as never);
    await cluster.rest();
    const stored = cluster.server.store.get('lockkeeper.io/v1alpha1/zkensembles', 'shop/main') as ZkEnsembleResource;
    expect(stored.status).toBeUndefined(); // the server refuses even the status of such an object; nothing else suffers
    await apply({}, 'other');
    expect(isTrue(await live('other'), 'Ready')).toBe(true);
  });

  it('does not touch an object of somebody else that has its name', async () => {
    const theirs: ConfigMap = {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { namespace: 'shop', name: 'main-config' },
      data: { x: 'y' },
    };
    const made = await cluster.user.create(resources.ConfigMap, theirs);
    await apply({});
    expect((await cluster.user.get(resources.ConfigMap, theirs.metadata)).metadata.resourceVersion).toBe(
      made.metadata.resourceVersion,
    );
    const condition = findCondition((await live()).status?.conditions, 'Ready')!;
    expect(condition).toMatchObject({ status: 'False', reason: 'NameTaken' });
    expect(condition.message).toContain('ConfigMap shop/main-config exists and belongs to nobody; delete or rename it');
    await cluster.user.delete(resources.ConfigMap, theirs.metadata);
    await cluster.rest();
    expect(isTrue(await live(), 'Ready')).toBe(true);
  });

  describe('that begins with an old cache', () => {
    /** Starts an operator whose lists show what was there after `then`, and lets it see the newest only when it has come to rest. */
    const begunLate = async (then: () => Promise<unknown>, since: () => Promise<unknown>) => {
      await operator.stop();
      await then();
      const { revision } = cluster.server.store;
      await since();
      await cluster.clock.advance(0);
      operator = cluster.startOperator(
        (manager) => addSample(manager, outside),
        (connection) => connection.freezeAt(revision),
      );
      const writesOutside = outside.writes;
      await cluster.clock.advance(120_000);
      expect(outside.writes).toBe(writesOutside);
      // It reads its object live before it writes, so it may know and report the newest spec.
      const touched = operator.connection.writes.filter(({ path }) => !path.endsWith('/zkensembles/main/status'));
      expect(touched).toEqual([]);
      operator.connection.catchUp();
      await cluster.rest();
    };
    const change = (spec: Spec) => cluster.user.apply(resources.ZkEnsemble, ensemble(spec), { fieldManager: 'kubectl' });

    it('does not scale down what has been scaled up since', async () => {
      await apply({ voters: { replicas: 5 } });
      await begunLate(
        () => change({ voters: { replicas: 1 } }),
        () => change({ voters: { replicas: 5 } }),
      );
      expect(sets()).toEqual({ 'main-voters': 5 });
    });

    it('does not delete what is wanted again', async () => {
      await apply({ observers: [{ region: 'east' }] });
      await begunLate(
        () => change({}),
        () => change({ observers: [{ region: 'east' }] }),
      );
      expect(sets()).toEqual({ 'main-voters': 3, 'main-observers-east': 2 });
    });

    it('does not clean up for an object that was made anew', async () => {
      await apply({});
      await begunLate(
        () => cluster.user.delete(resources.ZkEnsemble, ref),
        async () => {
          await cluster.user.patch(resources.ZkEnsemble, ref, { type: 'merge', body: { metadata: { finalizers: null } } });
          await change({});
        },
      );
      expect([...outside.of('shop/main')]).toEqual(['voters']);
      expect(isTrue(await live(), 'Ready')).toBe(true);
    });

    it('makes nothing for an object that is gone', async () => {
      await cluster.rest(1000);
      await begunLate(
        () => change({}),
        () => cluster.user.delete(resources.ZkEnsemble, ref),
      );
      expect([sets(), outside.groups.size]).toEqual([{}, 0]);
    });
  });

  it('does not repeat what it did before its cache heard of it', async () => {
    await cluster.clock.advance(0);
    operator.connection.freezeAt(cluster.server.store.revision);
    await cluster.user.apply(resources.ZkEnsemble, ensemble({}), { fieldManager: 'kubectl' });
    operator.connection.freezeAt(cluster.server.store.revision);
    cluster.server.pump();
    await cluster.clock.advance(0);
    const done = operator.connection.writes.length;
    const looks = operator.connection.requests.filter(({ method, path }) => method === 'GET' && path.endsWith('/main-voters'));
    expect(looks).toHaveLength(1);
    operator.connection.requests.length = 0;
    for (let turn = 0; turn < 3; turn++) {
      operator.manager.enqueueAll();
      await cluster.clock.advance(1000);
    }
    expect([done > 3, operator.connection.writes.length, operator.connection.requests]).toEqual([true, done, []]);
  });

  it('tries again what the server refuses, says so, and slows down', async () => {
    operator.connection.fault = ({ method, path }) =>
      method !== 'GET' && path.includes('statefulsets') ? { kind: 'refuse', status: 403, reason: 'Forbidden' } : undefined;
    await cluster.user.apply(resources.ZkEnsemble, ensemble({}));
    await cluster.clock.advance(3_600_000);
    const condition = findCondition((await live()).status?.conditions, 'Ready')!;
    expect(condition).toMatchObject({ reason: 'Failed', message: 'apply StatefulSet shop/main-voters: refused by the test' });
    const tries = operator.connection.requests.filter(
      ({ method, path }) => method === 'PATCH' && path.includes('statefulsets'),
    ).length;
    expect(tries).toBeGreaterThan(20);
    expect(tries).toBeLessThan(80);
    operator.connection.fault = () => undefined;
    await cluster.rest();
    expect(isTrue(await live(), 'Ready')).toBe(true);
  });
});
