import { createRequire } from 'node:module';
import type { ZkAcl } from './acl.ts';
import { formatServer, type ZkServer } from './connect-string.ts';
import { ZkError, zkErrorOf } from './zk-error.ts';

/** A znode's version and owner (ZooKeeper's Stat). Zxids and times are numbers, times in milliseconds since 1970. */
export interface ZkStat {
  readonly czxid: number;
  readonly mzxid: number;
  readonly version: number;
  readonly cversion: number;
  /** Of the access list: 0 until it is set. */
  readonly aversion: number;
  readonly numChildren: number;
  readonly dataLength: number;
  readonly ctime: Date;
  readonly mtime: Date;
  /** Session id in hex, '0' for a node that is not ephemeral. */
  readonly ephemeralOwner: string;
}

/** What a further handle needs to go on with a session. */
export interface SessionTicket {
  /** Hex. */
  readonly id: string;
  readonly password: string;
}

export interface HandleEvents {
  connected(): void;
  /** The connection broke; the session may live on in another handle. This handle is of no more use. */
  lost(): void;
  expired(): void;
  refused(): void;
  /** A watch of this path fired. Comes before the answer to the request that caused it. */
  watchFired(path: string): void;
}

/** A change of the ensemble's membership: additions and removals. */
export interface Reconfiguration {
  /** `server.N=host:port:port:role;clientAddress:port`; one that is there already is replaced. */
  readonly joining: readonly string[];
  readonly leaving: readonly number[];
  /** Hex version of the configuration that is to be changed. */
  readonly fromVersion: string;
}

type Callback = (code: number, message: string, ...result: unknown[]) => void;

/** The part of the npm package `zookeeper` that is used. Each request answers a negative code if it could not be sent. */
interface Client {
  init(options: Record<string, unknown>): void;
  on(event: string, listener: (...values: never[]) => void): void;
  close(): void;
  set_servers(servers: string): number;
  readonly state: number;
  readonly timeout: number;
  readonly client_id: string;
  readonly client_password: string;
  add_auth(scheme: string, auth: string, done: Callback): number;
  a_create(path: string, data: Buffer, flags: number, done: Callback): number;
  a_set(path: string, data: Buffer, version: number, done: Callback): number;
  a_get(path: string, watch: boolean, done: Callback): number;
  a_exists(path: string, watch: boolean, done: Callback): number;
  a_get_children2(path: string, watch: boolean, done: Callback): number;
  a_delete_(path: string, version: number, done: Callback): number;
  a_set_acl(
    path: string,
    version: number,
    acl: readonly { perms: number; scheme: string; auth: string }[],
    done: Callback,
  ): number;
  a_reconfig(joining: string | null, leaving: string | null, members: null, version: number, done: Callback): number;
  a_sync(path: string, done: Callback): number;
}

const ZooKeeper = createRequire(import.meta.url)('zookeeper') as new (options: Record<string, unknown>) => Client;

const NOT_CONNECTED_STATE = 0;
const CONNECTED_STATE = 3;
const SEND_FAILED_STATE = 999;
const EXPIRED_STATE = -112;
const AUTH_FAILED_STATE = -113;
const NO_NODE = -101;
const EPHEMERAL = 1;
const SEQUENTIAL = 2;
/** No server's address (TEST-NET-1): the C client closes its connection when its server's address leaves the list. */
const NOWHERE = '192.0.2.1:1';

/**
 * One connection to one server, through the C client: the wire codec of ZkSession, which decides when and where to connect.
 *
 * The C client's own list of servers is not used: it resolves names in the event loop's thread at each attempt, passes over
 * every second server of an ordered list, waits up to a third of the timeout between two rounds, and stays for ever in its
 * first attempt if that fails at once. Watches are its default watcher, since it never frees the functions given per request.
 *
 * It also closes its socket without the event loop's knowledge: before it reports a lost connection, and, reporting nothing, when
 * a request cannot be sent. A socket that is opened meanwhile, ours or anybody's, may get the same number, upon which libuv
 * aborts the process. So the client is closed, which tells the event loop, at the very moment either happens; and nothing else
 * is done in its callbacks but to put the news in a queue.
 *
 * Since it closes its socket first, the kernel forgets to report that socket only if no other process has it too: a child process
 * that inherited it would keep its number unusable. It has to be compiled so that none does (docs/decisions/0020-close-on-exec.md).
 */
export class NativeHandle {
  readonly server: ZkServer;
  readonly #client: Client;
  readonly #events: HandleEvents;
  /** Each rejects a request under way. */
  readonly #pending = new Set<() => void>();
  readonly #news: (() => void)[] = [];
  #dead = false;

