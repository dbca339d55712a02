import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { PipelineStatus } from '../../worker/pipeline/pipeline-status.ts';
import { expectSameData, freePort, startMariadb, startMysql, TcpProxy, type DbServer } from '../servers/index.ts';
import { lockkeeper, LockkeeperProcess } from '../support/lockkeeper-process.ts';
import { instanceDocuments, pipelineDocuments, writeManifest, writeText, type Place } from '../support/manifests.ts';

/**
 * Everything that people get wrong: each fault has a stable code, says what was found and what to do, changes nothing at the
 * target, and loses nothing: once it is removed, every row arrives.
 */

let source: DbServer;
let target: DbServer;

beforeAll(async () => {
  // A system tablespace of fixed size: tables in it can be full while the server works.
  const config = { innodb_data_file_path: 'ibdata1:28M' };
  [source, target] = await Promise.all([startMysql(), startMysql({ config })]);
});

afterAll(async () => {
  await Promise.all([source?.kill9(), target?.kill9()]);
});

let serverId = 9000;

interface Setup {
  readonly schema: string;
  readonly source?: Place;
  readonly target?: Place;
  readonly instance?: Readonly<Record<string, unknown>>;
  readonly pipeline?: Readonly<Record<string, unknown>>;
}

/** A manifest for the pipeline of one schema, whose name it has. */
function manifestFor(setup: Setup): string {
  const { schema } = setup;
  return writeManifest(
    instanceDocuments({
      source: setup.source ?? source,
      serverId: ++serverId,
      spec: { filter: { include: [`${schema}\\..*`] }, ...setup.instance },
    }),
    pipelineDocuments({
      name: schema,
      target: setup.target ?? target,
      spec: { initialLoad: { mode: 'Never' }, ...setup.pipeline },
    }),
  );
}

/** A table t with one row on both sides. */
async function prepare(schema: string, table = 'id INT PRIMARY KEY, v LONGTEXT'): Promise<void> {
  const sql = `CREATE DATABASE ${schema}; CREATE TABLE ${schema}.t (${table})`;
  await Promise.all([source.query(sql), target.query(sql)]);
}

/** Lets a pipeline of the schema store its first position, and stops it. */
async function begin(schema: string): Promise<void> {
  await using process = await LockkeeperProcess.run(manifestFor({ schema }));
  await process.untilCaughtUp(schema, source, target);
  expect(await process.stop()).toBe(0);
}

async function expectArrives(manifest: string, schema: string): Promise<void> {
  await using process = await LockkeeperProcess.run(manifest);
  await process.untilCaughtUp(schema, source, target);
  await expectSameData(source, target, { tables: [`${schema}.t`] });
}

/** The error that stops the pipeline or makes it try again, with code, text and remedy where people look. */
async function expectError(
  process: LockkeeperProcess,
  pipeline: string,
  code: string,
  phase: 'suspended' | 'retrying' = 'suspended',
): Promise<NonNullable<PipelineStatus['lastError']>> {
  const { lastError } = await process.until(pipeline, (status) => status.phase === phase && status.lastError?.code === code);
  expect(lastError?.message.length).toBeGreaterThan(10);
  expect(lastError?.remedy.length).toBeGreaterThan(10);
  expect(process.stderr()).toContain(`"code":"${code}"`);
  expect(await process.metric('lockkeeper_errors_total', { pipeline, code })).toBeGreaterThan(0);
  return lastError!;
}

async function rowsAtTarget(schema: string): Promise<number> {
  const [row] = await target.query(`SELECT COUNT(*) AS n FROM ${schema}.t`);
  return Number(row!['n']);
}

