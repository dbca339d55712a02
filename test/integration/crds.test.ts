import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { objectSchema } from '../../crds/definition/custom-resource-definition.ts';
import { resourceKinds } from '../../crds/definition/resource-kinds.ts';
import { fieldsOf } from '../../crds/definition/schema-fields.ts';
import type { StructuralSchema } from '../../crds/definition/structural-schema.ts';
import { apiVersion } from '../../crds/index.ts';
import { accepted, bases, refused, updates, withValue, type Kind } from '../../crds/schema-cases.ts';
import { withoutNulls } from '../../crds/yaml-documents.ts';
import { startKubeApiServer, type KubeAnswer, type KubeApiServer } from '../servers/index.ts';
import { faultsOf, richBases, specChanges, type SpecChange } from '../support/spec-changes.ts';

/* The generated CRDs in a real API server, whose verdicts must be those of the schemas. */

type Json = Record<string, unknown>;
interface Stored {
  readonly metadata: { readonly name: string; readonly resourceVersion: string; readonly generation: number };
  readonly spec: Json;
  readonly status?: Json;
}

const crdFolder = join(import.meta.dirname, '../../crds');
const kinds = Object.keys(bases) as Kind[];
const strict = 'fieldValidation=Strict';
let server: KubeApiServer;

beforeAll(async () => {
  server = await startKubeApiServer();
  const applied = await server.kubectl(['apply', '-f', crdFolder]);
  expect(applied).toMatchObject({ code: 0, stderr: '' });
  const served = await server.kubectl(['wait', '--for=condition=Established', 'crd', '--all', '--timeout=60s']);
  expect(served.code, served.stderr).toBe(0);
});
afterAll(() => server[Symbol.asyncDispose]());

const resourceOf = (kind: Kind) => resourceKinds.find((resource) => resource.kind === kind)!;
const collection = (kind: Kind) => `/apis/${apiVersion}/namespaces/default/${resourceOf(kind).plural}`;
const messageOf = ({ body }: KubeAnswer) => String((body as { message?: unknown }).message);

function judgeNew(kind: Kind, body: unknown): Promise<KubeAnswer> {
  return server.request(`${collection(kind)}?dryRun=All&${strict}`, { method: 'POST', body });
}

/** Whether an answer says yes; throws where it says neither yes nor that the object is wrong. */
function isAccepted(answer: KubeAnswer): boolean {
  if (answer.status === 200 || answer.status === 201) return true;
  if (answer.status === 400 || answer.status === 422) return false;
  throw new Error(`the API server answered ${answer.status}: ${JSON.stringify(answer.body)}`);
}

/** Stores an object under a name of its own. */
async function store(kind: Kind, object: unknown, name: string): Promise<Stored> {
  const answer = await server.request(collection(kind), { method: 'POST', body: withValue(object, 'metadata.name', name) });
  expect(answer.status, messageOf(answer)).toBe(201);
  return answer.body as Stored;
}

function judgeUpdate(kind: Kind, stored: Stored, body: unknown): Promise<KubeAnswer> {
  const { name, resourceVersion } = stored.metadata;
  const object = withValue(withValue(body, 'metadata.name', name), 'metadata.resourceVersion', resourceVersion);
  return server.request(`${collection(kind)}/${name}?dryRun=All&${strict}`, { method: 'PUT', body: object });
}

/** zod's path as Kubernetes writes it, and that of the field around it, which Kubernetes names for keys of maps. */
function placesOf(at: string): [string, string] {
  const place = at.replaceAll(/\.(\d+)(?=\.|$)/g, '[$1]');
  return [place, place.replace(/\.[^.]*$/, '')];
}

