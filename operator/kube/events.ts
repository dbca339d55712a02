import type { Logger } from '../../common/log.ts';
import type { KubeClient } from './client.ts';
import { isoSeconds, systemClock, type Clock } from './clock.ts';
import { isNotFound } from './errors.ts';
import type { KubeMetrics } from './metrics.ts';
import type { KubeEvent, Live, ObjectRef } from './objects.ts';
import { resources } from './resources.ts';

export interface EventNote {
  readonly type: 'Normal' | 'Warning';
  /** CamelCase, specific. */
  readonly reason: string;
  /** A sentence for people. */
  readonly note: string;
}

export interface RecorderOptions {
  readonly client: KubeClient;
  readonly log: Logger;
  /** Name of this process: the pod's. */
  readonly instance: string;
  readonly clock?: Clock | undefined;
  readonly metrics?: KubeMetrics | undefined;
}

const COMPONENT = 'lockkeeper-operator';
/** Of the object's name in the Event's, which are 253 together. */
const LONGEST_NAME = 230;
/** Messages of Events are at most 1024 characters. */
const LONGEST_NOTE = 1024;
/** The same event within this is counted in the first one; other notes of one reason beyond MOST_NOTES are joined. */
const WINDOW_MS = 600_000;
const MOST_NOTES = 10;
/** Writes for each object: this many at once, and then one each REFILL_MS. */
const BURST = 25;
const REFILL_MS = 300_000;
const MOST_OBJECTS = 4_096;
/** Events waiting to be written, beyond which new ones are dropped. */
const LONGEST_QUEUE = 1_000;

interface Series {
  /** Where it is stored; undefined until the first write. */
  stored: ObjectRef | undefined;
  readonly first: number;
  last: number;
  count: number;
}

/** What was recorded about one object. */
interface Story {
  tokens: number;
  countedAt: number;
  /** By type, reason and note. */
  readonly series: Map<string, Series>;
}

/**
 * Kubernetes Events, as `kubectl describe` and `kubectl get events` show them: core v1, where repetition is a count. The same event again is counted
 * in the one that exists, and each object has a budget, so that a loop cannot flood the API server. Recording never fails and never waits: an Event
 * that cannot be written is dropped.
 */
export class EventRecorder {
  readonly #options: RecorderOptions;
  readonly #clock: Clock;
  readonly #stories = new Map<string, Story>();
  #waiting = 0;
  #last: Promise<void> = Promise.resolve();
  #sequence = 0;

  constructor(options: RecorderOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
  }

  /** Objects with a story. */
  get remembered(): number {
    return this.#stories.size;
  }

  record(about: Live, event: EventNote): void {
    const now = this.#clock.now();
    const story = this.#story(about.metadata.uid, now);
    const { series, note } = seriesOf(story, event, now);
    series.count++;
    series.last = now;
    if (story.tokens < 1 || this.#waiting >= LONGEST_QUEUE) {
      this.#options.metrics?.eventsDropped.inc({ reason: story.tokens < 1 ? 'budget' : 'queue' });
      return;
    }
    story.tokens -= 1;
    this.#waiting++;
    this.#last = this.#last.then(async () => {
      try {
        await this.#write(about, { ...event, note }, series);
      } catch (error) {
        this.#options.metrics?.eventsDropped.inc({ reason: 'error' });
        this.#options.log.debug(
          { err: error, about: about.metadata.name, reason: event.reason },
          'an Event could not be recorded',
        );
      }
      this.#waiting--;
    });
  }

  /** Resolves when everything recorded so far is written or dropped. */
  flush(): Promise<void> {
    return this.#last;
  }

  async #write(about: Live, event: EventNote, series: Series): Promise<void> {
    const { client } = this.#options;
    const counted = { count: series.count, lastTimestamp: isoSeconds(series.last) };
    if (series.stored !== undefined) {
      try {
        await client.patch(resources.Event, series.stored, { type: 'merge', body: { ...counted, message: event.note } });
        return;
      } catch (error) {
        if (!isNotFound(error)) throw error; // the server keeps Events for an hour only
      }
    }
    const namespace = about.metadata.namespace ?? 'default';
    const name = `${about.metadata.name.slice(0, LONGEST_NAME)}.${this.#clock.now().toString(16)}${(this.#sequence++ & 0xfff).toString(16).padStart(3, '0')}`;
    const body: KubeEvent = {
      apiVersion: 'v1',
      kind: 'Event',
      metadata: { name, namespace },
      involvedObject: {
        apiVersion: about.apiVersion,
        kind: about.kind,
        name: about.metadata.name,
        namespace,
        uid: about.metadata.uid,
        resourceVersion: about.metadata.resourceVersion,
      },
      type: event.type,
      reason: event.reason,
      message: event.note,
      firstTimestamp: isoSeconds(series.first),
      ...counted,
      source: { component: COMPONENT },
      reportingComponent: COMPONENT,
      reportingInstance: this.#options.instance,
    };
    await client.create(resources.Event, body);
    series.stored = { namespace, name };
  }

  #story(uid: string, now: number): Story {
    const known = this.#stories.get(uid);
    const story = known ?? { tokens: BURST, countedAt: now, series: new Map<string, Series>() };
    story.tokens = Math.min(BURST, story.tokens + Math.max(0, now - story.countedAt) / REFILL_MS);
    story.countedAt = now;
    // The object spoken of longest ago comes first and is forgotten first.
    this.#stories.delete(uid);
    this.#stories.set(uid, story);
    if (this.#stories.size > MOST_OBJECTS) this.#stories.delete(this.#stories.keys().next().value!);
    return story;
  }
}

/** The series that an event belongs to, begun anew where the last one is over, and the note to show. */
function seriesOf({ series }: Story, event: EventNote, now: number): { series: Series; note: string } {
  for (const [key, each] of series) if (now - each.last > WINDOW_MS) series.delete(key);
  const prefix = `${event.type}\n${event.reason}\n`;
  const notes = [...series.keys()].filter((key) => key.startsWith(prefix)).length;
  const joined = notes >= MOST_NOTES && !series.has(prefix + event.note);
  const key = joined ? `${prefix}*` : prefix + event.note;
  const found = series.get(key) ?? { stored: undefined, first: now, last: now, count: 0 };
  series.set(key, found);
  const note = joined ? `(and others like it) ${event.note}` : event.note;
  return { series: found, note: note.length <= LONGEST_NOTE ? note : `${note.slice(0, LONGEST_NOTE - 1)}…` };
}