describe('the servers cannot be used', () => {
  test.each([
    ['source', 'LK1101'],
    ['target', 'LK1301'],
  ] as const)('wrong password at the %s', async (side, code) => {
    const schema = `password${side}`;
    await prepare(schema);
    await begin(schema);
    await source.query(`INSERT INTO ${schema}.t VALUES (1,'a')`);
    const wrong = { host: '127.0.0.1', port: side === 'source' ? source.port : target.port, user: 'root', password: 'wrong-one' };
    await using process = await LockkeeperProcess.run(manifestFor({ schema, [side]: wrong }));
    const error = await expectError(process, schema, code);
    expect(error.found).toContain('Access denied');
    expect(error.remedy).toContain('Secret');
    expect(process.stderr() + process.stdout()).not.toContain('wrong-one');
    expect(await rowsAtTarget(schema)).toBe(0);
    await expectArrives(manifestFor({ schema }), schema);
  });

  test.each([
    ['source', 'LK1102'],
    ['target', 'LK1302'],
  ] as const)('%s unreachable, and back again without anybody’s help', async (side, code) => {
    const schema = `unreachable${side}`;
    await prepare(schema);
    await using proxy = await TcpProxy.start(side === 'source' ? source : target);
    const place = { host: '127.0.0.1', port: proxy.port, user: 'root', password: 'root' };
    await proxy.cut();
    await using process = await LockkeeperProcess.run(
      manifestFor({ schema, [side]: place, instance: { start: { gtid: await executed(source) } } }),
    );
    const error = await expectError(process, schema, code, 'retrying');
    expect(error.message).toContain(`127.0.0.1:${proxy.port}`);
    await source.query(`INSERT INTO ${schema}.t VALUES (1,'a')`);
    await proxy.restore();
    await process.untilCaughtUp(schema, source, target);
    expect(await rowsAtTarget(schema)).toBe(1);
    expect((await process.status(schema)).lastError).toBeNull();
    // The same once more, in the middle of the stream.
    await proxy.cut();
    await source.query(`INSERT INTO ${schema}.t VALUES (2,'b')`);
    await expectError(process, schema, code, 'retrying');
    await proxy.restore();
    await process.untilCaughtUp(schema, source, target);
    expect(await rowsAtTarget(schema)).toBe(2);
    expect(await process.status(schema)).toMatchObject({ phase: 'running', lastError: null });
  });

  test('a host that does not exist', async () => {
    await prepare('nohost');
    const place = { host: 'no-such-host.invalid', port: 3306, user: 'root', password: 'root' };
    await using process = await LockkeeperProcess.run(manifestFor({ schema: 'nohost', source: place }));
    const error = await expectError(process, 'nohost', 'LK1102', 'retrying');
    expect(error.message).toContain('no-such-host.invalid');
  });

  test('grants missing at the source', async () => {
    await prepare('grantsource');
    await begin('grantsource');
    await source.query(
      "INSERT INTO grantsource.t VALUES (1,'a'); CREATE USER poor@'%' IDENTIFIED BY 'pw'; GRANT SELECT ON *.* TO poor@'%'",
    );
    const place = { host: source.host, port: source.port, user: 'poor', password: 'pw' };
    const manifest = manifestFor({ schema: 'grantsource', source: place });
    await using process = await LockkeeperProcess.run(manifest);
    const error = await expectError(process, 'grantsource', 'LK1103');
    expect(error.remedy).toContain('REPLICATION SLAVE');
    await source.query("GRANT REPLICATION SLAVE, REPLICATION CLIENT ON *.* TO poor@'%'");
    await process.stop();
    await expectArrives(manifest, 'grantsource');
  });

  test('grants missing at the target', async () => {
    await prepare('granttarget');
    await begin('granttarget');
    await source.query("INSERT INTO granttarget.t VALUES (1,'a')");
    await target.query(
      "CREATE USER poor@'%' IDENTIFIED BY 'pw'; GRANT ALL ON lockkeeper.* TO poor@'%'; GRANT SELECT ON granttarget.* TO poor@'%'",
    );
    const place = { host: target.host, port: target.port, user: 'poor', password: 'pw' };
    const manifest = manifestFor({ schema: 'granttarget', target: place });
    await using process = await LockkeeperProcess.run(manifest);
    const error = await expectError(process, 'granttarget', 'LK1303');
    expect(error.found).toContain('INSERT command denied');
    expect(await rowsAtTarget('granttarget')).toBe(0);
    await target.query("GRANT INSERT, UPDATE, DELETE ON granttarget.* TO poor@'%'");
    await process.stop();
    await expectArrives(manifest, 'granttarget');
  });

  test('the binlog is off at the source', async () => {
    await using dark = await startMysql({ config: { log_bin: false, gtid_mode: false, enforce_gtid_consistency: false } });
    await using process = await LockkeeperProcess.run(manifestFor({ schema: 'dark', source: dark }));
    const error = await expectError(process, 'dark', 'LK1104');
    expect(error.remedy).toContain('log_bin');
  });

  test('the target is read-only, and takes writes again', async () => {
    await prepare('readonly');
    await using process = await LockkeeperProcess.run(manifestFor({ schema: 'readonly' }));
    await process.untilPhase('readonly', 'running');
    await target.query('SET GLOBAL super_read_only=ON');
    await source.query("INSERT INTO readonly.t VALUES (1,'a')");
    try {
      await expectError(process, 'readonly', 'LK1304', 'retrying');
      expect(await rowsAtTarget('readonly')).toBe(0);
    } finally {
      await target.query('SET GLOBAL super_read_only=OFF; SET GLOBAL read_only=OFF');
    }
    await process.untilCaughtUp('readonly', source, target);
    await expectSameData(source, target, { tables: ['readonly.t'] });
  });

  test('the target is full, and has room again', async () => {
    await source.query('CREATE DATABASE fulldisk; CREATE TABLE fulldisk.t (id INT PRIMARY KEY, v LONGTEXT)');
    await target.query(
      `SET GLOBAL innodb_file_per_table=OFF; CREATE DATABASE fulldisk;
       CREATE TABLE fulldisk.t (id INT PRIMARY KEY, v LONGTEXT); CREATE TABLE fulldisk.filler (v LONGBLOB);
       SET GLOBAL innodb_file_per_table=ON`,
    );
    await begin('fulldisk');
    const fill = () => target.query("INSERT INTO fulldisk.filler VALUES (REPEAT('x', 500000))");
    await expect(
      (async () => {
        for (;;) await fill();
      })(),
    ).rejects.toThrow('full');
    await using process = await LockkeeperProcess.run(manifestFor({ schema: 'fulldisk' }));
    for (let i = 0; i < 4; i++) await source.query(`INSERT INTO fulldisk.t VALUES (${i}, REPEAT('y', 500000))`);
    const error = await expectError(process, 'fulldisk', 'LK1305', 'retrying');
    expect(error.found).toContain('full');
    await target.query('DROP TABLE fulldisk.filler');
    await process.untilCaughtUp('fulldisk', source, target);
    await expectSameData(source, target, { tables: ['fulldisk.t'] });
  });
});

