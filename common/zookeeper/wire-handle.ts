import { connect, type Socket } from 'node:net';
import type { ZkAcl } from './acl.ts';
import type { ZkServer } from './connect-string.ts';
import { RecordReader, RecordSplitter, RecordWriter } from './jute.ts';
import { ZkError, zkErrorOf } from './zk-error.ts';

/** A znode's version and owner (ZooKeeper's Stat). Zxids and times are numbers, times in milliseconds since 1970. */
export interface ZkStat {
  readonly czxid: number;
  readonly mzxid: number;
  readonly version: number;
  readonly cversion: number;
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
  readonly password: Buffer;
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

/** Request types (ZooDefs.OpCode). */
const Op = {
  create: 1,
  delete: 2,
  exists: 3,
  get: 4,
  set: 5,
  getAcl: 6,
  setAcl: 7,
  sync: 9,
  children: 12,
  reconfig: 16,
  auth: 100,
  close: -11,
} as const;

/** Replies that answer no request in the order of requests. */
const WATCH_XID = -1;
const AUTH_XID = -4;

const NO_NODE = -101;
const BAD_ARGUMENTS = -8;
const EPHEMERAL = 1;
const SEQUENTIAL = 2;
/** A server's limit is 1 MB (jute.maxbuffer) unless it was raised. */
const MAX_RECORD = 64 * 2 ** 20;
const CLOSE_MS = 1_500;

interface Request {
  readonly answered: (code: number, reader: RecordReader) => void;
  readonly lose: () => void;
}

/** One connection to one server: the wire codec of ZkSession, which decides when and where to connect. */
export class WireHandle {
  readonly server: ZkServer;
  readonly #socket: Socket;
  readonly #events: HandleEvents;
  readonly #splitter = new RecordSplitter();
  /** Under way, oldest first, which is the order of the replies. */
  readonly #requests: (Request & { readonly xid: number })[] = [];
  #authentication: Request | null = null;
  #xid = 0;
  #state: 'greeting' | 'connected' | 'dead' = 'greeting';
  #timeoutMs = 0;
  #ticket: SessionTicket = { id: '', password: Buffer.alloc(16) };

  /** `address`: an IP address of `server`. */
  constructor(server: ZkServer, address: string, timeoutMs: number, resume: SessionTicket | null, events: HandleEvents) {
    this.server = server;
    this.#events = events;
    if (resume !== null) this.#ticket = resume;
    this.#socket = connect({ host: address, port: server.port, noDelay: true });
    this.#socket.once('connect', () => this.#socket.write(this.#greeting(timeoutMs)));
    this.#socket.on('data', (chunk: Buffer) => this.#received(chunk));
    this.#socket.on('error', () => this.#lost());
    this.#socket.on('close', () => this.#lost());
  }

  get connected(): boolean {
    return this.#state === 'connected';
  }

  get failed(): boolean {
    return this.#state === 'dead';
  }

  /** Milliseconds, as granted by the server; valid when connected. */
  get timeoutMs(): number {
    return this.#timeoutMs;
  }

  get ticket(): SessionTicket {
    return this.#ticket;
  }

  /** Leaves the server without ending the session; requests under way fail with connection-loss. */
  drop(): void {
    this.#die();
    this.#socket.destroy();
  }

