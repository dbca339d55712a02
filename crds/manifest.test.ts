import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { afterAll, describe, expect, it } from 'vitest';
import type { LockkeeperError } from '../common/errors.ts';
import { credentialsOf, loadManifests, ManifestError, parseManifests, serverIdRange, type Manifests } from './index.ts';

const secret = (name: string, body = 'stringData: {username: repl, password: hunter2}') => `
apiVersion: v1
kind: Secret
metadata: {name: ${name}}
${body}
`;
const instance = (more = '', name = 'orders') => `
apiVersion: lockkeeper.io/v1alpha1
kind: CanalInstance
metadata: {name: ${name}}
spec:
  zkEnsembleRef: {name: main}
  master: {host: mysql.home}
  credentialsSecretRef: {name: source}
${more.includes('serverId') ? '' : '  serverId: 1000\n'}${more}`;
const pipeline = (more = '', name = 'to-east', target = 'mysql.east') => `
apiVersion: lockkeeper.io/v1alpha1
kind: SyncPipeline
metadata: {name: ${name}}
spec:
  canalInstanceRef: {name: orders}
  target: {host: ${target}, credentialsSecretRef: {name: east}}
${more}`;
const base = [secret('source'), secret('east'), instance(), pipeline()];

function parse(...documents: string[]): Manifests {
  return parseManifests([{ file: 'm.yaml', text: documents.join('\n---\n') }]);
}

function errorsOf(...documents: string[]): readonly LockkeeperError[] {
  try {
    parse(...documents);
  } catch (thrown) {
    if (thrown instanceof ManifestError) return thrown.errors;
    throw thrown;
  }
  return [];
}

/** The only error of a manifest. */
function errorOf(...documents: string[]): LockkeeperError {
  const errors = errorsOf(...documents);
  expect(errors.map((error) => error.message)).toHaveLength(1);
  return errors[0] as LockkeeperError;
}

