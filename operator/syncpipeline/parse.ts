import type { z } from 'zod';
import type { LockkeeperError } from '../../common/errors.ts';
import { canalInstanceSchema, syncPipelineSchema, type CanalInstance, type SyncPipeline } from '../../crds/index.ts';
import type { CanalInstanceResource, CustomResource, Live, Problem, SyncPipelineResource } from '../kube/index.ts';
import { parseSpec } from '../parse-spec.ts';

export type Parsed<T> = { readonly value: T } | { readonly problems: readonly Problem[] };

export function parsePipeline(object: Live<SyncPipelineResource>): Parsed<SyncPipeline> {
  return parse('SyncPipeline', syncPipelineSchema.shape.spec, object);
}

export function parseInstance(object: Live<CanalInstanceResource>): Parsed<CanalInstance> {
  return parse('CanalInstance', canalInstanceSchema.shape.spec, object);
}

/** One of our errors as what stands in the way. */
export function problemOf(reason: string, { message, found, remedy }: LockkeeperError): Problem {
  const shown = found === undefined || message.includes(found) ? '' : ` (found ${found})`;
  return { reason, message: `${message}${shown}. ${remedy}` };
}

interface Whole<K extends string, Spec> {
  readonly apiVersion: 'lockkeeper.io/v1alpha1';
  readonly kind: K;
  readonly metadata: SyncPipeline['metadata'];
  readonly spec: Spec;
}

function parse<K extends string, S extends z.ZodType>(
  kind: K,
  schema: S,
  object: Live<CustomResource>,
): Parsed<Whole<K, z.output<S>>> {
  const parsed = parseSpec(schema, object);
  if ('problems' in parsed) return parsed;
  const { name, namespace = 'default', generation } = object.metadata;
  const metadata = { name, namespace, labels: {}, annotations: {}, generation };
  return { value: { apiVersion: 'lockkeeper.io/v1alpha1', kind, metadata, spec: parsed.spec } };
}
