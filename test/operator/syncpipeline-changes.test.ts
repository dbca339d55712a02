import { describe, expect, test } from 'vitest';
import { decodeConfig } from '../../crds/config-codec.ts';
import { syncPipelineSchema, type SyncPipeline, type SyncPipelineInput } from '../../crds/index.ts';
import type { KubeError } from '../../operator/kube/index.ts';
import { seededRandom } from '../integration/random-workload.ts';
import { changeInSeries } from '../support/series.ts';
import { instance, namespace, PipelineSite } from '../support/pipeline-site.ts';

type Spec = Partial<NonNullable<SyncPipelineInput['spec']>>;

const target = { host: 'mysql.east', credentialsSecretRef: { name: 'target' } };

/** Valid specs of pipelines that write tables of their own (`own`: name of a schema), which differ in everything that can be changed. */
function anySpec(own: string, random: () => number): Spec {
  const pick = <T>(...of: T[]): T => of[Math.floor(random() * of.length)]!;
  return {
    region: pick('home', 'east'),
    state: pick('Running', 'Running', 'Running', 'Paused', 'Stopped'),
    target: {
      host: pick('mysql.east', 'mysql-2.east'),
      port: pick(3306, 3307),
      credentialsSecretRef: { name: pick('target', 'target-2') },
      tls: pick<NonNullable<Spec['target']>['tls']>({ mode: 'Disabled' }, { mode: 'Required', caSecretRef: { name: 'ca' } }),
    },
    tables: pick<NonNullable<Spec['tables']>>(
      [{ source: `${own}.orders` }],
      [{ source: `${own}.orders`, target: `dr_${own}.orders` }, { source: `${own}.items` }],
      [{ source: `${own}[1-8].orders`, target: `${own}.orders` }],
      [{ source: `/${own}\\.(.*)/`, target: `dr_${own}.$1` }],
    ),
    initialLoad: { mode: pick('WhenNew', 'Never'), chunkRows: pick(50_000, 1_000), parallelism: pick(1, 4) },
    apply: { mode: pick('Auto', 'Raw', 'Sql'), lanes: pick(1, 4), maxBatchRows: pick(8000, 100), ordered: pick(true, false) },
    divergence: pick('Repair', 'Stop', 'Ignore'),
    onError: { retries: pick(10, 3), maxBackoffSeconds: pick(60, 5) },
    alerts: { lagSeconds: pick(30, 300) },
  };
}

function whole(spec: Spec): SyncPipeline['spec'] {
  const given = { canalInstanceRef: { name: instance }, target, ...spec };
  const made = { apiVersion: 'lockkeeper.io/v1alpha1', kind: 'SyncPipeline', metadata: { name: 'p' }, spec: given };
  return syncPipelineSchema.parse(made).spec;
}

/** What must be true whatever was before. */
function expectAsSpecified(site: PipelineSite, name: string, given: Spec, serverId: number, story: string): void {
  const spec = whole(given);
  const { metadata, status } = site.object(name)!;
  const published = site.published()[name]!;
  const ready = status!.conditions!.find(({ type }) => type === 'Ready')!;
  const taken = site.workers.taken.get(name)!;
  expect({
    story,
    published: [published.generation, published.pipeline, published.instance, published.name, published.namespace],
    serverId: published.serverId,
    taken: [taken.generation, taken.pipeline],
    ready: [ready.status, ready.reason, ready.observedGeneration],
    others: status!.conditions!.flatMap(({ type, status: is }) => (type === 'Published' ? [is] : [])),
    observedGeneration: status!.observedGeneration,
    leader: status!.leader?.worker,
  }).toEqual({
    story,
    published: [metadata.generation, spec, instance, name, namespace],
    serverId,
    taken: [metadata.generation, spec],
    ready: [spec.state === 'Running' ? 'True' : 'False', spec.state, metadata.generation],
    others: ['True'],
    observedGeneration: metadata.generation,
    leader: 'w1',
  });
}

async function prepared(): Promise<PipelineSite> {
  const site = new PipelineSite();
  site.start();
  await site.ground();
  await site.instance({ workers: [{ region: 'home' }, { region: 'east' }] });
  await site.secret('target-2');
  await site.secret('ca', { 'ca.crt': 'a certificate' });
  return site;
}

