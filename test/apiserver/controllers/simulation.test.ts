import { beforeEach, describe, expect, it } from 'vitest';
import {
  KubeClient,
  ownerReference,
  resources,
  type ConfigMap,
  type Deployment,
  type KubeObject,
  type Live,
  type Pod,
  type StatefulSet,
} from '../../../operator/kube/index.ts';
import { ManualClock } from '../../../operator/kube/manual-clock.ts';
import { ApiServer, Simulation } from '../index.ts';
import { isReady } from './pods.ts';

const labels = { app: 'x' };
const template = (image: string) => ({ metadata: { labels }, spec: { containers: [{ name: 'main', image }] } });

function statefulSet(spec: Partial<NonNullable<StatefulSet['spec']>> = {}): StatefulSet {
  return {
    apiVersion: 'apps/v1',
    kind: 'StatefulSet',
    metadata: { namespace: 'shop', name: 'set' },
    spec: { replicas: 3, serviceName: 'set', selector: { matchLabels: labels }, template: template('i:1'), ...spec },
  };
}

function deployment(spec: Partial<NonNullable<Deployment['spec']>> = {}): Deployment {
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { namespace: 'shop', name: 'web' },
    spec: { replicas: 3, selector: { matchLabels: labels }, template: template('i:1'), ...spec },
  };
}

