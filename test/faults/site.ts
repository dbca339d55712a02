import { expect } from 'vitest';
import {
  expectSameData,
  replicate,
  startMariadb,
  startMysql,
  type DbServer,
  type DbServerOptions,
  type Flavor,
} from '../servers/index.ts';
import { LockkeeperProcess } from '../support/lockkeeper-process.ts';
import { instanceDocuments, pipelineDocuments, writeManifest, type Place } from '../support/manifests.ts';
import { createLoadTables } from './load.ts';

export type Mode = 'Raw' | 'Sql';
export const PIPELINE = 'faults';

export interface SiteOptions {
  readonly flavor?: Flavor;
  readonly source?: DbServerOptions;
  readonly target?: DbServerOptions;
  /** Whether the source has a replica, which the instance names as its standby. */
  readonly standby?: boolean;
  /** Fields of the pipeline's spec. */
  readonly pipeline?: Record<string, unknown>;
  /** Fields of the instance's spec. */
  readonly instance?: Record<string, unknown>;
}

export interface StartOptions {
  readonly mode?: Mode;
  /** LOCKKEEPER_FAILPOINT. */
  readonly failpoint?: string;
  readonly args?: readonly string[];
  /** Fields of spec.apply. */
  readonly apply?: Record<string, unknown>;
  /** Where the worker finds the servers, if not directly. */
  readonly source?: Place;
  readonly target?: Place;
}

/** A source with tables for a Load (and a replica), a target, and the manifests of the pipeline between them. */
export class Site {
  readonly source: DbServer;
  readonly target: DbServer;
  readonly #standby: DbServer | null;
  readonly #options: SiteOptions;

  private constructor(source: DbServer, standby: DbServer | null, target: DbServer, options: SiteOptions) {
    this.source = source;
    this.target = target;
    this.#standby = standby;
    this.#options = options;
  }

  static async start(options: SiteOptions = {}): Promise<Site> {
    const launch = options.flavor === 'mariadb' ? startMariadb : startMysql;
    const asReplica = options.flavor === 'mariadb' ? { log_slave_updates: true } : {};
    const launchSource = (name: string) =>
      launch({ name, ...options.source, config: { ...asReplica, ...options.source?.config } });
    const [source, target, standby] = await Promise.all([
      launchSource('source'),
      launch({ name: 'target', ...options.target }),
      options.standby ? launchSource('standby') : null,
    ]);
    if (standby !== null) await replicate(source, standby);
    await createLoadTables(source);
    return new Site(source, standby, target, options);
  }

  /** The source's replica. */
  get standby(): DbServer {
    return this.#standby!;
  }

  manifest({ mode = 'Raw', apply, source = this.source, target = this.target }: StartOptions = {}): string {
    const { instance, pipeline } = this.#options;
    const standby = this.#standby === null ? {} : { standby: { host: this.#standby.host, port: this.#standby.port } };
    return writeManifest(
      instanceDocuments({ source, serverId: 4711, spec: { filter: { include: ['f\\..*'] }, ...standby, ...instance } }),
      pipelineDocuments({ name: PIPELINE, target, spec: { apply: { mode, ...apply }, ...pipeline } }),
    );
  }

  async start(options: StartOptions = {}): Promise<LockkeeperProcess> {
    const env = options.failpoint === undefined ? {} : { LOCKKEEPER_FAILPOINT: options.failpoint };
    return LockkeeperProcess.run(this.manifest(options), { args: options.args ?? [], env });
  }

  /**
   * The oracle: with nothing being written at the source, waits until the worker has caught up, and fails unless both sides are
   * equal to the byte and each source transaction is there exactly once. `source`: the server that is read. Returns the number of
   * transactions.
   */
  async expectExactlyOnce(worker: LockkeeperProcess, seconds = 90, source = this.source): Promise<number> {
    await worker.untilCaughtUp(PIPELINE, source, this.target, seconds);
    return this.expectEqual(source);
  }

  async expectEqual(source = this.source): Promise<number> {
    const [here, there] = [await transactions(source), await transactions(this.target)];
    expect(there).toEqual(here);
    expect(here).toEqual({ rows: here.rows, distinct: here.rows, counted: here.rows });
    await expectSameData(source, this.target);
    return here.rows;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([this.source.kill9(), this.target.kill9(), this.#standby?.kill9()]);
  }
}

/** What a server knows of the load's transactions; all three are the same number when each is there once. */
export async function transactions(server: DbServer): Promise<{ rows: number; distinct: number; counted: number }> {
  const [row] = await server.query(
    'SELECT COUNT(*) AS total, COUNT(DISTINCT tx) AS differing, (SELECT SUM(n) FROM f.counters) AS counted FROM f.audit',
  );
  return { rows: Number(row?.['total']), distinct: Number(row?.['differing']), counted: Number(row?.['counted']) };
}

/** How the process ended that was to end by itself, at a failpoint. */
export async function untilKilled(worker: LockkeeperProcess, seconds = 30): Promise<void> {
  const deadline = performance.now() + seconds * 1000;
  while (!worker.hasEnded) {
    if (performance.now() > deadline) throw new Error(`the failpoint was not reached:\n${worker.stderr().slice(-3000)}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
