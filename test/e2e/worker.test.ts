import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { createLoadTables, Load } from '../faults/load.ts';
import { transactions } from '../faults/site.ts';
import { Ticker } from '../faults/ticker.ts';
import { expectSameData, startMariadb, startMysql, startZookeeper, type DbServer, type ZkCluster } from '../servers/index.ts';
import { lockkeeper, LockkeeperProcess } from '../support/lockkeeper-process.ts';
import { SecretFolder } from '../support/secret-folder.ts';
import { TestOperator } from '../support/test-operator.ts';

/**
 * `lockkeeper worker` as pods run it: two processes that get all they know from ZooKeeper and from mounted Secrets, and somebody
 * who writes configurations as the operator does.
 */
const LOAD = [{ source: '/f\\.(.*)/', target: 'f.$1' }];

let source: DbServer;
let target: DbServer;
let ensemble: ZkCluster;
let instances = 0;
let serverId = 6000;
const open: { [Symbol.asyncDispose](): Promise<void> }[] = [];

beforeAll(async () => {
  [source, target, ensemble] = await Promise.all([
    startMysql({ name: 'source' }),
    startMysql({ name: 'target' }),
    startZookeeper({ voters: 1 }),
  ]);
  await source.query(
    "CREATE USER reader@'%' IDENTIFIED BY 'reading-1'; GRANT ALL ON *.* TO reader@'%'; CREATE DATABASE g; CREATE TABLE g.t (id INT PRIMARY KEY, v VARCHAR(20))",
  );
  await target.query("CREATE USER writer@'%' IDENTIFIED BY 'writing-1'; GRANT ALL ON *.* TO writer@'%'");
});
afterAll(async () => {
  await Promise.all([source?.kill9(), target?.kill9()]);
  await ensemble?.[Symbol.asyncDispose]();
});
afterEach(async () => {
  for (const each of open.splice(0).reverse()) await each[Symbol.asyncDispose]();
  await source.query("ALTER USER reader@'%' IDENTIFIED BY 'reading-1'; SET GLOBAL binlog_row_image='FULL'");
  await target.query(
    "ALTER USER writer@'%' IDENTIFIED BY 'writing-1'; DROP DATABASE IF EXISTS f; DROP DATABASE IF EXISTS g; DROP DATABASE IF EXISTS lockkeeper",
  );
});

interface Setup {
  /** Fields of the CanalInstance's spec. */
  readonly instance?: Readonly<Record<string, unknown>>;
  readonly workers?: readonly { readonly id: string; readonly region: string }[];
}

/** An instance of its own with its workers and their Secrets, ready and without pipelines. */
class Site {
  readonly operator: TestOperator;
  readonly secrets = new SecretFolder();
  readonly workers = new Map<string, LockkeeperProcess>();

  private constructor(operator: TestOperator) {
    this.operator = operator;
    this.secrets.put('reader', { username: 'reader', password: 'reading-1' });
    this.secrets.put('writer', { username: 'writer', password: 'writing-1' });
  }

  static async start({
    instance,
    workers = [
      { id: 'w1', region: 'home' },
      { id: 'w2', region: 'home' },
    ],
  }: Setup = {}): Promise<Site> {
    serverId += 20;
    const operator = await TestOperator.start(ensemble.connectString, `i${++instances}`, {
      master: { host: source.host, port: source.port },
      credentialsSecretRef: { name: 'reader' },
      serverId,
      heartbeat: { intervalSeconds: 0.5, failoverAfterMisses: 20 },
      ...instance,
    });
    const site = new Site(operator);
    open.push(site);
    await Promise.all(workers.map(({ id, region }) => site.launch(id, region)));
    return site;
  }

