import type { z } from 'zod';
import { faultsOf, pathText, type FieldFault } from '../crds/schema-issues.ts';
import type { CustomResource, ParsedSpec } from './kube/index.ts';

/** A spec with defaults. The API server refuses most of what is wrong; a spec stored by an older release may still be. */
export function parseSpec<S extends z.ZodType>(schema: S, { spec = {} }: CustomResource): ParsedSpec<z.output<S>> {
  const parsed = schema.safeParse(spec);
  if (parsed.success) return { spec: parsed.data };
  const problems = faultsOf(parsed.error, schema, spec).map((fault) => ({ reason: 'InvalidSpec', message: sentenceOf(fault) }));
  return { problems };
}

function sentenceOf({ path, key, message, found, remedy }: FieldFault): string {
  const what = `${['spec', pathText(path, key)].filter(Boolean).join('.')}: ${message}${found === undefined ? '' : ` (found ${found})`}`;
  // A rule over several fields says already what it takes.
  return message.toLowerCase().endsWith(remedy.slice(0, -1).toLowerCase()) ? what : `${what}. ${remedy}`;
}
