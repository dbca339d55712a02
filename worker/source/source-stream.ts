import { setTimeout as sleep } from 'node:timers/promises';
import type { LockkeeperError } from '../../common/errors.ts';
import { asLockkeeperError } from '../../common/errors.ts';
import { nameOf, type MysqlEndpoint } from '../../common/mysql-endpoint.ts';
import type { ByteQueue } from '../pipeline/byte-queue.ts';
import { Dump, stableUuid } from './dump-connection.ts';
import { withSession, type SourceSession } from './endpoint.ts';
import { EventReader, type EventReaderOptions } from './event-reader.ts';
import { checkPosition } from './position-check.ts';
import { PositionTracker } from './position-tracker.ts';
import type { Flavor, SourcePosition } from './position.ts';
import { replicaNameOf } from './register-replica.ts';
import { ReconnectPolicy } from './reconnect-policy.ts';
import { refusal, rejoin } from './rejoin.ts';
import { readServerFacts, type ServerFacts } from './server-facts.ts';
import type { StreamItem } from './stream-item.ts';

export interface StreamLog {
  info(facts: object, message: string): void;
  warn(facts: object, message: string): void;
}

export interface StreamClock {
  /** Milliseconds. */
  now(): number;
  sleep(milliseconds: number, signal: AbortSignal): Promise<unknown>;
  random(): number;
}

/** What happens on the connection, for metrics and status. */
export interface StreamHooks {
  connected?(source: string, facts: ServerFacts): void;
  failed?(source: string, error: LockkeeperError): void;
}

export interface SourceStreamOptions {
  /** `<namespace>/<name>`: the source knows the pipeline by a UUID made of it. */
  readonly pipeline: string;
  readonly endpoints: { readonly master: MysqlEndpoint; readonly standby: MysqlEndpoint | null };
  readonly start: SourcePosition;
  readonly serverId: number;
  readonly route: EventReaderOptions['route'];
  readonly queue: ByteQueue<StreamItem>;
  readonly heartbeat: { readonly intervalSeconds: number; readonly failoverAfterMisses: number };
  /**
   * Why places in the binlog that is read are kept beside the position, so that without GTIDs no other server can be gone on at
   * (LK1110); null when none are.
   */
  readonly boundBy: () => string | null;
  /** Transactions above so many bytes are delivered in parts. */
  readonly partBytes?: number;
  readonly log: StreamLog;
  readonly hooks?: StreamHooks;
  readonly clock?: StreamClock;
}

const PART_BYTES = 4 << 20;

const systemClock: StreamClock = {
  now: () => Date.now(),
  sleep: (milliseconds, signal) => sleep(milliseconds, undefined, { signal }).catch(() => undefined),
  random: Math.random,
};

/**
 * Reads a source's binlog from a position on and puts its transactions, in order and each once, into a queue. Lost connections
 * are made anew where the last whole item ended; while the queue is over its limit the source waits.
 */
export class SourceStream {
  readonly #options: SourceStreamOptions;
  readonly #servers: readonly MysqlEndpoint[];
  readonly #clock: StreamClock;
  readonly #policy: ReconnectPolicy;
  readonly #replicaUuid: string;
  readonly #flavor: Flavor;
  #tracker: PositionTracker;
  /** The server whose marks the consumer expects: told by the start position, then by restart items. */
  #announced: string;
  #partsOpen = false;
  #connected = false;
  #connectedAt = 0;
  #lastEventAt = 0;
  #receivedBytes = 0;
  #lastError: LockkeeperError | null = null;
  #release: () => void = () => undefined;

