import { createHash } from 'node:crypto';
import type { StatementItem } from '../../source/stream-item.ts';
import { clientCharset } from './client-charset.ts';
import type { NewDdlRecord } from './ddl-table.ts';
import type { RewrittenStatement } from './rewrite.ts';

/**
 * The record of a statement that is about to run. Its id is the same whenever the statement comes again, from whichever server.
 *
 * With a GTID the file does not count: after a failover the same statement lies elsewhere. Time and text tell histories apart
 * that use a GTID or position for the second time (RESET BINARY LOGS AND GTIDS).
 */
export function describeStatement(
  item: StatementItem,
  rewritten: RewrittenStatement,
  serverUuid: string,
  epoch: number,
): NewDdlRecord {
  const { gtid } = item.head;
  const { journal, offset } = item.end;
  const sha256 = createHash('sha256').update(item.sql).digest('hex');
  const place = gtid ?? `${serverUuid}/${journal}:${offset}`;
  const identity = `${place}\n${Math.floor(item.context.timestamp)}\n${sha256}`;
  const charset = clientCharset(item.context.charset?.client ?? null);
  const readable = (bytes: string) => charset.decode(bytes) ?? bytes;
  return {
    id: createHash('sha256').update(identity).digest('hex').slice(0, 32),
    state: 'started',
    gtid,
    serverUuid,
    journal,
    position: offset,
    statement: readable(item.sql.toString('latin1')),
    sha256,
    executed: rewritten.kind === 'execute' ? readable(rewritten.sql) : null,
    fingerprint: null,
    error: null,
    epoch,
  };
}