describe('kubectl', () => {
  test('applies the folder again without a change', async () => {
    const again = await server.kubectl(['apply', '-f', crdFolder]);
    expect(again.code, again.stderr).toBe(0);
    expect(again.stdout.trim().split('\n')).toHaveLength(3);
    expect(again.stdout).not.toMatch(/(created|configured)$/m);
  });

  test('knows short names and the category', async () => {
    const known = await server.kubectl(['api-resources', '--api-group=lockkeeper.io', '-o', 'wide', '--no-headers']);
    expect(known.stdout).toMatch(/^canalinstances +ci +lockkeeper\.io\/v1alpha1 +true +CanalInstance .* lockkeeper$/m);
    expect(known.stdout).toMatch(/^syncpipelines +sp +lockkeeper\.io\/v1alpha1 +true +SyncPipeline .* lockkeeper$/m);
    expect(known.stdout).toMatch(/^zkensembles +zke +lockkeeper\.io\/v1alpha1 +true +ZkEnsemble .* lockkeeper$/m);
  });

  test('refuses unknown keys at every depth', async () => {
    const object = withValue(richBases.SyncPipeline, 'spec.apply', { lanez: 2 });
    (object as { spec: { tables: Json[] } }).spec.tables[0]!.traget = 'a.b';
    const answer = await server.kubectl(['apply', '-f', '-'], JSON.stringify(object));
    expect(answer.code).toBe(1);
    expect(answer.stderr).toContain('unknown field "spec.apply.lanez"');
    expect(answer.stderr).toContain('unknown field "spec.tables[0].traget"');
  });

  test('keeps the order of tables, of which the first that matches counts, however they are applied', async () => {
    const names = ['shop.c', 'shop.a', 'shop.b'];
    const orders = [names, names.toReversed(), ['shop.b', 'shop.new', 'shop.c']];
    for (const [name, ...how] of [['order-here'], ['order-there', '--server-side']] as const) {
      for (const order of orders) {
        const tables = order.map((source) => ({ source }));
        const object = withValue(withValue(bases.SyncPipeline, 'spec.tables', tables), 'metadata.name', name);
        expect(await server.kubectl(['apply', ...how, '-f', '-'], JSON.stringify(object))).toMatchObject({ code: 0 });
        const { body } = await server.request(`${collection('SyncPipeline')}/${name}`);
        expect((body as { spec: { tables: { source: string }[] } }).spec.tables.map(({ source }) => source)).toEqual(order);
      }
    }
  });

  test.each(kinds)('explains every field of %s', async (kind) => {
    const spec = fieldsOf(objectSchema(resourceOf(kind)), resourceOf(kind).plural);
    const words = (text: string) => text.replaceAll(/\s+/g, ' ');
    const fields = [...spec].filter(({ path }) => /\.(spec|status)\b/.test(path));
    const parents = new Map<string, string[]>();
    for (const { path, schema } of fields) {
      const [, parent = '', name] = /^(.*)\.([^.]+)$/.exec(path) ?? [];
      if (name === undefined || name.endsWith('{}')) continue;
      const explained = parent.replaceAll(/\[\]|\{\}/g, '');
      parents.set(explained, [...(parents.get(explained) ?? []), name, schema.description!]);
    }
    for (const [parent, expected] of parents) {
      const { stdout } = await server.kubectl(['explain', parent]);
      const answer = words(stdout);
      expect({ parent, missing: expected.filter((text) => !answer.includes(words(text))) }).toEqual({ parent, missing: [] });
    }
  });

  test('takes the examples of the documentation, in a dry run at the server', async () => {
    const examples = join(import.meta.dirname, '../../docs/examples');
    const { code, stdout, stderr } = await server.kubectl(['apply', '--server-side', '--dry-run=server', '-f', examples]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(
      stdout
        .trim()
        .split('\n')
        .every((line) => line.endsWith('(server dry run)')),
    ).toBe(true);
  });

  test('switches from one way to start to another, and takes a standby away, by server-side apply', async () => {
    const made = (spec: Json) => JSON.stringify({ ...bases.CanalInstance, spec: { ...bases.CanalInstance.spec, ...spec } });
    const starts = [{ journal: { name: 'binlog.000001' } }, { latest: true }, { timestamp: '2026-01-01T00:00:00Z' }];
    for (const spec of [...starts.map((start) => ({ start })), { standby: { host: 'standby.home' } }, {}]) {
      const answer = await server.kubectl(['apply', '--server-side', '-f', '-'], made(spec));
      expect(answer).toMatchObject({ code: 0 });
    }
    await server.kubectl(['delete', 'ci', '--all']);
  });

  test('shows what a person asks first', async () => {
    const name = 'columns';
    const now = new Date().toISOString();
    const condition = (status: string, reason: string) => ({
      type: 'Ready',
      status,
      reason,
      message: 'Because.',
      lastTransitionTime: now,
      observedGeneration: 1,
    });
    const status: Record<Kind, Json> = {
      ZkEnsemble: {
        conditions: [condition('True', 'AllServe')],
        members: [
          { id: 1, pod: 'zk-0', role: 'voter', mode: 'follower', ready: true },
          { id: 2, pod: 'zk-1', role: 'voter', mode: 'leader', ready: true },
        ],
      },
      CanalInstance: { conditions: [condition('False', 'SourceAway')], currentSource: 'mysql.home:3306', pipelines: 4 },
      SyncPipeline: {
        conditions: [condition('True', 'Streaming')],
        leader: { worker: 'w-7', region: 'east', epoch: 3, since: now },
        lag: { applySeconds: 0.25 },
        lastError: { code: 'LK1234', message: 'm', remedy: 'r', at: now },
      },
    };
    for (const kind of kinds) {
      const stored = await store(kind, bases[kind], name);
      const body = { ...stored, status: status[kind] };
      const path = `${collection(kind)}/${name}/status?${strict}`;
      const answer = await server.request(path, { method: 'PUT', body });
      expect(answer.status, messageOf(answer)).toBe(200);
    }
    const table = async (kind: Kind, ...more: string[]) => {
      const { stdout } = await server.kubectl(['get', resourceOf(kind).shortName, name, ...more]);
      return stdout.trim().split('\n');
    };
    const rows = (await Promise.all(kinds.map((kind) => table(kind)))).map((lines) => lines.map((line) => line.split(/ {2,}/)));
    expect(rows).toEqual([
      [
        ['NAME', 'READY', 'REASON', 'LEADER', 'VOTERS', 'AGE'],
        [name, 'True', 'AllServe', 'zk-1', '3', expect.any(String)],
      ],
      [
        ['NAME', 'READY', 'REASON', 'SOURCE', 'PIPELINES', 'AGE'],
        [name, 'False', 'SourceAway', 'mysql.home:3306', '4', expect.any(String)],
      ],
      [
        ['NAME', 'STATE', 'READY', 'REASON', 'LAG(S)', 'LEADER', 'AGE'],
        [name, 'Running', 'True', 'Streaming', '0.25', 'w-7', expect.any(String)],
      ],
    ]);
    const [head, row] = await table('SyncPipeline', '-o', 'wide');
    expect(head).toMatch(/INSTANCE +REGION +TARGET +ERROR +MESSAGE$/);
    expect(row).toMatch(/orders +home +mysql\.east +LK1234 +Because\.$/);
    const all = await server.kubectl(['get', 'lockkeeper', '-o', 'name']);
    expect(all.stdout.match(/columns$/gm)).toHaveLength(3);
    const wait = ['wait', '--for=condition=Ready', '--timeout=1s'];
    expect(await server.kubectl([...wait, `sp/${name}`])).toMatchObject({ code: 0 });
    expect(await server.kubectl([...wait, `ci/${name}`])).toMatchObject({ code: 1 });
  });
});

describe('right objects', () => {
  test.each(accepted)('%#: %s %s', async (kind, path, value) => {
    const object = withValue(bases[kind], path, value);
    const answer = await judgeNew(kind, object);
    expect(answer.status, messageOf(answer)).toBe(201);
    // The API server sets the defaults that zod sets, "not set" being null for the one and absence for the other.
    const parsed = resourceOf(kind).schema.parse(withoutNulls(object));
    expect((answer.body as Stored).spec).toEqual(withoutNulls(parsed.spec));
  });

  test.each(kinds)('%s: as the API server stores it, it is right for zod and says the same', async (kind) => {
    for (const base of [bases[kind], richBases[kind]]) {
      const { body } = await judgeNew(kind, base);
      const { schema } = resourceOf(kind);
      expect(schema.parse(body).spec).toEqual(schema.parse(withoutNulls(base)).spec);
    }
  });
});

describe('large objects', () => {
  const many = <T>(count: number, make: (index: number) => T) => Array.from({ length: count }, (_, index) => make(index));
  const named = (count: number) => Object.fromEntries(many(count, (i) => [`column_${i}`, `renamed_${i}`]));

  test.each<[Kind, string, unknown]>([
    ['ZkEnsemble', 'spec.observers', many(30, (i) => ({ region: `r${i}` }))],
    ['ZkEnsemble', 'spec.externalMembers', many(50, (i) => ({ id: i + 1, host: `${'a'.repeat(240)}${i}` }))],
    ['ZkEnsemble', 'spec.config.extra', Object.fromEntries(many(200, (i) => [`${'k'.repeat(250)}${i}`, 'v'.repeat(4096)]))],
    ['CanalInstance', 'spec.filter.include', many(500, (i) => `${'x'.repeat(500)}\\..*,y${i}\\..*`)],
    ['CanalInstance', 'spec.filter.include', many(50, () => many(256, () => 'x'.repeat(50) + '\\.a').join(','))],
    ['CanalInstance', 'spec.workers', many(30, (i) => ({ region: `r${i}` }))],
    ['SyncPipeline', 'spec.tables', many(1000, (i) => ({ source: `shop.t${i}`, columns: { rename: named(20) } }))],
    [
      'SyncPipeline',
      'spec.tables',
      many(100, (i) => ({
        source: `shop.t${i}`,
        columns: { include: many(256, (j) => `column_${j}`), rename: named(256) },
      })),
    ],
  ])('cost the API server’s rules no more than it allows: %s %s', async (kind, path, value) => {
    const object = withValue(bases[kind], path, value);
    const answer = await judgeNew(kind, object);
    expect(answer.status, messageOf(answer)).toBe(201);
    expect(faultsOf(kind, object as Json)).toEqual([]);
  });
});

/** The messages with which the API server refused something, to see that every rule did. */
const said: string[] = [];

describe('wrong objects', () => {
  const cases = refused.map(([kind, path, value, at, , admitted]) => ({ kind, path, value, at, admitted }));
  test.each(cases)('%$: $kind $path', async ({ kind, path, value, at, admitted }) => {
    const answer = await judgeNew(kind, withValue(bases[kind], path, value));
    expect(isAccepted(answer), messageOf(answer)).toBe(admitted !== undefined);
    if (admitted || at === 'apiVersion') return;
    said.push(messageOf(answer));
    expect(placesOf(at).filter((place) => messageOf(answer).includes(place))).not.toEqual([]);
  });

  test('with null where there is no "not set" are right: Kubernetes drops nulls and sets defaults, as manifests do when read', async () => {
    const object = withValue(bases.CanalInstance, 'spec.master.port', null);
    const answer = await judgeNew('CanalInstance', object);
    expect(answer).toMatchObject({ status: 201, body: { spec: { master: { port: 3306 } } } });
    expect(faultsOf('CanalInstance', object as Json)).toEqual([]);
  });

  test('with unknown keys are only warned of where a client does not ask for strictness, and lose them', async () => {
    const object = withValue(bases.CanalInstance, 'spec.master.prot', 3307);
    const answer = await server.request(`${collection('CanalInstance')}?dryRun=All`, { method: 'POST', body: object });
    expect(answer).toMatchObject({ status: 201, body: { spec: { master: { host: 'mysql.home', port: 3306 } } } });
    expect((answer.body as { spec: { master: object } }).spec.master).not.toHaveProperty('prot');
  });
});

describe('updates', () => {
  const parts = updates.map(([kind, [oldPath, oldValue], [path, value], broken], index) => ({
    index,
    kind,
    old: withValue(bases[kind], oldPath, oldValue),
    now: withValue(bases[kind], path, value),
    path,
    broken,
  }));
  test.each(parts)('%$: $kind $path', async ({ index, kind, old, now, broken }) => {
    const stored = await store(kind, old, `update-${index}`);
    const answer = await judgeUpdate(kind, stored, now);
    expect(isAccepted(answer), messageOf(answer)).toBe(broken === null);
    if (broken === null) return;
    said.push(messageOf(answer));
    expect(messageOf(answer)).toContain(`${broken}: `);
    const rule = resourceOf(kind).transitions.find(({ path, message }) => path === broken && messageOf(answer).includes(message));
    expect(rule, messageOf(answer)).toBeDefined();
  });
});

test('every rule has refused two objects at least', () => {
  const schemas = resourceKinds.flatMap((resource) => {
    const root = objectSchema(resource);
    return [
      root,
      ...[...fieldsOf(root, '')].flatMap(({ schema }) => [schema, schema.items ?? [], schema.additionalProperties ?? []]),
    ];
  });
  const messages = new Set(
    schemas.flat().flatMap((schema) => (schema['x-kubernetes-validations'] ?? []).map((rule) => rule.message)),
  );
  expect(messages.size).toBeGreaterThan(25);
  const rare = [...messages].filter((message) => said.filter((text) => text.includes(message)).length < 2);
  expect(rare).toEqual([]);
});

describe('generated changes', () => {
  const runs = kinds.flatMap((kind) => [
    { kind, what: 'the least object', base: bases[kind], seed: 7 },
    { kind, what: 'a rich object', base: richBases[kind], seed: 8 },
  ]);
  const fates = new Map<string, Set<string>>();

  test.each(runs)('of $what of kind $kind: schemas and API server agree', async ({ kind, base, what, seed }) => {
    const stored = await store(kind, base, what.replaceAll(' ', '-'));
    const changes = specChanges(kind, { seed, base });
    expect(changes.length).toBeGreaterThan(200);
    const differences: unknown[] = [];
    for (const change of changes) {
      const difference = await compare(change, stored);
      if (difference !== null) differences.push(difference);
    }
    expect(differences).toEqual([]);
  });

  /** Null where both say the same, and the API server's words name the field. */
  async function compare({ kind, field, path, what, before, after }: SpecChange, stored: Stored): Promise<unknown> {
    const faults = faultsOf(kind, after, before);
    const answer = await judgeUpdate(kind, stored, after);
    const ours = faults.length === 0;
    const theirs = isAccepted(answer);
    // What only the operator sees (a bad pattern) is for the API server to admit or not.
    if (!ours && faults.every(({ beyondApiServer }) => beyondApiServer)) return null;
    fates.set(`${kind} ${field}`, (fates.get(`${kind} ${field}`) ?? new Set()).add(ours ? 'accepted' : 'refused'));
    const message = messageOf(answer);
    if (ours !== theirs) return { path, what, faults, message };
    if (theirs) {
      const parsed = resourceOf(kind).schema.parse(withoutNulls(after));
      const same = JSON.stringify(sorted((answer.body as Stored).spec)) === JSON.stringify(sorted(withoutNulls(parsed.spec)));
      return same ? null : { path, what, spec: (answer.body as Stored).spec };
    }
    const named = faults.some((fault) =>
      [fault.path, fault.path.replace(/\.[^.]*$/, '')].some((place) => message.includes(place)),
    );
    return named ? null : { path, what, faults, message };
  }

  test('are the same for the same seed', () => {
    const texts = [5, 5, 6].map((seed) => JSON.stringify(specChanges('ZkEnsemble', { seed })));
    expect(texts[0]).toBe(texts[1]);
    expect(texts[0]).not.toBe(texts[2]);
  });

  test('were right and wrong for every field', () => {
    const fields = kinds.flatMap((kind) => {
      const { properties } = objectSchema(resourceOf(kind));
      return [...fieldsOf(properties?.spec as StructuralSchema, 'spec')].map(({ path }) => `${kind} ${path}`);
    });
    const oneSided = fields.filter((field) => fates.get(field)?.size !== 2);
    // These name another object for good, so no change of them is right.
    expect(oneSided.sort()).toEqual([
      'CanalInstance spec.zkEnsembleRef',
      'CanalInstance spec.zkEnsembleRef.name',
      'SyncPipeline spec.canalInstanceRef',
      'SyncPipeline spec.canalInstanceRef.name',
      'ZkEnsemble spec.storage.dataLog.storageClassName',
    ]);
  });
});

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, entry]) => [key, sorted(entry)]),
  );
}

