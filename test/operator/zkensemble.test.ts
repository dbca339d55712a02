import { afterEach, describe, expect, test } from 'vitest';
import {
  resources,
  type KubeObject,
  type Live,
  type PersistentVolumeClaim,
  type Resource,
  type ZkEnsembleResource,
} from '../../operator/kube/index.ts';
import { EnsembleSite, name, namespace, type Operator } from '../support/ensemble-site.ts';

let site: EnsembleSite;
let operator: Operator;

afterEach(() => site.stop());

async function made(spec: Parameters<EnsembleSite['apply']>[0] = {}): Promise<void> {
  site = new EnsembleSite();
  operator = site.startOperator();
  await site.apply(spec);
  await site.settle();
}

const one = <T extends KubeObject>(resource: Resource<T>, called: string) =>
  site.list(resource).find(({ metadata }) => metadata.name === called)!;
const names = (resource: Resource) => site.list(resource).map(({ metadata }) => metadata.name);
const pods = () => site.list(resources.Pod);
const uids = () => Object.fromEntries(pods().map(({ metadata }) => [metadata.name, metadata.uid]));
const at = (called: string) => ({ name: called, namespace });
const claims = () => site.list(resources.PersistentVolumeClaim);
const sound = () => expect(site.ensemble.violations).toEqual([]);
const conditions = () => Object.fromEntries(site.object().status!.conditions!.map(({ type, status }) => [type, status]));
const patch = (resource: Resource, called: string, body: Record<string, unknown>) =>
  site.user.patch(resource, at(called), { type: 'merge', body });