  async launch(id: string, region = 'home', env: Readonly<Record<string, string>> = {}): Promise<LockkeeperProcess> {
    // Half of the options as a Deployment gives them.
    const worker = await LockkeeperProcess.worker({
      args: ['--region', region, '--worker-id', id, '--secrets-dir', this.secrets.path],
      env: {
        LOCKKEEPER_ZOOKEEPER: ensemble.connectString,
        LOCKKEEPER_NAMESPACE: this.operator.ref.namespace,
        LOCKKEEPER_INSTANCE: this.operator.ref.instance,
        LOCKKEEPER_LOG_LEVEL: 'info',
        ...env,
      },
    });
    this.workers.set(id, worker);
    await expect.poll(() => worker.get('/readyz').catch(() => null), { timeout: 60_000 }).toEqual({ code: 200, body: 'ok\n' });
    return worker;
  }

  apply(name: string, spec: Readonly<Record<string, unknown>>): Promise<number> {
    return this.operator.apply(name, {
      region: 'home',
      onError: { retries: 1000, maxBackoffSeconds: 0.5 },
      target: { host: target.host, port: target.port, credentialsSecretRef: { name: 'writer' } },
      ...spec,
    });
  }

  async leader(name: string): Promise<{ id: string; process: LockkeeperProcess }> {
    await expect.poll(() => this.operator.leaderOf(name), { timeout: 60_000 }).not.toBeNull();
    const id = (await this.operator.leaderOf(name))!;
    return { id, process: this.workers.get(id)! };
  }

  async untilCaughtUp(name: string): Promise<void> {
    await (await this.leader(name)).process.untilCaughtUp(name, source, target);
  }

  pids(): number[] {
    return [...this.workers.values()].map(({ pid }) => pid);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.workers.values()].map((worker) => worker.kill9()));
    await this.operator.close();
  }
}

const is = (phase: string) => (report: { phase: string }) => report.phase === phase;

async function startLoad(perSecond = 100): Promise<Load> {
  await source.query('DROP DATABASE IF EXISTS f');
  await createLoadTables(source);
  const load = new Load(source, { seed: ++serverId, perSecond });
  open.push({ [Symbol.asyncDispose]: () => load.stop() });
  return load.start();
}

/** With nothing being written any more, both sides of the load are equal and hold each transaction once. */
async function expectExactlyOnce(site: Site, name: string, load: Load): Promise<void> {
  await load.pause();
  await site.untilCaughtUp(name);
  const [here, there] = [await transactions(source), await transactions(target)];
  expect(there).toEqual(here);
  expect(here).toMatchObject({ distinct: here.rows, counted: here.rows });
  const tables = await source.query("SELECT TABLE_NAME AS name FROM information_schema.TABLES WHERE TABLE_SCHEMA='f'");
  await expectSameData(source, target, {
    tables: tables.map(({ name: table }) => `f.${table}`).filter((table) => table !== 'f.ticks'),
  });
}

async function ofTarget(table: string): Promise<number> {
  const [row] = await target.query(`SELECT COUNT(*) AS n FROM ${table}`).catch(() => [{ n: -1 }]);
  return Number(row!['n']);
}

/** Ends all sessions of an account, as a server's restart would. */
async function disconnect(server: DbServer, user: string): Promise<void> {
  for (const { id } of await server.query('SELECT ID AS id FROM information_schema.PROCESSLIST WHERE USER=?', [user])) {
    await server.query(`KILL ${id}`).catch(() => undefined);
  }
}

/** Servers are copies of one, and have its certificate authority until this. */
async function renewCertificates(server: DbServer): Promise<void> {
  await server.stop();
  const data = join(server.dir, 'data');
  for (const file of readdirSync(data)) if (file.endsWith('.pem')) rmSync(join(data, file));
  await server.start();
}

