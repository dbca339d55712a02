import { z } from 'zod';
import { mapOf } from './common-fields.ts';
import { quantity } from './quantity.ts';

const toleration = z.strictObject({
  key: z.string().max(317).optional().describe('Key of the taint; none with operator Exists tolerates every taint.'),
  operator: z.enum(['Equal', 'Exists']).optional().describe('How key and value are compared.'),
  value: z.string().max(63).optional().describe('Value of the taint.'),
  effect: z
    .enum(['NoSchedule', 'PreferNoSchedule', 'NoExecute'])
    .optional()
    .describe('Effect of the taint; none is every effect.'),
  tolerationSeconds: z
    .int()
    .min(0)
    .max(31_536_000_000)
    .optional()
    .describe('How long a NoExecute taint is tolerated; not set: as long as it is there.'),
});

const quantities = mapOf(z.string().min(1).max(317), quantity, 50);

/** How pods of one kind are made and placed. `who`: what runs in one. `requests`: what its container is given where the spec is silent. */
export function podFields({ who, requests }: { readonly who: string; readonly requests: Readonly<Record<string, string>> }) {
  return z.strictObject({
    resources: z
      .strictObject({
        requests: quantities.default(requests).describe(`What each ${who}’s container is given at least.`),
        limits: quantities.default({}).describe(`What each ${who}’s container may use at most.`),
      })
      .prefault({})
      .describe(`CPU and memory of each ${who}.`),
    nodeSelector: mapOf(z.string().min(1).max(317), z.string().max(63), 100)
      .default({})
      .describe('Labels a node must have, besides the region’s.'),
    tolerations: z.array(toleration).max(50).default([]).describe(`Taints of nodes that the ${who}s tolerate.`),
    affinity: z
      .looseObject({})
      .nullable()
      .default(null)
      .describe('Kubernetes affinity as in a pod, in place of the operator’s own spread over nodes and zones.')
      .meta({ 'x-kubernetes-preserve-unknown-fields': true }),
    annotations: mapOf(z.string().min(1).max(317), z.string().max(65_536), 200)
      .default({})
      .describe(`Annotations for each ${who}’s pod.`),
  });
}

export type PodFields = z.output<ReturnType<typeof podFields>>;