describe('the source logs what cannot be followed', () => {
  test.each([
    ['statements', "SET SESSION binlog_format='STATEMENT'", 'LK1205', 'binlog_format'],
    ['partial row images', "SET SESSION binlog_row_image='MINIMAL'", 'LK1206', 'setting'],
  ])('a session that logs %s', async (_what, setting, code, remedy) => {
    const schema = `logs${code.toLowerCase()}`;
    await prepare(schema);
    await using process = await LockkeeperProcess.run(manifestFor({ schema }));
    await process.untilPhase(schema, 'running');
    const connection = await source.connect();
    await connection.query(`INSERT INTO ${schema}.t VALUES (1,'a')`);
    await connection.query(setting);
    await connection.query(`UPDATE ${schema}.t SET v='b'`);
    await connection.end();
    const error = await expectError(process, schema, code);
    expect(error.message).toMatch(/binlog\.\d+:\d+/);
    expect(error.remedy).toContain(remedy);
    expect(await target.query(`SELECT v FROM ${schema}.t`)).toEqual([{ v: 'a' }]);
  });

  test('what the pipeline has not read was deleted', async () => {
    await prepare('purged');
    await begin('purged');
    await source.query("INSERT INTO purged.t VALUES (1,'a'); FLUSH BINARY LOGS");
    const [end] = await source.query('SHOW BINARY LOG STATUS');
    await source.query(`PURGE BINARY LOGS TO '${String(end!['File'])}'`);
    await using process = await LockkeeperProcess.run(manifestFor({ schema: 'purged' }));
    const error = await expectError(process, 'purged', 'LK1109');
    expect(error.found).toContain('transactions');
    expect(await rowsAtTarget('purged')).toBe(0);
  });
});