describe('good manifests', () => {
  it('are read with defaults', () => {
    const { ensembles, instances, pipelines, secrets } = parse(...base);
    expect([ensembles.length, instances.length, pipelines.length, secrets.length]).toEqual([0, 1, 1, 2]);
    expect(instances[0]?.spec.master).toEqual({ host: 'mysql.home', port: 3306 });
    expect(pipelines[0]?.metadata).toMatchObject({ name: 'to-east', namespace: 'default' });
    expect(secrets[0] && credentialsOf(secrets[0])).toEqual({ username: 'repl', password: 'hunter2' });
  });

  it('may hold empty documents, comments, a Namespace, a List, anchors, nulls and a status', () => {
    const list = `
apiVersion: v1
kind: List
items:
  - {apiVersion: v1, kind: Secret, metadata: {name: source}, data: {username: cmVwbA==, password: aHVudGVyMg==}}
  - {apiVersion: v1, kind: Secret, metadata: &m {name: east, uid: x, creationTimestamp: null}, type: Opaque, stringData: {username: a, password: b}}`;
    const { pipelines, secrets } = parse(
      '# nothing\n',
      'apiVersion: v1\nkind: Namespace\nmetadata: {name: prod}',
      list,
      '',
      instance(),
      pipeline('  tables:\n  verify: null\n  twoWay: null\nstatus: {anything: 1}\n'),
    );
    expect(pipelines[0]?.spec.tables).toEqual([]);
    expect(pipelines[0]).not.toHaveProperty('status');
    expect(secrets.map(credentialsOf)).toEqual([
      { username: 'repl', password: 'hunter2' },
      { username: 'a', password: 'b' },
    ]);
  });

  it('may be JSON', () => {
    const text = JSON.stringify({
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 'a' },
      stringData: { username: 'u', password: 'p' },
    });
    expect(parse(text).secrets).toHaveLength(1);
  });

  it('may merge keys', () => {
    const { instances } = parse(
      secret('source'),
      instance('  start: &s {latest: true}\n  standby: {<<: {host: other}, port: 3307}\n'),
    );
    expect(instances[0]?.spec.standby).toEqual({ host: 'other', port: 3307 });
  });

  it('in several namespaces do not disturb each other', () => {
    const prod = base.map((text) =>
      text.replaceAll('metadata: {name:', 'metadata: {namespace: prod, name:').replaceAll('mysql.', 'prod.'),
    );
    expect(parse(...base, ...prod).pipelines).toHaveLength(2);
  });

  it('take stringData before data, as Kubernetes does', () => {
    const [read] = parse(secret('s', 'data: {username: YQ==, password: YQ==}\nstringData: {password: b}')).secrets;
    expect(read && credentialsOf(read)).toEqual({ username: 'a', password: 'b' });
  });

  it('keep secrets out of everything that prints', () => {
    const { secrets } = parse(secret('s'));
    expect(JSON.stringify(secrets) + inspect(secrets, { depth: 9, showHidden: true })).not.toContain('hunter2');
  });

  it('come from files and directories', () => {
    const folder = mkdtempSync(join(tmpdir(), 'manifests-'));
    folders.push(folder);
    mkdirSync(join(folder, 'conf'));
    writeFileSync(join(folder, 'conf', 'a.yaml'), base.slice(0, 2).join('\n---\n'));
    writeFileSync(join(folder, 'conf', 'b.yml'), instance());
    writeFileSync(join(folder, 'conf', 'ignored.txt'), 'not: [yaml');
    writeFileSync(join(folder, 'pipeline.yaml'), pipeline());
    expect(loadManifests([join(folder, 'conf'), join(folder, 'pipeline.yaml')]).pipelines).toHaveLength(1);
    expect(() => loadManifests([join(folder, 'none.yaml'), join(folder, 'pipeline.yaml')])).toThrow(
      /none\.yaml: cannot be read: ENOENT/,
    );
    mkdirSync(join(folder, 'empty'));
    expect(() => loadManifests([join(folder, 'empty')])).toThrow(/holds no \*\.yaml/);
  });
  const folders: string[] = [];
  afterAll(() => {
    for (const folder of folders) rmSync(folder, { recursive: true });
  });
});

describe('a fault in a file', () => {
  it.each<[text: string, code: string, message: RegExp, found?: RegExp, remedy?: RegExp]>([
    ['a: [1', 'LK1001', /^m\.yaml:\d+: malformed YAML: /],
    ['kind: A\n\tb: c', 'LK1001', /^m\.yaml:\d: malformed YAML/],
    ['kind: A\nkind: B', 'LK1001', /^m\.yaml:\d: malformed YAML: Map keys must be unique/],
    ['a: *nowhere', 'LK1001', /^m\.yaml:1: malformed YAML: .*nowhere/],
    ['a: "x', 'LK1001', /malformed YAML: Missing closing/],
    ['just text', 'LK1002', /m\.yaml:1: unknown kind/, /just text/],
    ['- 1\n- 2', 'LK1002', /unknown kind/, /a list/],
    ['kind: Deployment\napiVersion: apps/v1', 'LK1002', /m\.yaml:1: unknown kind/, /apiVersion apps\/v1, kind Deployment/],
    [
      'apiVersion: lockkeeper.io/v1alpha1\nkind: SyncPipline',
      'LK1002',
      /m\.yaml:2: /,
      /SyncPipline/,
      /Did you mean kind SyncPipeline/,
    ],
    [
      'apiVersion: lockkeeper.io/v1\nkind: SyncPipeline',
      'LK1002',
      /./,
      /lockkeeper\.io\/v1,/,
      /Write apiVersion: lockkeeper\.io\/v1alpha1/,
    ],
    ['apiVersion: lockkeeper.io/v1alpha1\nkind: Secret', 'LK1002', /./, /./, /apiVersion: v1 for a Secret/],
    ['kind: ZkEnsemble', 'LK1002', /./, /apiVersion \(none\), kind ZkEnsemble/],
    ['metadata: {name: a}', 'LK1002', /./, /kind \(none\)/],
    ['apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}', 'LK1002', /./, /ConfigMap/],
  ])('%j', (text, code, message, found = /^/, remedy = /./) => {
    const error = errorOf(text);
    expect(error.code).toBe(code);
    expect(error.message).toMatch(message);
    expect(error.found ?? '').toMatch(found);
    expect(error.remedy).toMatch(remedy);
    expect(error.details).toMatchObject({ file: 'm.yaml', line: expect.any(Number) as number });
  });

  it('does not hide those of other documents', () => {
    const errors = errorsOf('a: [1', ...base.slice(0, 3), pipeline('  stat: Running\n'));
    expect(errors.map((error) => error.code)).toEqual(['LK1001', 'LK1004']);
  });

  it('limits aliases', () => {
    const bomb = `a: &a [1,1,1,1,1,1,1,1,1,1]\n${'bcdefghij'
      .split('')
      .map(
        (letter, i) =>
          `${letter}: &${letter} [${Array(10)
            .fill(`*${'abcdefghi'[i] ?? ''}`)
            .join()}]`,
      )
      .join('\n')}`;
    expect(errorOf(bomb)).toMatchObject({ code: 'LK1001', message: expect.stringMatching(/alias/) as string });
  });
});

