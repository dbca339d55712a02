import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ZkServer } from './connect-string.ts';
import { Lease } from './lease.ts';
import { WireHandle, type SessionTicket } from './wire-handle.ts';

export interface ConnectionOptions {
  /** Nearest first. */
  readonly servers: readonly ZkServer[];
  readonly timeoutMs: number;
  readonly digestAuth: string | undefined;
  /** Monotonic milliseconds. */
  readonly now: () => number;
  /** Addresses of a host name. Default: those of the system. */
  readonly resolve: ((host: string) => Promise<string[]>) | undefined;
}

export interface ConnectionEvents {
  /** Requests may be sent; what is read is not older than what was read in earlier connections. */
  connected(handle: WireHandle): void;
  /** Requests under way have failed, watches are lost. Another connection of the session is being looked for. */
  lost(): void;
  /** The session is over; nothing follows. */
  ended(why: 'expired' | 'refused'): void;
  watchFired(path: string): void;
}

/** How often an attempt is looked at. */
const ATTEMPT_POLL_MS = 20;
/** Longest pause between two rounds over all servers. */
const MAX_ROUND_PAUSE_MS = 500;
const RESOLVE_MS = 2_000;
const TICKS_PER_TIMEOUT = 12;
/** After a third of the timeout without an answer the connection is given up. */
const SILENT_TICKS = 4;

/** Keeps a session connected to the nearest server that serves, and its lease renewed. */
export class ZkConnection {
  readonly lease: Lease;
  readonly #options: ConnectionOptions;
  readonly #events: ConnectionEvents;
  readonly #now: () => number;
  readonly #addresses = new Map<string, string[]>();
  readonly #ended = new AbortController();
  #handle: WireHandle | null = null;
  #ticket: SessionTicket | null = null;
  #pinger: NodeJS.Timeout | undefined;

  constructor(options: ConnectionOptions, events: ConnectionEvents) {
    this.#options = options;
    this.#events = events;
    this.#now = options.now;
    this.lease = new Lease(options.timeoutMs, options.now);
    void this.#connect(null);
  }

  /** Null while there is no connection. */
  get handle(): WireHandle | null {
    return this.#handle;
  }

  /** Hex; empty before the first connection. */
  get sessionId(): string {
    return this.#ticket?.id ?? '';
  }

  /** Ends the session, at the server too if that answers. No event follows. */
  async close(): Promise<void> {
    const handle = this.#handle;
    this.#end();
    await handle?.close();
  }

  /** Goes over the servers until one serves, `silent` last. */
  async #connect(silent: ZkServer | null): Promise<void> {
    const { servers, timeoutMs } = this.#options;
    let windowMs = timeoutMs / 6;
    let order = silent === null ? servers : [...servers.filter((server) => server !== silent), silent];
    for (let round = 0; ; round++) {
      for (const server of order) {
        for (const address of await this.#addressesOf(server)) {
          if (this.#ended.signal.aborted || (await this.#attempt(server, address, windowMs))) return;
        }
      }
      order = servers;
      windowMs = Math.min(windowMs * 2, timeoutMs / 2);
      const pauseMs = Math.min(50 * 2 ** Math.min(round, 10), MAX_ROUND_PAUSE_MS) * (0.75 + Math.random() / 2);
      await sleep(pauseMs, null, { signal: this.#ended.signal }).catch(() => undefined);
      if (this.#ended.signal.aborted) return;
    }
  }

  async #addressesOf({ host }: ZkServer): Promise<readonly string[]> {
    if (isIP(host) !== 0) return [host];
    const timer = new AbortController();
    try {
      const late = sleep(RESOLVE_MS, null, { signal: timer.signal }).catch(() => null);
      const found = await Promise.race([(this.#options.resolve ?? resolveAll)(host), late]);
      if (found !== null && found.length > 0) this.#addresses.set(host, found);
    } catch {
      // The addresses known before may still be right.
    }
    timer.abort();
    return this.#addresses.get(host) ?? [];
  }

  /** One connection to one server. True when this search is over: the session went on there, or has ended. */
  async #attempt(server: ZkServer, address: string, windowMs: number): Promise<boolean> {
    let reached = false;
    let greeted = false;
    const handle: WireHandle = new WireHandle(server, address, this.#options.timeoutMs, this.#ticket, {
      connected: () => (reached = true),
      lost: () => this.#lost(handle, null),
      expired: () => this.#endBecause('expired'),
      refused: () => this.#endBecause('refused'),
      watchFired: (path) => this.#events.watchFired(path),
    });
    const pending = () => !handle.failed && !this.#ended.signal.aborted;
    const deadline = this.#now() + windowMs;
    while (!reached && pending() && this.#now() < deadline) await sleep(ATTEMPT_POLL_MS);
    if (reached && pending()) {
      this.#ticket = handle.ticket;
      const greeting = this.#greet(handle).then((done) => (greeted = done));
      while (!greeted && pending() && this.#now() < deadline + windowMs) await Promise.race([greeting, sleep(ATTEMPT_POLL_MS)]);
    }
    if (greeted) return true;
    handle.drop();
    return this.#ended.signal.aborted;
  }

  /** What comes before the first request of a connection; false if it fails. */
  async #greet(handle: WireHandle): Promise<boolean> {
    const { digestAuth } = this.#options;
    const sentAt = this.#now();
    try {
      // Together, to wait for one round trip only.
      await Promise.all([digestAuth === undefined ? null : handle.authenticate('digest', digestAuth), handle.sync()]);
    } catch {
      return false;
    }
    if (this.#ended.signal.aborted || !handle.connected) return false;
    this.#handle = handle;
    this.lease.heard(sentAt, handle.timeoutMs);
    this.#startPings(handle);
    this.#events.connected(handle);
    return true;
  }

  /**
   * Renews the lease every sixth of the timeout. It must be a sync: any other read is answered by the server alone, also by an
   * observer that has lost the ensemble, whose leader meanwhile expires the session.
   */
  #startPings(handle: WireHandle): void {
    let ticks = 0;
    let silentTicks = 0;
    let waiting = false;
    this.#pinger = setInterval(() => {
      if (waiting) {
        // Another server may still be reached before the lease ends. Counted in ticks, not by the clock: after a pause of this
        // process the answer may lie unread in the socket.
        if (++silentTicks >= SILENT_TICKS) {
          handle.drop();
          this.#lost(handle, handle.server);
        }
        return;
      }
      if (++ticks % 2 === 1) return;
      const sentAt = this.#now();
      waiting = true;
      silentTicks = 0;
      handle.sync().then(
        () => {
          waiting = false;
          if (this.#handle === handle) this.lease.heard(sentAt);
        },
        () => undefined, // the loss of the connection is reported on its own
      );
    }, handle.timeoutMs / TICKS_PER_TIMEOUT);
  }

  #lost(handle: WireHandle, silent: ZkServer | null): void {
    if (this.#handle !== handle) return;
    clearInterval(this.#pinger);
    this.#handle = null;
    this.#events.lost();
    void this.#connect(silent);
  }

  #endBecause(why: 'expired' | 'refused'): void {
    if (this.#ended.signal.aborted) return;
    this.#end();
    this.#events.ended(why);
  }

  #end(): void {
    clearInterval(this.#pinger);
    this.#handle = null;
    this.lease.end();
    this.#ended.abort();
  }
}

async function resolveAll(host: string): Promise<string[]> {
  return (await lookup(host, { all: true })).map(({ address }) => address);
}
