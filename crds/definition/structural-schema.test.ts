import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { formed, mapOf, setOf, withRules } from '../common-fields.ts';
import { structuralSchema } from './structural-schema.ts';

const field = (schema: z.ZodType) => structuralSchema(z.strictObject({ field: schema })).properties?.field;

describe('structuralSchema', () => {
  it('of an object names its fields and which are required, and says nothing of unknown ones', () => {
    expect(structuralSchema(z.strictObject({ a: z.string(), b: z.boolean().default(true), c: z.number().optional() }))).toEqual({
      type: 'object',
      required: ['a'],
      properties: { a: { type: 'string' }, b: { type: 'boolean', default: true }, c: { type: 'number' } },
    });
  });

  it('takes null for "not set"', () => {
    expect(field(z.string().nullable())).toEqual({ type: 'string' });
    expect(field(z.string().describe('A.').nullable().describe('B.'))).toEqual({ type: 'string', description: 'B.' });
    expect(field(z.string().max(5).nullable().default(null).describe('D.'))).toEqual({
      type: 'string',
      maxLength: 5,
      description: 'D.',
    });
    expect(field(z.strictObject({ a: z.int() }).nullable().default(null).describe('D.'))).toEqual({
      type: 'object',
      description: 'D.',
      required: ['a'],
      properties: { a: { type: 'integer', format: 'int64' } },
    });
  });

  it('keeps the bounds that somebody chose', () => {
    expect(field(z.int())).toEqual({ type: 'integer', format: 'int64' });
    expect(field(z.int().min(-5).max(7))).toEqual({ type: 'integer', format: 'int64', minimum: -5, maximum: 7 });
    expect(field(z.array(z.string().min(1)).min(1).max(3))).toEqual({
      type: 'array',
      minItems: 1,
      maxItems: 3,
      items: { type: 'string', minLength: 1 },
    });
  });

  it('writes a literal as an enumeration of one', () => {
    expect(field(z.literal(true))).toEqual({ type: 'boolean', enum: [true] });
    expect(field(z.enum(['a', 'b']))).toEqual({ type: 'string', enum: ['a', 'b'] });
  });

  it('fills the default of an object with those of its fields, at every depth', () => {
    const inner = z.strictObject({ a: z.int().default(1), b: z.string().nullable().default(null), c: z.string().optional() });
    const outer = z.strictObject({ inner: inner.prefault({}), list: z.array(inner).default([{ a: 5, b: null }, {} as never]) });
    expect(field(outer.prefault({}))?.default).toEqual({ inner: { a: 1 }, list: [{ a: 5, b: null }, { a: 1 }] });
  });

  it('makes a rule of a form, a plain pattern of any other', () => {
    expect(field(formed(z.string(), /^a\d"$/, 'an a and a digit'))).toEqual({
      type: 'string',
      'x-kubernetes-validations': [{ rule: 'self.matches("^a\\\\d\\"$")', message: 'expected an a and a digit' }],
    });
    expect(field(z.string().regex(/^a$/, 'an a'))).toEqual({ type: 'string', pattern: '^a$' });
  });

  it('makes a rule of a limit that is no whole number', () => {
    expect(field(z.number().min(0.1).max(3600))).toEqual({
      type: 'number',
      minimum: 0.1,
      maximum: 3600,
      'x-kubernetes-validations': [{ rule: 'self >= 0.1', message: 'expected a number of at least 0.1' }],
    });
  });

  it('makes a rule of the limits of a map’s keys', () => {
    expect(field(mapOf(z.string().min(1).max(9), z.string(), 5).default({}))).toEqual({
      type: 'object',
      maxProperties: 5,
      additionalProperties: { type: 'string' },
      default: {},
      'x-kubernetes-validations': [
        { rule: 'self.all(k, k.size() >= 1 && k.size() <= 9)', message: 'each key has 1 to 9 characters' },
      ],
    });
  });

  it('says that a list is a set', () => {
    expect(field(setOf(z.string(), 4))).toMatchObject({ type: 'array', maxItems: 4, 'x-kubernetes-list-type': 'set' });
  });

  it('carries rules with the field that they are about, but those that Kubernetes knows otherwise', () => {
    const schema = withRules(z.strictObject({ a: z.string() }), [
      { cel: "self.a != 'x'", message: 'no x', path: ['a'], holds: () => true },
      { cel: null, message: 'no doubles', holds: () => true },
    ]);
    expect(field(schema)?.['x-kubernetes-validations']).toEqual([{ rule: "self.a != 'x'", message: 'no x', fieldPath: '.a' }]);
  });

  it.each([
    ['no choice of types', z.union([z.string(), z.int()])],
    ['no choice of types', z.union([z.string().max(3), z.strictObject({})])],
    ['prefixItems', z.tuple([z.string()])],
    ['no type', z.unknown()],
    ['not strict', z.object({ a: z.string() })],
    ['exclusiveMinimum', z.number().gt(0)],
    ['only the length', z.record(z.string().regex(/^a/), z.string())],
  ])('refuses what it cannot say: %s', (words, schema) => {
    expect(() => field(schema)).toThrow(words);
    expect(() => field(schema)).toThrow(/^\.field: /);
  });
});
