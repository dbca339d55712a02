import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePort, ServerProcess, waitUntilReady } from './process.ts';
import { SqlServer } from './sql-server.ts';

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
export class DbServer extends SqlServer {
  readonly flavor: Flavor;
  /** As in `8.4.2` or `10.11.19`. */
  readonly version: string;
  readonly dir: string;
  readonly socketPath: string;
  readonly #command: string;
  readonly #args: string[];
  readonly #logFile: string;
  #process: ServerProcess | undefined;

  private constructor(launch: DbLaunch, port: number) {
    super('127.0.0.1', port);
    this.flavor = launch.flavor;
    this.version = launch.version;
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
    await this.disconnect();
    await this.#process?.terminate();
  }

  async kill9(): Promise<void> {
    await this.#process?.kill9();
    await this.disconnect();
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

  /** The quick end, for a server whose data nobody will look at again. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill9();
  }

  #running(): ServerProcess {
    if (!this.#process || this.#process.hasEnded) throw new Error(`${this.flavor} on port ${this.port} is not running`);
    return this.#process;
  }
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