describe('pipelines', () => {
  test('come, change and go while the others run on', async () => {
    const site = await Site.start();
    const { operator } = site;
    expect([...(await operator.workers()).values()]).toMatchObject([
      { region: 'home', load: 0, pipelines: [] },
      { region: 'home', load: 0, pipelines: [] },
    ]);
    const load = await startLoad();
    await site.apply('first', { tables: LOAD });
    const first = await operator.until('first', is('running'));
    expect(first).toMatchObject({
      generation: 1,
      region: 'home',
      configError: null,
      position: { flavor: 'mysql' },
      lastError: null,
    });
    expect(first.initialLoad).toMatchObject({ tablesDone: 8, tablesTotal: 8 });
    const pids = site.pids();

    // A second one appears, and the first does not notice.
    await source.query("REPLACE INTO g.t VALUES (1, 'a')");
    await site.apply('second', { tables: [{ source: 'g.t' }] });
    await operator.until('second', is('running'));
    await expect.poll(() => ofTarget('g.t')).toBe(1);
    await expect
      .poll(async () => [await operator.leaderOf('first'), await operator.leaderOf('second')].sort())
      .toEqual(['w1', 'w2']);

    // It changes: other tables, at once.
    const begun = await operator.until('first', is('running'));
    await site.apply('second', { tables: [{ source: 'g.t' }, { source: 'g.u', target: 'g.renamed' }] });
    await operator.until('second', (report) => report.generation === 2 && report.phase === 'running');
    await source.query(
      "CREATE TABLE g.u (id INT PRIMARY KEY); INSERT INTO g.u VALUES (1), (2); REPLACE INTO g.t VALUES (2, 'b')",
    );
    await expect.poll(() => ofTarget('g.renamed'), { timeout: 30_000 }).toBe(2);
    expect(await ofTarget('g.t')).toBe(2);

    // It goes: drained, out of its election, with nothing changed at the target.
    const { process } = await site.leader('second');
    await operator.remove('second');
    expect(await operator.exists('second')).toBe(false);
    await expect.poll(() => operator.leaderOf('second')).toBeNull();
    expect((await process.statuses()).map(({ name }) => name)).toEqual(['first']);
    expect((await process.get('/metrics')).body).not.toContain('pipeline="second"');
    await source.query("REPLACE INTO g.t VALUES (3, 'c')");
    await sleep(1000);
    expect(await ofTarget('g.t')).toBe(2);
    const [checkpoint] = await target.query(
      "SELECT epoch, transactions FROM lockkeeper.checkpoint WHERE pipeline='default/second'",
    );
    expect(Number(checkpoint!['transactions'])).toBeGreaterThan(0);
    await sleep(1500);
    expect(await operator.exists('second')).toBe(false);

    // It comes back and goes on where it was.
    await site.apply('second', { tables: [{ source: 'g.t' }] });
    await operator.until('second', is('running'));
    await expect.poll(() => ofTarget('g.t')).toBe(3);
    expect((await operator.report('second'))!.epoch).toBeGreaterThan(Number(checkpoint!['epoch']));

    // Nothing of all this has touched the first, or a process.
    const after = await operator.until('first', is('running'));
    expect([after.epoch, after.leaderSince, after.worker]).toEqual([begun.epoch, begun.leaderSince, begun.worker]);
    expect(site.pids()).toEqual(pids);
    await expectExactlyOnce(site, 'first', load);
    await source.query('DROP TABLE g.u');
  });

  test('with a configuration of no use go on with the one before, or say that they cannot begin', async () => {
    const site = await Site.start();
    const { operator } = site;
    await site.apply('p', { tables: [{ source: 'g.t' }] });
    const before = await operator.until('p', is('running'));
    await operator.applyText('p', '{"format": 1, "name": "p", "surprise": true}');
    const refusing = await operator.until('p', ({ configError }) => configError !== null);
    expect(refusing).toMatchObject({ phase: 'running', generation: 1, epoch: before.epoch, configError: { code: 'LK1703' } });
    expect(refusing.configError!.remedy.length).toBeGreaterThan(10);
    await source.query("REPLACE INTO g.t VALUES (4, 'd')");
    await expect.poll(() => target.query('SELECT v FROM g.t WHERE id=4')).toEqual([{ v: 'd' }]);
    await site.apply('p', { tables: [{ source: 'g.t' }], divergence: 'Stop' });
    expect(await operator.until('p', ({ generation }) => generation === 2)).toMatchObject({ configError: null });

    await operator.applyText('never', 'no JSON at all');
    const never = await operator.until('never', is('suspended'));
    expect(never).toMatchObject({ epoch: null, configError: { code: 'LK1703', found: expect.stringContaining('not JSON') } });
    const { body } = await site.workers.get('w1')!.get('/status');
    expect(JSON.parse(body)).toMatchObject({
      worker: 'w1',
      instance: operator.ref.instance,
      refused: [{ name: 'never', error: { code: 'LK1703' } }],
    });
    await operator.remove('never');
    await site.apply('never', { tables: [{ source: 'g.t', target: 'g.twin' }], state: 'Stopped' });
    await operator.until('never', is('stopped'));
  });

  test('stop, pause and run as they are told', async () => {
    const site = await Site.start();
    const { operator } = site;
    const spec = { tables: [{ source: 'g.t' }] };
    await site.apply('p', spec);
    const running = await operator.until('p', is('running'));
    for (const [state, phase] of [
      ['Paused', 'paused'],
      ['Stopped', 'stopped'],
    ] as const) {
      await site.apply('p', { ...spec, state });
      expect(await operator.until('p', is(phase))).toMatchObject({ worker: running.worker, lastError: null });
      await source.query(`REPLACE INTO g.t VALUES (10, '${state}')`);
      await sleep(1500);
      expect(await target.query('SELECT v FROM g.t WHERE id=10')).not.toEqual([{ v: state }]);
      await site.apply('p', spec);
      await operator.until('p', is('running'));
      await expect.poll(() => target.query('SELECT v FROM g.t WHERE id=10')).toEqual([{ v: state }]);
    }
    // A leader that takes a stopped pipeline over shows where it stands without asking the target.
    await site.apply('p', { ...spec, state: 'Stopped' });
    const stopped = await operator.until('p', is('stopped'));
    expect(stopped.position).not.toBeNull();
    const { id, process } = await site.leader('p');
    expect(await process.stop()).toBe(0);
    site.workers.delete(id);
    const taken = await operator.until('p', ({ worker, phase }) => worker !== id && phase === 'stopped');
    expect(taken).toMatchObject({ epoch: null });
    await operator.until('p', ({ position }) => position !== null && position.offset === stopped.position!.offset);
  });

  test('go to workers of their region, and elsewhere while there are none', async () => {
    const site = await Site.start({
      workers: [
        { id: 'h1', region: 'home' },
        { id: 'e1', region: 'east' },
      ],
    });
    const { operator } = site;
    const spec = { tables: [{ source: 'g.t' }] };
    await site.apply('p', { ...spec, region: 'east' });
    await operator.until('p', is('running'));
    expect(await operator.leaderOf('p')).toBe('e1');
    await site.apply('p', { ...spec, region: 'home' });
    await operator.until('p', ({ worker, phase }) => worker === 'h1' && phase === 'running');
    await site.workers.get('h1')!.stop();
    site.workers.delete('h1');
    await operator.until('p', ({ worker, phase }) => worker === 'e1' && phase === 'running');
  });
});

