import { eventServerId, eventTimestamp } from './event-header.ts';
import type { Flavor } from './position.ts';
import { isBegin, type QueryEvent } from './query-event.ts';
import { statementKind, withoutStartTransaction } from './statement-kind.ts';
import { readStatementContext } from './status-variables.ts';
import { EventFault } from './stream-error.ts';
import type { TransactionHead } from './stream-item.ts';
import { excerpt, type TransactionAssembler } from './transaction-assembler.ts';

/** MariaDB's two-phase ALTER: only the verdict is the statement, its start and a rollback change nothing. */
export type AlterPhase = 'none' | 'start' | 'commit' | 'rollback';

/** Takes a QUERY event (no checksum) into the transaction at hand. Throws LK1205 where rows were logged as a statement. */
export function handleQuery(query: QueryEvent, assembler: TransactionAssembler, flavor: Flavor, alter: AlterPhase): void {
  const { event, sqlAt } = query;
  const anonymous = (): TransactionHead => anonymousHead(event);
  if (isBegin(query)) {
    assembler.begin(anonymous);
    return;
  }
  const statement = statementKind(event.toString('latin1', sqlAt));
  switch (statement.kind) {
    case 'begin':
      return assembler.begin(anonymous);
    case 'commit':
      return assembler.commit();
    case 'rollback':
      return assembler.rollback();
    case 'savepoint':
      return assembler.savepoint(statement.name);
    case 'rollback-to':
      return assembler.rollbackTo(statement.name);
    case 'release':
    case 'xa-end':
      return;
    case 'xa-start':
      return assembler.beginXa(statement.xid, anonymous);
    case 'xa-prepare':
      return assembler.prepare(statement.xid);
    case 'xa-commit':
    case 'xa-rollback':
      return assembler.verdict(statement.kind, statement.xid, anonymous);
    case 'rows-as-text':
      throw new EventFault('LK1205', `${statement.word} was logged as a statement`, {
        statement: excerpt(event.subarray(sqlAt)),
      });
    case 'temporary-table':
      if (!assembler.isOpen) assembler.empty();
      return;
    case 'create-start-transaction':
    case 'other':
      break;
    default:
      statement satisfies never;
  }
  // A copy: a statement waits in queues and must not hold its packet.
  const sql = Buffer.from(event.subarray(sqlAt));
  if (statement.kind === 'other' && statement.word === '') {
    // Only a comment, as in the place of an event that we asked the server to leave out.
    if (!assembler.isOpen) assembler.empty();
    return;
  }
  if (alter === 'start' || alter === 'rollback') {
    assembler.empty();
    return;
  }
  const context = readStatementContext(query, flavor);
  if (!assembler.isOpen) {
    assembler.statement(sql, context, anonymous);
  } else if (statement.kind === 'create-start-transaction') {
    assembler.statementBeforeRows(withoutStartTransaction(sql), context);
  } else if (DEFINES_TABLE.has(statement.word)) {
    assembler.statementBeforeRows(sql, context);
  } else {
    throw new EventFault('LK1205', `${statement.word} was logged as a statement within a transaction`, {
      statement: excerpt(sql),
    });
  }
}

/** What MariaDB's CREATE [OR REPLACE] TABLE ... SELECT logs before its rows. */
const DEFINES_TABLE: ReadonlySet<string> = new Set(['CREATE', 'DROP']);

function anonymousHead(event: Buffer): TransactionHead {
  return {
    gtid: null,
    lastCommitted: 0,
    sequenceNumber: 0,
    commitGroup: 0,
    commitMicros: eventTimestamp(event) * 1e6,
    serverId: eventServerId(event),
  };
}
