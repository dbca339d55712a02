import type { InstanceRef } from '../../common/zookeeper/paths.ts';
import type { PipelineReport } from '../../crds/pipeline-report.ts';
import type { Coordination, InstanceView } from '../coordination/view.ts';
import { keyOf, type Clock, type ObjectKey } from '../kube/index.ts';

/** A leader writes each second. Without a word for this long there is none, whatever its registration says. */
const SILENT_MS = 20_000;
/** Numbers of one pipeline are shown anew after this, or later where there are many, so that all together make few writes. */
const SHOWN_MS = 10_000;
const SHOWN_MS_EACH = 100;

interface Heard {
  /** Monotonic. */
  at: number;
  essence: string;
}

/**
 * Listens to what workers say, and has a pipeline looked at when its report says something else than numbers. Numbers wait for the
 * next look.
 */
export class ReportTracker {
  readonly #clock: Clock;
  readonly #enqueue: (key: ObjectKey) => void;
  readonly #pipelinesOf: (ref: InstanceRef) => readonly ObjectKey[];
  readonly #heard = new Map<ObjectKey, Heard>();
  /** By instance: as followed, what mattered of it last, and when it could last not be heard. */
  readonly #instances = new Map<ObjectKey, { view: InstanceView; essence: string; deafAt: number }>();
  /** By uid: when numbers were last shown. */
  readonly #shown = new Map<string, number>();

  constructor(
    coordination: Coordination,
    enqueue: (key: ObjectKey) => void,
    pipelinesOf: (ref: InstanceRef) => readonly ObjectKey[],
    clock: Clock,
  ) {
    this.#clock = clock;
    this.#enqueue = enqueue;
    this.#pipelinesOf = pipelinesOf;
    coordination.onNews((ref, pipeline) => this.#news(ref, pipeline));
  }

  /** Keeps an instance's view, from which news are read. */
  follows(ref: InstanceRef, view: InstanceView): void {
    const known = this.#instances.get(keyFor(ref));
    const deafAt = isOpen(view) ? (known?.deafAt ?? this.#clock.monotonic()) : this.#clock.monotonic();
    this.#instances.set(keyFor(ref), { view, essence: known?.essence ?? essenceOfInstance(view), deafAt });
  }

  /** Whether the worker that reported last is still there, and reporting. */
  lifeOf(ref: InstanceRef, report: PipelineReport, view: InstanceView): 'leads' | 'silent' | 'gone' {
    if (!view.workers.has(report.worker)) return 'gone';
    const heard = this.#heard.get(keyOf({ namespace: ref.namespace, name: report.name }))?.at ?? -Infinity;
    const since = Math.max(heard, this.#instances.get(keyFor(ref))?.deafAt ?? -Infinity);
    return this.#clock.monotonic() - since < SILENT_MS ? 'leads' : 'silent';
  }

  /** True once in a while: then numbers are worth a write. What an operator before has shown counts as fresh (`hasShown`). */
  mayShowNumbers(uid: string, pipelines: number, hasShown: boolean): boolean {
    const now = this.#clock.monotonic();
    const shownAt = this.#shown.get(uid) ?? (hasShown ? now : -Infinity);
    const isTime = now - shownAt >= Math.max(SHOWN_MS, pipelines * SHOWN_MS_EACH);
    this.#shown.set(uid, isTime ? now : shownAt);
    return isTime;
  }

  /** The view that an instance was last followed in, also where its object is gone. */
  viewOf(ref: InstanceRef): InstanceView | null {
    return this.#instances.get(keyFor(ref))?.view ?? null;
  }

  forget(key: ObjectKey, uid: string): void {
    this.#heard.delete(key);
    this.#shown.delete(uid);
  }

  forgetInstance(ref: InstanceRef): void {
    this.#instances.delete(keyFor(ref));
  }

  #news(ref: InstanceRef, pipeline: string | undefined): void {
    const instance = this.#instances.get(keyFor(ref));
    if (pipeline === undefined) {
      const essence = instance === undefined ? '' : essenceOfInstance(instance.view);
      if (instance !== undefined && essence === instance.essence) return;
      if (instance !== undefined) {
        instance.essence = essence;
        if (isOpen(instance.view)) instance.deafAt = this.#clock.monotonic();
      }
      for (const key of this.#pipelinesOf(ref)) this.#enqueue(key);
      return;
    }
    const key = keyOf({ namespace: ref.namespace, name: pipeline });
    const essence = essenceOf(instance?.view.reports.get(pipeline) ?? null);
    const before = this.#heard.get(key);
    this.#heard.set(key, { at: this.#clock.monotonic(), essence });
    if (before?.essence !== essence) this.#enqueue(key);
  }
}

/** Whether what is read is as of now. */
export function isOpen(view: InstanceView): boolean {
  return view.trouble === null && view.session.state.kind === 'connected';
}

/** All of a report that is worth a write of its own. */
function essenceOf(report: PipelineReport | null): string {
  if (report === null) return '';
  const { generation, instanceGeneration, phase, worker, region, epoch, leaderSince, configError, lastError, preflight } = report;
  const error = (each: typeof lastError) => each && [each.code, each.message, each.found];
  const findings = preflight?.findings.map(({ severity, code, subject, found }) => [severity, code, subject, found]);
  const copied = report.position !== null;
  return JSON.stringify([
    ...[generation, instanceGeneration, phase, worker, region, epoch, leaderSince, copied],
    ...[error(configError), error(lastError), findings],
  ]);
}

/** All of an instance that matters to its pipelines. */
function essenceOfInstance(view: InstanceView): string {
  return JSON.stringify([view.known, view.trouble, [...view.workers.keys()].sort()]);
}

function keyFor({ namespace, instance }: InstanceRef): ObjectKey {
  return keyOf({ namespace, name: instance });
}
