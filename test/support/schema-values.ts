import type { StructuralSchema } from '../../crds/definition/structural-schema.ts';

type Random = () => number;

/** A value for a field, and in words what it is. */
export interface Variant {
  readonly what: string;
  /** undefined: the field is left out. */
  readonly value: unknown;
}

/** Texts of the forms that fields want, by the end of a field's path; anything else is a word. */
const texts: readonly (readonly [path: RegExp, values: readonly string[], wrong: readonly string[]])[] = [
  [
    /\.host$/,
    ['mysql.home', 'db-2.example.org', '10.1.2.3', 'fd00::7', 'a_b'],
    ['mysql:3306', 'http://mysql', 'my sql', '-a', 'mysql.'],
  ],
  [/[rR]egion$/, ['home', 'east', 'west', 'eu-1', '7'], ['East', 'eu_1', '-a', 'a-', 'a.b']],
  [/\.(size|requests\{\}|limits\{\})$/, ['1Gi', '20Gi', '10240Mi', '1.5T', '7', '500m'], ['1GB', '-1', '1 Gi', 'much', '.5']],
  [
    /\.timestamp$/,
    ['2026-01-31T08:00:00Z', '2024-02-29T23:59:59.5+05:30'],
    ['2025-02-29T00:00:00Z', 'today', '2026-01-31 08:00:00Z'],
  ],
  [
    /\.gtid$/,
    [
      '0-1-270',
      '3e11fa47-71ca-11e1-9e33-c80aa9429562:1-77',
      '3E11FA47-71CA-11E1-9E33-C80AA9429562:1:3-5:tag:7,\n3e11fa47-71ca-11e1-9e33-c80aa9429563:1',
    ],
    ['0-1', '3e11fa47-71ca-11e1-9e33-c80aa9429562', ':1-5', '0-1-2,'],
  ],
  [/clude\[\]$/, ['id', 'name', 'a', 'b', 'ä'], []],
  [/filter\.(in|ex)clude$/, ['shop\\..*', 'crm\\\\.a,crm\\\\.b', '.*\\.tmp_\\d+'], ['shop', 'a,b']],
  [/tables\[\]\.source$/, ['shop.orders', 'crm.a', 'shop[1-64].orders', '/x\\.(.*)/', '`a.b`.c'], ['orders', '/x\\..*']],
  [/tables\[\]\.target$/, ['dr.orders', 'dr.a'], ['dr', 'orders']],
];

/**
 * Values that are right for a field by themselves, and values that are wrong: its limits and what lies just beyond them, its
 * words and others, another type, too few and too many entries, doubles, keys that nobody knows, keys that are missing.
 * @param path as in fieldsOf
 */
export function variantsOf(schema: StructuralSchema, path: string, required: boolean, random: Random): Variant[] {
  return [{ what: required ? 'left out although required' : 'left out', value: undefined }, ...byType(schema, path, random)];
}

function byType(schema: StructuralSchema, path: string, random: Random): Variant[] {
  const { minimum, maximum } = schema;
  if (schema.enum !== undefined) {
    return [
      ...schema.enum.map((value) => ({ what: 'one of its words', value })),
      { what: 'a word that is none of its own', value: 'Nonsense' },
      { what: 'another type', value: 7 },
    ];
  }
  switch (schema.type) {
    case 'boolean':
      return [
        { what: 'true', value: true },
        { what: 'false', value: false },
        { what: 'another type', value: 'yes' },
      ];
    case 'integer':
    case 'number':
      return [
        { what: 'somewhere between', value: arbitrary(schema, path, random) },
        { what: 'another type', value: '7' },
        ...(schema.type === 'integer' ? [{ what: 'a fraction', value: (minimum ?? 0) + 0.5 }] : []),
        ...(minimum === undefined
          ? []
          : [
              { what: 'least', value: minimum },
              { what: 'less than least', value: Math.ceil(minimum) - 1 },
            ]),
        ...(maximum === undefined
          ? []
          : [
              { what: 'most', value: maximum },
              { what: 'more than most', value: Math.floor(maximum) + 1 },
            ]),
      ];
    case 'string': {
      const [, right = [word(random), word(random)], wrong = []] = textsFor(path);
      return [
        ...right.map((value) => ({ what: 'a text', value })),
        ...wrong.map((value) => ({ what: 'a text of another form', value })),
        ...(schema.minLength ? [{ what: 'an empty text', value: '' }] : []),
        ...(schema.maxLength === undefined
          ? []
          : [{ what: 'a text that is too long', value: 'a.'.repeat(schema.maxLength / 2 + 1) }]),
        { what: 'another type', value: 7 },
      ];
    }
    case 'array':
      return listVariants(schema, path, random);
    case 'object':
      return schema.additionalProperties
        ? mapVariants(schema, schema.additionalProperties, path, random)
        : objectVariants(schema, path, random);
    default:
      return schema.type satisfies never;
  }
}

