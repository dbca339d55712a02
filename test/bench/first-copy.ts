import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { runFolder, startMysql, sysbench, type DbServer } from '../servers/index.ts';
import { LockkeeperProcess, writeManifests, type Usage } from './lockkeeper.ts';

const run = promisify(execFile);

export interface CopyResult {
  readonly how: string;
  readonly rowsPerSecond: number;
  readonly seconds: number;
  readonly usage: Usage | null;
}

/** A source with `rows` rows in four tables as sysbench makes them. */
export async function copySource(rows: number): Promise<DbServer> {
  const source = await startMysql({ name: 'copy-source', config: { innodb_buffer_pool_size: '512M' } });
  await sysbench(source, [
    'oltp_write_only',
    '--tables=4',
    `--table-size=${rows / 4}`,
    '--threads=2',
    '--db-ps-mode=disable',
    'prepare',
  ]);
  return source;
}

async function copyTarget(): Promise<DbServer> {
  return startMysql({ name: 'copy-target', durable: true, config: { innodb_buffer_pool_size: '512M' } });
}

/** mydumper to files, then myloader from them, as people do it by hand. */
export async function copyWithMydumper(source: DbServer, rows: number, threads: number): Promise<CopyResult> {
  await using target = await copyTarget();
  const folder = `${runFolder('mydumper')}/dump`;
  const login = (server: DbServer) => [
    `--host=${server.host}`,
    `--port=${server.port}`,
    `--user=${server.user}`,
    `--password=${server.password}`,
  ];
  // The Debian tools use MariaDB's client library, which cannot do caching_sha2_password's full exchange without TLS.
  const started = performance.now();
  await run('mydumper', [
    ...login(source),
    '--ssl',
    `--threads=${threads}`,
    '--database=sbtest',
    '--rows=50000',
    `--outputdir=${folder}`,
  ]);
  await run('myloader', [
    ...login(target),
    '--ssl',
    `--threads=${threads}`,
    `--directory=${folder}`,
    '--overwrite-tables',
    '--enable-binlog',
  ]);
  const seconds = (performance.now() - started) / 1000;
  await compare(source, target);
  return { how: `mydumper and myloader, ${threads} threads`, rowsPerSecond: rows / seconds, seconds, usage: null };
}

export async function copyWithLockkeeper(source: DbServer, rows: number, parallelism: number): Promise<CopyResult> {
  await using target = await copyTarget();
  const manifest = writeManifests(source, target, { start: null, initialLoad: 'WhenNew', parallelism, include: 'sbtest\\..*' });
  const started = performance.now();
  const worker = new LockkeeperProcess(manifest);
  try {
    const usage = await worker.until(async () => {
      const [row] = await target.query('SELECT journal FROM lockkeeper.checkpoint').catch(() => []);
      return row !== undefined && row['journal'] !== null;
    }, started);
    await compare(source, target);
    return {
      how: `lockkeeper first copy, parallelism ${parallelism}`,
      rowsPerSecond: rows / usage.seconds,
      seconds: usage.seconds,
      usage,
    };
  } finally {
    await worker.stop();
  }
}

async function compare(source: DbServer, target: DbServer): Promise<void> {
  const list = [1, 2, 3, 4].map((n) => `sbtest.sbtest${n}`).join(', ');
  const [expected, found] = await Promise.all([source.query(`CHECKSUM TABLE ${list}`), target.query(`CHECKSUM TABLE ${list}`)]);
  if (JSON.stringify(expected) !== JSON.stringify(found)) {
    throw new Error(`first copy differs: source ${JSON.stringify(expected)}, target ${JSON.stringify(found)}`);
  }
}
