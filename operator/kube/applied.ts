import { createHash } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { covers, imageOf } from './covers.ts';
import { isObject } from './merge-schema.ts';
import type { KubeObject, Live } from './objects.ts';

/** Digest of the object as we applied it: tells that a field was dropped, which no comparison with the live object can. */
export const APPLIED_ANNOTATION = 'lockkeeper.io/applied';

/** The object with the digest of itself. */
export function stamp<T extends KubeObject>(object: T): T {
  const digest = createHash('sha256').update(canonicalJson(object)).digest('base64url').slice(0, 16);
  const annotations = { ...object.metadata.annotations, [APPLIED_ANNOTATION]: digest };
  return { ...object, metadata: { ...object.metadata, annotations } };
}

/** JSON with sorted keys: equal for equal objects. */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_key, each: unknown) =>
    isObject(each) ? Object.fromEntries(Object.entries(each).sort(([a], [b]) => (a < b ? -1 : 1))) : each,
  );
}

const MOST_IMAGES = 10_000;

interface Image {
  readonly digest: string | undefined;
  readonly image: unknown;
}

/**
 * Knows without a request whether a live object is as it was applied. Where the server writes a value in a way of its own that
 * `covers` does not know, the answer to the first apply shows it, and is remembered.
 */
export class AppliedObjects {
  readonly #images = new Map<string, Image>();

  /** `stamped` from `stamp`. */
  isAsApplied(live: Live, stamped: KubeObject): boolean {
    if (digestOf(live) !== digestOf(stamped)) return false;
    if (covers(live, stamped)) return true;
    const known = this.#images.get(live.metadata.uid);
    return known !== undefined && known.digest === digestOf(stamped) && isDeepStrictEqual(known.image, imageOf(live, stamped));
  }

  /** `answer` is what the server made of `stamped`. */
  remember(answer: Live, stamped: KubeObject): void {
    if (this.#images.size >= MOST_IMAGES) this.#images.clear(); // those still needed come back with their next apply
    if (covers(answer, stamped)) this.forget(answer.metadata.uid);
    else this.#images.set(answer.metadata.uid, { digest: digestOf(stamped), image: imageOf(answer, stamped) });
  }

  forget(uid: string): void {
    this.#images.delete(uid);
  }
}

function digestOf(object: KubeObject): string | undefined {
  return object.metadata.annotations?.[APPLIED_ANNOTATION];
}