function listVariants(schema: StructuralSchema, path: string, random: Random): Variant[] {
  const items = schema.items as StructuralSchema;
  const one = arbitrary(items, `${path}[]`, random);
  const { maxItems } = schema;
  return [
    { what: 'an empty list', value: [] },
    { what: 'one entry', value: [one] },
    { what: 'some entries', value: arbitrary(schema, path, random) },
    { what: 'a double', value: [one, one] },
    { what: 'an entry of another type', value: [7] },
    { what: 'an entry that is null', value: [null] },
    { what: 'another type', value: 'x' },
    ...(maxItems === undefined ? [] : [{ what: 'too many entries', value: distinct(items, `${path}[]`, maxItems + 1, random) }]),
  ];
}

function mapVariants(schema: StructuralSchema, values: StructuralSchema, path: string, random: Random): Variant[] {
  const { maxProperties = 0 } = schema;
  const value = arbitrary(values, `${path}{}`, random);
  const keys = Array.from({ length: maxProperties + 1 }, (_, index) => [`key${index}`, value]);
  return [
    { what: 'an empty map', value: {} },
    { what: 'some entries', value: arbitrary(schema, path, random) },
    { what: 'an empty key', value: { '': value } },
    { what: 'a key that is too long', value: { ['k'.repeat(400)]: value } },
    { what: 'a value of another type', value: { key: 7 } },
    { what: 'another type', value: 'x' },
    { what: 'too many entries', value: Object.fromEntries(keys) as unknown },
  ];
}

function objectVariants(schema: StructuralSchema, path: string, random: Random): Variant[] {
  const whole = () => arbitrary(schema, path, random) as Record<string, unknown>;
  const without = (name: string) => Object.fromEntries(Object.entries(whole()).filter(([key]) => key !== name));
  return [
    { what: 'least of it', value: arbitrary(schema, path, random, 'least') },
    { what: 'some of it', value: whole() },
    { what: 'some more of it', value: whole() },
    { what: 'a key that nobody knows', value: { ...whole(), nobodyKnows: 1 } },
    { what: 'another type', value: 'x' },
    ...(schema.required ?? []).map((name) => ({ what: `no ${name}`, value: without(name) })),
  ];
}

/** Any value that is right by itself (rules over several fields may still be broken); of an object `some` fields or the `least`. */
export function arbitrary(schema: StructuralSchema, path: string, random: Random, fields: 'some' | 'least' = 'some'): unknown {
  const pick = <T>(values: readonly T[]): T => values[Math.floor(random() * values.length)] as T;
  if (schema.enum !== undefined) return pick(schema.enum);
  switch (schema.type) {
    case 'boolean':
      return random() < 0.5;
    case 'integer':
    case 'number': {
      const { minimum = 0, maximum = minimum + 1000 } = schema;
      const value = minimum + random() * Math.min(maximum - minimum, 1000);
      return schema.type === 'integer' ? Math.round(value) : Math.round(value * 8) / 8 + (minimum % 0.125);
    }
    case 'string':
      return pick(textsFor(path)[1] ?? [word(random)]);
    case 'array': {
      const least = fields === 'least' ? (schema.minItems ?? 0) : Math.max(schema.minItems ?? 0, Math.floor(random() * 4));
      return distinct(schema.items as StructuralSchema, `${path}[]`, least, random);
    }
    case 'object': {
      if (schema.additionalProperties !== undefined) {
        const values = schema.additionalProperties;
        const keys = fields === 'least' ? [] : Array.from({ length: Math.floor(random() * 4) }, () => word(random));
        return Object.fromEntries(keys.map((key) => [key, arbitrary(values, `${path}{}`, random)]));
      }
      const chosen = Object.entries(schema.properties ?? {}).filter(
        ([name]) => schema.required?.includes(name) || (fields === 'some' && random() < 0.5),
      );
      return Object.fromEntries(chosen.map(([name, child]) => [name, arbitrary(child, `${path}.${name}`, random, fields)]));
    }
    default:
      return schema.type satisfies never;
  }
}

/** Entries that differ: in their numbers, and in the first text that may be any word or name. */
function distinct(items: StructuralSchema, path: string, count: number, random: Random): unknown[] {
  return Array.from({ length: count }, (_, index) => {
    const value = arbitrary(items, path, random);
    if (count < 2) return value;
    if (typeof value === 'string') return path.includes('filter') ? `t${index}\\..*` : `c${index}`;
    const entry = value as Record<string, unknown>;
    if ('source' in entry) return { ...entry, source: `shop.t${index}`, target: undefined };
    if ('region' in entry) return { ...entry, region: `r${index}` };
    if ('id' in entry) return { ...entry, id: (index % 255) + 1 };
    return entry;
  });
}

function textsFor(path: string): readonly [RegExp?, (readonly string[])?, (readonly string[])?] {
  return texts.find(([pattern]) => pattern.test(path)) ?? [];
}

function word(random: Random): string {
  const letters = 'abcdefghijklmnopqrstuvwxyz';
  return Array.from({ length: 1 + Math.floor(random() * 10) }, () => letters[Math.floor(random() * letters.length)]).join('');
}
