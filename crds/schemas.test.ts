import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { bytesOf } from './zk-ensemble.ts';
import {
  apiVersion,
  brokenTransitions,
  canalInstanceSchema,
  canalInstanceTransitions,
  startPointOf,
  syncPipelineSchema,
  syncPipelineTransitions,
  zkEnsembleSchema,
  zkEnsembleTransitions,
  type CanalInstanceInput,
  type SyncPipelineInput,
  type ZkEnsembleInput,
} from './index.ts';

type Json = Record<string, unknown>;

/** A copy of `base` with the value at a dotted path replaced; undefined removes it. */
function withValue(base: unknown, path: string, value: unknown): unknown {
  const copy = structuredClone(base) as Json;
  const steps = path.split('.');
  const last = steps.pop() ?? '';
  let at: Json = copy;
  for (const step of steps) at = (at[step] ??= {}) as Json;
  if (value === undefined) delete at[last];
  else at[last] = value;
  return copy;
}

const ensemble: ZkEnsembleInput = { apiVersion, kind: 'ZkEnsemble', metadata: { name: 'main' }, spec: {} };
const instance: CanalInstanceInput = {
  apiVersion,
  kind: 'CanalInstance',
  metadata: { name: 'orders' },
  spec: {
    zkEnsembleRef: { name: 'main' },
    master: { host: 'mysql.home' },
    credentialsSecretRef: { name: 'orders-source' },
    serverId: 1234,
  },
};
const pipeline: SyncPipelineInput = {
  apiVersion,
  kind: 'SyncPipeline',
  metadata: { name: 'orders-to-east' },
  spec: { canalInstanceRef: { name: 'orders' }, target: { host: 'mysql.east', credentialsSecretRef: { name: 'orders-east' } } },
};

describe('defaults', () => {
  it('of a ZkEnsemble', () => {
    expect(zkEnsembleSchema.parse(ensemble)).toEqual({
      apiVersion,
      kind: 'ZkEnsemble',
      metadata: { name: 'main', namespace: 'default', labels: {}, annotations: {} },
      spec: {
        image: 'zookeeper:3.9',
        voters: { region: 'home', replicas: 3 },
        observers: [],
        externalMembers: [],
        config: { tickTime: 2000, initLimit: 10, syncLimit: 5, maxClientCnxns: 60, autopurgeHours: 6, extra: {} },
        storage: { data: { size: '10Gi', storageClassName: null }, dataLog: null, ephemeral: false, reclaimPolicy: 'Retain' },
        pod: { resources: { requests: {}, limits: {} }, nodeSelector: {}, tolerations: [], affinity: null, annotations: {} },
        paused: false,
      },
    });
    const { spec: _, ...bare } = ensemble;
    expect(zkEnsembleSchema.parse(bare).spec.voters.replicas).toBe(3);
  });

  it('of a CanalInstance', () => {
    expect(canalInstanceSchema.parse(instance).spec).toEqual({
      zkEnsembleRef: { name: 'main' },
      master: { host: 'mysql.home', port: 3306 },
      standby: null,
      credentialsSecretRef: { name: 'orders-source' },
      tls: { mode: 'Disabled', caSecretRef: null },
      start: { latest: true },
      filter: { include: ['.*\\..*'], exclude: [] },
      serverId: 1234,
      heartbeat: { intervalSeconds: 3, failoverAfterMisses: 3 },
      workers: [{ region: 'home', replicas: 2 }],
    });
  });

  it('of a SyncPipeline', () => {
    expect(syncPipelineSchema.parse(withValue(pipeline, 'spec.tables', [{ source: 'shop.orders' }])).spec).toEqual({
      canalInstanceRef: { name: 'orders' },
      region: 'home',
      state: 'Running',
      target: {
        host: 'mysql.east',
        port: 3306,
        credentialsSecretRef: { name: 'orders-east' },
        tls: { mode: 'Disabled', caSecretRef: null },
      },
      tables: [
        { source: 'shop.orders', target: null, columns: { include: [], exclude: [], rename: {} }, rowFilter: null, weight: 0 },
      ],
      initialLoad: { mode: 'WhenNew', chunkRows: 50_000, parallelism: 4 },
      apply: { mode: 'Auto', lanes: 1, maxBatchRows: 8000, maxBatchDelayMs: 5, ordered: true },
      divergence: 'Repair',
      ddl: { mode: 'Apply' },
      twoWay: null,
      verify: { intervalHours: 24, chunkRows: 20_000, repair: false },
      onError: { retries: 10, maxBackoffSeconds: 60, then: 'Suspend' },
      alerts: { lagSeconds: 30 },
      files: null,
    });
  });

  it('are stable: parsing what was parsed changes nothing', () => {
    for (const [schema, object] of [
      [zkEnsembleSchema, ensemble],
      [canalInstanceSchema, instance],
      [syncPipelineSchema, pipeline],
    ] as const) {
      const once = schema.parse(object);
      expect(schema.parse(once)).toEqual(once);
    }
  });
});