describe('status', () => {
  test.each(kinds)('%s: is written apart from spec', async (kind) => {
    const stored = await store(kind, richBases[kind], 'status');
    const path = `${collection(kind)}/status`;
    const status = { observedGeneration: 1 };
    const changed = { ...richBases[kind], metadata: stored.metadata, status };
    const other = withValue(changed, kind === 'ZkEnsemble' ? 'spec.paused' : 'spec.region', 'x');

    const viaObject = await server.request(path, { method: 'PUT', body: changed });
    expect(viaObject.status, messageOf(viaObject)).toBe(200);
    expect((viaObject.body as Stored).status).toBeUndefined();

    const viaStatus = await server.request(`${path}/status`, { method: 'PUT', body: other });
    expect(viaStatus).toMatchObject({ status: 200, body: { status, spec: stored.spec } });
    expect((viaStatus.body as Stored).metadata.generation).toBe(stored.metadata.generation);
    expect((viaStatus.body as Stored).spec).toEqual(stored.spec);
  });

  const good = {
    type: 'Ready',
    status: 'True',
    reason: 'Fine',
    message: '',
    lastTransitionTime: '2026-01-31T08:00:00Z',
    observedGeneration: 1,
  };
  test.each([
    ['a condition like Kubernetes’ own', [good, { ...good, type: 'lockkeeper.io/Source.Ready' }], true],
    ['two of one type', [good, { ...good, status: 'False' }], false],
    ['a status that is none', [{ ...good, status: 'Yes' }], false],
    ['no reason', [{ ...good, reason: '' }], false],
    ['a reason of two words', [{ ...good, reason: 'Not fine' }], false],
    ['a moment without a zone', [{ ...good, lastTransitionTime: '2026-01-31T08:00:00' }], false],
    ['no message', [{ ...good, message: undefined }], false],
  ])('conditions: %s', async (_, conditions, right) => {
    const name = `conditions-${Math.random().toString(36).slice(2)}`;
    const stored = await store('CanalInstance', bases.CanalInstance, name);
    const path = `${collection('CanalInstance')}/${name}/status?${strict}`;
    const answer = await server.request(path, { method: 'PUT', body: { ...stored, status: { conditions } } });
    expect(isAccepted(answer), messageOf(answer)).toBe(right);
    const { schema } = resourceOf('CanalInstance');
    const unique = new Set(conditions.map(({ type }) => type)).size === conditions.length;
    expect(schema.safeParse(withoutNulls({ ...stored, status: { conditions } })).success && unique).toBe(right);
  });

  test('takes no unknown keys', async () => {
    const stored = await store('SyncPipeline', bases.SyncPipeline, 'unknown');
    const path = `${collection('SyncPipeline')}/unknown/status?${strict}`;
    const answer = await server.request(path, { method: 'PUT', body: { ...stored, status: { lagg: 1 } } });
    expect(answer).toMatchObject({ status: 400, body: { message: expect.stringContaining('unknown field "status.lagg"') } });
  });
});