describe('a leader', () => {
  test('that is killed with -9 has a successor: rows flow again in under 10 s', async () => {
    const site = await Site.start();
    const load = await startLoad();
    await site.apply('p', { tables: LOAD });
    await site.operator.until('p', is('running'));
    const ticker = await Ticker.start(source, target);
    open.push({ [Symbol.asyncDispose]: () => ticker.stop() });
    await ticker.untilVisible();
    ticker.longestDelay();
    const { id, process } = await site.leader('p');
    await process.kill9();
    site.workers.delete(id);
    await ticker.untilVisible();
    await sleep(1000);
    const longest = ticker.longestDelay();
    console.log(`kill -9: longest commit to visible ${Math.round(longest)} ms`);
    expect(longest).toBeLessThan(10_000);
    await ticker.stop();
    await expectExactlyOnce(site, 'p', load);
  });

  test('that gets SIGTERM drains and hands over: rows flow again in under 2 s', async () => {
    const site = await Site.start();
    const load = await startLoad();
    await site.apply('p', { tables: LOAD });
    await site.operator.until('p', is('running'));
    const ticker = await Ticker.start(source, target);
    open.push({ [Symbol.asyncDispose]: () => ticker.stop() });
    await ticker.untilVisible();
    ticker.longestDelay();
    const { id, process } = await site.leader('p');
    const [toldAt, code] = [performance.now(), await process.stop()];
    const ended = performance.now() - toldAt;
    site.workers.delete(id);
    await ticker.untilVisible();
    await sleep(1000);
    const longest = ticker.longestDelay();
    console.log(`SIGTERM: ended after ${Math.round(ended)} ms, longest commit to visible ${Math.round(longest)} ms`);
    expect(code).toBe(0);
    expect(ended).toBeLessThan(5_000);
    expect(longest).toBeLessThan(2_000);
    expect(await site.operator.workers()).not.toContain(id);
    await ticker.stop();
    await expectExactlyOnce(site, 'p', load);
  });
});

