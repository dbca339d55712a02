import type { Logger } from 'pino';
import { LockkeeperError } from '../../common/errors.ts';
import { flavorOfFormat } from '../source/format-description.ts';
import type { RowsEvent, StatementItem, XaItem } from '../source/stream-item.ts';
import type { TableRoute } from '../source/table-map.ts';
import { parseTableMap } from '../source/table-map-event.ts';
import type { BatchWriter } from '../target/batch-writer.ts';
import type { Checkpoint, CheckpointStep } from '../target/checkpoint.ts';
import type { TargetSession } from '../target/session.ts';
import type { BarrierHandlers } from './apply-loop.ts';
import type { DdlExecutor } from './ddl/ddl-executor.ts';
import { parseStatement, type SourceTraits } from './ddl/statement.ts';
import { rewriteStatement, type NameMapping, type RewrittenStatement } from './ddl/rewrite.ts';
import type { CatchUp } from './catch-up.ts';
import type { PipelineBoard } from './pipeline-board.ts';
import { XaStore } from './xa-store.ts';

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
    this.#xa = new XaStore(options.session, options.checkpoint.pipeline);
  }

  async statement(item: StatementItem, step: CheckpointStep): Promise<void> {
    const { writer, ddl, checkpoint, catchUp, board, log, onSchemaChange, traits, mapping } = this.#options;
    const parsed = parseStatement(item.sql, item.context, traits);
    const rewritten = rewriteStatement(parsed, mapping);
    const ignored = rewritten.kind === 'ignore' ? rewritten.reason : this.#copiedAlready(item, rewritten, catchUp);
    if (ignored !== null) {
      log.info({ reason: ignored, position: item.end }, 'statement left out');
      board.statement('ignored');
      return writer.commit(checkpoint.advanceSql(step));
    }
    const applicable = rewritten as Exclude<typeof rewritten, { kind: 'ignore' }>;
    const place = { serverUuid: step.position.serverUuid };
    const outcome = await ddl.apply(item, applicable, checkpoint.advanceSql(step), place);
    onSchemaChange();
    board.statement(outcome);
    const sql = item.sql.toString('utf8');
    log.info({ sql, outcome, position: item.end }, 'statement applied');
    if (parsed.statement.kind === 'table' && parsed.statement.substitutes.length > 0)
      log.warn({ sql }, 'the table has transactions at the target, whatever the statement says');
  }

  /** A first copy read the tables after this statement: their definitions have it. Null when the statement is still to be run. */
  #copiedAlready(item: StatementItem, rewritten: RewrittenStatement, catchUp: CatchUp): string | null {
    if (rewritten.kind !== 'execute' || !catchUp.active) return null;
    const tables = rewritten.sourceAffects.filter((name) => name.table !== null);
    const copied = tables.filter(({ schema, table }) => catchUp.covers(schema, table!, item.head.gtid, item.end));
    if (copied.length === 0) return null;
    if (copied.length === tables.length) return 'the first copy was taken after it';
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

  async xaPrepare(item: XaItem, step: CheckpointStep): Promise<void> {
    await this.#xa.save(item.xid, { events: item.events, format: item.format });
    await this.#options.writer.commit(this.#options.checkpoint.advanceSql(step));
  }

  async xaRollback(item: XaItem, step: CheckpointStep): Promise<void> {
    await this.#xa.forget(item.xid);
    await this.#options.writer.commit(this.#options.checkpoint.advanceSql(step));
  }

  async xaCommit(item: XaItem): Promise<{ events: readonly RowsEvent[]; format: Buffer; forget: () => Promise<void> }> {
    const prepared = await this.#xa.load(item.xid, (raw) => parseTableMap(raw, this.#options.route, flavorOfFormat(item.format)));
    if (prepared === null) {
      throw new LockkeeperError('LK1408', `XA COMMIT ${item.xid} came, but its rows were prepared before this pipeline began`, {
        found: `xid ${item.xid}`,
        details: { xid: item.xid, position: item.end },
      });
    }
    return { ...prepared, forget: () => this.#xa.forget(item.xid) };
  }
}
