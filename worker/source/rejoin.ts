import { LockkeeperError } from '../../common/errors.ts';
import { walkBinlog, type ScanSource } from './binlog-scan.ts';
import { nowhere } from './current-position.ts';
import type { SourceSession } from './endpoint.ts';
import type { SourcePosition } from './position.ts';
import type { ServerFacts } from './server-facts.ts';
import { existingFiles, FIRST_OFFSET, lastFileBegunBefore } from './start-position.ts';
import type { StreamItem, TransactionHead } from './stream-item.ts';

/** How far the clocks of two servers may be apart. */
const CLOCK_SKEW_SECONDS = 60;

/**
 * Where to go on at another server of the same history when the position has no GTIDs: behind the transaction that was the last,
 * known by the time of its commit at its origin, which replicas keep to the microsecond.
 *
 * It is exact or refused: that transaction must be there, and all others of the log must be older before it and younger behind it,
 * so that both servers wrote them in one order. What the server itself wrote after it took over is not judged by its own clock.
 * Rejects with LK1110 when that is not so.
 */
export async function rejoin(
  session: SourceSession,
  source: ScanSource,
  facts: ServerFacts,
  position: SourcePosition,
): Promise<SourcePosition> {
  if (position.timestampMicros === 0) throw refusal(session, position, 'the pipeline has read no transaction yet');
  await requireOrder(session, position);
  const files = await existingFiles(session);
  const seconds = Math.floor(position.timestampMicros / 1e6) - CLOCK_SKEW_SECONDS;
  const first = Math.max(await lastFileBegunBefore(source, facts, files, seconds), 0);
  const search = new Search(position.timestampMicros, facts.serverId);
  const begin = { ...nowhere(facts), journal: files[first]!.journal, offset: FIRST_OFFSET };
  await walkBinlog(source, begin, (_event, items, _before, after) => {
    for (const item of items) if (isTransaction(item)) search.look(item.head, after);
    return search.doubt !== null;
  });
  const asked = new Date(position.timestampMicros / 1000).toISOString();
  if (search.doubt !== null) throw refusal(session, position, search.doubt);
  if (search.found === null) {
    throw refusal(session, position, `it does not have, or not yet, the last transaction that was read, committed at ${asked}`);
  }
  return search.found;
}

/** Looks for the transaction of one time among those of a log, in their order. */
export class Search {
  readonly #micros: number;
  readonly #serverId: number;
  found: SourcePosition | null = null;
  doubt: string | null = null;

  /** `serverId`: the server whose log it is. */
  constructor(micros: number, serverId: number) {
    this.#micros = micros;
    this.#serverId = serverId;
  }

  look({ commitMicros, serverId }: TransactionHead, after: SourcePosition): void {
    if (this.found === null) {
      if (commitMicros === this.#micros) this.found = after;
      else if (commitMicros > this.#micros) this.doubt ??= 'younger transactions stand before it in the log';
    } else if (commitMicros <= this.#micros && serverId !== this.#serverId) {
      this.doubt ??= 'transactions of the same time or older ones stand behind it in the log';
    }
  }
}

function isTransaction(item: StreamItem): item is Extract<StreamItem, { head: TransactionHead }> {
  switch (item.kind) {
    case 'heartbeat':
    case 'restart':
      return false;
    case 'statement':
      return item.beforeRows !== true;
    case 'part':
      return item.last;
    case 'xa-part':
      return false;
    case 'transaction':
    case 'xa-prepare':
    case 'xa-commit':
    case 'xa-rollback':
      return true;
    default:
      return item satisfies never;
  }
}

/** What a replica has yet to apply comes in the order of its source only under these settings. */
async function requireOrder(session: SourceSession, position: SourcePosition): Promise<void> {
  const names = ['parallel_workers', 'preserve_commit_order'];
  const wanted = names.flatMap((name) => [`'replica_${name}'`, `'slave_${name}'`]).join(',');
  const rows = await session.query(`SHOW GLOBAL VARIABLES WHERE Variable_name IN (${wanted})`);
  const settings = new Map(rows.map((row) => [row['Variable_name']?.replace(/^[a-z]+_/, ''), row['Value']]));
  if (Number(settings.get('parallel_workers')) <= 1 || settings.get('preserve_commit_order') === 'ON') return;
  throw refusal(session, position, 'it commits in an order of its own (replica_preserve_commit_order is OFF)');
}

export function refusal(session: SourceSession, position: SourcePosition, why: string): LockkeeperError {
  return new LockkeeperError('LK1110', `${session.server} is another server, where to go on there is not certain: ${why}`, {
    found: `position of server ${position.serverUuid}, ${position.journal}:${position.offset}, without GTIDs`,
    remedy:
      'Bring the former server back, or wait until this one has applied all. If neither can be, copy the tables anew with spec.initialLoad.mode: Always. With gtid_mode = ON at both servers the place is always known.',
    details: { server: session.server, position },
  });
}