describe('Secrets', () => {
  test('rotated at the servers and in their folders lose nothing and restart nothing', async () => {
    const site = await Site.start();
    const load = await startLoad();
    await site.apply('p', { tables: LOAD });
    const before = await site.operator.until('p', is('running'));
    const pids = site.pids();

    // First at the servers, and only later in the folders: what runs goes on, what must connect waits for the new password.
    await source.query("ALTER USER reader@'%' IDENTIFIED BY 'reading-2'");
    await target.query("ALTER USER writer@'%' IDENTIFIED BY 'writing-2'");
    await sleep(1500);
    expect(await site.operator.report('p')).toMatchObject({
      phase: 'running',
      epoch: before.epoch,
      leaderSince: before.leaderSince,
    });
    await disconnect(target, 'writer');
    const refused = await site.operator.until('p', is('suspended'));
    expect(refused.lastError).toMatchObject({ code: 'LK1301' });
    expect(JSON.stringify(refused)).not.toContain('writing-');
    site.secrets.put('writer', { username: 'writer', password: 'writing-2' });
    site.secrets.put('reader', { username: 'reader', password: 'reading-2' });
    await site.operator.until('p', is('running'));

    // Folders and servers at once: the connections that break use the new password without a word.
    for (const round of [3, 4]) {
      site.secrets.put('reader', { username: 'reader', password: `reading-${round}` });
      site.secrets.put('writer', { username: 'writer', password: `writing-${round}` });
      await source.query(`ALTER USER reader@'%' IDENTIFIED BY 'reading-${round}'`);
      await target.query(`ALTER USER writer@'%' IDENTIFIED BY 'writing-${round}'`);
      await sleep(1000);
      await disconnect(round === 3 ? source : target, round === 3 ? 'reader' : 'writer');
      await sleep(2000);
      await site.untilCaughtUp('p');
    }
    // The source alone refuses the old password.
    await source.query("ALTER USER reader@'%' IDENTIFIED BY 'reading-5'");
    await disconnect(source, 'reader');
    await site.operator.until('p', ({ lastError, phase }) => phase === 'suspended' && lastError?.code === 'LK1101');
    site.secrets.put('reader', { username: 'reader', password: 'reading-5' });
    await site.operator.until('p', is('running'));
    await expectExactlyOnce(site, 'p', load);
    expect(site.pids()).toEqual(pids);
    for (const worker of site.workers.values()) expect(worker.hasEnded).toBe(false);
    const logs = [...site.workers.values()].map((worker) => worker.stderr()).join('');
    expect(logs).not.toMatch(/reading-|writing-/);
  });

  test('that are missing hold up only the pipelines that name them, until they come', async () => {
    const site = await Site.start();
    const { operator } = site;
    await site.apply('well', { tables: [{ source: 'g.t' }] });
    const missing = { host: target.host, port: target.port, credentialsSecretRef: { name: 'late' } };
    await site.apply('waits', { tables: [{ source: 'g.t', target: 'g.twin' }], target: missing });
    const waits = await operator.until('waits', is('suspended'));
    expect(waits.lastError).toMatchObject({ code: 'LK1005', message: 'Secret default/late is missing' });
    await operator.until('well', is('running'));
    site.secrets.put('late', { username: 'writer' });
    const half = await operator.until('waits', ({ lastError }) => lastError?.message.includes('password') === true);
    expect(half.lastError).toMatchObject({ code: 'LK1005', found: 'keys username' });
    site.secrets.put('late', { username: 'writer', password: 'writing-1' });
    await operator.until('waits', is('running'));
    await expect.poll(() => ofTarget('g.twin')).toBe(await ofTarget('g.t'));
    // A Secret that goes does not matter to what runs.
    site.secrets.remove('late');
    await source.query("REPLACE INTO g.t VALUES (20, 'late')");
    await expect.poll(() => target.query('SELECT v FROM g.twin WHERE id=20')).toEqual([{ v: 'late' }]);
  });

  test('of a certificate authority are followed too', async () => {
    const ca = (server: DbServer) => readFileSync(join(server.dir, 'data/ca.pem'), 'utf8');
    await renewCertificates(target);
    const tls = { mode: 'Required', caSecretRef: { name: 'ca' } };
    const site = await Site.start({ instance: { tls } });
    const { operator } = site;
    const place = { host: target.host, port: target.port, credentialsSecretRef: { name: 'writer' } };
    await site.apply('p', { tables: [{ source: 'g.t' }], target: place });
    expect((await operator.until('p', is('suspended'))).lastError).toMatchObject({
      code: 'LK1005',
      message: 'Secret default/ca is missing',
    });
    site.secrets.put('ca', { 'ca.crt': 'no certificate' });
    expect((await operator.until('p', ({ lastError }) => lastError?.code === 'LK1111')).lastError!.remedy).toContain('ca.crt');
    site.secrets.put('ca', { 'ca.crt': ca(target) }); // the other server's
    expect((await operator.until('p', ({ lastError }) => lastError?.code === 'LK1111')).phase).toBe('suspended');
    site.secrets.put('ca', { 'ca.crt': ca(source) });
    await operator.until('p', is('running'));
  });
});