describe('what is made', () => {
  test('is everything that an ensemble needs, and belongs to it', async () => {
    await made({ observers: [{ region: 'east', replicas: 2 }] });
    expect({
      sets: names(resources.StatefulSet),
      services: names(resources.Service),
      maps: names(resources.ConfigMap),
      budgets: names(resources.PodDisruptionBudget),
      policies: names(resources.NetworkPolicy),
      secrets: names(resources.Secret),
      claims: names(resources.PersistentVolumeClaim),
    }).toEqual({
      sets: ['main-observers-east', 'main-voters'],
      services: ['main-east-client', 'main-home-client', 'main-servers'],
      maps: ['main-connect', 'main-members', 'main-zookeeper'],
      budgets: ['main-observers-east', 'main-voters'],
      policies: ['main-zookeeper'],
      secrets: ['main-zookeeper-auth'],
      claims: ['observers-east-0', 'observers-east-1', 'voters-0', 'voters-1', 'voters-2'].map((pod) => `data-main-${pod}`),
    });
    expect(conditions()).toEqual({
      ...{ Ready: 'True', QuorumHealthy: 'True', ObserversSynced: 'True' },
      ...{ Progressing: 'False', Degraded: 'False', ReconfigInProgress: 'False', Paused: 'False', Risky: 'True' },
    });
    const { members, connectStrings, observedGeneration } = site.object().status!;
    expect(members!.map(({ id, region, role, ready }) => [id, region, role, ready])).toEqual([
      [1, 'home', 'voter', true],
      [2, 'home', 'voter', true],
      [3, 'home', 'voter', true],
      [11, 'east', 'observer', true],
      [12, 'east', 'observer', true],
    ]);
    expect(members!.map(({ mode }) => mode).sort()).toEqual(['follower', 'follower', 'leader', 'observer', 'observer']);
    expect(connectStrings!.find(({ region }) => region === 'east')!.servers).toMatch(
      /^main-observers-east-0\..*,main-voters-2\./,
    );
    const strings = Object.fromEntries(connectStrings!.map(({ region, servers }) => [region, servers]));
    expect(one(resources.ConfigMap, 'main-connect').data).toEqual(strings);
    expect(observedGeneration).toBe(site.object().metadata.generation);
    sound();
  });

  test('has no password but in its Secret, which is for nobody else to read', async () => {
    await made();
    const { data } = one(resources.Secret, 'main-zookeeper-auth');
    const passwords = ['super-password', 'worker-password'].map((key) => Buffer.from(data![key]!, 'base64').toString());
    for (const password of passwords) expect(password.length).toBeGreaterThanOrEqual(32);
    const everything = [...site.server.store.all()].filter(({ kind }) => kind !== 'Secret');
    for (const password of passwords) expect(JSON.stringify(everything)).not.toContain(password);
    const [container] = pods()[0]!.spec!.containers;
    expect(container!.env!.find((each) => each.name === 'ZK_SUPER_DIGEST')).toEqual({
      name: 'ZK_SUPER_DIGEST',
      valueFrom: { secretKeyRef: { name: 'main-zookeeper-auth', key: 'super-digest' } },
    });
  });

  test('runs under the restricted PodSecurity profile, in its region', async () => {
    await made({ observers: [{ region: 'west', replicas: 1 }] });
    for (const { spec, metadata } of pods()) {
      expect(spec!.securityContext).toMatchObject({ runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } });
      for (const container of spec!.containers) {
        expect(container.securityContext).toMatchObject({
          ...{ allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, runAsNonRoot: true },
          capabilities: { drop: ['ALL'] },
        });
      }
      expect(Object.keys(spec!).filter((key) => key.startsWith('host') && key !== 'hostname')).toEqual([]);
      const region = metadata.name.includes('west') ? 'west' : 'home';
      expect(spec!.nodeSelector).toEqual({ 'topology.kubernetes.io/region': region });
      expect(spec!.automountServiceAccountToken).toBe(false);
    }
    expect(one(resources.Service, 'main-servers').spec).toMatchObject({ clusterIP: 'None', publishNotReadyAddresses: true });
    expect(
      one(resources.NetworkPolicy, 'main-zookeeper').spec!.ingress!.map(({ ports }) => ports!.map(({ port }) => port)),
    ).toEqual([...[[2888, 3888], [2181], [7000]]]);
  });

  test('is spread over nodes and zones, unless the spec says how', async () => {
    const affinity = { podAntiAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [] } };
    await made();
    const own = pods()[0]!.spec!;
    expect(own.affinity).toBeUndefined();
    expect(own.topologySpreadConstraints!.map(({ topologyKey, maxSkew }) => [topologyKey, maxSkew])).toEqual([
      ['kubernetes.io/hostname', 1],
      ['topology.kubernetes.io/zone', 1],
    ]);
    await site.apply({ pod: { affinity } });
    await site.settle();
    expect(pods().map(({ spec }) => [spec!.affinity, spec!.topologySpreadConstraints])).toEqual(
      Array.from({ length: 3 }, () => [affinity, undefined]),
    );
    sound();
  });

  test('is told step by step in Events', async () => {
    await made();
    await site.apply({ voters: { replicas: 5 } });
    await site.settle();
    const told = site.events().join('\n');
    for (const expected of [
      'CredentialsMade: Passwords for operator and workers are in Secret main-zookeeper-auth',
      'ServerStarted: voters in region home begin with 3: the ensemble is to form',
      'AccessSecured: Everything under /lockkeeper is for the operator and the workers only',
      'MemberJoined: Server 5 (pod main-voters-4) joins as voter',
    ]) {
      expect(told).toContain(expected);
    }
  });
});

describe('metrics', () => {
  const shown = async () =>
    (await operator.registry.metrics()).split('\n').filter((line) => line.startsWith('lockkeeper_ensemble_'));

  test('count members as they are and as they should be, from zero on, until the ensemble is gone', async () => {
    await made({ observers: [{ region: 'nowhere', replicas: 1 }], externalMembers: [{ id: 200, host: 'zk.dc' }] });
    const of = 'namespace="shop",name="main"';
    expect((await shown()).sort()).toEqual([
      `lockkeeper_ensemble_has_leader{${of}} 1`,
      `lockkeeper_ensemble_members_wanted{${of},region="external",role="observer"} 1`,
      `lockkeeper_ensemble_members_wanted{${of},region="home",role="voter"} 3`,
      `lockkeeper_ensemble_members_wanted{${of},region="nowhere",role="observer"} 1`,
      `lockkeeper_ensemble_members{${of},region="external",role="observer",ready="false"} 1`,
      `lockkeeper_ensemble_members{${of},region="external",role="observer",ready="true"} 0`,
      `lockkeeper_ensemble_members{${of},region="home",role="voter",ready="false"} 0`,
      `lockkeeper_ensemble_members{${of},region="home",role="voter",ready="true"} 3`,
      `lockkeeper_ensemble_members{${of},region="nowhere",role="observer",ready="false"} 1`,
      `lockkeeper_ensemble_members{${of},region="nowhere",role="observer",ready="true"} 0`,
    ]);
    await site.remove();
    await site.settle();
    expect(await shown()).toEqual([]);
  });
});