const uuid = '3e11fa47-71ca-11e1-9e33-c80aa9429562';
const table = (entry: Json) => [{ source: 'shop.orders', ...entry }];

const accepted: [schema: z.ZodType, base: unknown, path: string, value: unknown][] = [
  [zkEnsembleSchema, ensemble, 'spec.voters.replicas', 1],
  [zkEnsembleSchema, ensemble, 'spec.voters.replicas', 5],
  [zkEnsembleSchema, ensemble, 'spec.observers', [{ region: 'east' }, { region: 'west', replicas: 1 }]],
  [zkEnsembleSchema, ensemble, 'spec.observers', [{ region: 'home' }]],
  [zkEnsembleSchema, ensemble, 'spec.externalMembers', [{ id: 101, host: 'zk.other', role: 'observer' }]],
  [
    zkEnsembleSchema,
    ensemble,
    'spec',
    { voters: { replicas: 2 }, externalMembers: [{ id: 101, host: 'zk.other', role: 'voter' }] },
  ],
  [zkEnsembleSchema, ensemble, 'spec.config.extra', { 'metricsProvider.httpPort': '7000' }],
  [zkEnsembleSchema, ensemble, 'spec.storage', { ephemeral: true }],
  [zkEnsembleSchema, ensemble, 'spec.storage', { dataLog: {} }],
  [zkEnsembleSchema, ensemble, 'spec.storage.data.size', '1.5Ti'],
  [zkEnsembleSchema, ensemble, 'spec.pod.resources', { requests: { cpu: '500m', memory: '1Gi' }, limits: { memory: '2G' } }],
  [zkEnsembleSchema, ensemble, 'spec.pod.affinity', { nodeAffinity: { anything: [1] } }],
  [zkEnsembleSchema, ensemble, 'spec.pod.tolerations', [{ operator: 'Exists' }]],
  [zkEnsembleSchema, ensemble, 'metadata.labels', { 'app.kubernetes.io/name': 'x' }],
  [zkEnsembleSchema, ensemble, 'metadata.managedFields', [{}]],
  [canalInstanceSchema, instance, 'spec.standby', { host: 'mysql.home', port: 3307 }],
  [canalInstanceSchema, instance, 'spec.standby', { host: 'mysql-standby' }],
  [canalInstanceSchema, instance, 'spec.master.host', '10.0.0.1'],
  [canalInstanceSchema, instance, 'spec.master.host', 'fd00::1'],
  [canalInstanceSchema, instance, 'spec.master.host', '::ffff:10.0.0.1'],
  [canalInstanceSchema, instance, 'spec.master.host', 'mysql_home.svc.cluster.local'],
  [canalInstanceSchema, instance, 'spec.tls', { mode: 'Required' }],
  [canalInstanceSchema, instance, 'spec.tls', { mode: 'VerifyIdentity', caSecretRef: { name: 'ca' } }],
  [canalInstanceSchema, instance, 'spec.start', { journal: { name: 'binlog.000001' } }],
  [canalInstanceSchema, instance, 'spec.start', { timestamp: '2026-01-31T08:00:00Z' }],
  [canalInstanceSchema, instance, 'spec.start', { timestamp: '2026-01-31T08:00:00.123+08:00' }],
  [canalInstanceSchema, instance, 'spec.start', { gtid: `${uuid}:1-77` }],
  [canalInstanceSchema, instance, 'spec.start', { gtid: `${uuid}:1-5:7:10-20` }],
  [canalInstanceSchema, instance, 'spec.start', { gtid: `${uuid}:1-5:tag_a:1-3,\n${uuid.replace('3', '4')}:1` }],
  [canalInstanceSchema, instance, 'spec.start', { gtid: '0-1-270' }],
  [canalInstanceSchema, instance, 'spec.start', { gtid: '0-1-270,1-1-5' }],
  [canalInstanceSchema, instance, 'spec.filter', { include: ['shop\\\\..*,crm\\..*'], exclude: ['.*\\.tmp_.*'] }],
  [canalInstanceSchema, instance, 'spec.heartbeat', { intervalSeconds: 0.5 }],
  [canalInstanceSchema, instance, 'spec.workers', [{ region: 'home', replicas: 0 }, { region: 'east' }]],
  [canalInstanceSchema, instance, 'spec.serverId', 4_294_967_295],
  [syncPipelineSchema, pipeline, 'spec.tables', table({ target: 'dr.orders' })],
  [syncPipelineSchema, pipeline, 'spec.tables', table({ columns: { include: ['id', 'a'], rename: { a: 'b' } } })],
  [syncPipelineSchema, pipeline, 'spec.tables', table({ columns: { exclude: ['secret'], rename: { a: 'b', b: 'a' } } })],
  [syncPipelineSchema, pipeline, 'spec.tables', table({ weight: -1, rowFilter: 'id > 5' })],
  [syncPipelineSchema, pipeline, 'spec.twoWay', { group: 'orders' }],
  [
    syncPipelineSchema,
    pipeline,
    'spec.twoWay',
    { group: 'orders', home: true, conflicts: { policy: 'LatestBy', column: 'updated_at' } },
  ],
  [syncPipelineSchema, pipeline, 'spec.verify', { intervalHours: 0 }],
  [syncPipelineSchema, pipeline, 'spec.apply', { mode: 'Raw', lanes: 8, ordered: false }],
  [syncPipelineSchema, pipeline, 'spec.state', 'Paused'],
  [syncPipelineSchema, pipeline, 'spec.files', { column: 'path' }],
];