describe('what the operator sees', () => {
  test('of a source without any pipeline, with its faults, and of one that is read', async () => {
    const site = await Site.start();
    const { operator } = site;
    const [identity] = await source.query('SELECT @@server_uuid AS uuid');
    await expect
      .poll(() => operator.source(), { timeout: 30_000 })
      .toMatchObject({
        currentSource: `127.0.0.1:${source.port}`,
        serverUuid: identity!['uuid'],
        flavor: 'mysql',
        version: source.version.length > 0 ? expect.stringContaining(source.version) : '',
        generation: 1,
        binlogRetention: { oldestJournal: expect.stringContaining('binlog.'), expireSeconds: 2_592_000, headroomSeconds: null },
      });
    const idle = (await operator.source())!;
    expect(idle.preflight.findings.filter(({ severity }) => severity === 'error')).toEqual([]);
    expect(Math.abs(Date.parse(idle.binlogRetention!.oldestTimestamp!) - Date.now())).toBeLessThan(3_600_000);

    await source.query("SET GLOBAL binlog_row_image='MINIMAL'");
    site.secrets.put('reader', { username: 'reader', password: 'wrong' });
    await expect
      .poll(async () => (await operator.source())!.preflight.findings, { timeout: 30_000 })
      .toMatchObject([{ severity: 'error', code: 'LK1101' }]);
    expect(await operator.source()).toMatchObject({ currentSource: null, version: null, binlogRetention: null });
    site.secrets.put('reader', { username: 'reader', password: 'reading-1' });
    await expect
      .poll(async () => (await operator.source())!.preflight.findings.map(({ code }) => code), { timeout: 30_000 })
      .toContain('LK1106');
    await source.query("SET GLOBAL binlog_row_image='FULL'");

    await site.apply('p', { tables: [{ source: 'g.t' }] });
    await operator.until('p', is('running'));
    await source.query('FLUSH BINARY LOGS; FLUSH BINARY LOGS');
    await site.untilCaughtUp('p');
    await operator.until('p', ({ position }) => position !== null);
    await operator.configureInstance(operator.ref.instance, {
      master: { host: source.host, port: source.port },
      credentialsSecretRef: { name: 'reader' },
      serverId,
      heartbeat: { intervalSeconds: 1 },
    });
    await expect
      .poll(() => operator.source(), { timeout: 60_000, interval: 500 })
      .toMatchObject({
        binlogRetention: { headroomSeconds: 2_592_000, slowestPipeline: 'p' },
        currentSource: `127.0.0.1:${source.port}`,
      });
    // Looking must not disturb the reader, and must not take it for a stranger with its own server id.
    const read = await operator.until('p', is('running'));
    expect((await operator.source())!.preflight.findings.map(({ code }) => code)).not.toContain('LK1108');
    expect(await site.workers.get(read.worker)!.metric('lockkeeper_source_connections_total')).toBe(1);
    expect(await site.workers.get(read.worker)!.metric('lockkeeper_source_retention_headroom_seconds')).toBe(2_592_000);

    // Another worker looks when this one is gone.
    const reporter = (await operator.source())!.worker;
    await site.workers.get(reporter)!.stop();
    site.workers.delete(reporter);
    await expect.poll(async () => (await operator.source())!.worker, { timeout: 60_000 }).not.toBe(reporter);
  });

  test('of a MariaDB source', async () => {
    await using maria = await startMariadb();
    await maria.query(
      "CREATE USER reader@'%' IDENTIFIED BY 'reading-1'; GRANT ALL ON *.* TO reader@'%'; SET GLOBAL binlog_expire_logs_seconds=7200",
    );
    const site = await Site.start({
      instance: { master: { host: maria.host, port: maria.port } },
      workers: [{ id: 'w', region: 'home' }],
    });
    await expect
      .poll(() => site.operator.source(), { timeout: 30_000 })
      .toMatchObject({
        flavor: 'mariadb',
        binlogRetention: { expireSeconds: 7200, oldestTimestamp: expect.stringMatching(/^20/) },
      });
  });

  test('of the target: what stands against a pipeline, before it is met', async () => {
    const site = await Site.start();
    const { operator } = site;
    await target.query(
      'CREATE DATABASE g; CREATE TABLE g.t (id INT PRIMARY KEY, v VARCHAR(20)); CREATE TRIGGER g.tr BEFORE INSERT ON g.t FOR EACH ROW SET NEW.v = NEW.v',
    );
    await site.apply('p', { tables: [{ source: 'g.t' }], initialLoad: { mode: 'Never' }, apply: { mode: 'Sql' } });
    const report = await operator.until('p', ({ preflight }) => preflight !== null);
    expect(report.preflight!.passed).toBeGreaterThan(3);
    expect(report.preflight!.findings).toContainEqual(
      expect.objectContaining({ severity: 'error', code: 'LK1310', found: expect.stringContaining('tr') }),
    );
  });
});

