import { describe, expect, it } from 'vitest';
import { customResourceDefinition, objectSchema } from './custom-resource-definition.ts';
import { generatedFiles } from './generated-files.ts';
import { resourceKinds } from './resource-kinds.ts';
import { fieldsOf } from './schema-fields.ts';
import type { StructuralSchema } from './structural-schema.ts';

/** What `kubectl apply` keeps of an object in its annotation, and the API server takes of an annotation. */
const largestObject = 256 * 1024;

describe.each(resourceKinds)('the definition of $kind', (resource) => {
  const root = objectSchema(resource);
  const fields = [
    ...fieldsOf(root.properties?.spec as StructuralSchema, 'spec'),
    ...fieldsOf(root.properties?.status as StructuralSchema, 'status'),
  ];
  const rules = [root, ...fieldsBelow(root)].flatMap((schema) => schema['x-kubernetes-validations'] ?? []);

  it('describes every field in a sentence or two', () => {
    const poor = fields.filter(({ schema: { description } }) => !/^[A-Z`a-z].{6,300}\.$/s.test(description ?? ''));
    expect(poor.map(({ path }) => path)).toEqual([]);
    expect(fields.length).toBeGreaterThan(20);
  });

  it('has a default for every field of spec but the few that only the user knows', () => {
    const required = fields.filter(({ path, required }) => required && path.startsWith('spec'));
    expect(
      required
        .map(({ path }) => path)
        .filter((path) => !/Ref(\.name)?$|\.(host|region|serverId|id|group|source|target|master)$|journal\.name$/.test(path)),
    ).toEqual([]);
  });

  it('needs spec only where something in it is required', () => {
    expect(root.required ?? []).toEqual((root.properties?.spec?.required ?? []).length > 0 ? ['spec'] : []);
  });

  it('has rules with a message', () => {
    for (const { rule, message } of rules) {
      expect(rule).toContain('self');
      expect(message).toMatch(/^[^\n]{15,400}$/);
    }
    expect(rules.length).toBeGreaterThan(8);
  });

  it('limits every list and map of spec, since the cost of rules is reckoned from that', () => {
    const open = fields.filter(
      ({ path, schema }) =>
        path.startsWith('spec') &&
        ((schema.type === 'array' && schema.maxItems === undefined) ||
          (schema.additionalProperties !== undefined && schema.maxProperties === undefined) ||
          (schema.type === 'string' && schema.maxLength === undefined && schema.enum === undefined && !schema.format)),
    );
    expect(open.map(({ path }) => path)).toEqual([]);
  });

  it('writes patterns that JavaScript and RE2 take for the same', () => {
    const patterns = [
      ...[root, ...fieldsBelow(root)].flatMap(({ pattern }) => pattern ?? []),
      ...rules.flatMap(({ rule }) => /matches\((".*")\)/.exec(rule)?.[1] ?? []).map((text) => JSON.parse(text) as string),
    ];
    expect(patterns.length).toBeGreaterThan(2);
    for (const pattern of patterns) {
      expect(pattern).not.toMatch(/\(\?(?!:)|\\[sSbBpPk1-9]/); // lookaround, and what the two read differently
      expect(() => new RegExp(pattern, 'u')).not.toThrow();
    }
  });

  it('shows in kubectl get whether it is well, why, and since when', () => {
    expect(resource.columns.map(({ name }) => name)).toEqual(
      expect.arrayContaining(['Ready', 'Reason', 'Message', 'Age']) as string[],
    );
    const short = resource.columns.filter(({ wide }) => !wide);
    expect(short.length).toBeLessThan(8);
  });

  it('reads in its columns what the schema has', () => {
    for (const { jsonPath, type } of resource.columns.filter(({ jsonPath }) => !jsonPath.startsWith('.metadata'))) {
      const path = jsonPath.slice(1).replace(/\[\?\(@\.(\w+)=="\w+"\)\]/, '[]');
      expect(fields.find((field) => field.path === path)?.schema.type, jsonPath).toBe(type);
    }
  });

  it('is small enough for kubectl apply', () => {
    expect(JSON.stringify(customResourceDefinition(resource)).length).toBeLessThan(largestObject / 2);
    for (const { text } of generatedFiles()) expect(text.length).toBeLessThan(largestObject);
  });
});

function fieldsBelow(root: StructuralSchema): StructuralSchema[] {
  return [...fieldsOf(root, '')].flatMap(({ schema }) => [schema, schema.items ?? [], schema.additionalProperties ?? []].flat());
}
