import { lookup } from 'node:dns/promises';
import { randomUUID } from 'node:crypto';
import { isIP } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { LockkeeperError } from '../errors.ts';
import { formatServer, parseConnectString, type ZkServer } from './connect-string.ts';
import { Lease } from './lease.ts';
import { NativeHandle, type SessionTicket, type ZkStat } from './native-handle.ts';
import { lineage } from './paths.ts';
import { isZkError, ZkError, type ZkReason } from './zk-error.ts';

export type { ZkStat } from './native-handle.ts';

export type ZkState =
  /** Not yet connected for the first time. */
  | { readonly kind: 'connecting' }
  | { readonly kind: 'connected'; readonly server: string; readonly sessionId: string; readonly timeoutMs: number }
  /** The connection broke; the session lives on at the servers until its timeout, and as long as they have no quorum. */
  | { readonly kind: 'suspended' }
  /** Its ephemeral nodes are gone. This object is of no more use. */
  | { readonly kind: 'expired' }
  | { readonly kind: 'closed' };

export interface ZkSessionOptions {
  /** `host:port,host:port`, nearest first. The first that answers is used; after a loss the search begins at the first again. */
  readonly servers: string;
  /** Default 6000. The server grants between 2 and 20 of its ticks. */
  readonly sessionTimeoutMs?: number;
  /** `user:password`, presented with the scheme `digest` on each connection. */
  readonly digestAuth?: string;
  /** How long a request waits for a connection before it fails with LK1701. Default twice the session timeout. */
  readonly requestWaitMs?: number;
  /** Monotonic milliseconds. */
  readonly now?: () => number;
  readonly resolve?: (host: string) => Promise<string[]>;
}

export const defaultSessionTimeoutMs = 6_000;

/** How often an attempt is looked at, since the client does not tell when one fails. */
const ATTEMPT_POLL_MS = 20;
/** Longest pause between two rounds over all servers. */
const MAX_ROUND_PAUSE_MS = 1_000;
const RESOLVE_MS = 2_000;
const TICKS_PER_TIMEOUT = 12;
/** After a third of the timeout without an answer the connection is given up. */
const SILENT_TICKS = 4;

/**
 * One ZooKeeper session over as many connections as it takes.
 *
 * A request that may be repeated without harm (get, exists, children) waits for the next connection when one breaks; others
 * fail with ZkError `connection-loss`, `uncertain` if they may have been carried out. After each reconnection and before
 * anything else a sync catches up with the leader, so reads never go back in time. Watches fire then, as they are lost with
 * the connection: whoever waits for one reads again.
 */
export class ZkSession {
  readonly lease: Lease;
  readonly #servers: readonly ZkServer[];
  readonly #timeoutMs: number;
  readonly #options: ZkSessionOptions;
  readonly #now: () => number;
  readonly #resolve: (host: string) => Promise<string[]>;
  readonly #addresses = new Map<string, string[]>();
  readonly #stateListeners = new Set<(state: ZkState) => void>();
  readonly #watchers = new Map<string, Set<() => void>>();
  readonly #ended = new AbortController();
  #state: ZkState = { kind: 'connecting' };
  #handle: NativeHandle | null = null;
  #ticket: SessionTicket | null = null;
  #pinger: NodeJS.Timeout | undefined;
  #watchFirings = 0;