describe('a process', () => {
  test('waits for ZooKeeper, live and not ready, and ends at once when told', async () => {
    const worker = await LockkeeperProcess.worker({
      args: ['--zookeeper', '127.0.0.1:1', '--instance', 'orders', '--region', 'home', '--worker-id', 'w'],
    });
    try {
      await expect.poll(() => worker.get('/healthz').catch(() => null), { timeout: 30_000 }).toEqual({ code: 200, body: 'ok\n' });
      const ready = await worker.get('/readyz');
      expect(ready).toEqual({ code: 503, body: 'ZooKeeper session is connecting\n' });
      const toldAt = performance.now();
      expect(await worker.stop()).toBe(0);
      expect(performance.now() - toldAt).toBeLessThan(5_000);
    } finally {
      await worker.kill9();
    }
  });

  test.each([
    ['no ensemble', ['worker', '--instance', 'i', '--region', 'r'], '--zookeeper'],
    ['no instance', ['worker', '--zookeeper', 'z', '--region', 'r'], '--instance'],
    ['no region', ['worker', '--zookeeper', 'z', '--instance', 'i'], '--region'],
    ['a bad connect string', ['worker', '--zookeeper', 'z/path', '--instance', 'i', '--region', 'r'], 'path behind the hosts'],
    ['a bad name', ['worker', '--zookeeper', 'z', '--instance', 'I/J', '--region', 'r'], 'lower-case'],
    [
      'a bad worker id',
      ['worker', '--zookeeper', 'z', '--instance', 'i', '--region', 'r', '--worker-id', 'a/b'],
      'letters, digits',
    ],
    ['a bad address', ['worker', '--zookeeper', 'z', '--instance', 'i', '--region', 'r', '--http', 'nowhere'], 'host:port'],
    [
      'a bad timeout',
      ['worker', '--zookeeper', 'z', '--instance', 'i', '--region', 'r', '--zookeeper-timeout-seconds', '0'],
      'seconds',
    ],
    ['status without an ensemble', ['status'], '--zookeeper'],
  ])('refuses %s with exit code 2', async (_, args, text) => {
    const { code, stderr } = await lockkeeper(args);
    expect([code, stderr]).toEqual([2, expect.stringContaining(text)]);
  });
});