  /** Ends the session; resolves when the server has done so, after 1.5 s at most. */
  async close(): Promise<void> {
    if (this.#state !== 'connected') return this.drop();
    const record = new RecordWriter().int(++this.#xid).int(Op.close).framed();
    this.#die();
    await new Promise<void>((resolve) => {
      const timer = setTimeout(() => this.#socket.destroy(), CLOSE_MS);
      this.#socket.once('close', () => {
        clearTimeout(timer);
        resolve();
      });
      this.#socket.end(record);
    });
  }

  authenticate(scheme: string, credentials: string): Promise<void> {
    if (this.#state !== 'connected') return Promise.reject(new ZkError('connection-loss', 'auth', scheme));
    return new Promise((resolve, reject) => {
      this.#authentication = {
        answered: (code) => {
          if (code === 0) return resolve();
          reject(zkErrorOf(code, 'auth', scheme, true));
          this.#end(() => this.#events.refused());
        },
        lose: () => reject(new ZkError('connection-loss', 'auth', scheme, { uncertain: true })),
      };
      const record = new RecordWriter().int(AUTH_XID).int(Op.auth);
      this.#socket.write(record.int(0).string(scheme).string(credentials).framed());
    });
  }

  /** A round trip through the ensemble's leader; what is read afterwards is not older than this moment. */
  sync(): Promise<void> {
    return this.#request('sync', '/', Op.sync, (record) => record.string('/'), nothing);
  }

  /** Answers the path, with its number if sequential. */
  create(
    path: string,
    data: Buffer,
    options: { readonly ephemeral: boolean; readonly sequential: boolean; readonly acl: readonly ZkAcl[] },
  ): Promise<string> {
    const flags = (options.ephemeral ? EPHEMERAL : 0) | (options.sequential ? SEQUENTIAL : 0);
    return this.#request(
      'create',
      // A sequential node's name may be its number alone.
      options.sequential ? `${path}0` : path,
      Op.create,
      (record) => writeAcl(record.string(path).bytes(data), options.acl).int(flags),
      (reader) => reader.string(),
    );
  }

  get(path: string, watch: boolean): Promise<{ data: Buffer; stat: ZkStat }> {
    return this.#request(
      'get',
      path,
      Op.get,
      (record) => record.string(path).bool(watch),
      (reader) => ({ data: reader.bytes() ?? Buffer.alloc(0), stat: readStat(reader) }),
    );
  }

  /** Version -1 matches any. */
  set(path: string, data: Buffer, version: number): Promise<ZkStat> {
    return this.#request('set', path, Op.set, (record) => record.string(path).bytes(data).int(version), readStat);
  }

  delete(path: string, version: number): Promise<void> {
    return this.#request('delete', path, Op.delete, (record) => record.string(path).int(version), nothing);
  }

