import { describe, expect, test } from 'vitest';
import { decodeInstanceConfig } from '../../crds/config-codec.ts';
import { canalInstanceSchema, type CanalInstance, type CanalInstanceInput } from '../../crds/index.ts';
import { specForWorkers } from '../../crds/canal-instance.ts';
import type { KubeError } from '../../operator/kube/index.ts';
import { resources } from '../../operator/kube/index.ts';
import { seededRandom } from '../integration/random-workload.ts';
import { changeInSeries } from '../support/series.ts';
import { InstanceSite, name } from '../support/instance-site.ts';

type Spec = Partial<NonNullable<CanalInstanceInput['spec']>>;

/** Valid specs that differ in everything that can be changed. */
function anySpec(random: () => number): Spec {
  const pick = <T>(...of: T[]): T => of[Math.floor(random() * of.length)]!;
  const regions = ['home', 'east', 'west'].filter(() => random() < 0.6);
  const tls = pick<Spec['tls']>({ mode: 'Disabled' }, { mode: 'VerifyIdentity', caSecretRef: { name: 'ca' } });
  return {
    master: { host: pick('mysql.home', 'mysql-2.home'), port: pick(3306, 3307) },
    standby: pick(null, { host: 'standby.home' }),
    credentialsSecretRef: { name: pick('source', 'source', 'source-2') },
    ...(tls === undefined ? {} : { tls }),
    start: pick<NonNullable<Spec['start']>>(
      { latest: true },
      { journal: { name: 'binlog.000001' } },
      { timestamp: '2026-01-01T00:00:00Z' },
    ),
    filter: { include: pick(['.*\\..*'], ['shop\\..*']), exclude: pick([], ['shop\\.tmp_.*']) },
    serverId: pick(100, 5000),
    heartbeat: { intervalSeconds: pick(1, 3) },
    workers: (regions.length === 0 ? ['home'] : regions).map((region) => ({ region, replicas: pick(1, 2, 2, 3) })),
    pod: {
      resources: { requests: { cpu: pick('100m', '1') }, limits: pick<Record<string, string>>({}, { memory: '2Gi' }) },
      annotations: pick<Record<string, string>>({}, { 'example.com/a': 'b' }),
      tolerations: pick([], [{ key: 'dedicated', operator: 'Exists' as const }]),
    },
  };
}

function whole(spec: Spec): CanalInstance['spec'] {
  const given = { zkEnsembleRef: { name: 'main' }, ...spec };
  return canalInstanceSchema.parse({
    apiVersion: 'lockkeeper.io/v1alpha1',
    kind: 'CanalInstance',
    metadata: { name },
    spec: given,
  }).spec;
}

/** What must be true whatever was before. */
function expectAsSpecified(site: InstanceSite, given: Spec, story: string): void {
  const spec = whole(given);
  const object = site.object()!;
  const { generation } = object.metadata;
  const deployments = site.list(resources.Deployment);
  const podsOf = (region: string) =>
    site.list(resources.Pod).filter(({ metadata }) => metadata.labels?.['lockkeeper.io/region'] === region);
  const config = decodeInstanceConfig(site.zookeeper.read(`/lockkeeper/shop/${name}/config`)!, name);
  const asked = spec.workers.toSorted((a, b) => (a.region < b.region ? -1 : 1));
  const secrets = [
    spec.credentialsSecretRef.name,
    ...(spec.tls.caSecretRef === null ? [] : [spec.tls.caSecretRef.name]),
    'target',
  ];
  expect({
    story,
    conditions: object.status!.conditions!.map(({ type, status, observedGeneration }) => [type, status, observedGeneration]),
    observedGeneration: object.status!.observedGeneration,
    currentSource: object.status!.currentSource,
    workers: object.status!.workers,
    config: [config.generation, config.source],
    deployments: deployments.map(({ metadata, spec: set }) => [metadata.name, set!.replicas]),
    pods: asked.map(({ region }) => [region, podsOf(region).length]),
    shapes: [
      ...new Set(
        site
          .list(resources.Pod)
          .map(({ metadata, spec: pod }) =>
            JSON.stringify([
              pod!.containers[0]!.resources,
              pod!.tolerations ?? [],
              metadata.annotations?.['example.com/a'] ?? null,
              pod!.containers[0]!.image,
            ]),
          ),
      ),
    ],
    lacking: site.list(resources.Pod).flatMap(({ spec: pod }) => {
      const mounted = pod!.volumes!.map(({ secret }) => secret?.secretName);
      return secrets.filter((secret) => !mounted.includes(secret));
    }),
  }).toEqual({
    story,
    conditions: [
      ['Ready', 'True', generation],
      ['Progressing', 'False', generation],
      ['WorkersReady', 'True', generation],
      ['PreflightPassed', 'True', generation],
    ],
    observedGeneration: generation,
    currentSource: `${spec.master.host}:${spec.master.port}`,
    workers: spec.workers.map(({ region, replicas }) => ({ region, ready: replicas, desired: replicas })),
    config: [generation, specForWorkers(spec)],
    deployments: asked.map(({ region, replicas }) => [`${name}-worker-${region}`, replicas]),
    pods: asked.map(({ region, replicas }) => [region, replicas]),
    shapes: [
      JSON.stringify([
        { requests: spec.pod.resources.requests, limits: spec.pod.resources.limits },
        spec.pod.tolerations,
        spec.pod.annotations['example.com/a'] ?? null,
        'lockkeeper:1',
      ]),
    ],
    lacking: [],
  });
}

