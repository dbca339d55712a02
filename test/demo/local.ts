import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { formatError, LockkeeperError, messageOf } from '../../common/errors.ts';
import { expectSameData, startMysql, startZookeeper, type DbServer, type ZkCluster } from '../servers/index.ts';
import { LockkeeperProcess } from '../support/lockkeeper-process.ts';
import { instanceDocuments, pipelineDocuments, writeManifest } from '../support/manifests.ts';
import type { PipelineStatus } from '../../worker/pipeline/pipeline-status.ts';
import { bar, count, Narrator } from './narrator.ts';
import { createShop, Shoppers, transactionsIn } from './shop.ts';

/**
 * `make demo-local`: a pipeline between two MySQL servers, led by one of two workers that elect their leader through a
 * ZooKeeper ensemble; all of them processes of this machine, which die with this one however it ends.
 */
const FOLLOW_SECONDS = 8;
const AFTER_TAKEOVER_SECONDS = 4;
const TRANSACTIONS_PER_SECOND = 150;

/** Name of the pipeline. */
const PIPELINE = 'shop-to-east';

const tell = new Narrator();

/** A worker and what it is called. */
interface Worker {
  readonly id: string;
  readonly process: LockkeeperProcess;
}

async function startWorker(id: string, manifest: string, { connectString }: ZkCluster): Promise<Worker> {
  return { id, process: await LockkeeperProcess.run(manifest, { args: ['--zookeeper', connectString, '--worker-id', id] }) };
}

function wait({ process: worker }: Worker, wanted: (status: PipelineStatus) => boolean): Promise<PipelineStatus> {
  return worker.until(PIPELINE, wanted);
}

interface Stage {
  readonly source: DbServer;
  readonly target: DbServer;
  readonly ensemble: ZkCluster;
}

async function play(): Promise<void> {
  tell.title(
    'Lockkeeper on one machine: two MySQL servers, a ZooKeeper ensemble, two workers',
    'About a minute and a half. Everything is a real process on 127.0.0.1 and is removed at the end; Ctrl-C does the same.',
  );
  const stage = await setUp();
  const manifest = writeManifest(
    instanceDocuments({
      name: 'shop',
      source: stage.source,
      serverId: 1000,
      spec: { filter: { include: ['shop\\..*'] }, heartbeat: {} },
    }),
    pipelineDocuments({ name: PIPELINE, instance: 'shop', target: stage.target }),
  );
  const shoppers = new Shoppers(stage.source, TRANSACTIONS_PER_SECOND);
  const workers = await firstCopy(stage, manifest, shoppers);
  await follow(stage, workers[0], shoppers);
  const takeover = await killLeader(stage, workers, shoppers);
  const compared = await compare(stage, workers[1], shoppers);
  await cleanUp(stage, workers[1], { takeover, compared, transactions: shoppers.committed });
}

async function setUp(): Promise<Stage> {
  tell.step(
    'Start the servers and fill the source',
    'A source and a target MySQL, and a ZooKeeper ensemble of three voters and one observer, which is what a far region would have.',
  );
  tell.moving('starting...');
  const [source, target, ensemble] = await Promise.all([
    startMysql({ name: 'source', durable: true }),
    startMysql({ name: 'target', durable: true }),
    startZookeeper({ voters: 3, observers: 1 }),
  ]);
  const modes = await Promise.all(ensemble.members.map(async (member) => `${member.port} ${await member.mode()}`));
  tell.table([
    ['source', `MySQL ${source.version}`, `${source.host}:${source.port}`],
    ['target', `MySQL ${target.version}`, `${target.host}:${target.port}`],
    ['ZooKeeper', `${modes.length} servers`, modes.join(', ')],
  ]);
  tell.moving('creating a shop at the source...');
  await createShop(source);
  tell.line(`The source has a shop: ${await tablesOf(source)}. The target is empty.`);
  return { source, target, ensemble };
}

