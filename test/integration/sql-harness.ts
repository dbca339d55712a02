import type { TransactionItem } from '../../worker/source/stream-item.ts';
import { SqlWriter, type DivergencePolicy } from '../../worker/target/sql/sql-writer.ts';
import type { RowRun } from '../../worker/target/row-run.ts';
import { TargetSession } from '../../worker/target/session.ts';
import { TableMetadataCache } from '../../worker/target/table-metadata.ts';
import { readTransactions } from '../matrix/binlog.ts';
import type { DbServer } from '../servers/index.ts';
import { positionOf } from './source-helpers.ts';

/** The rows events of a transaction as they are, each a run of its own. */
export function runsOf({ events }: TransactionItem): RowRun[] {
  return events.map(({ table, operation, type, flags, head, images }) => ({
    table,
    operation,
    type,
    flags,
    head,
    images: [images],
    rows: 0,
    bytes: images.length,
  }));
}

/** A writer on a session of its own. */
export class SqlApplier {
  readonly session: TargetSession;
  readonly writer: SqlWriter;

  private constructor(session: TargetSession, policy: DivergencePolicy) {
    this.session = session;
    this.writer = new SqlWriter(session, new TableMetadataCache(session), policy);
  }

  static async open(server: DbServer, policy: DivergencePolicy = 'Stop'): Promise<SqlApplier> {
    const { host, port, user, password } = server;
    return new SqlApplier(await TargetSession.open({ host, port, user, password }), policy);
  }

  [Symbol.dispose](): void {
    this.session.destroy();
  }
}

/** Runs SQL at the source and returns the transactions with rows that it made in schema `from`, routed into `to`. */
export async function captured(
  source: DbServer,
  from: string,
  to: string,
  work: () => Promise<unknown>,
): Promise<TransactionItem[]> {
  const start = await positionOf(source);
  await work();
  return readTransactions(source, start, (schema, table) => (schema === from ? { schema: to, table } : null));
}