async function prepared(): Promise<InstanceSite> {
  const site = new InstanceSite();
  await site.prepare();
  await site.secret('source-2', { username: 'u', password: 'p' });
  await site.secret('ca', { 'ca.crt': 'a certificate' });
  return site;
}

describe('changes of a spec', () => {
  test.each(Array.from({ length: 12 }, (_, i) => i + 1))('end as specified, and going back too (series %i)', async (seed) => {
    const random = seededRandom(seed);
    const site = await prepared();
    site.startOperator();
    await site.applyPipeline('p');
    try {
      const specs = Array.from({ length: 8 }, () => anySpec(random));
      await changeInSeries(specs, random, {
        apply: (spec) => site.apply(spec),
        moment: async () => {
          for (let i = 0; i < 5; i++) await site.round();
        },
        settle: () => site.settle(1_200),
        check: (spec, index) => expectAsSpecified(site, spec, `series ${seed}, change ${index}: ${JSON.stringify(spec)}`),
      });
    } finally {
      await site.stop();
    }
  });

  test('that are wrong are refused with the field’s name, and nothing happens', async () => {
    const wrong: [Record<string, unknown>, string][] = [
      [{ master: { host: 'not a host' } }, 'spec.master.host'],
      [{ master: { host: 'mysql.home', port: 0 } }, 'spec.master.port'],
      [{ master: { host: 'mysql.home', prot: 3306 } }, 'spec.master.prot'],
      [{ standby: { host: 'mysql.home' } }, 'standby'],
      [{ credentialsSecretRef: {} }, 'spec.credentialsSecretRef.name'],
      [{ tls: { mode: 'Sometimes' } }, 'spec.tls.mode'],
      [{ tls: { mode: 'Required', ca: 'x' } }, 'spec.tls.ca'],
      [{ start: { latest: true, gtid: '0-1-2' } }, 'start'],
      [{ start: { timestamp: 'yesterday' } }, 'spec.start.timestamp'],
      [{ start: { gtid: 'nonsense' } }, 'spec.start.gtid'],
      [{ filter: { include: [] } }, 'spec.filter.include'],
      [{ filter: { include: ['orders'] } }, 'spec.filter.include'],
      [{ serverId: 0 }, 'spec.serverId'],
      [{ serverId: 4_294_967_296 }, 'spec.serverId'],
      [{ heartbeat: { intervalSeconds: 0 } }, 'spec.heartbeat.intervalSeconds'],
      [{ workers: [] }, 'spec.workers'],
      [{ workers: [{ region: 'east' }, { region: 'east' }] }, 'workers'],
      [{ workers: [{ region: 'east', replicas: -1 }] }, 'spec.workers[0].replicas'],
      [{ pod: { resources: { limits: { memory: 'much' } } } }, 'spec.pod.resources.limits'],
      [{ zkEnsembleRef: { name: 'other' } }, 'spec.zkEnsembleRef'],
      [{ slaveId: 1234 }, 'spec.slaveId'],
    ];
    const site = await prepared();
    const { connection } = site.startOperator();
    try {
      await site.apply();
      await site.rest();
      const [before, znodes] = [connection.writes.length, site.zookeeper.writes];
      for (const [spec, field] of wrong) {
        const error = await site.apply(spec).then(
          () => new Error('accepted'),
          (thrown: unknown) => thrown as Error,
        );
        expect({ spec, message: error.message }).toEqual({ spec, message: expect.stringContaining(field) as string });
        expect(['Invalid', 'BadRequest']).toContain((error as KubeError).reason);
        await site.round();
      }
      await site.rest();
      expect([connection.writes.length, site.zookeeper.writes]).toEqual([before, znodes]);
    } finally {
      await site.stop();
    }
  });

  test.each<[string, Spec, string, RegExp]>([
    [
      'a Secret that is not there',
      { credentialsSecretRef: { name: 'nowhere' } },
      'SecretMissing',
      /credentialsSecretRef.*nowhere/,
    ],
    [
      'a certificate that is not there',
      { tls: { mode: 'Required', caSecretRef: { name: 'no-ca' } } },
      'SecretMissing',
      /caSecretRef.*no-ca/,
    ],
    ['a region without nodes', { workers: [{ region: 'moon', replicas: 1 }] }, 'Unschedulable', /moon/],
    ['no workers', { workers: [{ region: 'home', replicas: 0 }] }, 'NoWorkers', /replicas/],
  ])(
    'to what cannot work (%s) are told, harm nobody else, and are put right by going back',
    async (_what, spec, reason, message) => {
      const site = await prepared();
      const { connection } = site.startOperator();
      try {
        await site.apply({});
        await site.apply({ serverId: 9000, master: { host: 'other.home' } }, 'other');
        await site.rest();
        await site.apply(spec);
        await site.rest();
        expect(site.condition('Ready')).toMatchObject({ status: 'False', reason });
        expect(site.condition('Ready').message).toMatch(message);
        expect(site.events().some((event) => event.startsWith(`${reason}: `))).toBe(true);
        expect(site.condition('Ready', 'other')).toMatchObject({ status: 'True' });
        const writes = connection.writes.length;
        await site.clock.advance(600_000);
        expect(connection.writes.length).toBe(writes);
        await site.apply({});
        await site.rest();
        expect(site.condition('Ready')).toMatchObject({ status: 'True' });
      } finally {
        await site.stop();
      }
    },
  );
});
