import { asLockkeeperError, LockkeeperError } from '../../common/errors.ts';
import type { MysqlEndpoint } from '../../common/mysql-endpoint.ts';
import { Dump } from './dump-connection.ts';
import { eventTimestamp, eventType } from './event-header.ts';
import { EventReader } from './event-reader.ts';
import { EventType } from './event-types.ts';
import type { SourcePosition } from './position.ts';
import { PositionTracker } from './position-tracker.ts';
import type { StreamItem } from './stream-item.ts';

/** Who asks: a replica's identity and the server it reads. */
export interface ScanSource {
  readonly endpoint: MysqlEndpoint;
  readonly serverId: number;
  readonly replicaUuid: string;
  /** Ends what is being read; it rejects with LK1102 then. */
  readonly signal?: AbortSignal;
}

const HEARTBEAT_SECONDS = 5;
const PART_BYTES = 1 << 20;

/**
 * Reads events from `start` (file and offset) until `visit` answers true or the log ends as it is now. While a promise of an
 * answer is open no further event comes.
 */
async function dumpUntil(
  source: ScanSource,
  start: SourcePosition,
  visit: (event: Buffer) => boolean | Promise<boolean>,
): Promise<void> {
  const end = Promise.withResolvers<void>();
  let done = false;
  const answer = (stop: boolean) => {
    if (!stop) return;
    done = true;
    end.resolve();
  };
  const fail = (error: unknown) => {
    done = true;
    end.reject(asLockkeeperError(error, 'LK1203'));
  };
  const dump: Dump = new Dump({
    ...source,
    start,
    byGtid: false,
    heartbeatSeconds: HEARTBEAT_SECONDS,
    untilEnd: true,
    onEvent: (event) => {
      if (done) return;
      const stop = visit(event);
      if (typeof stop === 'boolean') return answer(stop);
      dump.pause();
      void stop.then(answer, fail).then(() => dump.resume());
    },
    onEnd: (error: LockkeeperError | null) => (error === null ? end.resolve() : end.reject(error)),
  });
  end.promise.catch(() => undefined); // it may fail while `opened` is awaited, and is awaited after it
  const abort = () => fail(new LockkeeperError('LK1102', 'reading the binlog was given up'));
  source.signal?.addEventListener('abort', abort);
  try {
    if (source.signal?.aborted) abort();
    await Promise.race([dump.opened, end.promise]);
    await end.promise;
  } finally {
    source.signal?.removeEventListener('abort', abort);
    await dump.close();
  }
}

/** When a binlog file was begun, seconds since 1970; null when it says nothing. */
export async function beginOfFile(source: ScanSource, start: SourcePosition): Promise<number | null> {
  let seconds: number | null = null;
  await dumpUntil(source, start, (event) => {
    if (eventType(event) !== EventType.FORMAT_DESCRIPTION) return false;
    seconds = eventTimestamp(event) || null;
    return true;
  });
  return seconds;
}

/** Looks at what one event completed: its items (most often none) and the position after it. Answers true to stop after it. */
export type EventVisitor = (
  event: Buffer,
  items: readonly StreamItem[],
  before: SourcePosition,
  after: SourcePosition,
) => boolean;

/**
 * Walks the transactions of the binlog from `start` without their rows. Returns false when the log's end was reached without
 * the visitor stopping, and the position after the last transaction walked over.
 */
export async function walkBinlog(
  source: ScanSource,
  start: SourcePosition,
  visit: EventVisitor,
): Promise<{ readonly stopped: boolean; readonly position: SourcePosition }> {
  const tracker = new PositionTracker(start);
  let items: StreamItem[] = [];
  let stopped = false;
  const reader = new EventReader({
    flavor: start.flavor,
    route: () => null,
    emit: (item) => void items.push(item),
    partBytes: PART_BYTES,
    start,
  });
  let position = start;
  const look = (event: Buffer): boolean => {
    if (items.length === 0) return (stopped = visit(event, items, position, position));
    const before = position;
    for (const item of items) tracker.take(item);
    position = tracker.position();
    stopped = visit(event, items, before, position);
    items = [];
    return stopped;
  };
  await dumpUntil(source, start, (event) => {
    const busy = reader.push(event);
    return busy instanceof Promise ? busy.then(() => look(event)) : look(event);
  });
  return { stopped, position };
}
