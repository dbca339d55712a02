import type { Logger } from 'pino';
import { LockkeeperError } from '../../common/errors.ts';
import { flavorOfFormat } from '../source/format-description.ts';
import type { RowsEvent, StatementItem, XaItem } from '../source/stream-item.ts';
import { parseTableMap } from '../source/table-map-event.ts';
import type { BatchWriter } from '../target/batch-writer.ts';
import type { Checkpoint, CheckpointStep } from '../target/checkpoint.ts';
import type { TargetSession } from '../target/session.ts';
import type { BarrierHandlers } from './apply-loop.ts';
import type { DdlExecutor } from './ddl/ddl-executor.ts';
import { parseStatement } from './ddl/statement.ts';
import { rewriteStatement } from './ddl/rewrite.ts';
import type { PipelineBoard } from './pipeline-board.ts';
import type { Router } from './router.ts';
import { XaStore } from './xa-store.ts';

export interface BarriersOptions {
  readonly session: TargetSession;
  readonly checkpoint: Checkpoint;
  readonly router: Router;
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
    const { router, writer, ddl, checkpoint, board, log, onSchemaChange } = this.#options;
    const rewritten = rewriteStatement(parseStatement(item.sql, item.context), {
      mapTable: router.route,
      mapSchema: router.routeSchema,
    });
    switch (rewritten.kind) {
      case 'ignore':
        log.info({ reason: rewritten.reason, position: item.end }, 'statement left out');
        board.statement('ignored');
        return writer.commit(step);
      case 'refuse':
        throw rewritten.error;
      case 'execute': {
        const outcome = await ddl.apply(item, rewritten, checkpoint.advanceSql(step));
        onSchemaChange();
        board.statement(outcome);
        log.info({ sql: rewritten.sql, outcome, position: item.end }, 'statement applied');
        return;
      }
      default:
        rewritten satisfies never;
    }
  }

  async xaPrepare(item: XaItem, step: CheckpointStep): Promise<void> {
    await this.#xa.save(item.xid, { events: item.events, format: item.format });
    await this.#options.writer.commit(step);
  }

  async xaRollback(item: XaItem, step: CheckpointStep): Promise<void> {
    await this.#xa.forget(item.xid);
    await this.#options.writer.commit(step);
  }

  async xaCommit(item: XaItem): Promise<{ events: readonly RowsEvent[]; format: Buffer; forget: () => Promise<void> }> {
    const prepared = await this.#xa.load(item.xid, (raw) => parseTableMap(raw, this.#options.router.route, flavorOfFormat(item.format)));
    if (prepared === null) {
      throw new LockkeeperError('LK1408', `XA COMMIT ${item.xid} came, but its rows were prepared before this pipeline began`, {
        found: `xid ${item.xid}`,
        details: { xid: item.xid, position: item.end },
      });
    }
    return { ...prepared, forget: () => this.#xa.forget(item.xid) };
  }
}