describe('accepted', () => {
  it.each(accepted)('%#: %s', (schema, base, path, value) => {
    expect(schema.safeParse(withValue(base, path, value)).error?.issues ?? []).toEqual([]);
  });
});

// The issue's path (a key for unknown ones at its end) and words of its message.
const refused: [schema: z.ZodType, base: unknown, path: string, value: unknown, at: string, message: RegExp][] = [
  [zkEnsembleSchema, ensemble, 'spec.voters.replicas', 2, 'spec.voters.replicas', /must be odd/],
  [zkEnsembleSchema, ensemble, 'spec.voters.replicas', 0, 'spec.voters.replicas', /must be odd/],
  [
    zkEnsembleSchema,
    ensemble,
    'spec.externalMembers',
    [{ id: 101, host: 'zk', role: 'voter' }],
    'spec.voters.replicas',
    /must be odd/,
  ],
  [
    zkEnsembleSchema,
    ensemble,
    'spec.externalMembers',
    [
      { id: 7, host: 'a' },
      { id: 7, host: 'b' },
    ],
    'spec.externalMembers',
    /id twice/,
  ],
  [zkEnsembleSchema, ensemble, 'spec.externalMembers', [{ id: 256, host: 'a' }], 'spec.externalMembers.0.id', /<=255/],
  [zkEnsembleSchema, ensemble, 'spec.observers', [{ region: 'east' }, { region: 'east' }], 'spec.observers', /region twice/],
  [zkEnsembleSchema, ensemble, 'spec.observers', [{ region: 'East' }], 'spec.observers.0.region', /lower-case/],
  [zkEnsembleSchema, ensemble, 'spec.config.extra', { dataDir: '/x' }, 'spec.config.extra', /operator manages/],
  [zkEnsembleSchema, ensemble, 'spec.config.extra', { 'server.1': 'x' }, 'spec.config.extra', /operator manages/],
  [zkEnsembleSchema, ensemble, 'spec.storage', { ephemeral: true, dataLog: {} }, 'spec.storage.dataLog', /ephemeral/],
  [zkEnsembleSchema, ensemble, 'spec.storage.data.size', 'ten', 'spec.storage.data.size', /quantity/],
  [zkEnsembleSchema, ensemble, 'spec.storage.data.size', '10ki', 'spec.storage.data.size', /quantity/],
  [zkEnsembleSchema, ensemble, 'spec.storage.reclaimPolicy', 'Recycle', 'spec.storage.reclaimPolicy', /Retain/],
  [zkEnsembleSchema, ensemble, 'spec.observer', [], 'spec.observer', /Unrecognized/],
  [zkEnsembleSchema, ensemble, 'spec.pod.tolerations', [{ keyy: 'a' }], 'spec.pod.tolerations.0.keyy', /Unrecognized/],
  [zkEnsembleSchema, ensemble, 'metadata.name', 'Main', 'metadata.name', /lower-case/],
  [zkEnsembleSchema, ensemble, 'metadata.name', 'a.b', 'metadata.name', /lower-case/],
  [zkEnsembleSchema, ensemble, 'metadata.name', '-a', 'metadata.name', /lower-case/],
  [zkEnsembleSchema, ensemble, 'metadata.name', 'a'.repeat(27), 'metadata.name', /26/],
  [zkEnsembleSchema, ensemble, 'metadata.name', undefined, 'metadata.name', /undefined/],
  [zkEnsembleSchema, ensemble, 'metadata.lables', {}, 'metadata.lables', /Unrecognized/],
  [zkEnsembleSchema, ensemble, 'apiVersion', 'lockkeeper.io/v1', 'apiVersion', /v1alpha1/],
  [canalInstanceSchema, instance, 'spec.master.host', 'mysql.home:3306', 'spec.master.host', /without scheme, port/],
  [canalInstanceSchema, instance, 'spec.master.host', 'beef:3306', 'spec.master.host', /without scheme, port/],
  [canalInstanceSchema, instance, 'spec.master.host', 'jdbc:mysql://x/', 'spec.master.host', /without scheme, port/],
  [canalInstanceSchema, instance, 'spec.master.host', 'a b', 'spec.master.host', /host name/],
  [canalInstanceSchema, instance, 'spec.master.host', '', 'spec.master.host', /.*/],
  [canalInstanceSchema, instance, 'spec.master.port', 0, 'spec.master.port', />=1/],
  [canalInstanceSchema, instance, 'spec.master.port', 65_536, 'spec.master.port', /<=65535/],
  [canalInstanceSchema, instance, 'spec.master.port', '3306', 'spec.master.port', /number/],
  [canalInstanceSchema, instance, 'spec.master.prot', 3306, 'spec.master.prot', /Unrecognized/],
  [canalInstanceSchema, instance, 'spec.master', undefined, 'spec.master', /undefined/],
  [canalInstanceSchema, instance, 'spec.standby', { host: 'mysql.home' }, 'spec.standby', /same server as master/],
  [canalInstanceSchema, instance, 'spec.tls', { caSecretRef: { name: 'ca' } }, 'spec.tls.mode', /tls\.mode is Disabled/],
  [canalInstanceSchema, instance, 'spec.tls.mode', 'Preferred', 'spec.tls.mode', /Required/],
  [canalInstanceSchema, instance, 'spec.start', {}, 'spec.start', /exactly one/],
  [canalInstanceSchema, instance, 'spec.start', { latest: true, gtid: '0-1-1' }, 'spec.start', /exactly one/],
  [canalInstanceSchema, instance, 'spec.start', { latest: false }, 'spec.start.latest', /true/],
  [canalInstanceSchema, instance, 'spec.start', { timestamp: '2026-01-31 08:00:00' }, 'spec.start.timestamp', /datetime/],
  [canalInstanceSchema, instance, 'spec.start', { timestamp: 1_700_000_000 }, 'spec.start.timestamp', /string/],
  [canalInstanceSchema, instance, 'spec.start', { gtid: 'abc' }, 'spec.start.gtid', /GTID set/],
  [canalInstanceSchema, instance, 'spec.start', { gtid: uuid }, 'spec.start.gtid', /GTID set/],
  [canalInstanceSchema, instance, 'spec.start', { gtid: `${uuid}:1-5,` }, 'spec.start.gtid', /GTID set/],
  [canalInstanceSchema, instance, 'spec.start', { gtid: '0-1' }, 'spec.start.gtid', /GTID set/],
  [canalInstanceSchema, instance, 'spec.start', { journal: { name: 'b.1', position: 3 } }, 'spec.start.journal.position', />=4/],
  [canalInstanceSchema, instance, 'spec.start', { journal: { position: 4 } }, 'spec.start.journal.name', /undefined/],
  [canalInstanceSchema, instance, 'spec.filter.include', [], 'spec.filter.include', />=1/],
  [canalInstanceSchema, instance, 'spec.filter.include', ['ok\\..*', '('], 'spec.filter.include.1', /unterminated group/],
  [canalInstanceSchema, instance, 'spec.filter.exclude', ['(a+)+\\.b'], 'spec.filter.exclude.0', /exponential/],
  [canalInstanceSchema, instance, 'spec.serverId', 0, 'spec.serverId', />=1/],
  [canalInstanceSchema, instance, 'spec.serverId', 4_294_967_296, 'spec.serverId', /<=4294967295/],
  [canalInstanceSchema, instance, 'spec.serverId', 1.5, 'spec.serverId', /int/],
  [canalInstanceSchema, instance, 'spec.serverId', undefined, 'spec.serverId', /undefined/],
  [canalInstanceSchema, instance, 'spec.workers', [], 'spec.workers', />=1/],
  [canalInstanceSchema, instance, 'spec.workers', [{ region: 'a' }, { region: 'a' }], 'spec.workers', /region twice/],
  [canalInstanceSchema, instance, 'spec.heartbeat.intervalSeconds', 0, 'spec.heartbeat.intervalSeconds', />=0\.1/],
  [
    canalInstanceSchema,
    instance,
    'spec.credentialsSecretRef',
    { name: 'a', namespace: 'b' },
    'spec.credentialsSecretRef.namespace',
    /Unrecognized/,
  ],
  [syncPipelineSchema, pipeline, 'spec.canalInstanceRef', 'orders', 'spec.canalInstanceRef', /object/],
  [syncPipelineSchema, pipeline, 'spec.state', 'running', 'spec.state', /Running/],
  [syncPipelineSchema, pipeline, 'spec.target', undefined, 'spec.target', /undefined/],
  [syncPipelineSchema, pipeline, 'spec.tables', {}, 'spec.tables', /array/],
  [syncPipelineSchema, pipeline, 'spec.tables', [{ target: 'a.b' }], 'spec.tables.0.source', /undefined/],
  [syncPipelineSchema, pipeline, 'spec.tables', [{ source: 'shop' }], 'spec.tables.0.source', /expected schema\.table/],
  [syncPipelineSchema, pipeline, 'spec.tables', [{ source: '/(/' }], 'spec.tables.0.source', /unterminated group/],
  [syncPipelineSchema, pipeline, 'spec.tables', table({ target: 'dr[1-4].x' }), 'spec.tables.0.target', /cannot go to many/],
  [
    syncPipelineSchema,
    pipeline,
    'spec.tables',
    [{ source: 'a.b' }, { source: 'a.b', target: 'c.d' }],
    'spec.tables',
    /same source twice/,
  ],
  [
    syncPipelineSchema,
    pipeline,
    'spec.tables',
    table({ columns: { include: ['a'], exclude: ['b'] } }),
    'spec.tables.0.columns.exclude',
    /not both/,
  ],
  [
    syncPipelineSchema,
    pipeline,
    'spec.tables',
    table({ columns: { exclude: ['a'], rename: { a: 'b' } } }),
    'spec.tables.0.columns.rename',
    /leaves out/,
  ],
  [
    syncPipelineSchema,
    pipeline,
    'spec.tables',
    table({ columns: { include: ['b'], rename: { a: 'b' } } }),
    'spec.tables.0.columns.rename',
    /leaves out/,
  ],
  [
    syncPipelineSchema,
    pipeline,
    'spec.tables',
    table({ columns: { rename: { a: 'c', b: 'c' } } }),
    'spec.tables.0.columns.rename',
    /same name/,
  ],
  [
    syncPipelineSchema,
    pipeline,
    'spec',
    { ...pipeline.spec, apply: { mode: 'Raw' }, tables: table({ weight: 1 }) },
    'spec.apply.mode',
    /Raw/,
  ],
  [
    syncPipelineSchema,
    pipeline,
    'spec',
    { ...pipeline.spec, apply: { mode: 'Raw' }, tables: table({ rowFilter: 'x' }) },
    'spec.apply.mode',
    /Raw/,
  ],
  [
    syncPipelineSchema,
    pipeline,
    'spec',
    { ...pipeline.spec, apply: { mode: 'Raw' }, tables: table({ columns: { exclude: ['x'] } }) },
    'spec.apply.mode',
    /Raw/,
  ],
  [syncPipelineSchema, pipeline, 'spec.apply.lanes', 0, 'spec.apply.lanes', />=1/],
  [syncPipelineSchema, pipeline, 'spec.apply.lane', 2, 'spec.apply.lane', /Unrecognized/],
  [syncPipelineSchema, pipeline, 'spec.divergence', 'Fix', 'spec.divergence', /Repair/],
  [syncPipelineSchema, pipeline, 'spec.twoWay', { home: true }, 'spec.twoWay.group', /undefined/],
  [
    syncPipelineSchema,
    pipeline,
    'spec.twoWay',
    { group: 'g', conflicts: { policy: 'LatestBy' } },
    'spec.twoWay.conflicts.column',
    /LatestBy/,
  ],
  [
    syncPipelineSchema,
    pipeline,
    'spec.twoWay',
    { group: 'g', conflicts: { column: 'a' } },
    'spec.twoWay.conflicts.column',
    /LatestBy/,
  ],
  [syncPipelineSchema, pipeline, 'spec.initialLoad.chunkRows', 5, 'spec.initialLoad.chunkRows', />=100/],
  [syncPipelineSchema, pipeline, 'spec.onError.then', 'Skip', 'spec.onError.then', /Suspend/],
  [syncPipelineSchema, pipeline, 'spec.region', 'north-america-north-east-1', 'spec.region', /24/],
];