  /** `address`: an IP address of `server`, so that nothing is resolved in here. */
  constructor(server: ZkServer, address: string, timeoutMs: number, resume: SessionTicket | null, events: HandleEvents) {
    this.server = server;
    this.#events = events;
    this.#client = new ZooKeeper({
      connect: formatServer({ host: address, port: server.port }).replace(/[[\]]/g, ''),
      timeout: timeoutMs,
      debug_level: 0,
      host_order_deterministic: true,
      // A large answer arrives in many pieces, each of which counts here; at the limit the client would end the session.
      response_counter_limit: 1_000_000,
      ...(resume === null ? {} : { client_id: resume.id, client_password: resume.password }),
    });
    this.#on('connect', () => events.connected());
    this.#client.on('connecting', () => this.#client.close());
    this.#on('close', (_client, code) => this.#closed(code as number));
    for (const event of ['created', 'deleted', 'changed', 'child']) {
      this.#on(event, (_client, path) => events.watchFired(path as string));
    }
    this.#client.init({});
  }

  get connected(): boolean {
    return !this.#dead && this.#client.state === CONNECTED_STATE;
  }

  /** The attempt to connect came to nothing, which the client tells nobody and would repeat for ever. */
  get failed(): boolean {
    return this.#dead || this.#client.state === NOT_CONNECTED_STATE;
  }

  /** Milliseconds, as granted by the server; valid when connected. */
  get timeoutMs(): number {
    return this.#client.timeout;
  }

  get ticket(): SessionTicket {
    return { id: this.#client.client_id, password: this.#client.client_password };
  }

  /** Leaves the server without ending the session; requests under way fail with connection-loss. */
  drop(): void {
    if (this.#dead) return;
    this.#die();
    // close() would end the session if the client were still connected.
    if (this.#client.state === CONNECTED_STATE) this.#client.set_servers(NOWHERE);
    this.#client.close();
  }

  /** Ends the session. Blocks this thread until the server has done so, 1.5 s at most. */
  close(): void {
    if (this.#dead) return;
    this.#die();
    this.#client.close();
  }

  authenticate(scheme: string, credentials: string): Promise<void> {
    return this.#request('auth', scheme, (done) => this.#client.add_auth(scheme, credentials, done));
  }

  /** A round trip through the ensemble's leader; what is read afterwards is not older than this moment. */
  sync(): Promise<void> {
    return this.#request('sync', '/', (done) => this.#client.a_sync('/', done));
  }

  /** Answers the path, with its number if sequential. The client makes nodes open to all, and knows no other way. */
  create(path: string, data: Buffer, options: { ephemeral: boolean; sequential: boolean }): Promise<string> {
    const flags = (options.ephemeral ? EPHEMERAL : 0) | (options.sequential ? SEQUENTIAL : 0);
    return this.#request('create', path, (done) => this.#client.a_create(path, data, flags, done));
  }

  /** `version`: of the access list (aversion); -1 matches any. Reading lists is left out: the client crashes where that fails. */
  setAcl(path: string, acl: readonly ZkAcl[], version: number): Promise<void> {
    const list = acl.map(({ perms, scheme, id }) => ({ perms, scheme, auth: id }));
    return this.#request('setAcl', path, (done) => this.#client.a_set_acl(path, version, list, done));
  }

  /** Answers the new configuration, as the data of /zookeeper/config. */
  reconfigure({ joining, leaving, fromVersion }: Reconfiguration): Promise<Buffer> {
    const list = (names: readonly (string | number)[]) => (names.length === 0 ? null : names.join(','));
    // A zxid: its epoch would have to pass two million before a number cannot hold it.
    const version = Number.parseInt(fromVersion, 16);
    return this.#request(
      'reconfig',
      '/zookeeper/config',
      (done) => this.#client.a_reconfig(list(joining), list(leaving), null, version, done),
      (_stat, data) => (data as Buffer | null) ?? Buffer.alloc(0),
    );
  }

  get(path: string, watch: boolean): Promise<{ data: Buffer; stat: ZkStat }> {
    return this.#request(
      'get',
      path,
      (done) => this.#client.a_get(path, watch, done),
      (stat, data) => ({ data: (data as Buffer | null) ?? Buffer.alloc(0), stat: stat as ZkStat }),
    );
  }

  /** Version -1 matches any. */
  set(path: string, data: Buffer, version: number): Promise<ZkStat> {
    return this.#request('set', path, (done) => this.#client.a_set(path, data, version, done));
  }

  delete(path: string, version: number): Promise<void> {
    return this.#request('delete', path, (done) => this.#client.a_delete_(path, version, done));
  }

  async exists(path: string, watch: boolean): Promise<ZkStat | null> {
    return this.#request(
      'exists',
      path,
      (done) => this.#client.a_exists(path, watch, (code, message, stat) => done(code === NO_NODE ? 0 : code, message, stat)),
      (stat) => stat as ZkStat | null,
    );
  }

  children(path: string, watch: boolean): Promise<{ names: string[]; stat: ZkStat }> {
    return this.#request(
      'children',
      path,
      (done) => this.#client.a_get_children2(path, watch, done),
      (names, stat) => ({ names: names as string[], stat: stat as ZkStat }),
    );
  }

  #request<T>(
    operation: string,
    path: string,
    send: (done: Callback) => number,
    result: (...values: unknown[]) => T = (value) => value as T,
  ): Promise<T> {
    if (this.#dead) return Promise.reject(new ZkError('connection-loss', operation, path));
    return new Promise((resolve, reject) => {
      const lose = () => reject(new ZkError('connection-loss', operation, path, { uncertain: true }));
      this.#pending.add(lose);
      const code = send((answer, _message, ...values) =>
        this.#later(() => {
          this.#pending.delete(lose);
          if (answer === 0) resolve(result(...values));
          else reject(zkErrorOf(answer, operation, path, true));
        }),
      );
      if (this.#client.state === SEND_FAILED_STATE) this.#client.close();
      if (code < 0) {
        this.#pending.delete(lose);
        reject(zkErrorOf(code, operation, path, false));
      }
    });
  }

  #on(event: string, listener: (...values: unknown[]) => void): void {
    this.#client.on(event, (...values: unknown[]) => this.#later(() => listener(...values)));
  }

  /** Does it after the client has returned to the event loop, in order; not at all once this handle is dead. */
  #later(action: () => void): void {
    this.#news.push(action);
    if (this.#news.length > 1) return;
    setImmediate(() => {
      for (const each of this.#news.splice(0)) if (!this.#dead) each();
    });
  }

  #closed(code: number): void {
    this.#die();
    if (code === EXPIRED_STATE) this.#events.expired();
    else if (code === AUTH_FAILED_STATE) this.#events.refused();
    else this.#events.lost();
  }

  #die(): void {
    this.#dead = true;
    for (const lose of this.#pending) lose();
    this.#pending.clear();
  }
}