  /** @throws LockkeeperError LK1003 if the connect string is invalid */
  constructor(options: ZkSessionOptions) {
    this.#options = options;
    this.#servers = parseConnectString(options.servers);
    this.#timeoutMs = options.sessionTimeoutMs ?? defaultSessionTimeoutMs;
    this.#now = options.now ?? (() => performance.now());
    this.#resolve = options.resolve ?? resolveAll;
    this.lease = new Lease(this.#timeoutMs, this.#now);
    void this.#connect(null);
  }

  get state(): ZkState {
    return this.#state;
  }

  /** Whether the session is over for good. */
  get ended(): boolean {
    return this.#ended.signal.aborted;
  }

  /** Hex; empty before the first connection. */
  get id(): string {
    return this.#ticket?.id ?? '';
  }

  /** As granted by the server; before the first connection as asked for. */
  get timeoutMs(): number {
    return this.#state.kind === 'connected' ? this.#state.timeoutMs : this.#timeoutMs;
  }

  /** How many watches have fired so far, those lost with a connection not counted. */
  get watchFirings(): number {
    return this.#watchFirings;
  }

  /** How many paths are being watched through `whenChanged`. */
  get watchedPaths(): number {
    return this.#watchers.size;
  }

  /** The answer unsubscribes. */
  onState(listener: (state: ZkState) => void): () => void {
    this.#stateListeners.add(listener);
    return () => this.#stateListeners.delete(listener);
  }

  /**
   * Resolves once connected.
   * @throws ZkError connection-loss (LK1701) after `waitMs`, session-expired (LK1702) or closed
   */
  async whenConnected(waitMs: number = this.#requestWaitMs): Promise<void> {
    await this.#connectedHandle('connect', '', waitMs);
  }

  // Requests -------------------------------------------------------------------------------------------------------------

  get(path: string, options: { watch?: boolean } = {}): Promise<{ data: Buffer; stat: ZkStat }> {
    return this.#read('get', path, (handle) => handle.get(path, options.watch ?? false));
  }

  exists(path: string, options: { watch?: boolean } = {}): Promise<ZkStat | null> {
    return this.#read('exists', path, (handle) => handle.exists(path, options.watch ?? false));
  }

  /** In no particular order. */
  children(path: string, options: { watch?: boolean } = {}): Promise<string[]> {
    return this.#read('children', path, async (handle) => (await handle.children(path, options.watch ?? false)).names);
  }

  /** A round trip through the leader: later reads are not older than this moment. */
  sync(): Promise<void> {
    return this.#read('sync', '/', (handle) => handle.sync());
  }

  /** Answers the path, with its number if sequential. */
  create(path: string, data: Buffer | string = '', options: { ephemeral?: boolean; sequential?: boolean } = {}): Promise<string> {
    const flags = { ephemeral: options.ephemeral ?? false, sequential: options.sequential ?? false };
    return this.#write('create', path, (handle) => handle.create(path, asBuffer(data), flags));
  }

  /** Version -1, the default, overwrites whatever is there. */
  set(path: string, data: Buffer | string, version = -1): Promise<ZkStat> {
    return this.#write('set', path, (handle) => handle.set(path, asBuffer(data), version));
  }

  delete(path: string, version = -1): Promise<void> {
    return this.#write('delete', path, (handle) => handle.delete(path, version));
  }

  /** Creates the persistent node and what is missing above it; what is there stays as it is. */
  async ensurePath(path: string): Promise<void> {
    if (await this.exists(path)) return;
    for (const part of lineage(path)) await this.#persistently(() => this.create(part), 'node-exists');
  }

  /** Deletes the node however often connections break meanwhile, as long as the session lives; no error if it is gone. */
  deleteSurely(path: string): Promise<void> {
    return this.#persistently(() => this.delete(path), 'no-node');
  }

  /**
   * Creates an ephemeral sequential node named `<guid>-<suffix>-<number>` and answers its path.
   *
   * When the connection breaks before the answer the node may exist or not; it is then looked for by its guid, so that no
   * node is left behind that nobody knows (the "protected" creation of Apache Curator).
   */
  async createProtected(parent: string, suffix: string, data: Buffer | string = ''): Promise<string> {
    const prefix = `${randomUUID()}-${suffix}-`;
    for (;;) {
      try {
        return await this.create(`${parent}/${prefix}`, data, { ephemeral: true, sequential: true });
      } catch (error) {
        if (!isZkError(error, 'connection-loss') || this.ended) throw error;
        if (!error.uncertain) await this.#connectedHandle('create', parent, Infinity);
      }
      const found = (await this.children(parent)).find((name) => name.startsWith(prefix));
      if (found !== undefined) return `${parent}/${found}`;
    }
  }

  /**
   * Resolves when a watch of this path fires or is lost with its connection, when the session ends, or when `signal` aborts.
   * Call it before the request that sets the watch: a watch may fire before that request is answered.
   */
  whenChanged(path: string, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const listeners = this.#watchers.get(path) ?? new Set();
      this.#watchers.set(path, listeners);
      const settle = () => {
        listeners.delete(settle);
        if (listeners.size === 0 && this.#watchers.get(path) === listeners) this.#watchers.delete(path);
        signal?.removeEventListener('abort', settle);
        resolve();
      };
      listeners.add(settle);
      signal?.addEventListener('abort', settle, { once: true });
      if (this.ended || signal?.aborted === true) settle();
    });
  }

