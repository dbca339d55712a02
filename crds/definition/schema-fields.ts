import type { StructuralSchema } from './structural-schema.ts';

/** A field somewhere below a schema. */
export interface SchemaField {
  /** From the schema's own name, such as `spec.tables[].columns.rename`; `[]` stands for the entries of a list, `{}` for the values of a map. */
  readonly path: string;
  readonly schema: StructuralSchema;
  /** Whether the object that has the field must have it. */
  readonly required: boolean;
}

/** Every field below `schema` (itself not), each before those below it. */
export function* fieldsOf(schema: StructuralSchema, path: string): Generator<SchemaField> {
  for (const [name, child] of Object.entries(schema.properties ?? {})) {
    yield { path: `${path}.${name}`, schema: child, required: schema.required?.includes(name) ?? false };
    yield* fieldsOf(child, `${path}.${name}`);
  }
  if (schema.items) yield* fieldsOf(schema.items, `${path}[]`);
  if (schema.additionalProperties) yield* fieldsOf(schema.additionalProperties, `${path}{}`);
}
