import type { Logger } from 'pino';
import { LockkeeperError } from '../../common/errors.ts';
import type { StatementItem, XaItem } from '../source/stream-item.ts';
import type { TableRoute } from '../source/table-map.ts';
import type { BatchWriter } from '../target/batch-writer.ts';
import type { Checkpoint, CheckpointStep } from '../target/checkpoint.ts';
import type { TargetSession } from '../target/session.ts';
import type { BarrierHandlers } from './apply-loop.ts';
import type { DdlExecutor } from './ddl/ddl-executor.ts';
import { parseStatement, type SourceTraits } from './ddl/statement.ts';
import { rewriteStatement, type NameMapping, type RewrittenStatement } from './ddl/rewrite.ts';
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
    const rewritten = rewriteStatement(parseStatement(item.sql, item.context, traits), mapping);
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
    log.info({ sql: item.sql.toString('utf8'), outcome, position: item.end }, 'statement applied');
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
