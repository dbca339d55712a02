import { LockkeeperError } from '../../common/errors.ts';
import { Disturbances, serverKey } from '../../crds/index.ts';
import type { Subject } from '../../crds/table-flow.ts';
import type { ObjectKey } from '../kube/index.ts';
import { writesOf } from './writes.ts';

/** A pipeline that writes, or wants to. */
export interface Contender {
  readonly key: ObjectKey;
  /** metadata.creationTimestamp; empty where the object is gone. */
  readonly creationTimestamp: string;
  /** What the specs say now; null where they are of no use. */
  readonly wanted: Subject | null;
  /** What is in force, or may be. */
  readonly held: readonly Subject[];
}

/**
 * A pipeline of which it is not known what it has in force: its worker goes on with a configuration from before this process began to
 * look until it takes up the newest one (outdated), or its ensemble cannot be read (unread).
 */
export interface Stranger {
  readonly kind: 'outdated' | 'unread';
  readonly key: ObjectKey;
  /** As `serverKey` tells. */
  readonly target: string;
}

/**
 * What pipelines do to each other, judged for all at once and again only when one has changed. Whoever writes a table goes on writing
 * it, and who comes later is refused: also an older pipeline whose change leads it there. Of two newcomers the older one may.
 */
export class OverlapJudge {
  readonly #contenders: () => readonly Contender[];
  readonly #strangers: () => readonly Stranger[];
  #judged: Judged | null = null;
  #refused: readonly ObjectKey[] = [];

  constructor(contenders: () => readonly Contender[], strangers: () => readonly Stranger[]) {
    this.#contenders = contenders;
    this.#strangers = strangers;
  }

  /** A pipeline, an instance or what is in force has changed. Answers who was refused when last judged. */
  reopen(): readonly ObjectKey[] {
    if (this.#judged !== null) this.#refused = [...this.#judged.verdicts.keys()];
    this.#judged = null;
    return this.#refused;
  }

  against(pipeline: ObjectKey): readonly LockkeeperError[] {
    const { contenders, verdicts } = this.#judge();
    const contender = contenders.get(pipeline);
    if (contender === undefined || contender.wanted === null) return [];
    const { wanted, held } = contender;
    const verdict = verdicts.get(pipeline) ?? [];
    if (held.includes(wanted)) return verdict; // it writes there already
    const target = serverKey(wanted.pipeline.spec.target);
    const others = this.#strangers().filter((other) => other.key !== pipeline && other.target === target);
    return [...verdict, ...others.map((other) => strange(pipeline, other))];
  }

  /**
   * Whether a configuration may come into force, as it is what the specs say now and nobody is in the way. From then on it is in
   * force; that takes nothing from anybody that was not taken before.
   */
  admit(pipeline: ObjectKey, subject: Subject): boolean {
    const { contenders } = this.#judge();
    const contender = contenders.get(pipeline);
    if (contender === undefined || contender.wanted === null || this.against(pipeline).length > 0) return false;
    const { wanted, held } = contender;
    if (writesOf(wanted) !== writesOf(subject)) return false;
    if (!held.includes(wanted)) contenders.set(pipeline, { ...contender, held: [...held, wanted] });
    return true;
  }

  #judge(): Judged {
    if (this.#judged !== null) return this.#judged;
    const contenders = this.#contenders().map(withoutCopies);
    this.#judged = { contenders: new Map(contenders.map((each) => [each.key, each])), verdicts: judge(contenders) };
    return this.#judged;
  }
}

interface Judged {
  readonly contenders: Map<ObjectKey, Contender>;
  readonly verdicts: ReadonlyMap<ObjectKey, readonly LockkeeperError[]>;
}

/** What is wrong, by pipeline; those with which nothing is wrong are left out. */
export function judge(contenders: readonly Contender[]): Map<ObjectKey, readonly LockkeeperError[]> {
  const ordered = inOrderOfAge(contenders.map(withoutCopies));
  const disturbances = new Disturbances([
    ...new Set(ordered.flatMap(({ wanted, held }) => (wanted === null ? held : [wanted, ...held]))),
  ]);
  const first = (subject: Subject, others: readonly Subject[]) => {
    for (const other of others) {
      const error = disturbances.between(subject, other);
      if (error !== null) return error;
    }
    return null;
  };
  const refusal = (wanted: Subject, held: readonly Subject[], other: Contender, isOlder: boolean) => {
    const error = first(wanted, other.held);
    // Where both write it already one of them must be told, and it is the younger.
    if (error !== null) return held.includes(wanted) && !isOlder ? null : error;
    if (!isOlder || other.wanted === null || first(other.wanted, held) !== null) return null;
    return disturbances.between(wanted, other.wanted);
  };
  const verdicts = new Map<ObjectKey, readonly LockkeeperError[]>();
  for (const [index, { key, wanted, held }] of ordered.entries()) {
    if (wanted === null) continue;
    const others = ordered.flatMap((other, at) => (at === index ? [] : (refusal(wanted, held, other, at < index) ?? [])));
    const errors = [...disturbances.within(wanted), ...others];
    if (errors.length > 0) verdicts.set(key, errors);
  }
  return verdicts;
}

function inOrderOfAge(contenders: readonly Contender[]): Contender[] {
  const place = ({ key, creationTimestamp }: Contender) => `${creationTimestamp} ${key}`;
  return contenders.toSorted((a, b) => (place(a) < place(b) ? -1 : 1));
}

/** Most hold what they want: that is looked at once, and told without mention of what is in force. */
function withoutCopies(contender: Contender): Contender {
  const { wanted, held } = contender;
  if (wanted === null || held.length === 0) return contender;
  const same = writesOf(wanted);
  return { ...contender, held: held.map((each) => (writesOf(each) === same ? wanted : each)) };
}

function strange(pipeline: ObjectKey, { kind, key, target }: Stranger): LockkeeperError {
  const unknown =
    kind === 'outdated'
      ? `the worker of ${key} is yet to take up the newest configuration, and what it has`
      : `what ${key} has in force cannot be read from its ensemble at present, and`;
  const what = `${unknown} may write the same tables of ${target}`;
  return new LockkeeperError('LK1009', `spec.target: ${what}`, {
    found: what,
    remedy: `Wait for it, and look at the conditions of ${key}, of its instance and its ensemble if it takes long.`,
    details: { field: 'spec.target', pipeline, other: key, target },
  });
}
