import { startMysql, type DbServer } from '../servers/index.ts';
import { LockkeeperProcess, writeManifests, type Usage } from './lockkeeper.ts';
import { drainNatively, executed } from './native-replica.ts';
import type { Workload } from './workloads.ts';

export interface DrainResult {
  readonly how: string;
  readonly rowsPerSecond: number;
  readonly usage: Usage | null;
}

/** A source whose binlog holds a workload that nobody has applied yet. */
export interface Backlog {
  readonly workload: Workload;
  readonly source: DbServer;
  readonly rows: number;
  /** What the source had executed before the workload. */
  readonly before: string;
  readonly until: string;
}

export async function buildBacklog(workload: Workload): Promise<Backlog> {
  const source = await startMysql({ name: 'bench-source' });
  await workload.prepare(source);
  const before = await executed(source);
  const rows = await workload.write(source);
  return { workload, source, rows, before, until: await executed(source) };
}

/** A durable target in the state that the source had before the workload. */
async function freshTarget(backlog: Backlog): Promise<DbServer> {
  const target = await startMysql({ name: 'bench-target', durable: true });
  await backlog.workload.prepare(target);
  await target.query(`SET GLOBAL gtid_purged='+${backlog.before}'`);
  return target;
}

export async function drainWithReplica(backlog: Backlog, workers: number): Promise<DrainResult> {
  await using target = await freshTarget(backlog);
  const seconds = await drainNatively(backlog.source, target, workers);
  await compare(backlog, target);
  return {
    how: `native replica, ${workers} worker${workers === 1 ? '' : 's'}`,
    rowsPerSecond: backlog.rows / seconds,
    usage: null,
  };
}

export async function drainWithLockkeeper(backlog: Backlog, how: string, apply: Record<string, unknown>): Promise<DrainResult> {
  await using target = await freshTarget(backlog);
  const manifest = writeManifests(backlog.source, target, { start: backlog.before, initialLoad: 'Never', apply });
  const worker = new LockkeeperProcess(manifest);
  try {
    const usage = await worker.until(async () => {
      const [row] = await target
        .query(`SELECT GTID_SUBSET('${backlog.until}', gtid_set) AS done FROM lockkeeper.checkpoint`)
        .catch(() => []);
      return row?.['done'] === 1;
    });
    await compare(backlog, target);
    return { how, rowsPerSecond: backlog.rows / usage.seconds, usage };
  } finally {
    await worker.stop();
  }
}

/** A drain that does not end in the source's data is no result. */
async function compare(backlog: Backlog, target: DbServer): Promise<void> {
  const { source } = backlog;
  const tables = await source.query(
    "SELECT CONCAT(table_schema, '.', table_name) AS name FROM information_schema.tables WHERE table_schema IN ('bench', 'sbtest')",
  );
  const list = tables.map((row) => String(row['name'])).join(', ');
  const [expected, found] = await Promise.all([source.query(`CHECKSUM TABLE ${list}`), target.query(`CHECKSUM TABLE ${list}`)]);
  if (JSON.stringify(expected) !== JSON.stringify(found)) {
    throw new Error(`checksums differ: source ${JSON.stringify(expected)}, target ${JSON.stringify(found)}`);
  }
}