describe('a fault of a field', () => {
  // Line numbers count from the start of the faulty document's text, which begins with an empty line.
  const cases: [kind: 'i' | 'p', more: string, code: string, message: RegExp, found: string | undefined, remedy: RegExp][] = [
    [
      'p',
      '  stat: Running',
      'LK1004',
      /:8: SyncPipeline default\/to-east: spec\.stat: unknown key/,
      'stat',
      /Did you mean state\?/,
    ],
    ['p', '  workers: []', 'LK1004', /spec\.workers: unknown key/, 'workers', /Known here: canalInstanceRef, region/],
    ['p', '  lanes: 2', 'LK1004', /spec\.lanes: unknown key/, 'lanes', /lanes belongs to spec\.apply; move it there/],
    ['p', '  apply: {lanez: 2}', 'LK1004', /spec\.apply\.lanez: unknown key/, 'lanez', /Did you mean lanes/],
    ['p', '  tables: [{source: a.b, traget: c.d}]', 'LK1004', /spec\.tables\[0\]\.traget/, 'traget', /Did you mean target/],
    [
      'p',
      '  state: running',
      'LK1003',
      /spec\.state: expected one of Running, Paused, Stopped/,
      '"running"',
      /Did you mean Running\?.*Running copies/,
    ],
    ['p', '  state: Going', 'LK1003', /spec\.state: expected one of/, '"Going"', /^Change it: it takes one of Running/],
    ['p', '  apply:\n    lanes: many', 'LK1003', /:9: .*spec\.apply\.lanes: expected a number/, '"many"', /takes a number/],
    ['p', '  apply: {lanes: 1.5}', 'LK1003', /spec\.apply\.lanes: expected a whole number/, '1.5', /whole number/],
    ['p', '  apply: {lanes: 0}', 'LK1003', /spec\.apply\.lanes: expected a number of at least 1/, '0', /at least 1/],
    ['p', '  apply: {lanes: 65}', 'LK1003', /expected a number of at most 64/, '65', /at most 64/],
    ['p', '  apply: {ordered: "yes"}', 'LK1003', /spec\.apply\.ordered: expected true or false/, '"yes"', /true or false/],
    ['p', '  apply: fast', 'LK1003', /spec\.apply: expected an object/, '"fast"', /How changes are written/],
    ['p', '  tables: shop.orders', 'LK1003', /spec\.tables: expected a list/, '"shop.orders"', /a list/],
    [
      'p',
      '  tables:\n    - target: a.b',
      'LK1003',
      /:9: .*spec\.tables\[0\]\.source: is missing/,
      undefined,
      /^Add it: it takes a text\. Tables of the source/,
    ],
    ['p', '  tables: [{source: 12}]', 'LK1003', /spec\.tables\[0\]\.source: expected a text/, '12', /Put it in quotes: '12'/],
    [
      'p',
      '  tables:\n    - {source: ok.ok}\n    - {source: "/(/"}',
      'LK1007',
      /:10: .*spec\.tables\[1\]\.source: bad regular expression: .*unterminated group/,
      '"/(/"',
      /Correct the pattern/,
    ],
    [
      'p',
      '  tables: [{source: a.b, target: "c[1-2].d"}]',
      'LK1010',
      /spec\.tables\[0\]\.target: contradictory table mapping: .*cannot go to many/,
      '"c[1-2].d"',
      /give the source a range of the same size/,
    ],
    ['p', '  region: EAST', 'LK1003', /spec\.region: expected lower-case letters/, '"EAST"', /region/],
    ['p', '  onError: {retries: -1}', 'LK1003', /spec\.onError\.retries: expected a number of at least 0/, '-1', /at least 0/],
    [
      'i',
      '  serverId: 0',
      'LK1003',
      /CanalInstance default\/orders: spec\.serverId: expected a number of at least 1/,
      '0',
      /canal’s slaveId/,
    ],
    [
      'i',
      '  standby: {host: mysql.home}',
      'LK1003',
      /spec\.standby: invalid field: standby is the same server/,
      '{"host":"mysql.home"}',
      /name another one or remove standby\.$/,
    ],
    [
      'i',
      '  start: {timestamp: 2026-01-31 08:00}',
      'LK1003',
      /spec\.start\.timestamp: expected a moment with time zone/,
      '"2026-01-31 08:00"',
      /2026-01-31T08:00:00Z/,
    ],
    [
      'i',
      '  start: {timestamp: 1700000000}',
      'LK1003',
      /spec\.start\.timestamp: expected a text/,
      '1700000000',
      /Put it in quotes/,
    ],
    [
      'i',
      '  start: {latest: true, timestamp: "2026-01-31T08:00:00Z"}',
      'LK1003',
      /spec\.start: .*exactly one/,
      '{"latest":true,"timestamp":"2026-01-31T08:00:00Z"}',
      /exactly one/,
    ],
    [
      'i',
      '  filter:\n    include:\n      - shop\\..*\n      - "["',
      'LK1007',
      /:13: .*spec\.filter\.include\[1\]: bad regular expression: unterminated character class/,
      '"["',
      /canal syntax/,
    ],
    ['i', '  filter: {include: [shop]}', 'LK1007', /spec\.filter\.include\[0\]: .*no dot/, '"shop"', /canal syntax/],
    ['i', '  filter: {includes: []}', 'LK1004', /spec\.filter\.includes: unknown key/, 'includes', /Did you mean include\?/],
    ['i', '  workers: []', 'LK1003', /spec\.workers: expected at least 1 entry/, '[]', /at least 1 entry/],
    [
      'i',
      '  tls: {mode: Required, ca: {name: x}}',
      'LK1004',
      /spec\.tls\.ca: unknown key/,
      'ca',
      /Known here: mode, caSecretRef/,
    ],
  ];
  it.each(cases)('%s %j', (kind, more, code, message, found, remedy) => {
    const documents = kind === 'p' ? [...base.slice(0, 3), pipeline(more)] : [secret('source'), instance(more)];
    // Only the faulty document first, so that lines are easy to count.
    const error = errorOf(documents.at(-1) ?? '', ...documents.slice(0, -1));
    expect([error.code, error.found]).toEqual([code, found]);
    expect(error.message).toMatch(message);
    expect(error.remedy).toMatch(remedy);
    expect(error.message).toContain(String(error.details?.field));
  });

  it('is reported with all others at once', () => {
    const errors = errorsOf(
      secret('source'),
      secret('east'),
      instance('  serverId: 0\n  x: 1\n'),
      pipeline('  y: 1\n  state: On\n  apply: {lanes: 0, mode: Fast}\n'),
    );
    expect(errors.map((error) => error.details?.field).sort()).toEqual([
      'spec.apply.lanes',
      'spec.apply.mode',
      'spec.serverId',
      'spec.state',
      'spec.x',
      'spec.y',
    ]);
    const message = new ManifestError(errors).message;
    for (const error of errors) expect(message).toContain(error.message);
  });

  it('in metadata is found too', () => {
    expect(errorOf(instance().replace('{name: orders}', '{name: Orders}'), secret('source')).message).toMatch(
      /:4: .*metadata\.name: expected lower-case/,
    );
    expect(errorOf(instance().replace('{name: orders}', '{name: orders, lables: {}}'), secret('source')).remedy).toBe(
      'Did you mean labels?',
    );
    expect(errorOf(instance().replace('metadata: {name: orders}\n', ''), secret('source')).message).toMatch(
      /CanalInstance default\/\(none\): metadata: is missing/,
    );
  });

  it('in a List names its line', () => {
    const text = `apiVersion: v1\nkind: List\nitems:\n- apiVersion: lockkeeper.io/v1alpha1\n  kind: ZkEnsemble\n  metadata: {name: a}\n  spec:\n    paused: maybe`;
    expect(errorOf(text)).toMatchObject({
      message: expect.stringMatching(/^m\.yaml:8: ZkEnsemble default\/a: spec\.paused: expected true or false/) as string,
    });
  });

  it('may be a key', () => {
    const spec = `spec: {config: {extra: {'': x}}}`;
    const error = errorOf(`apiVersion: lockkeeper.io/v1alpha1\nkind: ZkEnsemble\nmetadata: {name: main}\n${spec}`);
    expect(error.message).toMatch(/spec\.config\.extra\.: expected as key a text that is not empty/);
  });
});