describe('the tables do not fit', () => {
  test('the target has no such table', async () => {
    await source.query('CREATE DATABASE missing; CREATE TABLE missing.t (id INT PRIMARY KEY)');
    await begin('missing');
    await source.query('INSERT INTO missing.t VALUES (1)');
    await using process = await LockkeeperProcess.run(manifestFor({ schema: 'missing' }));
    const error = await expectError(process, 'missing', 'LK1307');
    expect(error.message).toContain('missing.t');
    await target.query('CREATE DATABASE missing; CREATE TABLE missing.t (id INT PRIMARY KEY)');
    await process.stop();
    await expectArrives(manifestFor({ schema: 'missing' }), 'missing');
  });

  test('the target’s table differs', async () => {
    await source.query('CREATE DATABASE differs; CREATE TABLE differs.t (id INT PRIMARY KEY, v VARCHAR(100), w INT)');
    await target.query('CREATE DATABASE differs; CREATE TABLE differs.t (id INT PRIMARY KEY, v VARCHAR(10))');
    await begin('differs');
    await source.query("INSERT INTO differs.t VALUES (1, REPEAT('x', 100), 5)");
    await using process = await LockkeeperProcess.run(manifestFor({ schema: 'differs' }));
    const error = await expectError(process, 'differs', 'LK1308');
    expect(error.found).toContain('column w is missing in the target');
    expect(error.found).toContain('column v');
    expect(await rowsAtTarget('differs')).toBe(0);
    await target.query('ALTER TABLE differs.t MODIFY v VARCHAR(100), ADD w INT');
    await process.stop();
    await expectArrives(manifestFor({ schema: 'differs' }), 'differs');
  });

  test('a row larger than the target’s max_allowed_packet', async () => {
    await prepare('packet');
    await begin('packet');
    await source.query("INSERT INTO packet.t VALUES (1, REPEAT('x', 5000000)), (2, 'small')");
    await target.query('SET GLOBAL max_allowed_packet=1048576');
    try {
      await using process = await LockkeeperProcess.run(manifestFor({ schema: 'packet' }));
      const error = await expectError(process, 'packet', 'LK1306');
      expect(error.remedy).toContain('max_allowed_packet');
      expect(await rowsAtTarget('packet')).toBe(0);
    } finally {
      await target.query('SET GLOBAL max_allowed_packet=67108864');
    }
    await expectArrives(manifestFor({ schema: 'packet' }), 'packet');
  });
});

describe('the target gets in the way', () => {
  test('a constraint that the source does not have', async () => {
    await prepare('rule');
    await begin('rule');
    await target.query("ALTER TABLE rule.t ADD CONSTRAINT no_b CHECK (v <> 'b')");
    await source.query("INSERT INTO rule.t VALUES (1,'a')");
    await source.query("INSERT INTO rule.t VALUES (2,'b')");
    await using process = await LockkeeperProcess.run(manifestFor({ schema: 'rule', pipeline: { apply: { mode: 'Sql' } } }));
    const error = await expectError(process, 'rule', 'LK1405');
    expect(error.found).toContain('no_b');
    await target.query('ALTER TABLE rule.t DROP CONSTRAINT no_b');
    await process.stop();
    await expectArrives(manifestFor({ schema: 'rule' }), 'rule');
  });

  test('somebody deletes the checkpoint of a running pipeline', async () => {
    await prepare('vanished');
    await using process = await LockkeeperProcess.run(manifestFor({ schema: 'vanished' }));
    await process.untilPhase('vanished', 'running');
    await target.query("DELETE FROM lockkeeper.checkpoint WHERE pipeline='default/vanished'");
    await source.query("INSERT INTO vanished.t VALUES (1,'a')");
    const error = await expectError(process, 'vanished', 'LK1311');
    expect(error.message).toContain('default/vanished');
    expect(await rowsAtTarget('vanished')).toBe(0);
  });

  test('LOAD DATA LOCAL is switched off', async () => {
    await source.query(
      "CREATE DATABASE loading; CREATE TABLE loading.t (id INT PRIMARY KEY, v LONGTEXT); INSERT INTO loading.t VALUES (1,'a')",
    );
    const copying = { schema: 'loading', pipeline: { initialLoad: { mode: 'WhenNew' } } };
    await target.query('SET GLOBAL local_infile=OFF');
    try {
      await using process = await LockkeeperProcess.run(manifestFor(copying));
      const error = await expectError(process, 'loading', 'LK1313');
      expect(error.remedy).toContain('local_infile');
      const { stdout } = await lockkeeper(['check', '-f', manifestFor(copying)]);
      expect(stdout).toContain('LK1313');
    } finally {
      await target.query('SET GLOBAL local_infile=ON');
    }
    await expectArrives(manifestFor(copying), 'loading');
  });

  test('a table without a key is said to be one, and copied', async () => {
    await prepare('keyless', 'a INT');
    await using process = await LockkeeperProcess.run(manifestFor({ schema: 'keyless' }));
    await process.untilPhase('keyless', 'running');
    await source.query('INSERT INTO keyless.t VALUES (1),(1); UPDATE keyless.t SET a=2 LIMIT 1');
    await process.untilCaughtUp('keyless', source, target);
    await expectSameData(source, target, { tables: ['keyless.t'] });
    expect(process.stderr().match(/LK1309/g)).toHaveLength(1);
  });
});

