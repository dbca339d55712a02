import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { refuseUnavailable, withoutDefaults } from './unavailable.ts';

interface Schema {
  readonly default?: unknown;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly items?: Schema;
}

const crd = parse(readFileSync(join(import.meta.dirname, 'syncpipelines.lockkeeper.io.yaml'), 'utf8')) as {
  spec: { versions: { schema: { openAPIV3Schema: Schema } }[] };
};
const specSchema = crd.spec.versions[0]!.schema.openAPIV3Schema.properties!['spec']!;

/** What the API server stores for what a person has written: the CRD's defaults filled in, from the outside in. */
function stored(value: unknown, schema: Schema = specSchema): unknown {
  if (Array.isArray(value)) return value.map((each) => stored(each, schema.items));
  if (typeof value !== 'object' || value === null) return value;
  const filled: Record<string, unknown> = { ...value };
  for (const [key, each] of Object.entries(schema.properties ?? {})) {
    if (filled[key] === undefined && each.default !== undefined) filled[key] = structuredClone(each.default);
    if (filled[key] !== undefined) filled[key] = stored(filled[key], each);
  }
  return filled;
}

const written = { canalInstanceRef: { name: 'orders' }, target: { host: 'h', credentialsSecretRef: { name: 's' } } };
const tables = [{ source: 'shop.orders' }, { source: 'shop.items', target: 'dr.items' }];
const refused = (spec: unknown) => refuseUnavailable({ spec }).map(({ details }) => details?.['field']);

describe('an object with the API server’s defaults', () => {
  test('asks for nothing but what a person has written', () => {
    const spec = stored({ ...written, tables });
    expect(spec).toMatchObject({ verify: { intervalHours: 24 }, tables: [{ columns: { include: [] }, weight: 0 }, {}] });
    expect(refused(spec)).toContain('spec.verify');
    expect(refused(withoutDefaults(spec))).toEqual([]);
    expect(withoutDefaults(spec)).toEqual({ ...written, tables, target: { ...written.target, tls: {} } });
  });

  test.each([
    [{ verify: { intervalHours: 12 } }, ['spec.verify']],
    [{ verify: { repair: true } }, ['spec.verify']],
    [{ verify: { intervalHours: 0 } }, []],
    [{ ddl: { mode: 'Stop' }, onError: { then: 'DeadLetter' } }, ['spec.ddl.mode', 'spec.onError.then']],
    [
      { tables: [{ source: 'a.b', weight: 3, columns: { include: ['x'] } }] },
      ['spec.tables[0].columns.include', 'spec.tables[0].weight'],
    ],
    [{ tables: [{ source: 'a.b' }, { source: 'a.c', rowFilter: 'x > 1' }] }, ['spec.tables[1].rowFilter']],
    [{ twoWay: { group: 'g' } }, ['spec.twoWay']],
  ])('%j', (more, fields) => {
    expect(refused(withoutDefaults(stored({ ...written, ...more })))).toEqual(fields);
  });

  test('and one that is no object', () => {
    expect(withoutDefaults(undefined)).toBeUndefined();
    expect(withoutDefaults({ tables: 'many' })).toEqual({ tables: 'many' });
  });
});