async function firstCopy({ target, ensemble }: Stage, manifest: string, shoppers: Shoppers): Promise<[Worker, Worker]> {
  tell.step(
    'Start two workers; customers shop meanwhile',
    'Both read the same manifest, the one that Kubernetes would get. One is elected leader of the pipeline and copies the tables ' +
      'in chunks; the rows that change under its hands are caught up from the binlog afterwards.',
  );
  const first = await startWorker('worker-1', manifest, ensemble);
  tell.line(tell.strong(`lockkeeper run -f ${manifest.split('/').at(-1)} --zookeeper ${ensemble.connectString}`));
  for (const line of manifestSummary(manifest)) tell.line(`  ${line}`);
  shoppers.start();
  await wait(first, (status) => status.phase === 'copying' || status.phase === 'running');
  const second = await startWorker('worker-2', manifest, ensemble);
  for (;;) {
    const status = await wait(first, () => true);
    const load = status.initialLoad;
    if (load !== null) {
      const share = load.rowsTotalEstimate > 0 ? load.rowsDone / load.rowsTotalEstimate : 0;
      tell.moving(
        `first copy ${bar(share)} ${count(load.rowsDone)} rows, ${count(load.rowsPerSecond)} rows/s; ` +
          `${count(shoppers.committed)} transactions written meanwhile`,
      );
    }
    if (status.phase === 'running') {
      tell.good(`first copy done: ${count(load?.rowsDone ?? 0)} rows at ${count(load?.rowsPerSecond ?? 0)} rows/s`);
      break;
    }
    await sleep(200);
  }
  await wait(second, (status) => status.phase === 'following');
  await until('the target has caught up', async () => (await transactionsIn(target)).ledger > shoppers.committed * 0.95);
  tell.good(`caught up with the ${count(shoppers.committed)} transactions that were written during the copy`);
  return [first, second];
}

async function follow({ target }: Stage, leader: Worker, shoppers: Shoppers): Promise<void> {
  tell.step(
    'Follow the source live',
    `Up to ${TRANSACTIONS_PER_SECOND} transactions a second: orders, moved customers, deletions, hot stock rows. The lag is the time from a commit at the source ` +
      `to the same commit at the target, as the leader’s /status tells it.`,
  );
  const columns = ['second', 'leader', 'committed at source', 'at target', 'lag'];
  const row = (cells: readonly string[]) =>
    tell.line(
      cells
        .map((cell, i) => cell.padEnd(columns[i]!.length + 4))
        .join('')
        .trimEnd(),
    );
  row(columns);
  for (let second = 1; second <= FOLLOW_SECONDS; second++) {
    await sleep(1000);
    const status = await wait(leader, ({ phase }) => phase === 'running');
    const committed = shoppers.committed;
    const { ledger } = await transactionsIn(target);
    row([
      String(second),
      status.worker,
      count(committed),
      count(ledger),
      `${Math.round((status.lag.applySeconds ?? 0) * 1000)} ms`,
    ]);
  }
}

async function killLeader({ target }: Stage, [leader, other]: [Worker, Worker], shoppers: Shoppers): Promise<number> {
  tell.step(
    `Kill the leader: kill -9 ${leader.process.pid}`,
    'No goodbye: a transaction may be half written. The database rolls that back, and since rows and position commit together, ' +
      'the next leader goes on exactly behind the last commit. It waits for the dead session to expire: 6 s by default.',
  );
  const killed = performance.now();
  await leader.process.kill9();
  const seconds = () => (performance.now() - killed) / 1000;
  let elected: number | null = null;
  /** What is there when the second worker begins to lead. */
  let before = 0;
  for (;;) {
    const status = await other.process.status(PIPELINE).catch(() => null);
    if (elected === null && status !== null && status.epoch !== null) {
      elected = seconds();
      tell.line(
        `${elected.toFixed(1)} s  ${status.worker} leads, epoch ${status.epoch}: any write of epoch ${status.epoch - 1} is now refused by the target itself`,
      );
    }
    const { ledger } = await transactionsIn(target);
    if (elected === null) before = ledger;
    else if (ledger > before) break;
    if (elected === null)
      tell.moving(`${seconds().toFixed(1)} s  nobody leads; the source goes on: ${count(shoppers.committed)} committed`);
    if (seconds() > 30)
      throw new Error(`no takeover after 30 s; the log of ${other.id}:\n${other.process.stderr().slice(-3000)}`);
    await sleep(30);
  }
  const flowing = seconds();
  tell.line(`${flowing.toFixed(1)} s  rows flow again`);
  tell.good(`takeover in ${flowing.toFixed(1)} s (goal: under 10 s)`);
  await sleep(AFTER_TAKEOVER_SECONDS * 1000);
  return flowing;
}