describe('refused', () => {
  it.each(refused)('%#: %s', (schema, base, path, value, at, message) => {
    const result = schema.safeParse(withValue(base, path, value));
    const issues = (result.error?.issues ?? []).flatMap((issue) =>
      issue.code === 'unrecognized_keys'
        ? issue.keys.map((key) => ({ path: [...issue.path, key].join('.'), message: issue.message }))
        : [{ path: issue.path.join('.'), message: issue.message }],
    );
    expect(issues).toContainEqual({ path: at, message: expect.stringMatching(message) as string });
  });
});

describe('transition rules', () => {
  const cases: [kind: 'zke' | 'ci' | 'sp', old: [string, unknown], now: [string, unknown], broken: string | null][] = [
    ['zke', ['spec.voters.replicas', 3], ['spec.voters.replicas', 5], null],
    ['zke', ['spec.voters.region', 'home'], ['spec.voters.region', 'east'], 'spec.voters.region'],
    ['zke', ['spec.storage.ephemeral', false], ['spec.storage.ephemeral', true], 'spec.storage.ephemeral'],
    ['zke', ['spec.storage.reclaimPolicy', 'Retain'], ['spec.storage.reclaimPolicy', 'Delete'], null],
    ['zke', ['spec.storage.data.storageClassName', 'a'], ['spec.storage.data.storageClassName', 'b'], 'spec.storage.data'],
    ['zke', ['spec.storage.data.storageClassName', null], ['spec.storage.data.storageClassName', 'b'], 'spec.storage.data'],
    ['zke', ['spec.storage.data.storageClassName', 'a'], ['spec.storage.data.storageClassName', 'a'], null],
    ['zke', ['spec.storage.data.size', '10Gi'], ['spec.storage.data.size', '20Gi'], null],
    ['zke', ['spec.storage.data.size', '10Gi'], ['spec.storage.data.size', '10240Mi'], null],
    ['zke', ['spec.storage.data.size', '10Gi'], ['spec.storage.data.size', '10G'], 'spec.storage.data.size'],
    ['zke', ['spec.storage.dataLog', null], ['spec.storage.dataLog', {}], 'spec.storage'],
    ['zke', ['spec.storage.dataLog', {}], ['spec.storage.dataLog', { size: '1Gi' }], 'spec.storage.dataLog.size'],
    ['ci', ['spec.zkEnsembleRef.name', 'a'], ['spec.zkEnsembleRef.name', 'b'], 'spec.zkEnsembleRef'],
    ['ci', ['spec.master.host', 'a'], ['spec.master.host', 'b'], null],
    ['sp', ['spec.canalInstanceRef.name', 'a'], ['spec.canalInstanceRef.name', 'b'], 'spec.canalInstanceRef'],
    ['sp', ['spec.target.host', 'a'], ['spec.target.host', 'b'], null],
  ];
  const all = {
    zke: [zkEnsembleSchema, ensemble, zkEnsembleTransitions],
    ci: [canalInstanceSchema, instance, canalInstanceTransitions],
    sp: [syncPipelineSchema, pipeline, syncPipelineTransitions],
  } as const;
  it.each(cases)('%s %j to %j: %s', (kind, old, now, broken) => {
    const [schema, base, rules] = all[kind];
    const parse = ([path, value]: [string, unknown]) => (schema as z.ZodType).parse(withValue(base, path, value));
    expect(brokenTransitions(rules, parse(old), parse(now)).map((rule) => rule.path)).toEqual(broken === null ? [] : [broken]);
  });

  it('name their field', () => {
    for (const rule of [...zkEnsembleTransitions, ...canalInstanceTransitions, ...syncPipelineTransitions]) {
      expect(rule.message).toContain(rule.path);
      expect(rule.cel).toContain('oldSelf');
    }
  });
});

