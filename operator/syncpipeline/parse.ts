import type { z } from 'zod';
import type { LockkeeperError } from '../../common/errors.ts';
import { canalInstanceSchema, syncPipelineSchema, type CanalInstance, type SyncPipeline } from '../../crds/index.ts';
import { faultsOf, pathText } from '../../crds/schema-issues.ts';
import type { CanalInstanceResource, Live, Problem, SyncPipelineResource } from '../kube/index.ts';

export type Parsed<T> = { readonly value: T } | { readonly problems: readonly Problem[] };

const pipelineSpec = syncPipelineSchema.shape.spec;
const instanceSpec = canalInstanceSchema.shape.spec;

/** The API server refuses most of what is wrong; a spec stored by an older release may still be. */
export function parsePipeline(object: Live<SyncPipelineResource>): Parsed<SyncPipeline> {
  const parsed = parseSpec(pipelineSpec, object.spec);
  if ('problems' in parsed) return parsed;
  return {
    value: { apiVersion: 'lockkeeper.io/v1alpha1', kind: 'SyncPipeline', metadata: metadataOf(object), spec: parsed.value },
  };
}

export function parseInstance(object: Live<CanalInstanceResource>): Parsed<CanalInstance> {
  const parsed = parseSpec(instanceSpec, object.spec);
  if ('problems' in parsed) return parsed;
  return {
    value: { apiVersion: 'lockkeeper.io/v1alpha1', kind: 'CanalInstance', metadata: metadataOf(object), spec: parsed.value },
  };
}

/** One of our errors as what stands in the way. */
export function problemOf(reason: string, { message, found, remedy }: LockkeeperError): Problem {
  const shown = found === undefined || message.includes(found) ? '' : ` (found ${found})`;
  return { reason, message: `${message}${shown}. ${remedy}` };
}

function parseSpec<S extends z.ZodType>(schema: S, spec: unknown): Parsed<z.output<S>> {
  const value = spec ?? {};
  const parsed = schema.safeParse(value);
  if (parsed.success) return { value: parsed.data };
  const problems = faultsOf(parsed.error, schema, value).map(({ path, key, message, found, remedy }) => ({
    reason: 'InvalidSpec',
    message: `${['spec', pathText(path, key)].filter(Boolean).join('.')}: ${message}${found === undefined ? '' : ` (found ${found})`}. ${remedy}`,
  }));
  return { problems };
}

function metadataOf({ metadata: { name, namespace = 'default', generation } }: Live): SyncPipeline['metadata'] {
  return { name, namespace, labels: {}, annotations: {}, generation };
}