describe('changes of a spec', () => {
  test.each(Array.from({ length: 12 }, (_, i) => i + 1))('end as specified, and going back too (series %i)', async (seed) => {
    const random = seededRandom(seed);
    const site = await prepared();
    try {
      const names = ['one', 'two'];
      const serverIds = new Map<string, number>();
      const first = names.map((name) => anySpec(name, random));
      for (const [index, name] of names.entries()) await site.pipeline(name, first[index]);
      await site.rest();
      for (const name of names) serverIds.set(name, site.published()[name]!.serverId);
      expect(new Set(serverIds.values()).size).toBe(names.length);
      const specs = [first, ...Array.from({ length: 7 }, () => names.map((name) => anySpec(name, random)))];
      await changeInSeries(specs, random, {
        apply: async (each) => {
          for (const [at, name] of names.entries()) await site.pipeline(name, each[at]);
        },
        moment: () => site.pass(2_000),
        settle: () => site.rest(),
        check: (each, index) => {
          for (const [at, name] of names.entries()) {
            const story = `series ${seed}, change ${index}: ${JSON.stringify(each[at])}`;
            expectAsSpecified(site, name, each[at]!, serverIds.get(name)!, story);
          }
        },
      });
      expect(site.violations).toEqual([]);
    } finally {
      await site.stop();
    }
  });

  test('that are wrong are refused with the field’s name, and nothing happens', async () => {
    const wrong: [Record<string, unknown>, string][] = [
      [{ canalInstanceRef: { name: 'other' } }, 'spec.canalInstanceRef'],
      [{ region: 'Ost!' }, 'spec.region'],
      [{ state: 'Resting' }, 'spec.state'],
      [{ target: { ...target, port: 70_000 } }, 'spec.target.port'],
      [{ target: { host: 'mysql.east' } }, 'spec.target.credentialsSecretRef'],
      [{ target: { ...target, prot: 3306 } }, 'spec.target.prot'],
      [{ tables: [{ target: 'dr.orders' }] }, 'spec.tables[0].source'],
      [{ tables: [{ source: 'shop.orders', weight: 'heavy' }] }, 'spec.tables[0].weight'],
      [{ initialLoad: { mode: 'Sometimes' } }, 'spec.initialLoad.mode'],
      [{ initialLoad: { parallelism: 0 } }, 'spec.initialLoad.parallelism'],
      [{ apply: { mode: 'raw' } }, 'spec.apply.mode'],
      [{ apply: { lanes: 1.5 } }, 'spec.apply.lanes'],
      [{ divergence: 'Panic' }, 'spec.divergence'],
      [{ ddl: { mode: 'Maybe' } }, 'spec.ddl.mode'],
      [{ verify: { intervalHours: -1 } }, 'spec.verify.intervalHours'],
      [{ onError: { then: 'GiveUp' } }, 'spec.onError.then'],
      [{ alerts: { lagSeconds: 'soon' } }, 'spec.alerts.lagSeconds'],
      [{ pushWeight: 1 }, 'spec.pushWeight'],
    ];
    const site = await prepared();
    try {
      await site.pipeline('p', { target });
      await site.rest();
      const writes = () => [site.connections[0]!.writes.length, site.workers.zookeeper.writes];
      const before = writes();
      for (const [spec, field] of wrong) {
        const error = await site.pipeline('p', { target, ...spec }).then(
          () => new Error('accepted'),
          (thrown: unknown) => thrown as Error,
        );
        expect({ spec, message: error.message }).toEqual({ spec, message: expect.stringContaining(field) as string });
        expect(['Invalid', 'BadRequest']).toContain((error as KubeError).reason);
        await site.pass(2_000);
      }
      await site.rest();
      expect(writes()).toEqual(before);
    } finally {
      await site.stop();
    }
  });

  test.each<[string, Spec, string, RegExp]>([
    [
      'a Secret that is not there',
      { target: { ...target, credentialsSecretRef: { name: 'nowhere' } } },
      'SecretMissing',
      /nowhere/,
    ],
    [
      'a certificate that is not there',
      { target: { ...target, tls: { mode: 'Required', caSecretRef: { name: 'no-ca' } } } },
      'SecretMissing',
      /caSecretRef.*no-ca/,
    ],
    ['a region without workers', { region: 'moon' }, 'RegionWithoutWorkers', /spec\.region/],
    ['another’s table', { tables: [{ source: 'shop.others' }] }, 'TargetOverlap', /shop\/other/],
    ['tables that the instance leaves out', { tables: [{ source: 'mysql.user' }] }, 'ContradictoryTables', /spec\.tables\[0\]/],
    [
      'columns, which come with a later release',
      { tables: [{ source: 'shop.orders', columns: { exclude: ['a'] } }] },
      'NotAvailable',
      /columns/,
    ],
    [
      'a row filter, which comes later',
      { tables: [{ source: 'shop.orders', rowFilter: 'id > 5' }] },
      'NotAvailable',
      /rowFilter/,
    ],
    ['two ways, which come later', { twoWay: { group: 'shop', home: true } }, 'NotAvailable', /twoWay/],
    ['dead letters, which come later', { onError: { then: 'DeadLetter' } }, 'NotAvailable', /onError/],
    ['another DDL policy, which comes later', { ddl: { mode: 'Ignore' } }, 'NotAvailable', /ddl/],
  ])(
    'to what cannot work (%s) are told, leave what was in force, and are put right by going back',
    async (_what, spec, reason, message) => {
      const site = await prepared();
      const good: Spec = { target, tables: [{ source: 'shop.orders' }] };
      try {
        await site.pipeline('other', { target, tables: [{ source: 'shop.others' }] });
        await site.pass(1_000);
        await site.pipeline('p', good);
        await site.rest();
        const published = () =>
          decodeConfig(site.workers.zookeeper.text(`/lockkeeper/${namespace}/${instance}/pipelines/p/config`)!, 'p');
        const before = published();
        await site.pipeline('p', { ...good, ...spec });
        await site.rest();
        expect(site.condition('p')).toBe(`False ${reason}`);
        expect(site.message('p')).toMatch(message);
        expect(site.message('p')).toMatch(/the configuration of generation 1 stays in force/);
        expect(site.events('p').some((event) => event.startsWith(`${reason}: `))).toBe(true);
        expect(site.condition('other')).toBe('True Running');
        expect(published()).toEqual(before);
        const writes = () => site.cluster.server.store.revision + site.workers.zookeeper.writes;
        const quiet = writes();
        await site.pass(120_000);
        expect(writes()).toBe(quiet);
        await site.pipeline('p', good);
        await site.rest();
        expect(site.condition('p')).toBe('True Running');
        expect(site.violations).toEqual([]);
      } finally {
        await site.stop();
      }
    },
  );
});