describe('for Kubernetes', () => {
  const schemas = { zkEnsembleSchema, canalInstanceSchema, syncPipelineSchema };
  describe.each(Object.entries(schemas))('%s', (_, schema) => {
    const json = z.toJSONSchema(schema, { io: 'input' }) as Json;
    const fields = [
      ...walk((json.properties as Json).spec as Json, 'spec'),
      ...walk((json.properties as Json).status as Json, 'status'),
    ];

    it('describes every field in a sentence or two', () => {
      const poor = fields.filter(
        ({ schema: { description } }) => typeof description !== 'string' || !/^[A-Z`a-z].{6,300}\.$/s.test(description),
      );
      expect(poor.map(({ path }) => path)).toEqual([]);
      expect(fields.length).toBeGreaterThan(20);
    });

    it('has a default for every field of spec but the few that only the user knows', () => {
      const without = fields.filter(
        ({ path, schema: { default: value }, parent }) =>
          path.startsWith('spec') &&
          value === undefined &&
          ((parent.required as string[] | undefined) ?? []).includes(path.split('.').at(-1) ?? ''),
      );
      expect(
        without
          .map(({ path }) => path)
          .filter((path) => !/Ref(\.name)?$|\.(host|region|serverId|id|group|source|target|master)$|journal\.name$/.test(path)),
      ).toEqual([]);
    });

    it('is closed everywhere but where Kubernetes itself decides', () => {
      const open = [...walk((json.properties as Json).spec as Json, 'spec')].filter(
        ({ schema: field }) => field.type === 'object' && field.additionalProperties !== false && field.properties !== undefined,
      );
      expect(open.map(({ path }) => path).filter((path) => !/pod\.affinity$|spec\.files$/.test(path))).toEqual([]);
    });

    it('uses nothing that a structural schema cannot say', () => {
      const text = JSON.stringify(json);
      for (const word of ['"not":', '"oneOf":', '"allOf":', '"$ref":', '"patternProperties":', '"prefixItems":'])
        expect(text).not.toContain(word);
    });

    it('carries its rules as CEL with a message', () => {
      const rules = [...JSON.stringify(json).matchAll(/"x-kubernetes-validations":/g)];
      expect(rules.length).toBeGreaterThan(0);
      for (const { schema: field } of fields) {
        for (const rule of (field['x-kubernetes-validations'] ?? []) as { rule: string; message: string }[]) {
          expect(rule.rule).toContain('self');
          expect(rule.message.length).toBeGreaterThan(20);
        }
      }
    });
  });
});

describe('startPointOf', () => {
  const start = (value: unknown) => startPointOf(canalInstanceSchema.parse(withValue(instance, 'spec.start', value)));
  it.each([
    [undefined, { kind: 'latest' }],
    [{ journal: { name: 'b.1' } }, { kind: 'journal', name: 'b.1', position: 4 }],
    [{ timestamp: '2026-01-31T08:00:00+08:00' }, { kind: 'timestamp', at: new Date('2026-01-31T00:00:00Z') }],
    [{ gtid: `${uuid}:1-5,\n ${uuid.replace('3', '4')}:1` }, { kind: 'gtid', gtid: `${uuid}:1-5,${uuid.replace('3', '4')}:1` }],
  ])('%j', (value, expected) => expect(start(value)).toEqual(expected));
});

describe('bytesOf', () => {
  it.each([
    ['10Gi', 10 * 2 ** 30],
    ['1.5k', 1500],
    ['500m', 0.5],
    ['7', 7],
    ['1Ei', 2 ** 60],
  ])('%s: %d', (text, bytes) => expect(bytesOf(text)).toBe(bytes));
});

interface Field {
  readonly path: string;
  readonly schema: Json;
  readonly parent: Json;
}

/** Every property below a schema, with its path; through lists and choices with null. */
function* walk(schema: Json, path: string): Generator<Field> {
  const inner = ((schema.anyOf as Json[] | undefined) ?? []).find((choice) => choice.type !== 'null') ?? schema;
  for (const [name, child] of Object.entries((inner.properties ?? {}) as Record<string, Json>)) {
    yield { path: `${path}.${name}`, schema: child, parent: inner };
    yield* walk(child, `${path}.${name}`);
  }
  if (inner.items !== undefined) yield* walk(inner.items as Json, `${path}[]`);
}