  /** Ends the session: its ephemeral nodes go at once if the servers can be reached, else at its timeout. */
  close(): Promise<void> {
    if (this.ended) return Promise.resolve();
    const handle = this.#handle;
    const answering = this.lease.valid;
    this.#end({ kind: 'closed' });
    // A server that has not answered lately would hold this thread up for seconds.
    if (handle?.connected === true && answering) handle.close();
    else handle?.drop();
    return Promise.resolve();
  }

  // Connections ----------------------------------------------------------------------------------------------------------

  /** Goes over the servers, `avoid` last, until one serves. */
  async #connect(avoid: ZkServer | null): Promise<void> {
    let windowMs = this.#timeoutMs / 6;
    let last = avoid;
    for (let round = 0; !this.ended; round++) {
      const order = last === null ? this.#servers : [...this.#servers.filter((server) => server !== last), last];
      for (const server of order) {
        for (const address of await this.#addressesOf(server)) {
          if (this.ended) return;
          if (await this.#attempt(server, address, windowMs)) return;
        }
      }
      last = null;
      windowMs = Math.min(windowMs * 2, this.#timeoutMs / 2);
      const pause = Math.min(50 * 2 ** Math.min(round, 10), MAX_ROUND_PAUSE_MS);
      await sleep(pause * (0.75 + Math.random() / 2), null, { signal: this.#ended.signal }).catch(() => undefined);
    }
  }

  async #addressesOf({ host }: ZkServer): Promise<readonly string[]> {
    if (isIP(host) !== 0) return [host];
    const timer = new AbortController();
    try {
      const late = sleep(RESOLVE_MS, null, { signal: timer.signal }).catch(() => null);
      const found = await Promise.race([this.#resolve(host), late]);
      if (found !== null && found.length > 0) this.#addresses.set(host, found);
    } catch {
      // The addresses known before may still be right.
    }
    timer.abort();
    return this.#addresses.get(host) ?? [];
  }

  /** One connection to one server. True when the session goes on there or has ended. */
  async #attempt(server: ZkServer, address: string, windowMs: number): Promise<boolean> {
    let reached = false;
    let over = false;
    const handle = new NativeHandle(server, address, this.#timeoutMs, this.#ticket, {
      connected: () => (reached = true),
      lost: () => {
        over = true;
        this.#lost(handle, null);
      },
      expired: () => this.#end({ kind: 'expired' }),
      refused: () => this.#end({ kind: 'closed' }),
      watchFired: (path) => {
        this.#watchFirings++;
        this.#fire(path);
      },
    });
    const deadline = this.#now() + windowMs;
    const pending = () => !over && !this.ended && !handle.failed;
    while (!reached && pending() && this.#now() < deadline) await sleep(ATTEMPT_POLL_MS);
    if (reached && pending()) {
      this.#ticket = handle.ticket;
      const greeting = this.#greet(handle);
      while (pending() && this.#handle !== handle && this.#now() < deadline + windowMs) {
        await Promise.race([greeting, sleep(ATTEMPT_POLL_MS)]);
      }
    }
    if (this.#handle === handle || this.ended) {
      if (this.ended) handle.drop();
      return true;
    }
    handle.drop();
    return false;
  }

  /** What comes before the first request of a connection. */
  async #greet(handle: NativeHandle): Promise<void> {
    try {
      const sentAt = this.#now();
      const auth = this.#options.digestAuth;
      // Together: the client keeps credentials back until the next request goes out.
      await Promise.all([auth === undefined ? null : handle.authenticate('digest', auth), handle.sync()]);
      if (this.ended || !handle.connected) return;
      this.#handle = handle;
      this.lease.heard(sentAt, handle.timeoutMs);
      this.#startPings(handle);
      const server = formatServer(handle.server);
      this.#become({ kind: 'connected', server, sessionId: handle.ticket.id, timeoutMs: handle.timeoutMs });
    } catch {
      // The attempt's loop sees that the handle failed.
    }
  }

  /**
   * Renews the lease every sixth of the timeout. It must be a sync: any other read is answered by the server alone, also by an
   * observer that has lost the ensemble, whose leader meanwhile expires the session.
   */
  #startPings(handle: NativeHandle): void {
    let ticks = 0;
    let silentTicks = 0;
    let waiting = false;
    clearInterval(this.#pinger);
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

  /** `silent`: a server that accepts connections but does not answer, to be asked last. */
  #lost(handle: NativeHandle, silent: ZkServer | null): void {
    if (this.#handle !== handle || this.ended) return;
    clearInterval(this.#pinger);
    this.#handle = null;
    this.#become({ kind: 'suspended' });
    this.#fireAll();
    void this.#connect(silent);
  }

  #end(state: ZkState & { kind: 'expired' | 'closed' }): void {
    if (this.ended) return;
    clearInterval(this.#pinger);
    this.#handle = null;
    this.lease.end();
    this.#ended.abort();
    this.#become(state);
    this.#fireAll();
  }

  #become(state: ZkState): void {
    this.#state = state;
    for (const listener of [...this.#stateListeners]) listener(state);
  }

  #fire(path: string): void {
    for (const settle of [...(this.#watchers.get(path) ?? [])]) settle();
  }

  #fireAll(): void {
    for (const path of [...this.#watchers.keys()]) this.#fire(path);
  }

  // How requests meet connections ----------------------------------------------------------------------------------------

  get #requestWaitMs(): number {
    return this.#options.requestWaitMs ?? 2 * this.#timeoutMs;
  }

  async #connectedHandle(operation: string, path: string, waitMs: number): Promise<NativeHandle> {
    if (this.#handle === null && !this.ended) await this.#nextState(waitMs);
    if (this.#handle !== null) return this.#handle;
    if (this.ended) throw this.#endError(operation, path);
    throw new ZkError('connection-loss', operation, path, { found: `no connection to ${this.#options.servers}` });
  }

  /** Resolves when connected, ended, or after `waitMs`. */
  #nextState(waitMs: number): Promise<void> {
    return new Promise((resolve) => {
      const finish = () => {
        clearTimeout(timer);
        unsubscribe();
        resolve();
      };
      const timer = waitMs === Infinity ? undefined : setTimeout(finish, waitMs);
      const unsubscribe = this.onState(() => {
        if (this.#handle !== null || this.ended) finish();
      });
    });
  }

  async #read<T>(operation: string, path: string, request: (handle: NativeHandle) => Promise<T>): Promise<T> {
    const deadline = this.#now() + this.#requestWaitMs;
    for (;;) {
      const handle = await this.#connectedHandle(operation, path, Math.max(0, deadline - this.#now()));
      try {
        return await request(handle);
      } catch (error) {
        if (!isZkError(error, 'connection-loss')) throw error;
        if (this.#now() >= deadline && !this.ended) throw error;
        await this.#untilGone(handle);
      }
    }
  }

  async #write<T>(operation: string, path: string, request: (handle: NativeHandle) => Promise<T>): Promise<T> {
    const handle = await this.#connectedHandle(operation, path, this.#requestWaitMs);
    try {
      return await request(handle);
    } catch (error) {
      if (!isZkError(error, 'connection-loss')) throw error;
      await this.#untilGone(handle);
      if (this.ended) throw this.#endError(operation, path);
      throw error;
    }
  }

  /** A request that could not be sent fails before the loss of its connection is reported. */
  async #untilGone(handle: NativeHandle): Promise<void> {
    if (this.#handle === handle) await sleep(1);
  }

  /** Repeats a write that may be repeated until it is done or `done` says that it was, through any number of connections. */
  async #persistently(write: () => Promise<unknown>, done: ZkReason): Promise<void> {
    for (;;) {
      try {
        await write();
        return;
      } catch (error) {
        if (isZkError(error, done)) return;
        if (!isZkError(error, 'connection-loss') || this.ended) throw error;
        await this.#connectedHandle('write', error.path, Infinity);
      }
    }
  }

  #endError(operation: string, path: string): LockkeeperError {
    return new ZkError(this.#state.kind === 'expired' ? 'session-expired' : 'closed', operation, path);
  }
}

function asBuffer(data: Buffer | string): Buffer {
  return typeof data === 'string' ? Buffer.from(data) : data;
}

async function resolveAll(host: string): Promise<string[]> {
  return (await lookup(host, { all: true })).map(({ address }) => address);
}