describe('lockkeeper status', () => {
  test('shows what is there, what is wrong and what to do', async () => {
    const site = await Site.start();
    const { operator } = site;
    const { instance } = operator.ref;
    await site.apply('well', { tables: [{ source: 'g.t' }] });
    await operator.until('well', is('running'));
    await site.untilCaughtUp('well');
    await expect.poll(() => operator.source(), { timeout: 30_000 }).not.toBeNull();
    const base = ['status', '--zookeeper', ensemble.connectString, '-n', 'default', '-i', instance];
    const { code, stdout } = await lockkeeper(base);
    expect(stdout).toMatch(new RegExp(`^CanalInstance default/${instance}\\n  source:  127.0.0.1:${source.port}, MySQL `));
    expect(stdout).toContain('workers: 2 in region home');
    expect(stdout).toMatch(/ {2}well +Running +running +w[12] +\S+ m?s +\d+ +binlog\.\d+:\d+/);
    expect(stdout).not.toContain('ERROR');
    expect(code).toBe(0);

    const wrong = { host: target.host, port: target.port, credentialsSecretRef: { name: 'nobody' } };
    await site.apply('ill', { tables: [{ source: 'g.t', target: 'g.twin' }], target: wrong });
    await operator.until('ill', is('suspended'));
    const ill = await lockkeeper(base);
    expect(ill.code).toBe(1);
    expect(ill.stdout).toMatch(/ERROR ill: LK1005 Secret default\/nobody is missing.*\n +Create the Secret in namespace default/);
    const json = await lockkeeper([...base, '-o', 'json']);
    expect(json.code).toBe(1);
    expect(JSON.parse(json.stdout)).toMatchObject([
      {
        namespace: 'default',
        instance,
        source: { flavor: 'mysql' },
        workers: [{ id: 'w1' }, { id: 'w2' }],
        pipelines: [
          { name: 'ill', report: { phase: 'suspended' } },
          { name: 'well', report: { phase: 'running' }, wanted: { generation: 1, state: 'Running' } },
        ],
        problems: expect.arrayContaining([expect.objectContaining({ pipeline: 'ill', code: 'LK1005', severity: 'error' })]),
      },
    ]);
    for (const worker of site.workers.values()) await worker.stop();
    site.workers.clear();
    expect((await lockkeeper(base)).stdout).toContain('no worker is there: nothing is being copied');
  });

  test('says what is there when something else is asked for, and that ZooKeeper cannot be reached', async () => {
    const site = await Site.start({ workers: [] });
    const { code, stderr } = await lockkeeper(['status', '--zookeeper', ensemble.connectString, '-n', 'elsewhere']);
    expect([code, stderr]).toEqual([1, expect.stringMatching(/LK1005 no CanalInstance elsewhere/)]);
    expect(stderr).toContain(`default/${site.operator.ref.instance}`);
    const nowhere = await lockkeeper(['status', '--zookeeper', '127.0.0.1:1']);
    expect([nowhere.code, nowhere.stderr]).toEqual([1, expect.stringContaining('LK1701')]);
  });
});
