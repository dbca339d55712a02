import type { RowDataPacket } from 'mysql2';
import type { Logger } from 'pino';
import { LockkeeperError } from '../../common/errors.ts';
import type { StatementItem, XaItem } from '../source/stream-item.ts';
import type { TableRoute } from '../source/table-map.ts';
import type { BatchWriter } from '../target/batch-writer.ts';
import type { Checkpoint, CheckpointStep } from '../target/checkpoint.ts';
import { quote, type TargetSession } from '../target/session.ts';
import type { BarrierHandlers } from './apply-loop.ts';
import type { DdlExecutor } from './ddl/ddl-executor.ts';
import { parseStatement, type SourceTraits } from './ddl/parse-statement.ts';
import type { Statement } from './ddl/statement.ts';
import { rewriteStatement, type NameMapping, type RewrittenStatement, type SchemaEffect } from './ddl/rewrite.ts';
import type { CatchUp } from './catch-up.ts';
import type { PipelineBoard } from './pipeline-board.ts';
import { XaStore, type PreparedRows } from './xa-store.ts';

export interface BarriersOptions {
  readonly session: TargetSession;
  readonly checkpoint: Checkpoint;
  readonly route: (schema: string, table: string) => TableRoute | null;
  readonly mapping: NameMapping;
  readonly traits: SourceTraits;
  readonly catchUp: CatchUp;
  readonly writer: BatchWriter;
  readonly ddl: DdlExecutor;
  /** A statement has changed tables of the target: what was known of them is void. */
  readonly onSchemaChange: () => void;
  readonly board: PipelineBoard;
  readonly log: Logger;
}

/** Applies what stands alone between transactions: statements and the verdicts of XA transactions. */
export class Barriers implements BarrierHandlers {
  readonly #options: BarriersOptions;
  readonly #xa: XaStore;

  constructor(options: BarriersOptions) {
    this.#options = options;
    const { session: runner, checkpoint, route } = options;
    this.#xa = new XaStore({ runner, pipeline: checkpoint.pipeline, route });
  }

  async statement(item: StatementItem, step: CheckpointStep): Promise<void> {
    const { writer, ddl, checkpoint, catchUp, board, log, onSchemaChange, traits, mapping } = this.#options;
    const parsed = parseStatement(item.sql, item.context, traits);
    const rewritten = await this.#afterCopy(item, parsed.statement, rewriteStatement(parsed, mapping));
    if (rewritten.kind === 'ignore') {
      log.info({ reason: rewritten.reason, position: item.end }, 'statement left out');
      board.statement('ignored');
      return writer.commit(checkpoint.advanceSql(step));
    }
    const place = { serverUuid: step.position.serverUuid };
    const outcome = await ddl.apply(catchUp.active ? uncheckedItem(item) : item, rewritten, checkpoint.advanceSql(step), place);
    onSchemaChange();
    board.statement(outcome);
    const sql = item.sql.toString('utf8');
    log.info({ sql, outcome, position: item.end }, 'statement applied');
    if (parsed.statement.kind === 'table' && parsed.statement.substitutes.length > 0)
      log.warn({ sql }, 'the table has transactions at the target, whatever the statement says');
  }

  /** What is left to do of a statement that a first copy has seen, wholly or in part: the definitions that it read have it. */
  async #afterCopy(item: StatementItem, statement: Statement, rewritten: RewrittenStatement): Promise<RewrittenStatement> {
    const { catchUp } = this.#options;
    if (rewritten.kind === 'ignore' || !catchUp.active) return rewritten;
    // Sequences are in no copy.
    if ('object' in statement && statement.object === 'sequence') return rewritten;
    // Where a transaction begins is before what it brings.
    const place = item.beforeRows ? { head: item.head, end: { ...item.end, offset: item.end.offset + 1 } } : item;
    const copied = { kind: 'ignore', reason: 'the first copy was taken after it' } as const;
    if (rewritten.kind === 'refuse' && rewritten.wholeSchema) return catchUp.coversAll(place) ? copied : rewritten;
    if (rewritten.kind === 'execute' && rewritten.schemaChange !== null) {
      if (!catchUp.coversAll(place)) return rewritten;
      return (await this.#isDue(rewritten.schemaChange)) ? { ...rewritten, ...rewritten.schemaChange.again } : copied;
    }
    const tables = rewritten.sourceAffects;
    const covered = tables.filter(({ schema, table }) => catchUp.covers(schema, table, place));
    if (covered.length === 0) return rewritten;
    if (covered.length === tables.length) return copied;
    if (rewritten.kind === 'refuse') return rewritten;
    throw new LockkeeperError(
      'LK1502',
      'a statement changes tables that the first copy read before it and others that it read after it',
      {
        found: item.sql.toString('utf8').slice(0, 500),
        remedy: 'Copy the tables anew: set initialLoad.mode to Always.',
        details: { position: item.end },
      },
    );
  }

  /**
   * What of a schema a copy has brought is its tables: while it holds some it is there for these. Without any it is as the stream
   * left it, and must go on as the stream says.
   */
  async #isDue({ verb, schema }: SchemaEffect): Promise<boolean> {
    const { session } = this.#options;
    const [row] = await session.query<RowDataPacket[]>(
      `SELECT (SELECT COUNT(*) FROM information_schema.TABLES WHERE TABLE_SCHEMA=${quote(schema)} AND TABLE_TYPE<>'SEQUENCE') AS tables ` +
        `FROM information_schema.SCHEMATA WHERE SCHEMA_NAME=${quote(schema)}`,
    );
    await session.query('COMMIT');
    return verb === 'alter' ? row !== undefined : Number(row?.['tables'] ?? 0) === 0;
  }

  async xaPart(item: XaItem): Promise<void> {
    await this.#xa.append(item.xid, item, item.first);
  }

  async xaPrepare(item: XaItem, step: CheckpointStep): Promise<void> {
    await this.xaPart(item);
    await this.#options.writer.commit(this.#options.checkpoint.advanceSql(step));
  }

  async xaRollback(item: XaItem, step: CheckpointStep): Promise<void> {
    await this.#xa.forget(item.xid);
    await this.#options.writer.commit(this.#options.checkpoint.advanceSql(step));
  }

  async *xaRows(item: XaItem): AsyncGenerator<PreparedRows> {
    let known = false;
    for await (const rows of this.#xa.read(item.xid)) {
      known = true;
      yield rows;
    }
    if (known) return;
    throw new LockkeeperError('LK1408', `XA COMMIT ${item.xid} came, but its rows were prepared before this pipeline began`, {
      found: `xid ${item.xid}`,
      details: { xid: item.xid, position: item.end },
    });
  }

  async xaForget(item: XaItem): Promise<void> {
    await this.#xa.forget(item.xid);
  }
}

/** OPTION_NO_FOREIGN_KEY_CHECKS in a statement's flags. */
const NO_FOREIGN_KEY_CHECKS = 0x4000000;

/** While the target's tables are not of one moment, keys between them need not hold, and a new one must not ask. */
function uncheckedItem(item: StatementItem): StatementItem {
  return { ...item, context: { ...item.context, flags2: (item.context.flags2 ?? 0) | NO_FOREIGN_KEY_CHECKS } };
}
