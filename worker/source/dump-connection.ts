import { createHash } from 'node:crypto';
import type { Socket } from 'node:net';
import type { Connection } from 'mysql2';
import ZongJi from 'zongji';
import { asLockkeeperError, LockkeeperError } from '../../common/errors.ts';
import { CONNECT_TIMEOUT_MS, connectionOptions, nameOf, type MysqlEndpoint } from '../../common/mysql-endpoint.ts';
import { dumpError } from './dump-errors.ts';
import type { SourcePosition } from './position.ts';
import { registerReplica } from './register-replica.ts';

export interface DumpOptions {
  readonly endpoint: MysqlEndpoint;
  /** Where to go on: asked for by GTID set where `byGtid`, else by file and offset. */
  readonly start: SourcePosition;
  readonly byGtid: boolean;
  /** The replica's id; no other replica of the source may have it. */
  readonly serverId: number;
  /** The replica's own UUID: the server ends an older dump under the same one. */
  readonly replicaUuid: string;
  /** Under which the source lists us among its replicas; not listed without. */
  readonly replicaName?: string;
  readonly heartbeatSeconds: number;
  /** Heartbeat intervals without a byte from the source after which the connection counts as dead; 3 by default. */
  readonly silentIntervals?: number;
  /** End at the end of the log as it is now, instead of waiting for more. */
  readonly untilEnd?: boolean;
  /** One binlog event: a view into a received packet, without the packet's leading status byte. May throw. */
  readonly onEvent: (event: Buffer) => void;
  /** At most once, and never after `close`: null at the end of the log (`untilEnd`), else what ended the dump. */
  readonly onEnd: (error: LockkeeperError | null) => void;
}

/** What is used of zongji beyond its public types; test/integration/zongji-hook.test.ts holds it to that. */
interface ZongJiInternals {
  connection: (Connection & { readonly stream: Socket }) | null;
  ctrlConnection: Connection | null;
  BinlogClass: { prototype: { binlogData: (this: unknown, packet: RawPacket, connection: unknown) => unknown } };
}

/** A packet of mysql2: the payload is buffer[offset, end). */
interface RawPacket {
  readonly buffer: Buffer;
  readonly offset: number;
  readonly end: number;
  isEOF(): boolean;
}