async function compare(
  { source, target }: Stage,
  leader: Worker,
  shoppers: Shoppers,
): Promise<{ readonly tables: number; readonly rows: number }> {
  tell.step(
    'Stop the customers and compare both sides',
    'Every row of every table is compared byte by byte. Each source transaction also wrote its own number and added one to a ' +
      'counter, so that a lost or doubled one would show.',
  );
  await shoppers.stop();
  const stopped = performance.now();
  await until('the target has everything', async () => (await transactionsIn(target)).ledger === shoppers.committed, 60);
  tell.line(`The target had the last transaction ${Math.round(performance.now() - stopped)} ms after the customers had left.`);
  tell.moving('comparing...');
  const compared = await expectSameData(source, target);
  tell.good(`${compared.tables} tables, ${count(compared.rows)} rows: equal to the byte`);
  const [here, there] = [await transactionsIn(source), await transactionsIn(target)];
  tell.table([
    ['', 'numbers written', 'counter'],
    ['source', count(here.ledger), count(here.counter)],
    ['target', count(there.ledger), count(there.counter)],
  ]);
  if (there.ledger !== shoppers.committed || there.counter !== shoppers.committed) {
    throw new Error(`the source committed ${shoppers.committed} transactions; the target has ${JSON.stringify(there)}`);
  }
  tell.good('each transaction arrived exactly once');
  const refused = await leader.process.metric('lockkeeper_fenced_writes_total');
  const divergent = await leader.process.metric('lockkeeper_divergent_rows_total');
  tell.line(`Metrics of ${leader.id}: ${count(refused)} fenced writes, ${count(divergent)} divergent rows.`);
  return compared;
}

interface Totals {
  readonly takeover: number;
  readonly compared: { readonly tables: number; readonly rows: number };
  readonly transactions: number;
}

async function cleanUp(stage: Stage, worker: Worker, totals: Totals): Promise<void> {
  tell.step(
    'Clean up',
    'SIGTERM lets a worker finish its batch and give up its leadership, so that another would follow within two seconds.',
  );
  const asked = performance.now();
  const code = await worker.process.stop();
  if (code !== 0) throw new Error(`${worker.id} ended with ${code}:\n${worker.process.stderr().slice(-3000)}`);
  tell.good(`${worker.id} drained and ended in ${Math.round(performance.now() - asked)} ms`);
  await Promise.all([stage.source.kill9(), stage.target.kill9(), ...stage.ensemble.members.map((member) => member.kill9())]);
  tell.good('all servers ended, their data removed');
  tell.line();
  tell.line(
    tell.strong(
      `${count(totals.transactions)} transactions, ${count(totals.compared.rows)} rows equal, leader killed and replaced in ` +
        `${totals.takeover.toFixed(1)} s, nothing lost, nothing doubled.`,
    ),
  );
  tell.line('Next: README.md shows how to run a pipeline between your own servers; `make bench` measures it.');
  tell.line();
}

async function until(what: string, holds: () => Promise<boolean>, seconds = 60): Promise<void> {
  const deadline = performance.now() + seconds * 1000;
  while (!(await holds())) {
    if (performance.now() > deadline) throw new Error(`waited ${seconds} s in vain until ${what}`);
    await sleep(50);
  }
}

async function tablesOf(server: DbServer): Promise<string> {
  const tables: string[] = [];
  for (const table of ['customers', 'products', 'orders', 'items']) {
    const [row] = await server.query(`SELECT COUNT(*) AS n FROM shop.${table}`);
    tables.push(`${count(Number(row?.['n']))} ${table}`);
  }
  return tables.join(', ');
}

/** The documents of a manifest, each as one line. */
function manifestSummary(file: string): string[] {
  return readFileSync(file, 'utf8')
    .split('---\n')
    .map((document) => `${/^kind: (.*)$/m.exec(document)?.[1] ?? '?'} ${/^ {2}name: (.*)$/m.exec(document)?.[1] ?? ''}`)
    .map((line) => `- ${line}`);
}

// Processes that this one started are ended, and their folders removed, when it exits (test/servers/process.ts).
for (const [signal, code] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
  ['SIGHUP', 129],
] as const) {
  process.on(signal, () => {
    tell.settle();
    tell.bad(`stopped by ${signal}; everything that was started is being ended`);
    process.exit(code);
  });
}

try {
  await play();
  process.exit(0);
} catch (error) {
  tell.bad(
    error instanceof LockkeeperError
      ? formatError(error)
      : error instanceof Error
        ? (error.stack ?? error.message)
        : messageOf(error),
  );
  process.exit(1);
}