describe('the published API', () => {
  interface Published {
    readonly description?: string;
    readonly properties?: Readonly<Record<string, Published>>;
    readonly items?: Published;
    readonly additionalProperties?: Published;
  }

  test.each(kinds)('describes every field of %s', async (kind) => {
    const { body } = await server.request(`/openapi/v3/apis/${apiVersion}`);
    const { schemas } = (body as { components: { schemas: Record<string, Published> } }).components;
    const published = schemas[`io.lockkeeper.v1alpha1.${kind}`];
    expect(published?.description).toMatch(/\.$/);
    const bare: string[] = [];
    let fields = 0;
    const walk = (schema: Published | undefined, path: string) => {
      for (const [name, child] of Object.entries(schema?.properties ?? {})) {
        if (path === '' && name === 'metadata') continue;
        fields++;
        if (!child.description) bare.push(`${path}.${name}`);
        walk(child, `${path}.${name}`);
      }
      if (schema?.items) walk(schema.items, `${path}[]`);
      if (schema?.additionalProperties) walk(schema.additionalProperties, `${path}{}`);
    };
    walk(published, '');
    expect(bare).toEqual([]);
    expect(fields).toBe(
      [...fieldsOf(objectSchema(resourceOf(kind)), '')].filter(({ path }) => !path.startsWith('.metadata')).length,
    );
  });
});
