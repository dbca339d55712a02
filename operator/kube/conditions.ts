import type { Condition } from '../../crds/index.ts';
import { isoSeconds } from './clock.ts';

export interface Judgement {
  /** An adjective or past participle, such as Ready. */
  readonly type: string;
  readonly status: 'True' | 'False' | 'Unknown';
  /** One CamelCase word for programs. */
  readonly reason: string;
  /** For people, with what to do. */
  readonly message: string;
}

/**
 * The conditions with these judgements made of `generation` at `now` (milliseconds since 1970): lastTransitionTime is kept where
 * the status stays the same, types that are not judged stay as they were, and the order stays, so that nothing is written in vain.
 */
export function judge(
  conditions: readonly Condition[] | undefined,
  judgements: readonly Judgement[],
  generation: number | undefined,
  now: number,
): Condition[] {
  const result = [...(conditions ?? [])];
  for (const { type, status, reason, message } of judgements) {
    const index = result.findIndex((each) => each.type === type);
    const before = result[index];
    const condition: Condition = {
      type,
      status,
      reason,
      message,
      lastTransitionTime: before?.status === status ? before.lastTransitionTime : isoSeconds(now),
      ...(generation === undefined ? {} : { observedGeneration: generation }),
    };
    if (index < 0) result.push(condition);
    else result[index] = condition;
  }
  return result;
}

export function findCondition(conditions: readonly Condition[] | undefined, type: string): Condition | undefined {
  return conditions?.find((each) => each.type === type);
}

/** True, and judged of the newest spec. */
export function isTrue(
  object: { readonly metadata: { readonly generation?: number }; readonly status?: unknown },
  type: string,
): boolean {
  const { conditions } = (object.status ?? {}) as { conditions?: readonly Condition[] };
  const condition = findCondition(conditions, type);
  return condition?.status === 'True' && (condition.observedGeneration ?? 0) >= (object.metadata.generation ?? 0);
}