describe('Simulation', () => {
  let server: ApiServer;
  let simulation: Simulation;
  let client: KubeClient;
  /** What happened to pods, in order. */
  let story: string[];

  const pods = () => server.store.list('v1/pods') as readonly Live<Pod>[];
  const shown = () =>
    pods().map((pod) => `${pod.metadata.name} ${pod.spec!.containers[0]!.image}${isReady(pod) ? '' : ' not ready'}`);
  const apply = async (object: KubeObject) => {
    if (object.kind === 'StatefulSet') await client.apply(resources.StatefulSet, object);
    else await client.apply(resources.Deployment, object);
  };
  const statusOf = async () => (await client.get(resources.StatefulSet, { namespace: 'shop', name: 'set' })).status!;

  beforeEach(() => {
    server = new ApiServer({ clock: new ManualClock() });
    simulation = new Simulation(server);
    client = new KubeClient(server.connect());
    story = [];
    server.store.onCommit(({ collection, type, object, before }) => {
      if (collection !== 'v1/pods') return;
      const name = object.metadata.name.replace(/^set-/, '');
      if (type === 'ADDED') story.push(`+${name}`);
      else if (type === 'DELETED') story.push(`-${name}`);
      else if (isReady(object) && !isReady(before as Live<Pod>)) story.push(`${name} ready`);
    });
  });

  it('comes to rest, and the same way each time', async () => {
    await apply(statefulSet());
    expect(simulation.run()).toBeGreaterThan(5);
    expect(simulation.run()).toBe(0);
  });

  describe('StatefulSet', () => {
    it('makes pods in order, each when the one before is ready', async () => {
      await apply(statefulSet());
      simulation.run();
      expect(story).toEqual(['+0', '0 ready', '+1', '1 ready', '+2', '2 ready']);
      expect(await statusOf()).toMatchObject({
        replicas: 3,
        readyReplicas: 3,
        updatedReplicas: 3,
        currentReplicas: 3,
        observedGeneration: 1,
      });
    });

    it('makes them all at once when it may', async () => {
      await apply(statefulSet({ podManagementPolicy: 'Parallel' }));
      simulation.run();
      expect(story.slice(0, 3)).toEqual(['+0', '+1', '+2']);
    });

    it('removes the last first', async () => {
      await apply(statefulSet());
      simulation.run();
      story = [];
      await apply(statefulSet({ replicas: 1 }));
      simulation.run();
      expect(story).toEqual(['-2', '-1']);
    });

    it('replaces the last first, one at a time, and waits for each', async () => {
      await apply(statefulSet());
      simulation.run();
      story = [];
      await apply(statefulSet({ template: template('i:2') }));
      simulation.run();
      expect(story).toEqual(['-2', '+2', '2 ready', '-1', '+1', '1 ready', '-0', '+0', '0 ready']);
      const { currentRevision, updateRevision } = await statusOf();
      expect(currentRevision).toBe(updateRevision);
    });

    it('stops replacing at a pod that does not become ready', async () => {
      await apply(statefulSet());
      simulation.run();
      simulation.kubelet.healthy = (pod) => pod.spec!.containers[0]!.image !== 'i:2';
      await apply(statefulSet({ template: template('i:2') }));
      simulation.run();
      expect(shown()).toEqual(['set-0 i:1', 'set-1 i:1', 'set-2 i:2 not ready']);
      expect(await statusOf()).toMatchObject({ readyReplicas: 2, updatedReplicas: 1, currentReplicas: 2 });
      simulation.kubelet.healthy = () => true;
      simulation.run();
      expect(shown()).toEqual(['set-0 i:2', 'set-1 i:2', 'set-2 i:2']);
    });

    it('replaces none below its partition, and with OnDelete only what is deleted', async () => {
      await apply(statefulSet({ updateStrategy: { type: 'RollingUpdate', rollingUpdate: { partition: 2 } } }));
      simulation.run();
      await apply(
        statefulSet({ updateStrategy: { type: 'RollingUpdate', rollingUpdate: { partition: 2 } }, template: template('i:2') }),
      );
      simulation.run();
      expect(shown()).toEqual(['set-0 i:1', 'set-1 i:1', 'set-2 i:2']);
      await client.delete(resources.Pod, { namespace: 'shop', name: 'set-0' });
      simulation.run();
      expect(shown()[0]).toBe('set-0 i:1');
      await apply(statefulSet({ updateStrategy: { type: 'OnDelete' }, template: template('i:3') }));
      simulation.run();
      await client.delete(resources.Pod, { namespace: 'shop', name: 'set-1' });
      simulation.run();
      expect(shown()).toEqual(['set-0 i:1', 'set-1 i:3', 'set-2 i:2']);
    });

    it('brings its claims, which outlive their pods', async () => {
      const volumeClaimTemplates = [
        { metadata: { name: 'data' }, spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } } },
      ];
      const mounted = template('i:1');
      const container = { ...mounted.spec.containers[0]!, volumeMounts: [{ name: 'data', mountPath: '/data' }] };
      await apply(
        statefulSet({ replicas: 2, volumeClaimTemplates, template: { ...mounted, spec: { containers: [container] } } }),
      );
      simulation.run();
      const claims = () => server.store.list('v1/persistentvolumeclaims');
      expect(
        claims().map(({ metadata, ...rest }) => [
          metadata.name,
          metadata.labels,
          (rest as { status?: { phase: string } }).status!.phase,
        ]),
      ).toEqual([
        ['data-set-0', labels, 'Bound'],
        ['data-set-1', labels, 'Bound'],
      ]);
      await client.delete(resources.PersistentVolumeClaim, { namespace: 'shop', name: 'data-set-0' });
      simulation.run();
      expect(claims()).toHaveLength(2); // in use
      await client.delete(resources.StatefulSet, { namespace: 'shop', name: 'set' });
      simulation.run();
      expect([pods(), claims().map(({ metadata }) => metadata.name)]).toEqual([[], ['data-set-1']]);
      const body = { spec: { resources: { requests: { storage: '2Gi' } } } };
      await client.patch(resources.PersistentVolumeClaim, { namespace: 'shop', name: 'data-set-1' }, { type: 'merge', body });
      simulation.run();
      expect(claims()[0]).toMatchObject({ status: { capacity: { storage: '2Gi' } } });
    });

    it('waits for volumes and for a node', async () => {
      server = new ApiServer({ clock: new ManualClock() });
      simulation = new Simulation(server, { nodes: [{ name: 'n', labels: { region: 'home' } }] });
      client = new KubeClient(server.connect());
      const away = template('i:1');
      await apply(statefulSet({ replicas: 1, template: { ...away, spec: { ...away.spec, nodeSelector: { region: 'away' } } } }));
      simulation.run();
      expect(pods()[0]!.status).toMatchObject({
        phase: 'Pending',
        conditions: [{ type: 'PodScheduled', status: 'False', reason: 'Unschedulable' }],
      });
    });
  });

  describe('Deployment', () => {
    const images = () => pods().map((pod) => pod.spec!.containers[0]!.image);

    it('keeps as many pods as it should, and names them anew', async () => {
      await apply(deployment());
      simulation.run();
      const [first] = pods();
      await client.delete(resources.Pod, first!.metadata);
      simulation.run();
      expect(pods()).toHaveLength(3);
      expect(pods().map(({ metadata }) => metadata.name)).not.toContain(first!.metadata.name);
    });

    it.each([
      [0, 1, 3, 2],
      [1, 0, 4, 3],
      ['25%', '25%', 4, 3],
    ])('replaces pods with surge %s and %s unavailable', async (maxSurge, maxUnavailable, most, least) => {
      const strategy = { type: 'RollingUpdate', rollingUpdate: { maxSurge, maxUnavailable } };
      await apply(deployment({ strategy }));
      simulation.run();
      let [peak, low] = [0, 9];
      await apply(deployment({ strategy, template: template('i:2') }));
      while (simulation.step()) {
        peak = Math.max(peak, pods().filter(({ metadata }) => metadata.deletionTimestamp === undefined).length);
        low = Math.min(low, pods().filter((pod) => isReady(pod) && pod.metadata.deletionTimestamp === undefined).length);
      }
      expect(images()).toEqual(['i:2', 'i:2', 'i:2']);
      expect([peak, low]).toEqual([most, least]);
      const { status } = await client.get(resources.Deployment, { namespace: 'shop', name: 'web' });
      expect(status).toMatchObject({ updatedReplicas: 3, readyReplicas: 3, observedGeneration: 2, unavailableReplicas: 0 });
    });

    it('with Recreate has no old and new pods together', async () => {
      await apply(deployment({ strategy: { type: 'Recreate' } }));
      simulation.run();
      await apply(deployment({ strategy: { type: 'Recreate' }, template: template('i:2') }));
      while (simulation.step()) expect(new Set(images()).size).toBeLessThanOrEqual(1);
      expect(images()).toEqual(['i:2', 'i:2', 'i:2']);
    });

    it('scales down and goes', async () => {
      await apply(deployment());
      simulation.run();
      await apply(deployment({ replicas: 1 }));
      simulation.run();
      expect(pods()).toHaveLength(1);
      await client.delete(resources.Deployment, { namespace: 'shop', name: 'web' });
      simulation.run();
      expect(pods()).toHaveLength(0);
    });
  });

  describe('garbage collection', () => {
    const map = (name: string, owners: readonly Live[] = []): ConfigMap => ({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: {
        namespace: 'shop',
        name,
        ownerReferences: owners.map((owner) => ({ ...ownerReference(owner), controller: false })),
      },
    });
    const make = (name: string, owners: readonly Live[] = []) => client.create(resources.ConfigMap, map(name, owners));
    const names = () => server.store.list('v1/configmaps').map(({ metadata }) => metadata.name);
    const remove = (name: string, propagation: 'Background' | 'Foreground' | 'Orphan') =>
      client.delete(resources.ConfigMap, { namespace: 'shop', name }, { propagation });

    it('in the background: what has no owner left goes, down to the last', async () => {
      const [a, b] = [await make('a'), await make('b')];
      const child = await make('child', [a]);
      await make('grandchild', [child]);
      await make('shared', [a, b]);
      await remove('a', 'Background');
      expect(names()).toContain('child');
      simulation.run();
      expect(names()).toEqual(['b', 'shared']);
    });

    it('in the foreground: the owner goes last', async () => {
      await make('child', [await make('a')]);
      const order: string[] = [];
      server.store.onCommit(({ type, object }) => type === 'DELETED' && order.push(object.metadata.name));
      await remove('a', 'Foreground');
      simulation.run();
      expect(order).toEqual(['child', 'a']);
    });

    it('with orphans: the owner goes alone', async () => {
      await make('child', [await make('a')]);
      await remove('a', 'Orphan');
      simulation.run();
      expect(names()).toEqual(['child']);
      expect(server.store.list('v1/configmaps')[0]!.metadata.ownerReferences ?? []).toEqual([]);
    });

    it('of an object of another uid under the owner’s name', async () => {
      await make('child', [await make('a')]);
      await remove('a', 'Background');
      await make('a');
      simulation.run();
      expect(names()).toEqual(['a']);
    });
  });
});