describe('two processes at once', () => {
  test('of the same pipeline: the first is fenced off, and nothing is written twice', async () => {
    await prepare('twice', 'id INT PRIMARY KEY, v INT');
    const manifest = manifestFor({ schema: 'twice' });
    await using first = await LockkeeperProcess.run(manifest);
    await first.untilPhase('twice', 'running');
    await source.query('INSERT INTO twice.t VALUES (1,0)');
    await first.untilCaughtUp('twice', source, target);
    await using second = await LockkeeperProcess.run(manifest);
    await second.untilPhase('twice', 'running');
    for (let i = 0; i < 20; i++) await source.query('UPDATE twice.t SET v=v+1');
    const { lastError } = await first.until('twice', (status) => status.lastError !== null);
    expect(['LK1401', 'LK1108', 'LK1302']).toContain(lastError?.code);
    await second.untilCaughtUp('twice', source, target);
    const [row] = await target.query("SELECT transactions FROM lockkeeper.checkpoint WHERE pipeline='default/twice'");
    expect(row!['transactions']).toBe(21);
    await expectSameData(source, target, { tables: ['twice.t'] });
  });

  test('of two pipelines with one server id at MariaDB, which lets only one of them read', async () => {
    await using mariadb = await startMariadb();
    await mariadb.query('CREATE DATABASE clash; CREATE TABLE clash.t (id INT PRIMARY KEY)');
    const manifest = (name: string) =>
      writeManifest(
        instanceDocuments({ source: mariadb, serverId: 4242, spec: { filter: { include: ['clash\\..*'] } } }),
        pipelineDocuments({
          name,
          target,
          spec: { initialLoad: { mode: 'Never' }, tables: [{ source: 'clash.t', target: `${name}.t` }] },
        }),
      );
    await target.query(
      'CREATE DATABASE clasha; CREATE DATABASE clashb; CREATE TABLE clasha.t (id INT PRIMARY KEY); CREATE TABLE clashb.t (id INT PRIMARY KEY)',
    );
    await using first = await LockkeeperProcess.run(manifest('clasha'));
    await first.until('clasha', (status) => status.lag.heartbeatSeconds !== null);
    await using second = await LockkeeperProcess.run(manifest('clashb'));
    const { remedy } = await expectError(second, 'clashb', 'LK1108', 'retrying');
    expect(remedy).toContain('spec.serverId');
    expect((await first.status('clasha')).phase).toBe('running');
    await first.kill9();
    await mariadb.query('INSERT INTO clash.t VALUES (1),(2)');
    await second.untilCaughtUp('clashb', mariadb, target);
    expect(await target.query('SELECT id FROM clashb.t')).toEqual([{ id: 1 }, { id: 2 }]);
  });
});

