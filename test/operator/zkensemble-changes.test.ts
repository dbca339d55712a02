import { describe, expect, test } from 'vitest';
import type { ZkEnsembleInput } from '../../crds/index.ts';
import { isInvalid, resources } from '../../operator/kube/index.ts';
import { formatMember } from '../../operator/zkensemble/members.ts';
import { renderZooConfig } from '../../operator/zkensemble/zoo-config.ts';
import { zkEnsembleSpec } from '../../crds/zk-ensemble.ts';
import { changeInSeries } from '../support/series.ts';
import { EnsembleSite } from '../support/ensemble-site.ts';

type Spec = NonNullable<ZkEnsembleInput['spec']>;

/** Numbers from 0 to 1 that are the same each time. */
function randomness(seed: number): () => number {
  let x = seed * 7919 + 1;
  return () => (x = (x * 48271) % 2147483647) / 2147483647;
}

/** Valid specs that differ in everything that can be changed. */
function anySpec(random: () => number): Spec {
  const pick = <T>(...of: T[]): T => of[Math.floor(random() * of.length)]!;
  const observers = ['east', 'west', 'home'].filter(() => random() < 0.5).map((region) => ({ region, replicas: pick(1, 2, 3) }));
  return {
    image: pick('zookeeper:3.9', 'zookeeper:3.9.4', 'registry.example:5000/zookeeper@sha256:0123'),
    voters: { replicas: pick(1, 3, 3, 5, 7) },
    observers,
    externalMembers: pick<NonNullable<Spec['externalMembers']>>([], [], [{ id: 200, host: 'zk.dc', role: 'observer' }]),
    config: {
      tickTime: pick(500, 2000),
      syncLimit: pick(5, 7),
      extra: pick<Record<string, string>>(
        {},
        { snapCount: '5000' },
        { 'metricsProvider.httpPort': '0' },
        { observerMasterPort: '2191' },
      ),
    },
    storage: { reclaimPolicy: pick('Retain', 'Delete') },
    pod: {
      resources: pick({}, { limits: { memory: '1Gi' }, requests: { cpu: '100m' } }),
      annotations: pick<Record<string, string>>({}, { 'example.com/a': 'b' }),
      tolerations: pick([], [{ key: 'dedicated', operator: 'Exists' as const }]),
    },
  };
}

/** What must be true whatever was before. */
function expectAsSpecified(site: EnsembleSite, spec: Spec, story: string): void {
  const whole = zkEnsembleSpec.parse(spec);
  const groups = [
    { set: 'main-voters', replicas: whole.voters.replicas, region: whole.voters.region },
    ...whole.observers.map(({ region, replicas }) => ({ set: `main-observers-${region}`, replicas, region })),
  ];
  const named = <T extends { readonly metadata: { readonly name: string } }>(objects: readonly T[]) =>
    objects.map(({ metadata }) => metadata.name).sort();
  const conditions = Object.fromEntries(site.object().status!.conditions!.map(({ type, status }) => [type, status]));
  const seen = {
    violations: site.ensemble.violations,
    conditions,
    sets: site.list(resources.StatefulSet).map(({ metadata, spec: set }) => [metadata.name, set!.replicas]),
    pods: named(site.list(resources.Pod)),
    budgets: named(site.list(resources.PodDisruptionBudget)),
    services: named(site.list(resources.Service)),
    zooConfig: site.list(resources.ConfigMap).find(({ metadata }) => metadata.name === 'main-zookeeper')!.data!['zoo.cfg'],
    images: [...new Set(site.list(resources.Pod).map((pod) => pod.spec!.containers[0]!.image))],
    voters: site.ensemble.config!.members.filter(({ role }) => role === 'voter').length,
    members: site.ensemble.config!.members.length,
    published: site.list(resources.ConfigMap).find(({ metadata }) => metadata.name === 'main-members')!.data!['members'],
    surplusVolumes:
      whole.storage.reclaimPolicy === 'Delete'
        ? site.list(resources.PersistentVolumeClaim).length - site.list(resources.Pod).length
        : 0,
    ownedVolumes: site
      .list(resources.PersistentVolumeClaim)
      .filter(({ metadata }) => (metadata.ownerReferences ?? []).length > 0 !== (whole.storage.reclaimPolicy === 'Delete'))
      // Those of servers that are gone were let go of under the rule of their time.
      .filter(({ metadata }) => site.list(resources.Pod).some((pod) => `data-${pod.metadata.name}` === metadata.name)).length,
  };
  const servers = groups.reduce((sum, { replicas }) => sum + replicas, 0);
  const regions = [...new Set(groups.map(({ region }) => region))];
  expect({ story, ...seen }).toEqual({
    story,
    violations: [],
    conditions: {
      ...{ Ready: 'True', QuorumHealthy: 'True', ObserversSynced: 'True', Progressing: 'False' },
      ...{ Degraded: 'False', ReconfigInProgress: 'False', Paused: 'False', Risky: 'True' },
    },
    sets: groups.map(({ set, replicas }) => [set, replicas]).sort(([a], [b]) => (String(a) < String(b) ? -1 : 1)),
    pods: groups.flatMap(({ set, replicas }) => Array.from({ length: replicas }, (_, i) => `${set}-${i}`)).sort(),
    budgets: groups
      .filter(({ replicas }) => replicas > 1)
      .map(({ set }) => set)
      .sort(),
    services: [...regions.map((region) => `main-${region}-client`), 'main-servers'].sort(),
    zooConfig: renderZooConfig(whole),
    images: [whole.image],
    voters: whole.voters.replicas,
    members: servers + whole.externalMembers.length,
    published: site.ensemble.config!.members.map((member) => `${formatMember(member)}\n`).join(''),
    surplusVolumes: 0,
    ownedVolumes: 0,
  });
}