describe('a fault of a Secret', () => {
  it.each<[body: string, code: string, message: RegExp, remedy: RegExp]>([
    ['data: {username: a, password: YQ==}', 'LK1003', /Secret default\/s: data\.username: is not base64/, /base64 -w0/],
    ['data: {username: /////w==, password: YQ==}', 'LK1003', /data\.username: is not base64 of UTF-8/, /stringData/],
    [
      'stringData: {username: a, password: 123456}',
      'LK1003',
      /:5: .*stringData\.password: expected a text/,
      /Put the value in quotes/,
    ],
    ['stringData: {username: a, password: true}', 'LK1003', /stringData\.password/, /Put the value in quotes/],
    ['stringdata: {username: a, password: b}', 'LK1004', /stringdata: unknown key/, /Did you mean stringData/],
    ['stringData: hunter2', 'LK1003', /stringData: expected an object/, /an object/],
  ])('%s', (body, code, message, remedy) => {
    const error = errorOf(secret('s', body));
    expect(error.code).toBe(code);
    expect(error.message).toMatch(message);
    expect(error.remedy).toMatch(remedy);
    expect(JSON.stringify(error)).not.toMatch(/123456|hunter2/);
  });

  it.each<[string, string]>([
    ['stringData: {username: a}', 'password'],
    ['stringData: {user: a, password: b}', 'username'],
    ['stringData: {username: a, password: ""}', 'password'],
    ['data: {password: YQ==}', 'username'],
  ])('%s lacks %s', (body, key) => {
    const error = errorOf(secret('source', body), instance());
    expect(error).toMatchObject({ code: 'LK1005', details: { field: 'spec.credentialsSecretRef.name' } });
    expect(error.message).toContain(`Secret default/source has no value for the key ${key}`);
    const [bad] = parse(secret('source', body)).secrets;
    expect(() => bad && credentialsOf(bad)).toThrow(expect.objectContaining({ code: 'LK1005' }) as Error);
  });
});

