import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createConnection, type Connection, type ConnectionOptions, type RowDataPacket } from 'mysql2/promise';
import { freePort, ServerProcess, waitUntilReady } from './process.ts';

export type Flavor = 'mysql' | 'mariadb';
export type ServerConfig = Record<string, string | number | boolean>;

export interface DbServerOptions {
  /** Server variables over the defaults; a boolean is written as ON or OFF, `log_bin: false` switches the binlog off. */
  config?: ServerConfig;
  /** Full durability (sync_binlog=1, innodb_flush_log_at_trx_commit=1, doublewrite); off by default, for speed. */
  durable?: boolean;
  /** Part of the folder's name; the default is the flavour. */
  name?: string;
}

/** What tells one flavour from the other; the rest of a server is common. */
export interface DbLaunch {
  flavor: Flavor;
  command: string;
  version: string;
  /** Folder that holds the data folder `data`, the socket and the log. */
  dir: string;
  config: ServerConfig;
}

/** A real database server of this machine, on a port and data folder of its own; it dies with this process. */
export class DbServer {
  readonly flavor: Flavor;
  /** As in `8.4.2` or `10.11.19`. */
  readonly version: string;
  readonly host = '127.0.0.1';
  readonly port: number;
  readonly user = 'root';
  readonly password = 'root';
  readonly dir: string;
  readonly socketPath: string;
  readonly #command: string;
  readonly #args: string[];
  readonly #logFile: string;
  #process: ServerProcess | undefined;
  #connection: Promise<Connection> | undefined;

  private constructor(launch: DbLaunch, port: number) {
    this.flavor = launch.flavor;
    this.version = launch.version;
    this.port = port;
    this.dir = launch.dir;
    this.socketPath = join(launch.dir, 's');
    this.#command = launch.command;
    this.#logFile = join(launch.dir, 'server.log');
    this.#args = [
      '--no-defaults',
      ...optionList({
        ...(process.getuid?.() === 0 ? { user: 'root' } : {}),
        bind_address: this.host,
        port,
        socket: this.socketPath,
        datadir: join(launch.dir, 'data'),
        pid_file: join(launch.dir, 'pid'),
        tmpdir: launch.dir,
        server_id: port, // a port is used once on a machine, so ids differ too
        ...launch.config,
      }),
    ];
  }

  /** Starts a server on a prepared data folder and waits until it answers. */
  static async launch(launch: DbLaunch): Promise<DbServer> {
    const server = new DbServer(launch, await freePort());
    await server.start();
    return server;
  }

  get pid(): number {
    return this.#running().pid;
  }

  /** Starts the server again after `stop` or `kill9`: same port, same data. */
  async start(): Promise<void> {
    if (this.#process && !this.#process.hasEnded) throw new Error(`${this.flavor} on port ${this.port} is running`);
    const server = new ServerProcess(this.#command, this.#args, this.#logFile);
    this.#process = server;
    await waitUntilReady(`${this.flavor} on port ${this.port}`, server, this.#logFile, async () => {
      const connection = await this.connect({ connectTimeout: 5_000 });
      await connection.end();
      return true;
    });
  }

  /** Clean shutdown; the data stays for `start`. */
  async stop(): Promise<void> {
    await this.#closeConnection();
    await this.#process?.terminate();
  }

  async kill9(): Promise<void> {
    await this.#process?.kill9();
    await this.#closeConnection();
  }

  async restart(): Promise<void> {
    await this.stop();
    await this.start();
  }

  sigstop(): void {
    this.#running().signal('SIGSTOP');
  }

  sigcont(): void {
    this.#running().signal('SIGCONT');
  }

  /** All that the server has written to its error log. */
  log(): string {
    return readFileSync(this.#logFile, 'utf8');
  }

  /** A new connection as root; the caller ends it. A lost connection rejects its queries and is no uncaught error. */
  async connect(options: ConnectionOptions = {}): Promise<Connection> {
    const connection = await createConnection({
      host: this.host,
      port: this.port,
      user: this.user,
      password: this.password,
      ...options,
    });
    connection.on('error', () => {});
    return connection;
  }

  /**
   * Runs one or several statements on the server's own connection (dates as strings, exact big numbers).
   * Returns the rows of the last statement that has any, else [].
   */
  async query(sql: string, values: unknown[] = []): Promise<RowDataPacket[]> {
    this.#connection ??= this.#openConnection();
    const connection = await this.#connection;
    const [result] = await connection.query(sql, values);
    if (!Array.isArray(result)) return [];
    const first: unknown = result[0];
    if (first === undefined || isRow(first)) return result as RowDataPacket[];
    return ((result as unknown[]).filter((part) => Array.isArray(part)).at(-1) as RowDataPacket[] | undefined) ?? [];
  }

  /** The quick end, for a server whose data nobody will look at again. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill9();
  }

  #running(): ServerProcess {
    if (!this.#process || this.#process.hasEnded) throw new Error(`${this.flavor} on port ${this.port} is not running`);
    return this.#process;
  }

  #openConnection(): Promise<Connection> {
    const opening = this.connect({ multipleStatements: true, dateStrings: true, supportBigNumbers: true });
    const forget = () => {
      if (this.#connection === opening) this.#connection = undefined;
    };
    opening.then((connection) => {
      connection.on('error', forget);
      connection.on('end', forget);
    }, forget);
    return opening;
  }

  async #closeConnection(): Promise<void> {
    const open = this.#connection;
    this.#connection = undefined;
    if (open) (await open.catch(() => undefined))?.destroy();
  }
}

/** In the answer to several statements each element is a row list or a header; in the answer to one it is a row. */
function isRow(value: unknown): boolean {
  return !Array.isArray(value) && (value as object).constructor.name !== 'ResultSetHeader';
}

/** Server variables as command line options. */
export function optionList(config: ServerConfig): string[] {
  return Object.entries(config).map(([name, value]) => {
    if (name === 'log_bin' && value === false) return '--skip-log-bin';
    return `--${name}=${typeof value === 'boolean' ? (value ? 'ON' : 'OFF') : value}`;
  });
}

/** The defaults that both flavours share. */
export function commonConfig(durable: boolean): ServerConfig {
  return {
    log_bin: 'binlog',
    binlog_row_image: 'FULL',
    binlog_row_metadata: 'FULL',
    sync_binlog: durable ? 1 : 0,
    innodb_flush_log_at_trx_commit: durable ? 1 : 2,
    innodb_doublewrite: durable,
    innodb_buffer_pool_size: '128M',
    max_allowed_packet: '64M',
    local_infile: true,
    skip_name_resolve: true,
    innodb_buffer_pool_dump_at_shutdown: false,
    secure_file_priv: '',
  };
}