describe('changes of a spec', () => {
  test.each(Array.from({ length: 12 }, (_, i) => i + 1))('end as specified, and going back too (series %i)', async (seed) => {
    const random = randomness(seed);
    const site = new EnsembleSite();
    site.startOperator();
    try {
      const specs = Array.from({ length: 5 }, () => anySpec(random));
      await changeInSeries(specs, random, {
        apply: (spec) => site.apply(spec),
        moment: async () => {
          for (let i = 0; i < 5; i++) await site.round();
        },
        settle: () => site.settle(),
        check: (spec, index) => expectAsSpecified(site, spec, `series ${seed}, change ${index}: ${JSON.stringify(spec)}`),
      });
    } finally {
      await site.stop();
    }
  });

  test('that are wrong are refused with the field’s name, and nothing happens', async () => {
    const wrong: [unknown, string][] = [
      [{ voters: { replicas: 2 } }, 'voters'],
      [{ voters: { replicas: 11 } }, 'spec.voters.replicas'],
      [{ voters: { replicas: 'three' } }, 'spec.voters.replicas'],
      [{ observers: [{ region: 'east' }, { region: 'east' }] }, 'observers'],
      [{ observers: [{ region: 'Ost!' }] }, 'spec.observers'],
      [{ externalMembers: [{ id: 0, host: 'a' }] }, 'spec.externalMembers'],
      [{ externalMembers: [{ id: 256, host: 'a' }] }, 'spec.externalMembers'],
      [{ config: { extra: { 'server.9': 'x' } } }, 'config'],
      [{ config: { extra: { dataDir: '/x' } } }, 'config'],
      [{ config: { tickTime: 1 } }, 'spec.config.tickTime'],
      [{ storage: { data: { size: 'much' } } }, 'spec.storage.data.size'],
      [{ storage: { ephemeral: true } }, 'spec.storage.ephemeral'],
      [{ voters: { region: 'east' } }, 'spec.voters.region'],
      [{ storage: { data: { size: '1Gi' } } }, 'spec.storage.data.size'],
    ];
    const site = new EnsembleSite();
    const { connection } = site.startOperator();
    try {
      await site.apply({});
      await site.settle();
      const before = connection.writes.length;
      for (const [spec, field] of wrong) {
        const error = await site.apply(spec as Spec).then(
          () => new Error('accepted'),
          (thrown: unknown) => thrown as Error,
        );
        expect({ spec, invalid: isInvalid(error), named: error.message.includes(field) }).toEqual({
          spec,
          invalid: true,
          named: true,
        });
        await site.round();
      }
      await site.quiet();
      expect(connection.writes.length).toBe(before);
    } finally {
      await site.stop();
    }
  });
});
