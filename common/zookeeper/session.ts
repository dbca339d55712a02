import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { LockkeeperError } from '../errors.ts';
import { isOpenAcl, openAcl, userAcl, type ZkAcl } from './acl.ts';
import { formatServer, parseConnectString } from './connect-string.ts';
import { ZkConnection } from './connection.ts';
import type { Lease } from './lease.ts';
import type { NativeHandle, Reconfiguration, ZkStat } from './native-handle.ts';
import { lineage } from './paths.ts';
import { isZkError, ZkError, type ZkReason } from './zk-error.ts';

export type { Reconfiguration, ZkStat } from './native-handle.ts';

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
  /** Access list of the nodes that this session creates. Default: only the user of `digestAuth`; without one everybody. */
  readonly acl?: readonly ZkAcl[];
  /** How long a request waits for a connection before it fails with LK1701. Default twice the session timeout. */
  readonly requestWaitMs?: number;
  /** Monotonic milliseconds. */
  readonly now?: () => number;
  readonly resolve?: (host: string) => Promise<string[]>;
}

export interface ZkCreateOptions {
  readonly ephemeral?: boolean;
  readonly sequential?: boolean;
  /** In place of the session's. */
  readonly acl?: readonly ZkAcl[];
}

export const defaultSessionTimeoutMs = 6_000;

/**
 * One ZooKeeper session over as many connections as it takes.
 *
 * A request that may be repeated without harm (get, exists, children) waits for the next connection when one breaks; others
 * fail with ZkError `connection-loss`, `uncertain` if they may have been carried out. After each reconnection and before
 * anything else a sync catches up with the leader, so reads never go back in time. Watches fire then, as they are lost with
 * the connection: whoever waits for one reads again.
 */
export class ZkSession {
  readonly #timeoutMs: number;
  readonly #options: ZkSessionOptions;
  readonly #acl: readonly ZkAcl[];
  readonly #now: () => number;
  readonly #connection: ZkConnection;
  readonly #stateListeners = new Set<(state: ZkState) => void>();
  readonly #watchers = new Map<string, Set<() => void>>();
  #state: ZkState = { kind: 'connecting' };
  #watchFirings = 0;

  /** @throws LockkeeperError LK1003 if the connect string is invalid */
  constructor(options: ZkSessionOptions) {
    this.#options = options;
    this.#acl = options.acl ?? (options.digestAuth === undefined ? openAcl : userAcl(options.digestAuth));
    this.#timeoutMs = options.sessionTimeoutMs ?? defaultSessionTimeoutMs;
    this.#now = options.now ?? (() => performance.now());
    this.#connection = new ZkConnection(
      {
        servers: parseConnectString(options.servers),
        timeoutMs: this.#timeoutMs,
        digestAuth: options.digestAuth,
        now: this.#now,
        resolve: options.resolve,
      },
      {
        connected: ({ server, ticket, timeoutMs }) =>
          this.#become({ kind: 'connected', server: formatServer(server), sessionId: ticket.id, timeoutMs }),
        lost: () => {
          this.#become({ kind: 'suspended' });
          this.#fireAll();
        },
        ended: (why) => this.#end({ kind: why === 'expired' ? 'expired' : 'closed' }),
        watchFired: (path) => {
          this.#watchFirings++;
          this.#fire(path);
        },
      },
    );
  }

  /** How long this process may believe that the session lives. */
  get lease(): Lease {
    return this.#connection.lease;
  }

  get state(): ZkState {
    return this.#state;
  }

  /** Whether the session is over for good. */
  get ended(): boolean {
    return this.#state.kind === 'expired' || this.#state.kind === 'closed';
  }

  /** Hex; empty before the first connection. */
  get id(): string {
    return this.#connection.sessionId;
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

  /**
   * Answers the path, with its number if sequential. The client makes nodes open to all, so their access list comes in a second
   * request, whatever happens to connections meanwhile. Whoever finds a node whose list was never set adopts it (see `adopt`).
   */
  async create(path: string, data: Buffer | string = '', options: ZkCreateOptions = {}): Promise<string> {
    const { ephemeral = false, sequential = false, acl = this.#acl } = options;
    const made = await this.#write('create', path, (handle) => handle.create(path, asBuffer(data), { ephemeral, sequential }));
    await this.#giveFirstAcl(made, acl);
    return made;
  }

  /** Version -1, the default, overwrites whatever is there. */
  set(path: string, data: Buffer | string, version = -1): Promise<ZkStat> {
    return this.#write('set', path, (handle) => handle.set(path, asBuffer(data), version));
  }

  delete(path: string, version = -1): Promise<void> {
    return this.#write('delete', path, (handle) => handle.delete(path, version));
  }

  /** `version`: of the access list; -1, the default, overwrites whatever is there. */
  async setAcl(path: string, acl: readonly ZkAcl[], version = -1): Promise<void> {
    await this.#write('setAcl', path, (handle) => handle.setAcl(path, acl, version));
  }

  /**
   * Changes which servers form the ensemble; answers the new configuration.
   * @throws ZkError bad-version if `fromVersion` is not the present one, reconfig-in-progress, no-new-quorum if too few of the new
   *   voters follow the leader, not-allowed
   */
  async reconfigure(change: Reconfiguration): Promise<string> {
    return (await this.#write('reconfig', '/zookeeper/config', (handle) => handle.reconfigure(change))).toString();
  }

  /** Creates the persistent node and what is missing above it; what is there stays as it is, but for `adopt`. */
  async ensurePath(path: string): Promise<void> {
    const stat = await this.exists(path);
    if (stat !== null) return this.adopt(path, stat);
    for (const part of lineage(path)) {
      await this.#persistently(() => this.create(part), 'node-exists');
      const made = isOpenAcl(this.#acl) ? null : await this.exists(part);
      if (made !== null) await this.adopt(part, made);
    }
  }

  /** Gives the session's access list to a node that has never got one, since its maker came to an end before it could. */
  async adopt(path: string, { aversion }: ZkStat): Promise<void> {
    if (aversion > 0) return;
    try {
      await this.#giveFirstAcl(path, this.#acl);
    } catch (error) {
      // Somebody else's client made it with a list at once; whether that lets us in, the next request shows.
      if (!isZkError(error, 'not-allowed')) throw error;
    }
  }

  async #giveFirstAcl(path: string, acl: readonly ZkAcl[]): Promise<void> {
    if (!isOpenAcl(acl)) await this.#persistently(() => this.setAcl(path, acl, 0), 'bad-version', 'no-node');
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
      if (found === undefined) continue;
      await this.#giveFirstAcl(`${parent}/${found}`, this.#acl);
      return `${parent}/${found}`;
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
    this.#connection.close();
    this.#end({ kind: 'closed' });
    return Promise.resolve();
  }

  #end(state: ZkState & { kind: 'expired' | 'closed' }): void {
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
    if (this.#connection.handle === null && !this.ended) await this.#nextState(waitMs);
    if (this.#connection.handle !== null) return this.#connection.handle;
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
        if (this.#connection.handle !== null || this.ended) finish();
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
    if (this.#connection.handle === handle) await sleep(1);
  }

  /** Repeats a write that may be repeated until it is done or one of `done` says that it was, through any number of connections. */
  async #persistently(write: () => Promise<unknown>, ...done: ZkReason[]): Promise<void> {
    for (;;) {
      try {
        await write();
        return;
      } catch (error) {
        if (isZkError(error, ...done)) return;
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