  constructor(options: SourceStreamOptions) {
    this.#options = options;
    const { master, standby } = options.endpoints;
    this.#servers = standby === null ? [master] : [master, standby];
    this.#clock = options.clock ?? systemClock;
    this.#policy = new ReconnectPolicy({
      ...options.heartbeat,
      servers: this.#servers.length,
      random: () => this.#clock.random(),
    });
    this.#replicaUuid = stableUuid(options.pipeline);
    this.#flavor = options.start.flavor;
    this.#tracker = new PositionTracker(options.start);
    this.#announced = options.start.serverUuid;
    options.queue.onDrain = () => this.#release();
  }

  /** Everything before it is in the queue or was taken from it. */
  get position(): SourcePosition {
    return this.#tracker.position();
  }

  /** `host:port` of the server that is read, or tried. */
  get currentSource(): string {
    return nameOf(this.#endpoint);
  }

  /** Milliseconds since 1970 at which the source was last heard of (transaction or heartbeat); 0 for never. */
  get lastEventAt(): number {
    return this.#lastEventAt;
  }

  get connected(): boolean {
    return this.#connected;
  }

  /** Bytes of binlog received in all. */
  get receivedBytes(): number {
    return this.#receivedBytes;
  }

  /** Why the stream does not flow; null while it does. */
  get lastError(): LockkeeperError | null {
    return this.#lastError;
  }

  get #endpoint(): MysqlEndpoint {
    return this.#servers[this.#policy.current]!;
  }

  /**
   * Streams until `signal` aborts (the queue is closed then) or an error comes that trying again cannot heal (the queue
   * fails with it, after the items before it). Never rejects.
   */
  async run(signal: AbortSignal): Promise<void> {
    const { queue, log, hooks } = this.#options;
    while (!signal.aborted) {
      const begun = this.#clock.now();
      this.#connectedAt = 0;
      const error = await this.#stream(signal).catch((thrown: unknown) => asLockkeeperError(thrown, 'LK1102'));
      this.#connected = false;
      if (error === null || signal.aborted) break;
      const source = this.currentSource;
      const ended = this.#clock.now();
      const next = this.#policy.failed(error, ended - begun, this.#connectedAt === 0 ? 0 : ended - this.#connectedAt);
      this.#lastError = error;
      hooks?.failed?.(source, error);
      if (next.kind === 'fail') {
        log.warn({ source, err: error.toJSON() }, 'the source stream stops');
        queue.fail(next.error);
        return;
      }
      const { delayMs, switched } = next;
      log.warn(
        { source, err: error.toJSON(), delayMs, next: this.currentSource, switched },
        'the source stream broke; connecting again',
      );
      await this.#clock.sleep(delayMs, signal);
    }
    queue.close();
  }

  /** One connection from begin to end: resolves to what ended it, null after an abort. */
  async #stream(signal: AbortSignal): Promise<LockkeeperError | null> {
    const endpoint = this.#endpoint;
    const resume = await this.#resume(endpoint, signal);
    if (signal.aborted) return null;
    this.#announce(resume.facts);

    const end = Promise.withResolvers<LockkeeperError | null>();
    let live = true;
    let queueFull: PromiseWithResolvers<void> | null = null;
    let readerBusy = false;
    const flow = () => {
      if (!live) return;
      if (queueFull !== null || readerBusy) dump.pause();
      else dump.resume();
    };
    // Not within the consumer's take: going on delivers what was held back, which is work of its own.
    this.#release = () => {
      queueFull?.resolve();
      queueFull = null;
      setImmediate(flow);
    };
    const finish = (error: LockkeeperError | null) => {
      live = false;
      this.#release();
      end.resolve(error);
    };
    const reader = new EventReader({
      flavor: this.#flavor,
      route: this.#options.route,
      partBytes: this.#options.partBytes ?? PART_BYTES,
      start: { ...resume.position, serverUuid: resume.facts.serverUuid },
      emit: (item) => {
        if (!live || this.#deliver(item)) return;
        queueFull ??= Promise.withResolvers<void>();
        dump.pause();
      },
      room: () => queueFull?.promise,
    });
    const dump: Dump = new Dump({
      endpoint,
      start: resume.position,
      byGtid: resume.byGtid,
      serverId: this.#options.serverId,
      replicaUuid: this.#replicaUuid,
      replicaName: replicaNameOf(this.#options.pipeline),
      heartbeatSeconds: this.#options.heartbeat.intervalSeconds,
      silentIntervals: this.#options.heartbeat.failoverAfterMisses,
      onEvent: (event) => {
        if (!live) return;
        if (!this.#connected) this.#begin(resume.facts);
        this.#receivedBytes += event.length;
        const busy = reader.push(event);
        if (!(busy instanceof Promise)) return;
        readerBusy = true;
        dump.pause();
        busy.then(
          () => {
            readerBusy = false;
            flow();
          },
          (error: unknown) => finish(asLockkeeperError(error, 'LK1203')),
        );
      },
      onEnd: finish,
    });
    const abort = () => finish(null);
    signal.addEventListener('abort', abort);
    try {
      await Promise.race([dump.opened, end.promise]);
      return await end.promise;
    } finally {
      live = false;
      signal.removeEventListener('abort', abort);
      this.#release = () => undefined;
      await dump.close();
    }
  }

  /** Where and how to go on at this server; rejects when it cannot. */
  async #resume(
    endpoint: MysqlEndpoint,
    signal: AbortSignal,
  ): Promise<{ position: SourcePosition; byGtid: boolean; facts: ServerFacts }> {
    const position = this.#tracker.position();
    const resume = async (session: SourceSession) => {
      const point = await checkPosition(session, position);
      if (point !== null) return { ...point, position };
      const bound = this.#options.boundBy();
      if (bound !== null) throw refusal(session, position, bound);
      const source = { endpoint, serverId: this.#options.serverId, replicaUuid: this.#replicaUuid, signal };
      const facts = await readServerFacts(session);
      const there = await rejoin(session, source, facts, position);
      this.#tracker = new PositionTracker(there);
      return { facts, byGtid: false, position: there };
    };
    return withSession(endpoint, resume, signal);
  }

  /** Tells the consumer when parts that it has will come again, or when marks belong to another server from here on. */
  #announce({ serverUuid }: ServerFacts): void {
    if (!this.#partsOpen && serverUuid === this.#announced) return;
    this.#partsOpen = false;
    this.#announced = serverUuid;
    const item: StreamItem = { kind: 'restart', bytes: 0, serverUuid };
    this.#tracker.restart(item);
    this.#options.queue.push(item);
  }

  /** The first event: the server has accepted where we want to go on. */
  #begin(facts: ServerFacts): void {
    this.#connected = true;
    this.#connectedAt = this.#clock.now();
    this.#lastError = null;
    this.#policy.succeeded();
    this.#options.log.info({ source: this.currentSource, version: facts.version, position: this.position }, 'reading the binlog');
    this.#options.hooks?.connected?.(this.currentSource, facts);
  }

  /** False when the queue is over its limit. */
  #deliver(item: StreamItem): boolean {
    this.#lastEventAt = this.#clock.now();
    // A sign of life amid a transaction marks no place to go on from.
    if (item.kind === 'heartbeat' && this.#partsOpen) return true;
    this.#partsOpen = item.kind === 'xa-part' || (item.kind === 'part' && !item.last);
    this.#tracker.take(item);
    return this.#options.queue.push(item);
  }
}