describe('a region without nodes', () => {
  test('is degraded, holds up nobody, and costs nothing while it waits', async () => {
    await made({
      observers: [
        { region: 'nowhere', replicas: 2 },
        { region: 'west', replicas: 1 },
      ],
    });
    expect(conditions()).toMatchObject({ Ready: 'True', QuorumHealthy: 'True', ObserversSynced: 'False', Degraded: 'True' });
    expect(site.condition('Degraded')).toMatchObject({ reason: 'Unschedulable' });
    expect(site.condition('Degraded').message).toContain(
      'a node with the label topology.kubernetes.io/region=nowhere that has room',
    );
    expect(site.events().filter((event) => event.startsWith('Unschedulable'))).toHaveLength(1);
    expect(site.ensemble.config!.members.map(({ id }) => id)).toEqual([1, 2, 3, 21]);
    const { writes, requests } = operator.connection;
    const before = [writes.length, requests.length];
    for (let i = 0; i < 60; i++) await site.round();
    expect(writes.length).toBe(before[0]);
    expect(requests.length - before[1]!).toBeLessThan(60); // the Secret, every two seconds
    sound();
  });
});

describe('whoever else has a hand in it', () => {
  test('may restart the servers with kubectl, which keeps to the order', async () => {
    await made();
    const before = uids();
    const restartedAt = '2026-01-01T00:00:00Z';
    const template = { metadata: { annotations: { 'kubectl.kubernetes.io/restartedAt': restartedAt } } };
    await patch(resources.StatefulSet, 'main-voters', { spec: { template } });
    await site.settle();
    expect(Object.entries(uids()).filter(([pod, uid]) => before[pod] === uid)).toEqual([]);
    const restarts = site.events().filter((event) => event.startsWith('ServerRestarted'));
    expect(restarts).toHaveLength(3);
    expect(restarts.at(-1)).toContain('main-voters-2 is replaced: a restart was asked for at 2026-01-01T00:00:00Z'); // the leader
    sound();
  });

  test.each([1, 7])('and scales a set to %i, finds it scaled back', async (replicas) => {
    await made();
    await patch(resources.StatefulSet, 'main-voters', { spec: { replicas } });
    await site.settle();
    expect(one(resources.StatefulSet, 'main-voters').spec!.replicas).toBe(3);
    expect(site.ensemble.config!.members.map(({ id }) => id)).toEqual([1, 2, 3]);
    expect(conditions()).toMatchObject({ Ready: 'True', Progressing: 'False' });
    sound();
  });

  test.each(['Background', 'Orphan'] as const)(
    'and deletes a set (%s), finds it made again with its data',
    async (propagation) => {
      await made();
      const { acknowledged } = site.ensemble;
      await site.user.delete(resources.StatefulSet, at('main-voters'), { propagation });
      await site.settle();
      expect(conditions()).toMatchObject({ Ready: 'True', Progressing: 'False' });
      expect(site.ensemble.acknowledged).toBeGreaterThan(acknowledged);
      sound();
    },
  );

  test('and deletes each pod in turn, disturbs no other, and no write is lost', async () => {
    await made({ observers: [{ region: 'east', replicas: 1 }] });
    for (const { metadata } of pods()) {
      const before = uids();
      const { acknowledged } = site.ensemble;
      await site.user.delete(resources.Pod, at(metadata.name));
      await site.settle();
      const changed = Object.entries(uids()).filter(([pod, uid]) => before[pod] !== uid);
      expect(changed.map(([pod]) => pod)).toEqual([metadata.name]);
      expect(site.ensemble.acknowledged).toBeGreaterThan(acknowledged);
      expect(conditions()).toMatchObject({ Ready: 'True', ObserversSynced: 'True', Progressing: 'False' });
    }
    sound();
  });

  test('and changes what is ours, finds it changed back', async () => {
    await made();
    await patch(resources.ConfigMap, 'main-zookeeper', { data: { 'zoo.cfg': 'tickTime=1\n' } });
    await patch(resources.PodDisruptionBudget, 'main-voters', { spec: { maxUnavailable: 3 } });
    await patch(resources.ConfigMap, 'main-members', { data: { members: 'nonsense' } });
    await site.user.delete(resources.Service, at('main-servers'));
    await site.settle();
    expect(one(resources.ConfigMap, 'main-zookeeper').data!['zoo.cfg']).toContain('tickTime=2000');
    expect(one(resources.ConfigMap, 'main-members').data!['members']).toContain('server.3=main-voters-2.');
    expect(one(resources.PodDisruptionBudget, 'main-voters').spec!.maxUnavailable).toBe(1);
    expect(names(resources.Service)).toContain('main-servers');
    sound();
  });

  test('and owns the name of a Service, is left alone, and the ensemble says so', async () => {
    site = new EnsembleSite();
    operator = site.startOperator();
    await site.user.create(resources.Service, {
      ...{ apiVersion: 'v1', kind: 'Service', metadata: at('main-servers') },
      spec: { ports: [{ port: 1 }] },
    });
    await site.apply({});
    await site.settle();
    expect(site.condition('Ready')).toMatchObject({ status: 'False', reason: 'NameTaken' });
    expect(one(resources.Service, 'main-servers').spec!.ports![0]!.port).toBe(1);
    await site.user.delete(resources.Service, at('main-servers'));
    await site.apply({ pod: { annotations: { again: 'yes' } } });
    await site.settle();
    expect(site.condition('Ready').status).toBe('True');
  });

  test('and gives passwords in a Secret of their own, is obeyed', async () => {
    site = new EnsembleSite();
    operator = site.startOperator();
    const given = { 'super-password': 'ours', 'worker-password': 'theirs' };
    await site.user.create(resources.Secret, {
      ...{ apiVersion: 'v1', kind: 'Secret', metadata: at('main-zookeeper-auth') },
      data: Object.fromEntries(Object.entries(given).map(([key, value]) => [key, Buffer.from(value).toString('base64')])),
    });
    await site.apply({});
    await site.settle();
    const { data, metadata } = one(resources.Secret, 'main-zookeeper-auth');
    const read = Object.fromEntries(Object.entries(data!).map(([key, value]) => [key, Buffer.from(value, 'base64').toString()]));
    expect(read).toMatchObject({ ...given, 'worker-auth': 'lockkeeper:theirs' });
    expect(metadata.ownerReferences).toBeUndefined();
    expect(site.condition('Ready').status).toBe('True');
  });
});