describe('manifests', () => {
  const broken = () =>
    writeText(`apiVersion: lockkeeper.io/v1alpha1
kind: ZkEnsemble
metadata: {name: main}
spec: {}
---
apiVersion: v1
kind: Secret
metadata: {name: s}
stringData: {username: u, password: 12345}
---
apiVersion: lockkeeper.io/v1alpha1
kind: CanalInstance
metadata: {name: i}
spec:
  zkEnsembleRef: {name: main}
  master: {host: db, prot: 3306}
  credentialsSecretRef: {name: s}
  serverId: 0
  filter: {include: ['shop\\..*(']}
---
apiVersion: lockkeeper.io/v1alpha1
kind: SyncPipeline
metadata: {name: p}
spec:
  canalInstanceRef: {name: i}
  target: {host: db2, credentialsSecretRef: {name: s}}
  apply: {mode: Fast}
  rowFilter: a
---
apiVersion: lockkeeper.io/v1alpha1
kind: SyncPipeline
metadata: {name: q}
spec:
  canalInstanceRef: {name: other}
  target: {host: db2, credentialsSecretRef: {name: nobody}}
  twoWay: {group: g}
`);

  test.each(['run', 'check'])('%s tells every fault of the files at once, and ends with 2', async (command) => {
    const { code, stderr, stdout } = await lockkeeper([command, '-f', broken()]);
    expect(code).toBe(2);
    expect(stdout).toBe('');
    for (const text of [
      'LK1003',
      'LK1004',
      'LK1005',
      'LK1007',
      'LK1008',
      'twoWay',
      'other',
      'prot',
      'did you mean',
      'serverId',
      'nobody',
      'apply.mode',
      'rowFilter',
      'manifest.yaml:',
    ]) {
      expect(stderr.toLowerCase()).toContain(text.toLowerCase());
    }
    expect(stderr).not.toContain('12345');
  });

  test('two pipelines on one target table', async () => {
    const instance = instanceDocuments({ source, serverId: 1 });
    const to = (name: string) => pipelineDocuments({ name, target, spec: { tables: [{ source: 'shop.a', target: 'dr.t' }] } });
    const { code, stderr } = await lockkeeper(['run', '-f', writeManifest(instance, to('one'), to('two'))]);
    expect(code).toBe(2);
    expect(stderr).toMatch(/LK1009[^]*dr\.t[^]*remedy:/);
  });

  test.each([
    ['a file that is not there', () => ['run', '-f', '/no/such/file.yaml'], /LK1001.*\/no\/such\/file.yaml/],
    ['no YAML', () => ['run', '-f', writeText('a: [1,')], /LK1001.*manifest.yaml:1/],
    ['no pipeline', () => ['check', '-f', writeManifest()], /LK1005.*no SyncPipeline/],
    ['no file at all', () => ['run'], /required option '-f, --file/],
    ['an address that is none', () => ['run', '-f', writeManifest(), '--http', 'nowhere'], /It takes host:port/],
    ['a timeout that is none', () => ['run', '-f', writeManifest(), '--zookeeper-timeout-seconds', 'soon'], /number of seconds/],
    ['an unknown option', () => ['run', '-f', 'x', '--fiel', 'x'], /unknown option '--fiel'[^]*Did you mean --file/],
    ['an unknown command', () => ['rnu'], /unknown command 'rnu'[^]*Did you mean run/],
  ])('%s ends with 2', async (_what, args, text) => {
    const { code, stdout, stderr } = await lockkeeper(args());
    expect(stderr).toMatch(text);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  });

  test('an address in use ends with 1', async () => {
    await using proxy = await TcpProxy.start(source);
    const args = ['run', '-f', manifestFor({ schema: 'nobody' }), '--http', `127.0.0.1:${proxy.port}`];
    expect(await lockkeeper(args)).toMatchObject({ code: 1, stderr: expect.stringMatching(/in use.*--http/) as string });
  });
});

describe('check', () => {
  test('reports everything of a setup with many faults at once, changes nothing, and ends with 1', async () => {
    await using odd = await startMysql({
      config: {
        binlog_format: 'STATEMENT',
        binlog_row_image: 'MINIMAL',
        binlog_row_metadata: 'MINIMAL',
        gtid_mode: false,
        enforce_gtid_consistency: false,
        binlog_expire_logs_seconds: 60,
      },
    });
    await odd.query(
      `CREATE DATABASE odd; CREATE TABLE odd.keyless (a INT); CREATE TABLE odd.missing (id INT PRIMARY KEY); CREATE TABLE odd.differs (id INT PRIMARY KEY, v INT);
       CREATE TABLE odd.fires (id INT PRIMARY KEY); CREATE TABLE odd.plain (id INT PRIMARY KEY); CREATE USER poor@'%' IDENTIFIED BY 'pw'; GRANT SELECT ON odd.* TO poor@'%'`,
    );
    await target.query(
      `CREATE DATABASE odd; CREATE TABLE odd.keyless (a INT); CREATE TABLE odd.differs (id INT PRIMARY KEY, v VARCHAR(5)); CREATE TABLE odd.fires (id INT PRIMARY KEY);
       CREATE TABLE odd.plain (id INT PRIMARY KEY) ENGINE=MyISAM;
       CREATE TRIGGER odd.bang AFTER INSERT ON odd.fires FOR EACH ROW SET @x=1; SET GLOBAL super_read_only=ON`,
    );
    try {
      const manifest = manifestFor({
        schema: 'odd',
        source: { host: odd.host, port: odd.port, user: 'poor', password: 'pw' },
        instance: { serverId: odd.port },
        pipeline: { apply: { mode: 'Sql' } },
      });
      const before = await executed(target);
      const { code, stdout } = await lockkeeper(['check', '-f', manifest, '-o', 'json']);
      expect(code).toBe(1);
      const [report] = JSON.parse(stdout) as [
        { findings: { severity: string; code: string | null; found: string; remedy: string }[] },
      ];
      const codes = (severity: string) => new Set(report.findings.filter((f) => f.severity === severity).map((f) => f.code));
      expect(codes('error')).toEqual(
        new Set(['LK1103', 'LK1105', 'LK1106', 'LK1108', 'LK1304', 'LK1307', 'LK1308', 'LK1310', 'LK1314']),
      );
      expect([...codes('warning')]).toEqual(expect.arrayContaining(['LK1109', 'LK1113', 'LK1309']));
      for (const { severity, found, remedy } of report.findings) {
        expect(found).not.toBe('');
        if (severity !== 'ok') expect(remedy).not.toBe('');
      }
      const text = await lockkeeper(['check', '-f', manifest]);
      expect(text.code).toBe(1);
      for (const each of codes('error')) expect(text.stdout).toContain(each);
      expect(await executed(target)).toBe(before);
    } finally {
      await target.query('SET GLOBAL super_read_only=OFF; SET GLOBAL read_only=OFF');
    }
  });

  test('finds before a start what would stop it: grants at the target, a purged position, a server id in use, packets, BINLOG', async () => {
    await prepare('early');
    await begin('early');
    await source.query("INSERT INTO early.t VALUES (1,'a'); FLUSH BINARY LOGS");
    const [end] = await source.query('SHOW BINARY LOG STATUS');
    await source.query(`PURGE BINARY LOGS TO '${String(end!['File'])}'; CREATE DATABASE other`);
    await target.query(
      `CREATE USER reader@'%' IDENTIFIED BY 'pw'; GRANT SELECT ON early.* TO reader@'%'; GRANT ALL ON lockkeeper.* TO reader@'%'; SET GLOBAL max_allowed_packet=1048576`,
    );
    try {
      await using other = await LockkeeperProcess.run(manifestFor({ schema: 'other', instance: { serverId: 9999 } }));
      await other.until('other', (status) => status.lag.heartbeatSeconds !== null);
      expect(await source.query('SHOW REPLICAS')).toMatchObject([{ Server_Id: 9999, Host: 'lockkeeper default/other' }]);
      const { code, stdout } = await lockkeeper([
        'check',
        '-f',
        manifestFor({
          schema: 'early',
          instance: { serverId: 9999 },
          pipeline: { apply: { mode: 'Raw' } },
          target: { host: target.host, port: target.port, user: 'reader', password: 'pw' },
        }),
      ]);
      expect(code).toBe(1);
      expect(stdout).toMatch(/ERROR LK1108 .*9999.*lockkeeper default\/other/);
      expect(stdout).toMatch(/ERROR LK1109 .*stored position/);
      expect(stdout).toMatch(/ERROR LK1303 .*early\.\*: no INSERT, UPDATE, DELETE/);
      expect(stdout).toMatch(/ERROR LK1303 .*BINLOG_ADMIN/);
      expect(stdout).toMatch(/warn {2}LK1306 .*1048576 bytes/);
    } finally {
      await target.query('SET GLOBAL max_allowed_packet=67108864');
    }
  });

  test('both servers unreachable or refusing: both are told', async () => {
    const nowhere = { host: '127.0.0.1', port: await freePort(), user: 'root', password: 'root' };
    const { code, stdout } = await lockkeeper([
      'check',
      '-f',
      manifestFor({ schema: 'nowhere', source: nowhere, target: { ...nowhere, port: target.port, password: 'wrong' } }),
    ]);
    expect(code).toBe(1);
    expect(stdout).toMatch(/LK1102[^]*LK1301/);
  });

  test('a good setup ends with 0, also while its pipeline runs', async () => {
    await prepare('good');
    const manifest = manifestFor({ schema: 'good' });
    expect(await lockkeeper(['check', '-f', manifest])).toMatchObject({ code: 0 });
    await using process = await LockkeeperProcess.run(manifest);
    await process.untilPhase('good', 'running');
    await process.until('good', (status) => status.lag.heartbeatSeconds !== null);
    const { code, stdout } = await lockkeeper(['check', '-f', manifest]);
    expect(stdout).toContain('0 errors');
    expect(code).toBe(0);
  });
});

async function executed(server: DbServer): Promise<string> {
  const [row] = await server.query('SELECT @@GLOBAL.gtid_executed AS gtid');
  return String(row!['gtid']).replaceAll('\n', '');
}
