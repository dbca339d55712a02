import { LockkeeperError } from '../../../common/errors.ts';
import { ColumnType } from '../../source/column-type.ts';
import type { TableMap } from '../../source/table-map.ts';
import type { RowRun } from '../row-run.ts';
import type { SqlRunner } from '../session.ts';
import type { TableMetadata, TableMetadataCache } from '../table-metadata.ts';
import { CarefulWriter } from './careful-writer.ts';
import type { DivergencePolicy, DivergenceReport } from './divergence.ts';
import { probeOpaque } from './json-opaque.ts';
import type { OpaqueForms } from './json-literal.ts';
import { PacketStream } from './packet.ts';
import { ALL_CHECKED, checksOff, switchChecks } from './session-checks.ts';
import { writeDeletes, writeInserts, writeUpdates } from './statements.ts';
import { SqlBuffer } from './sql-buffer.ts';
import { TableWriter } from './table-writer.ts';

export { Divergence, DivergenceReport, type DivergencePolicy, type DivergenceKind, type DivergentRow } from './divergence.ts';

/** What the SQL writer needs of the target session. */
export interface SqlTarget extends SqlRunner {
  readonly flavor: 'mysql' | 'mariadb';
  /** Bytes of the largest packet that the server accepts. */
  readonly maxAllowedPacket: number;
}

export interface RowCounts {
  inserted: number;
  updated: number;
  deleted: number;
}

/**
 * Writes rows as SQL statements within the caller's open transaction. Needs the session state of TargetSession.
 *
 * `unique_checks` stays on whatever the source's session had: with it off InnoDB may store a second row of the same unique
 * value without a word.
 */
export class SqlWriter {
  readonly #session: SqlTarget;
  readonly #metadata: TableMetadataCache;
  readonly #policy: DivergencePolicy;
  readonly #out = new SqlBuffer();
  #opaque: OpaqueForms | null = null;
  #writers = new WeakMap<TableMap, TableWriter>();

  constructor(session: SqlTarget, metadata: TableMetadataCache, policy: DivergencePolicy) {
    this.#session = session;
    this.#metadata = metadata;
    this.#policy = policy;
  }

  /**
   * Writes the runs in as few statements as is exact. Throws Divergence when the target does not hold what the rows presume
   * (or would store another value than was written): the caller rolls back and uses `writeCarefully`. Other errors are
   * LockkeeperErrors and the driver's.
   */
  async write(runs: readonly RowRun[]): Promise<RowCounts> {
    const counts: RowCounts = { inserted: 0, updated: 0, deleted: 0 };
    const packet = new PacketStream(this.#session, this.#session.maxAllowedPacket, this.#out);
    let off = ALL_CHECKED;
    try {
      for (const run of runs) {
        const writer = await this.#writer(run.table);
        const wanted = checksOff(run, this.#session.flavor);
        const change = switchChecks(off, wanted);
        if (change !== null) packet.setting(change);
        off = wanted;
        switch (run.operation) {
          case 'insert':
            counts.inserted += await writeInserts(packet, run, writer);
            break;
          case 'update':
            counts.updated += await writeUpdates(packet, run, writer);
            break;
          case 'delete':
            counts.deleted += await writeDeletes(packet, run, writer);
            break;
          default:
            run.operation satisfies never;
        }
      }
      const change = switchChecks(off, ALL_CHECKED);
      if (change !== null) packet.setting(change);
      await packet.finish();
      return counts;
    } catch (error) {
      await packet.abandon();
      await restoreChecks(this.#session, runs);
      throw error;
    }
  }

  /**
   * Writes the runs row by row and judges each row that is missing or exists already by `policy`.
   * Throws LK1402 or LK1403 under Stop, LK1406 for a value that the target would alter.
   */
  async writeCarefully(runs: readonly RowRun[], policy: DivergencePolicy = this.#policy): Promise<DivergenceReport> {
    const careful = new CarefulWriter(this.#session, policy);
    for (const run of runs) await careful.write(run, await this.#writer(run.table), checksOff(run, this.#session.flavor));
    return careful.report;
  }

  async #writer(map: TableMap): Promise<TableWriter> {
    const route = map.route;
    if (route === null) throw new LockkeeperError('LK1203', `rows of ${map.schema}.${map.table} have no place at the target`);
    let target: TableMetadata | undefined = this.#metadata.get(route.schema, route.table);
    if (target === undefined) {
      await this.#metadata.load([route]);
      target = this.#metadata.get(route.schema, route.table);
      if (target === undefined) throw new LockkeeperError('LK1307', `the target has no table ${route.schema}.${route.table}`);
    }
    let writer = this.#writers.get(map);
    // Metadata that was read anew is another object.
    if (writer === undefined || writer.target !== target) {
      writer = await TableWriter.compile(this.#session, map, target, {
        flavor: this.#session.flavor,
        opaque: await this.#opaqueForms(map),
      });
      this.#writers.set(map, writer);
    }
    return writer;
  }

  async #opaqueForms(map: TableMap): Promise<OpaqueForms> {
    if (this.#session.flavor !== 'mysql' || !map.types.includes(ColumnType.JSON)) return new Map();
    return (this.#opaque ??= await probeOpaque(this.#session));
  }
}

/** Statements that were to switch checks may have been carried out or not. */
async function restoreChecks(session: SqlTarget, runs: readonly RowRun[]): Promise<void> {
  const switched = new Set(runs.flatMap((run) => checksOff(run, session.flavor)));
  const change = switchChecks([...switched], ALL_CHECKED);
  if (switched.size > 0 && change !== null) await session.query(change).catch(() => undefined);
}
