import { setTimeout as sleep } from 'node:timers/promises';
import type { LockkeeperError } from '../../common/errors.ts';
import type { MysqlEndpoint } from '../../common/mysql-endpoint.ts';
import { ByteQueue } from '../../worker/pipeline/byte-queue.ts';
import type { SourcePosition } from '../../worker/source/position.ts';
import { SourceStream, type SourceStreamOptions, type StreamClock } from '../../worker/source/source-stream.ts';
import type { StreamItem } from '../../worker/source/stream-item.ts';
import type { DbServer } from '../servers/index.ts';
import { eventually, nextServerId, positionOf } from './source-helpers.ts';

type ProbeOptions = Partial<Omit<SourceStreamOptions, 'endpoints' | 'start'>> & {
  master: MysqlEndpoint;
  standby?: MysqlEndpoint;
  start: SourcePosition;
  /** False: items stay in the queue until the test takes them. */
  consume?: boolean;
};

/** Real time, but no pause between attempts is longer than half a second. */
const impatient: StreamClock = {
  now: () => Date.now(),
  sleep: (milliseconds, signal) => sleep(Math.min(milliseconds, 500), undefined, { signal }).catch(() => undefined),
  random: Math.random,
};

/** A running stream with a consumer that keeps what arrives. */
export class StreamProbe {
  readonly stream: SourceStream;
  readonly queue: ByteQueue<StreamItem>;
  readonly items: StreamItem[] = [];
  readonly failures: LockkeeperError[] = [];
  readonly sources: string[] = [];
  /** What the queue failed with. */
  error: LockkeeperError | null = null;
  readonly #abort = new AbortController();
  readonly #done: Promise<unknown>;

  constructor(options: ProbeOptions) {
    const { master, standby, start, consume = true, ...more } = options;
    const serverId = nextServerId();
    this.queue = more.queue ?? new ByteQueue<StreamItem>(32 << 20);
    this.stream = new SourceStream({
      pipeline: `test/stream-${serverId}`,
      endpoints: { master, standby: standby ?? null },
      start,
      serverId,
      route: (schema: string, table: string) => (schema === 'shop' ? { schema, table } : null),
      heartbeat: { intervalSeconds: 0.5, failoverAfterMisses: 3 },
      boundBy: () => null,
      clock: impatient,
      log: { info: () => undefined, warn: () => undefined },
      ...more,
      queue: this.queue,
      hooks: {
        connected: (source) => void this.sources.push(source),
        failed: (_source, error) => void this.failures.push(error),
      },
    });
    this.#done = Promise.all([this.stream.run(this.#abort.signal), consume ? this.#consume() : undefined]);
  }

  async #consume(): Promise<void> {
    try {
      while (!this.queue.ended) this.items.push(...(await this.queue.take()));
    } catch (error) {
      this.error = error as LockkeeperError;
    }
  }

  /** GTIDs of the transactions with routed rows, of statements and XA parts, in the order of arrival. */
  get gtids(): (string | null)[] {
    return this.items.flatMap((item) => {
      if (item.kind === 'heartbeat' || item.kind === 'restart' || (item.kind === 'part' && !item.last)) return [];
      return [item.head.gtid];
    });
  }

  /** Rows events of schema shop, by table. */
  count(table: string): number {
    let count = 0;
    for (const item of this.items) {
      if ('events' in item) for (const event of item.events) if (event.table.table === table) count++;
    }
    return count;
  }

  connected(): Promise<void> {
    return eventually(() => this.stream.connected, 'the stream is connected');
  }

  /** Waits until everything that the server has committed is here. */
  async caughtUp(server: DbServer): Promise<void> {
    const goal = await positionOf(server);
    await eventually(() => {
      if (this.error) throw this.error;
      const { journal, offset, serverUuid } = this.stream.position;
      return serverUuid === goal.serverUuid && journal === goal.journal && offset === goal.offset;
    }, `the stream is at ${goal.journal}:${goal.offset}`);
    await eventually(() => this.queue.length === 0, 'the queue is taken');
  }

  async stop(): Promise<void> {
    this.#abort.abort();
    await this.#done;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}

/** Whether GTIDs of one server follow each other without gap or repetition. */
export function areConsecutive(gtids: readonly (string | null)[]): boolean {
  const numbers = gtids.map((gtid) => Number(/\d+$/.exec(gtid ?? '')?.[0]));
  return numbers.every((number, index) => index === 0 || number === numbers[index - 1]! + 1);
}