/** A UUID that is the same for the same name: how the source knows a reconnecting pipeline. */
export function stableUuid(name: string): string {
  const hex = createHash('sha256').update(`lockkeeper ${name}`).digest('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}

/**
 * Session state of a dump connection. The server sends heartbeats in pauses, keeps checksums, knows us by UUID, and waits for us
 * when we pause: its default of 60 s for one write would end a dump whose target is slow.
 * Source: MySQL `Binlog_sender`, MariaDB Knowledge Base "Replication protocol".
 */
function sessionSettings(options: DumpOptions): string {
  const nanoseconds = Math.round(options.heartbeatSeconds * 1e9);
  const settings = ['SESSION net_write_timeout=86400'];
  for (const name of ['source', 'master']) {
    settings.push(`@${name}_heartbeat_period=${nanoseconds}`, `@${name}_binlog_checksum='CRC32'`);
  }
  for (const name of ['replica', 'slave']) settings.push(`@${name}_uuid='${options.replicaUuid}'`);
  if (options.start.flavor === 'mariadb') {
    // Strict: a GTID that the server does not have is an error, not a silent start somewhere near.
    settings.push('@mariadb_slave_capability=4', '@slave_gtid_strict_mode=1', '@slave_gtid_ignore_duplicates=0');
  }
  return `SET ${settings.join(', ')}`;
}

/**
 * Connects as a replica and asks for the binlog from `start`. Resolves once the dump is asked for.
 * Rejects with LK1101, LK1102, LK1103, LK1111.
 */
export async function openDump(options: DumpOptions): Promise<Dump> {
  const dump = new Dump(options);
  await dump.opened;
  return dump;
}

/** A running dump. Events come from the moment of opening, in order, until `onEnd` or `close`. */
export class Dump {
  /** Settles when the dump command is on its way, or cannot be. */
  readonly opened: Promise<void>;
  readonly #options: DumpOptions;
  readonly #server: string;
  readonly #zongji: ZongJi & ZongJiInternals;
  #state: 'opening' | 'open' | 'ended' | 'closed' = 'opening';
  #failOpening: (error: LockkeeperError) => void = () => undefined;
  #opened: () => void = () => undefined;
  #openTimer: NodeJS.Timeout;
  #watch: NodeJS.Timeout | undefined;
  #paused = false;
  /** Came with what was being read when the pause began. The driver would lose it if the server closed the connection meanwhile. */
  readonly #held: (Buffer | 'end')[] = [];
  /** What ended the connection during a pause; with `untilEnd` the server ends it as soon as it has sent everything. */
  #lost: LockkeeperError | null = null;
  #closing: Promise<void> | undefined;

  constructor(options: DumpOptions) {
    this.#options = options;
    this.#server = nameOf(options.endpoint);
    this.#zongji = new ZongJi(connectionOptions(options.endpoint)) as ZongJi & ZongJiInternals;
    this.opened = new Promise((resolve, reject) => {
      this.#opened = resolve;
      this.#failOpening = reject;
    });
    this.#openTimer = setTimeout(() => {
      this.#end(new LockkeeperError('LK1102', `source ${this.#server} accepted the connection but does not answer`));
    }, 2 * CONNECT_TIMEOUT_MS);
    this.#zongji.on('error', (error: unknown) => {
      const lost = dumpError(this.#server, error);
      if (this.#paused && options.untilEnd) this.#lost ??= lost;
      else this.#end(lost);
    });
    this.#zongji.on('ready', () => this.#onReady());
    const { start, byGtid, serverId } = options;
    this.#zongji.start({
      serverId,
      nonBlock: options.untilEnd ?? false,
      ...(byGtid ? { gtidSet: start.gtid ?? '' } : { filename: start.journal, position: start.offset }),
    });
  }

  /** No events come until `resume`; the source waits. */
  pause(): void {
    this.#paused = true;
    this.#zongji.connection?.stream.pause();
  }

  /** Delivers at once, within this call, what had been received before the pause took hold. */
  resume(): void {
    this.#paused = false;
    for (let event = this.#held.shift(); event !== undefined; event = this.#held.shift()) {
      this.#take(event);
      if (this.#paused) return;
    }
    if (this.#lost !== null) return this.#end(this.#lost);
    this.#zongji.connection?.stream.resume();
  }

  /** Ends the dump and frees its thread at the server; resolves when that is done or has been tried for a second. */
  close(): Promise<void> {
    if (this.#state !== 'ended') this.#state = 'closed';
    this.#failOpening(new LockkeeperError('LK1102', `the connection to source ${this.#server} was closed`));
    return this.#stop();
  }

  /** Runs just before zongji sends the dump command: what is queued on the connection here goes first. */
  #onReady(): void {
    const { connection, ctrlConnection } = this.#zongji;
    if (this.#state !== 'opening' || connection === null) return;
    this.#zongji.BinlogClass.prototype.binlogData = this.#binlogData();
    connection.query(sessionSettings(this.#options), (error) => {
      if (error) return this.#end(dumpError(this.#server, error));
      if (this.#state !== 'opening') return;
      this.#state = 'open';
      clearTimeout(this.#openTimer);
      this.#watchLiveness(connection.stream);
      this.#opened();
    });
    const { serverId, replicaName } = this.#options;
    if (replicaName !== undefined) registerReplica(connection, serverId, replicaName);
    // The control connection only waits to kill the dump thread: it may idle for ever, and its loss is no loss.
    ctrlConnection?.removeAllListeners('error');
    ctrlConnection?.on('error', () => undefined);
    ctrlConnection?.query('SET SESSION wait_timeout=31536000', () => undefined);
  }

  /** Takes the place of zongji's decoder: hands over the raw event. Returning itself keeps the command alive. */
  #binlogData(): (packet: RawPacket) => unknown {
    const receive = (packet: RawPacket): unknown => {
      // The driver uses the packet object again, but not the bytes.
      const event = packet.isEOF() ? 'end' : packet.buffer.subarray(packet.offset + 1, packet.end);
      if (this.#paused) this.#held.push(event);
      else this.#take(event);
      return receive;
    };
    return receive;
  }

  #take(event: Buffer | 'end'): void {
    if (this.#state !== 'open') return;
    if (event === 'end') {
      const error = new LockkeeperError('LK1102', `source ${this.#server} ended the dump (shutdown?)`);
      return this.#end(this.#options.untilEnd ? null : error);
    }
    try {
      this.#options.onEvent(event);
    } catch (error) {
      this.#end(asLockkeeperError(error, 'LK1203'));
    }
  }

  /** Counts bytes, not events: a large event that is still arriving is a sign of life. While paused, silence is ours. */
  #watchLiveness(stream: Socket): void {
    const { heartbeatSeconds, silentIntervals = 3 } = this.#options;
    let bytes = stream.bytesRead;
    let silent = 0;
    this.#watch = setInterval(() => {
      if (this.#paused || stream.bytesRead !== bytes) {
        bytes = stream.bytesRead;
        silent = 0;
      } else if (++silent >= silentIntervals) {
        const found = `no byte in ${silentIntervals} intervals of ${heartbeatSeconds} s`;
        this.#end(new LockkeeperError('LK1112', `source ${this.#server} is silent`, { found }));
      }
    }, heartbeatSeconds * 1000);
  }

  #end(error: LockkeeperError | null): void {
    const before = this.#state;
    if (before === 'ended' || before === 'closed') return;
    this.#state = 'ended';
    void this.#stop();
    if (before === 'open') this.#options.onEnd(error);
    else this.#failOpening(error ?? new LockkeeperError('LK1102', `source ${this.#server} ended the dump`));
  }

  #stop(): Promise<void> {
    clearTimeout(this.#openTimer);
    clearInterval(this.#watch);
    this.#closing ??= new Promise((resolve) => {
      this.#zongji.once('stopped', resolve);
      this.#zongji.stop();
    });
    return this.#closing;
  }
}