describe('what goes wrong with a spec', () => {
  test('that gives an id to an external member which is one of ours is refused', async () => {
    await made();
    await site.apply({ externalMembers: [{ id: 2, host: 'zk.dc' }] });
    await site.settle();
    expect(site.condition('Ready')).toMatchObject({ status: 'False', reason: 'MemberIdTaken' });
    expect(site.ensemble.config!.members.map(({ host }) => host)).not.toContain('zk.dc');
  });

  test('that an older release let through is told, costs next to nothing, and harms no other ensemble', async () => {
    site = new EnsembleSite();
    operator = site.startOperator();
    stored('outdated', { voters: { region: 'home', replicas: 4 } });
    await site.apply({});
    await site.settle();
    expect(site.condition('Ready').status).toBe('True');
    // Nor does this one take a status beside such a spec, as real ones do from 1.30 on.
    const told = site.events().filter((event) => event.startsWith('InvalidSpec'));
    expect(told).toEqual([expect.stringMatching(/^InvalidSpec: spec\.voters\.replicas: .* must be odd.*\(found 4\)$/)]);
    const asked = () => operator.connection.requests.filter(({ path }) => path.includes('outdated')).length;
    const before = asked();
    for (let i = 0; i < 120; i++) await site.round();
    expect(asked() - before).toBeLessThan(10);
    expect(names(resources.StatefulSet)).toEqual(['main-voters']);
    sound();
  });
});

describe('servers outside', () => {
  test('join, and leave when the spec names them no more', async () => {
    await made({ externalMembers: [{ id: 200, host: 'zk.dc' }] });
    expect(site.ensemble.config!.members.map(({ id, role }) => [id, role])).toContainEqual([200, 'observer']);
    expect(site.object().status!.members!.at(-1)).toEqual({ id: 200, role: 'observer', mode: 'none', ready: false });
    expect(site.condition('Ready').status).toBe('True');
    await site.apply({});
    await site.settle();
    expect(site.ensemble.config!.members.map(({ id }) => id)).toEqual([1, 2, 3]);
  });
});