  exists(path: string, watch: boolean): Promise<ZkStat | null> {
    return this.#request(
      'exists',
      path,
      Op.exists,
      (record) => record.string(path).bool(watch),
      (reader, code) => (code === NO_NODE ? null : readStat(reader)),
      [NO_NODE],
    );
  }

  children(path: string, watch: boolean): Promise<{ names: string[]; stat: ZkStat }> {
    return this.#request(
      'children',
      path,
      Op.children,
      (record) => record.string(path).bool(watch),
      (reader) => ({ names: reader.list(() => reader.string()), stat: readStat(reader) }),
    );
  }

  getAcl(path: string): Promise<{ acl: ZkAcl[]; stat: ZkStat }> {
    return this.#request(
      'getAcl',
      path,
      Op.getAcl,
      (record) => record.string(path),
      (reader) => ({
        acl: reader.list(() => ({ perms: reader.int(), scheme: reader.string(), id: reader.string() })),
        stat: readStat(reader),
      }),
    );
  }

  /** `version`: of the access list (aversion); -1 matches any. */
  setAcl(path: string, acl: readonly ZkAcl[], version: number): Promise<ZkStat> {
    return this.#request('setAcl', path, Op.setAcl, (record) => writeAcl(record.string(path), acl).int(version), readStat);
  }

  /** Answers the new configuration, as the data of /zookeeper/config. */
  reconfigure({ joining, leaving, fromVersion }: Reconfiguration): Promise<Buffer> {
    return this.#request(
      'reconfig',
      '/zookeeper/config',
      Op.reconfig,
      (record) =>
        record
          .string(joining.length === 0 ? null : joining.join(','))
          .string(leaving.length === 0 ? null : leaving.join(','))
          .string(null)
          .long(BigInt.asIntN(64, BigInt(`0x${fromVersion}`))),
      (reader) => Buffer.from(reader.bytes() ?? []),
    );
  }

  #request<T>(
    operation: string,
    path: string,
    type: number,
    write: (record: RecordWriter) => RecordWriter,
    read: (reader: RecordReader, code: number) => T,
    expected: readonly number[] = [],
  ): Promise<T> {
    if (this.#state !== 'connected') return Promise.reject(new ZkError('connection-loss', operation, path));
    if (!isPath(path)) return Promise.reject(zkErrorOf(BAD_ARGUMENTS, operation, path, false));
    return new Promise((resolve, reject) => {
      const xid = (this.#xid = (this.#xid % 0x7fffffff) + 1);
      this.#requests.push({
        xid,
        answered: (code, reader) => {
          if (code === 0 || expected.includes(code)) resolve(read(reader, code));
          else reject(zkErrorOf(code, operation, path, true));
        },
        lose: () => reject(new ZkError('connection-loss', operation, path, { uncertain: true })),
      });
      this.#socket.write(write(new RecordWriter().int(xid).int(type)).framed());
    });
  }

  #greeting(timeoutMs: number): Buffer {
    const { id, password } = this.#ticket;
    const sessionId = id === '' ? 0n : BigInt.asIntN(64, BigInt(`0x${id}`));
    // The last zxid seen is left at 0: a sync comes before the first read.
    return new RecordWriter().int(0).long(0n).int(timeoutMs).long(sessionId).bytes(password).bool(false).framed();
  }

  #received(chunk: Buffer): void {
    try {
      for (const record of this.#splitter.push(chunk, MAX_RECORD)) {
        if (this.#state === 'dead') return;
        if (this.#state === 'greeting') this.#greeted(new RecordReader(record));
        else this.#answered(new RecordReader(record));
      }
    } catch (error) {
      // Not ZooKeeper's protocol, so nothing that follows can be told apart.
      if (!(error instanceof RangeError)) throw error;
      this.#lost();
    }
  }

  #greeted(reader: RecordReader): void {
    reader.int(); // protocol version
    this.#timeoutMs = reader.int();
    const id = BigInt.asUintN(64, reader.long()).toString(16);
    const password = Buffer.from(reader.bytes() ?? []);
    if (this.#timeoutMs <= 0) return this.#end(() => this.#events.expired());
    this.#ticket = { id, password };
    this.#state = 'connected';
    this.#events.connected();
  }

  #answered(reader: RecordReader): void {
    const xid = reader.int();
    reader.long(); // zxid
    const code = reader.int();
    if (xid === WATCH_XID) {
      const type = reader.int();
      reader.int(); // state of the connection
      if (type > 0) this.#events.watchFired(reader.string());
    } else if (xid === AUTH_XID) {
      this.#authentication?.answered(code, reader);
      this.#authentication = null;
    } else {
      const request = this.#requests.shift();
      if (request === undefined) throw new RangeError('an answer to no request');
      if (request.xid === xid) return request.answered(code, reader);
      request.lose();
      throw new RangeError('answers out of order');
    }
  }

  #lost(): void {
    this.#end(() => this.#events.lost());
  }

  #end(report: () => void): void {
    if (this.#state === 'dead') return;
    this.#die();
    this.#socket.destroy();
    report();
  }

  #die(): void {
    this.#state = 'dead';
    for (const { lose } of this.#requests.splice(0)) lose();
    this.#authentication?.lose();
    this.#authentication = null;
  }
}

function nothing(): void {}

function writeAcl(record: RecordWriter, acl: readonly ZkAcl[]): RecordWriter {
  return record.list(acl, ({ perms, scheme, id }) => record.int(perms).string(scheme).string(id));
}

function readStat(reader: RecordReader): ZkStat {
  const czxid = Number(reader.long());
  const mzxid = Number(reader.long());
  const ctime = new Date(Number(reader.long()));
  const mtime = new Date(Number(reader.long()));
  const version = reader.int();
  const cversion = reader.int();
  const aversion = reader.int();
  const ephemeralOwner = BigInt.asUintN(64, reader.long()).toString(16);
  const dataLength = reader.int();
  const numChildren = reader.int();
  return { czxid, mzxid, version, cversion, aversion, numChildren, dataLength, ctime, mtime, ephemeralOwner };
}

function isPath(path: string): boolean {
  return path === '/' || /^(\/(?!\.{1,2}(\/|$))[^/\0]+)+$/.test(path);
}