describe('a fault between objects', () => {
  it('a missing Secret', () => {
    expect(errorOf(instance())).toMatchObject({
      code: 'LK1005',
      found: 'no Secret at all',
      message: expect.stringMatching(/m\.yaml:8: .*there is no Secret default\/source/) as string,
    });
    expect(errorOf(instance(), secret('sourec')).remedy).toMatch(/^Did you mean sourec\?/);
    expect(errorOf(instance(), secret('source').replace('name: source', 'name: source, namespace: other')).remedy).toMatch(
      /Secret other\/source is in another/,
    );
  });

  it('a missing instance', () => {
    expect(errorOf(...base.slice(0, 2), pipeline())).toMatchObject({
      code: 'LK1005',
      details: { field: 'spec.canalInstanceRef.name' },
    });
    expect(errorOf(secret('source'), secret('east'), instance('', 'order'), pipeline()).remedy).toMatch(/Did you mean order\?/);
  });

  it('a missing CA, or one without its key', () => {
    const tls = '  tls: {mode: VerifyIdentity, caSecretRef: {name: ca}}\n';
    expect(errorOf(secret('source'), instance(tls))).toMatchObject({
      code: 'LK1005',
      details: { field: 'spec.tls.caSecretRef.name' },
    });
    expect(errorOf(secret('source'), secret('ca'), instance(tls)).message).toMatch(/no value for the key ca\.crt/);
    expect(errorsOf(secret('source'), secret('ca', 'stringData: {ca.crt: PEM}'), instance(tls))).toEqual([]);
    const target = pipeline().replace(
      'credentialsSecretRef: {name: east}',
      'credentialsSecretRef: {name: east}, tls: {mode: Required, caSecretRef: {name: ca}}',
    );
    expect(errorOf(...base.slice(0, 3), target)).toMatchObject({ details: { field: 'spec.target.tls.caSecretRef.name' } });
  });

  it('a missing ensemble, where the manifests have any', () => {
    const ensemble = 'apiVersion: lockkeeper.io/v1alpha1\nkind: ZkEnsemble\nmetadata: {name: mian}';
    expect(errorOf(ensemble, ...base)).toMatchObject({
      code: 'LK1005',
      remedy: expect.stringMatching(/Did you mean mian/) as string,
    });
    expect(errorsOf(ensemble.replace('mian', 'main'), ...base)).toEqual([]);
  });

  it('is not reported for an object that is there but invalid', () => {
    expect(errorOf(...base.slice(0, 2), instance('  x: 1'), pipeline()).code).toBe('LK1004');
    expect(errorOf(secret('source', 'data: {username: "?"}'), instance()).code).toBe('LK1003');
  });

  it('an object twice, also across files', () => {
    const files = [
      { file: 'a.yaml', text: secret('s') },
      { file: 'b.yaml', text: secret('s') },
    ];
    expect(() => parseManifests(files)).toThrow(
      /b\.yaml:4: Secret default\/s: .*Secret default\/s is defined twice\n {2}found: {2}first in a\.yaml:2/,
    );
    expect(errorOf(...base, instance()).code).toBe('LK1006');
  });

  it('a region without workers', () => {
    expect(errorOf(...base.slice(0, 3), pipeline('  region: east\n'))).toMatchObject({
      code: 'LK1003',
      found: 'east',
      remedy: expect.stringMatching(/Choose one of home, or add \{region: east\}/) as string,
    });
    expect(
      errorsOf(secret('source'), secret('east'), instance('  workers: [{region: east}]\n'), pipeline('  region: east\n')),
    ).toEqual([]);
  });

  it('an even number of voters', () => {
    const ensemble =
      'apiVersion: lockkeeper.io/v1alpha1\nkind: ZkEnsemble\nmetadata: {name: main}\nspec:\n  voters:\n    replicas: 4';
    expect(errorOf(ensemble)).toMatchObject({
      code: 'LK1003',
      found: '4',
      message: expect.stringMatching(/:6: .*spec\.voters\.replicas: .*must be odd/) as string,
    });
  });

  it('server ids that meet on one source', () => {
    const other = (id: number, host = 'mysql.home') => instance(`  serverId: ${id}\n`, 'second').replace('mysql.home', host);
    const more = pipeline('', 'to-west', 'mysql.west');
    expect(errorOf(...base, other(1000))).toMatchObject({ code: 'LK1003', details: { field: 'spec.serverId' } });
    expect(errorOf(...base, more, other(1001)).remedy).toMatch(/start at 1002 or higher/);
    expect(errorsOf(...base, other(1001))).toEqual([]);
    expect(errorsOf(...base, other(999))).toEqual([]);
    expect(errorsOf(...base, more, other(1000, 'elsewhere'))).toEqual([]);
    expect(errorOf(...base, other(1000, 'x').replace('  serverId', '  standby: {host: MYSQL.home}\n  serverId')).code).toBe(
      'LK1003',
    );
    expect(errorOf(secret('source'), secret('east'), instance('  serverId: 4294967295\n'), pipeline(), more).message).toMatch(
      /exceed 4294967295/,
    );
  });

  it('counts an id for each pipeline', () => {
    const [only] = parse(secret('source'), instance()).instances;
    expect(only && [serverIdRange(only, 0), serverIdRange(only, 1), serverIdRange(only, 3)]).toEqual([
      { first: 1000, last: 1000 },
      { first: 1000, last: 1000 },
      { first: 1000, last: 1002 },
    ]);
  });
});