describe('a pause', () => {
  test('leaves everything as it is, and still tells how it is', async () => {
    await made();
    await site.apply({ paused: true, voters: { replicas: 5 }, image: 'zookeeper:9' });
    await site.settle();
    const before = operator.connection.writes.length;
    await site.user.delete(resources.Pod, at('main-voters-1'));
    site.ensemble.isBroken = ({ metadata }) => metadata.name === 'main-voters-1';
    await site.settle();
    expect(one(resources.StatefulSet, 'main-voters').spec!.replicas).toBe(3);
    expect(operator.connection.writes.slice(before).filter(({ path }) => !/status|events/.test(path))).toEqual([]);
    expect(conditions()).toMatchObject({ Paused: 'True', QuorumHealthy: 'True' });
    expect(site.object().status!.members!.find(({ id }) => id === 2)).toMatchObject({ ready: false, mode: 'none' });
  });
});

describe('volumes', () => {
  const sizes = () => claims().map(({ spec }) => spec!.resources!.requests!['storage']);

  test('grow where they may, and new ones are made large', async () => {
    await made({ storage: { data: { size: '1Gi', storageClassName: 'fast' } } });
    await site.user.create(resources.StorageClass, storageClass('fast', true));
    const before = uids();
    await site.apply({ voters: { replicas: 5 }, storage: { data: { size: '2Gi', storageClassName: 'fast' } } });
    await site.settle();
    expect(sizes()).toEqual(['2Gi', '2Gi', '2Gi', '2Gi', '2Gi']);
    expect(Object.entries(uids()).filter(([pod, uid]) => before[pod] !== undefined && before[pod] !== uid)).toEqual([]);
    expect(one(resources.StatefulSet, 'main-voters').spec!.volumeClaimTemplates![0]!.spec!.resources!.requests).toEqual({
      storage: '2Gi',
    });
    sound();
  });

  test('of a class that cannot grow stay, and the ensemble says what to do', async () => {
    await made({ storage: { data: { size: '1Gi', storageClassName: 'slow' } } });
    await site.user.create(resources.StorageClass, storageClass('slow', false));
    await site.apply({ storage: { data: { size: '2Gi', storageClassName: 'slow' } } });
    await site.settle();
    expect(sizes()).toEqual(['1Gi', '1Gi', '1Gi']);
    expect(site.condition('Degraded')).toMatchObject({ status: 'True', reason: 'VolumeCannotGrow' });
    expect(site.condition('Degraded').message).toContain('StorageClass slow has no allowVolumeExpansion');
    expect(site.condition('Ready').status).toBe('True');
  });

  test('stay when the ensemble goes, and a new one of the same name takes them with ids and data', async () => {
    await made({ voters: { replicas: 5 } });
    const { acknowledged } = site.ensemble;
    await site.remove();
    await operator.stop();
    await site.settle();
    expect([names(resources.StatefulSet), pods().length, claims().length, names(resources.Secret)]).toEqual([[], 0, 5, []]);
    operator = site.startOperator();
    await site.apply({});
    await site.settle();
    expect(site.ensemble.acknowledged).toBeGreaterThanOrEqual(acknowledged);
    expect(site.ensemble.config!.members.map(({ id }) => id)).toEqual([1, 2, 3]);
    expect(site.condition('Ready').status).toBe('True');
    sound();
  });

  test('go with the ensemble where that is asked for, with no operator to help', async () => {
    await made({ storage: { reclaimPolicy: 'Delete' } });
    await operator.stop();
    await site.remove();
    await site.settle();
    expect([...site.server.store.all()].filter(({ kind }) => kind !== 'Event')).toEqual([]);
  });

  test('are kept after all when the spec says so in time', async () => {
    await made({ storage: { reclaimPolicy: 'Delete' } });
    await site.apply({ storage: { reclaimPolicy: 'Retain' } });
    await site.settle();
    await site.remove();
    await site.settle();
    expect(claims()).toHaveLength(3);
  });
});

