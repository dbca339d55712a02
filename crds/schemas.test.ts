import { describe, expect, it } from 'vitest';
import type { z } from 'zod';
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
} from './index.ts';
import { accepted, bases, refused, updates, withValue, type Kind } from './schema-cases.ts';
import { bytesOf } from './quantity.ts';

const { ZkEnsemble: ensemble, CanalInstance: instance, SyncPipeline: pipeline } = bases;
const schemas: Readonly<Record<Kind, z.ZodType>> = {
  ZkEnsemble: zkEnsembleSchema,
  CanalInstance: canalInstanceSchema,
  SyncPipeline: syncPipelineSchema,
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
      pod: {
        resources: { requests: { cpu: '100m', memory: '256Mi' }, limits: {} },
        nodeSelector: {},
        tolerations: [],
        affinity: null,
        annotations: {},
      },
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

describe('accepted', () => {
  it.each(accepted)('%#: %s %s', (kind, path, value) => {
    expect(schemas[kind].safeParse(withValue(bases[kind], path, value)).error?.issues ?? []).toEqual([]);
  });
});

describe('refused', () => {
  const cases = refused.map(([kind, path, value, at, message]) => ({ kind, path, value, at, message }));
  it.each(cases)('%$: $kind $path', ({ kind, path, value, at, message }) => {
    const result = schemas[kind].safeParse(withValue(bases[kind], path, value));
    const issues = (result.error?.issues ?? []).flatMap((issue) =>
      issue.code === 'unrecognized_keys'
        ? issue.keys.map((key) => ({ path: [...issue.path, key].join('.'), message: issue.message }))
        : [{ path: issue.path.join('.'), message: issue.message }],
    );
    expect(issues).toContainEqual({ path: at, message: expect.stringMatching(message) as string });
  });
});

describe('transition rules', () => {
  const rules = {
    ZkEnsemble: zkEnsembleTransitions,
    CanalInstance: canalInstanceTransitions,
    SyncPipeline: syncPipelineTransitions,
  };
  it.each(updates)('%s %j to %j: %s', (kind, old, now, broken) => {
    const parse = ([path, value]: readonly [string, unknown]) => schemas[kind].parse(withValue(bases[kind], path, value));
    expect(brokenTransitions(rules[kind], parse(old), parse(now)).map((rule) => rule.path)).toEqual(
      broken === null ? [] : [broken],
    );
  });

  it('name their field', () => {
    for (const rule of [...zkEnsembleTransitions, ...canalInstanceTransitions, ...syncPipelineTransitions]) {
      expect(rule.message).toContain(rule.path);
      expect(rule.cel).toContain('oldSelf');
    }
  });
});

describe('startPointOf', () => {
  const uuid = '3e11fa47-71ca-11e1-9e33-c80aa9429562';
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