describe('what is not available yet', () => {
  it.each<[more: string, field: string]>([
    ['  tables: [{source: a.b, columns: {include: [id]}}]', 'spec.tables[0].columns.include'],
    ['  tables: [{source: a.b}, {source: a.c, columns: {exclude: [x]}}]', 'spec.tables[1].columns.exclude'],
    ['  tables: [{source: a.b, columns: {rename: {x: y}}}]', 'spec.tables[0].columns.rename'],
    ['  tables: [{source: a.b, rowFilter: "id > 1"}]', 'spec.tables[0].rowFilter'],
    ['  tables: [{source: a.b, weight: 5}]', 'spec.tables[0].weight'],
    ['  twoWay: {group: g}', 'spec.twoWay'],
    ['  ddl: {mode: Ignore}', 'spec.ddl.mode'],
    ['  ddl: {mode: Stop}', 'spec.ddl.mode'],
    ['  verify: {}', 'spec.verify'],
    ['  verify: {intervalHours: 24}', 'spec.verify'],
    ['  verify: {intervalHours: 0, repair: true}', 'spec.verify'],
    ['  onError: {then: DeadLetter}', 'spec.onError.then'],
    ['  files: {column: path}', 'spec.files'],
  ])('%s', (more, field) => {
    const error = errorOf(...base.slice(0, 3), pipeline(`${more}\n`));
    expect(error).toMatchObject({ code: 'LK1008', details: { field } });
    expect(error.message).toContain(`${field} is not available yet`);
    expect(error.remedy).toMatch(/^Remove it/);
  });

  it.each([
    '  tables: [{source: a.b, columns: {include: [], exclude: [], rename: {}}, weight: 0, rowFilter: null}]',
    '  twoWay: null',
    '  ddl: {mode: Apply}',
    '  verify: null',
    '  verify: {intervalHours: 0}',
    '  onError: {then: Suspend, retries: 3}',
    '  files: null',
  ])('accepts what asks for nothing: %s', (more) => {
    expect(errorsOf(...base.slice(0, 3), pipeline(`${more}\n`))).toEqual([]);
  });
});