describe('lost data', () => {
  const lose = async (...ordinals: number[]) => {
    for (const ordinal of ordinals) {
      await patch(resources.PersistentVolumeClaim, `data-main-voters-${ordinal}`, { metadata: { finalizers: [] } });
      await site.user.delete(resources.PersistentVolumeClaim, at(`data-main-voters-${ordinal}`));
      await site.user.delete(resources.Pod, at(`main-voters-${ordinal}`));
    }
  };

  test('of one server is copied from the others', async () => {
    await made();
    await lose(1);
    await site.settle();
    expect(conditions()).toMatchObject({ Ready: 'True', Degraded: 'False' });
    expect(
      site
        .list<PersistentVolumeClaim>(resources.PersistentVolumeClaim)
        .every(({ metadata }) => metadata.annotations?.['lockkeeper.io/holds-data'] === 'true'),
    ).toBe(true);
    sound();
  });

  test('of a majority is for a person to let go of', async () => {
    await made();
    await lose(0, 1);
    await site.settle();
    expect(site.condition('Degraded')).toMatchObject({ status: 'True', reason: 'MajorityLost' });
    expect(site.condition('Degraded').message).toContain('lockkeeper.io/accept-data-loss');
    expect(conditions()).toMatchObject({ Ready: 'False', QuorumHealthy: 'False' });
    expect(site.ensemble.hasQuorum).toBe(false);
    await patch(resources.ZkEnsemble, name, { metadata: { annotations: { 'lockkeeper.io/accept-data-loss': 'true' } } });
    await site.settle();
    expect(conditions()).toMatchObject({ Ready: 'True', Degraded: 'False' });
    expect(one(resources.ConfigMap, 'main-members').data!['may-vote']).toBe('');
    // The survivor has led: nothing of what it knew is lost.
    expect(site.ensemble.violations.filter((each) => !each.includes('acknowledged'))).toEqual([]);
  });

  test('of all where it was kept in pods begins anew', async () => {
    await made({ storage: { ephemeral: true } });
    for (const pod of pods()) await site.user.delete(resources.Pod, at(pod.metadata.name));
    await site.settle();
    expect(conditions()).toMatchObject({ Ready: 'True', QuorumHealthy: 'True' });
    expect(site.condition('Risky').reason).toBe('EphemeralStorage');
  });
});

describe('a bad image', () => {
  test('stops at the first server, and a good one heals it', async () => {
    await made({ observers: [{ region: 'east', replicas: 1 }] });
    const before = uids();
    site.ensemble.isBroken = (pod) => pod.spec!.containers[0]!.image === 'zookeeper:bad';
    await site.apply({ observers: [{ region: 'east', replicas: 1 }], image: 'zookeeper:bad' });
    for (let i = 0; i < 400; i++) await site.round();
    const changed = Object.entries(uids()).filter(([pod, uid]) => before[pod] !== uid);
    expect(changed.map(([pod]) => pod)).toEqual(['main-observers-east-0', 'main-voters-0'].slice(0, changed.length));
    expect(site.ensemble.hasQuorum).toBe(true);
    expect(conditions()).toMatchObject({ QuorumHealthy: 'True', ObserversSynced: 'False' });
    await site.apply({ observers: [{ region: 'east', replicas: 1 }], image: 'zookeeper:good' });
    await site.settle();
    expect(pods().map(({ spec }) => spec!.containers[0]!.image)).toEqual(Array.from({ length: 4 }, () => 'zookeeper:good'));
    expect(conditions()).toMatchObject({ Ready: 'True', Degraded: 'False', ObserversSynced: 'True' });
    sound();
  });
});

/** Puts an ensemble into the store as it is, past all checks. */
function stored(called: string, spec: NonNullable<ZkEnsembleResource['spec']>): void {
  const { apiVersion, kind, plural } = resources.ZkEnsemble;
  const metadata = { ...at(called), uid: `uid-${called}`, generation: 1, creationTimestamp: '2026-01-01T00:00:00Z' };
  const object: Live<ZkEnsembleResource> = { apiVersion, kind, metadata: { ...metadata, resourceVersion: '1' }, spec };
  site.server.store.put(`${apiVersion}/${plural}`, object);
}

function storageClass(called: string, allowVolumeExpansion: boolean) {
  return {
    ...{ apiVersion: 'storage.k8s.io/v1', kind: 'StorageClass', metadata: { name: called } },
    ...{ provisioner: 'test', allowVolumeExpansion },
  };
}
