import { pathText } from '../../crds/schema-issues.ts';
import type { z } from 'zod';
import {
  brokenTransitions,
  canalInstanceSchema,
  canalInstanceTransitions,
  syncPipelineSchema,
  syncPipelineTransitions,
  zkEnsembleSchema,
  zkEnsembleTransitions,
  type TransitionRule,
} from '../../crds/index.ts';
import { isObject } from '../../operator/kube/merge-schema.ts';
import type { KubeObject, Live } from '../../operator/kube/objects.ts';
import { resources } from '../../operator/kube/resources.ts';
import { customKind, type Admission, type Kind } from './kinds.ts';

/** Lockkeeper's three kinds, judged by the schemas that their CRDs are generated from. */
export function lockkeeperKinds(): Kind[] {
  return [
    customKind(resources.ZkEnsemble, schemaAdmission(zkEnsembleSchema, zkEnsembleTransitions)),
    customKind(resources.CanalInstance, schemaAdmission(canalInstanceSchema, canalInstanceTransitions)),
    customKind(resources.SyncPipeline, schemaAdmission(syncPipelineSchema, syncPipelineTransitions)),
  ];
}

/** Defaults and rules of a schema, as the API server takes them from the CRD made of it. */
export function schemaAdmission(schema: z.ZodType, transitions: readonly TransitionRule[]): Admission {
  return (object, before) => {
    const parsed = schema.safeParse(pruned(object));
    if (!parsed.success) {
      const unknown = parsed.error.issues.flatMap((issue) =>
        issue.code === 'unrecognized_keys' ? issue.keys.map((key) => pathText(issue.path, key)) : [],
      );
      if (unknown.length > 0) return { unknownFields: unknown };
      return {
        problems: parsed.error.issues.map((issue) => {
          const field = pathText(issue.path);
          return { field, message: `Invalid value: ${JSON.stringify(valueAt(object, issue.path))}: ${issue.message}` };
        }),
      };
    }
    const judged = { ...object, spec: pruned((parsed.data as { spec: unknown }).spec) } as KubeObject & { spec: unknown };
    const same = before === undefined || (before as { spec?: unknown }).spec === (object as { spec?: unknown }).spec;
    const broken = same ? [] : brokenTransitions(transitions, defaulted(schema, before), parsed.data);
    if (broken.length > 0) {
      return { problems: broken.map(({ path, message }) => ({ field: path, message: `Invalid value: "object": ${message}` })) };
    }
    return { object: judged };
  };
}

function defaulted(schema: z.ZodType, object: Live): unknown {
  const parsed = schema.safeParse(object);
  return parsed.success ? parsed.data : object;
}

/** Without nulls: the API server drops them before it stores. */
function pruned(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(pruned);
  if (!isObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, each]) => each !== null && each !== undefined)
      .map(([key, each]) => [key, pruned(each)]),
  );
}

function valueAt(object: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>((value, key) => (value as Record<PropertyKey, unknown> | undefined)?.[key], object);
}
