import type { z } from 'zod';
import { faultsOf } from '../crds/schema-issues.ts';
import type { CustomResource, Problem } from './kube/index.ts';

/** A spec with defaults. The API server refuses most of what is wrong; a spec stored by an older release may still be. */
export function parseSpec<S extends z.ZodType>(
  schema: S,
  { spec = {} }: CustomResource,
): { spec: z.output<S> } | { problems: readonly Problem[] } {
  const parsed = schema.safeParse(spec);
  if (parsed.success) return { spec: parsed.data };
  const problems = faultsOf(parsed.error, schema, spec).map(({ path, message, found, remedy }) => ({
    reason: 'InvalidSpec',
    message: `spec.${path.map(String).join('.')}: ${message}${found === undefined ? '' : ` (found ${found})`}. ${remedy}`,
  }));
  return { problems };
}
