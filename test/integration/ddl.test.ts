import type { RowDataPacket } from 'mysql2';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { LockkeeperError } from '../../common/errors.ts';
import { DdlExecutor, evictDdlHolder, type DdlOutcome } from '../../worker/pipeline/ddl/ddl-executor.ts';
import { ddlLockName } from '../../worker/pipeline/ddl/ddl-lock.ts';
import { ddlTableSql } from '../../worker/pipeline/ddl/ddl-table.ts';
import { rewriteStatement, type NameMapping } from '../../worker/pipeline/ddl/rewrite.ts';
import { parseStatement } from '../../worker/pipeline/ddl/parse-statement.ts';
import type { StatementContext, StatementItem } from '../../worker/source/stream-item.ts';
import { Checkpoint, checkpointTableSql, readCheckpoint } from '../../worker/target/checkpoint.ts';
import { TargetSession } from '../../worker/target/session.ts';
import { startMariadb, startMysql, type DbServer, type Flavor } from '../servers/index.ts';
import { endpointOf, positionOf } from './source-helpers.ts';
import { StreamProbe } from './stream-probe.ts';

const PIPELINE = 'test/ddl';

/** src and its companions go to dst and its companions: src -> dst, src2 -> dst2; the table secret stays behind. */
const mapping: NameMapping = {
  mapTable: (schema, table) => (table === 'secret' ? null : { schema: schema.replace(/^src/, 'dst'), table }),
  mapSchema: (schema) => schema.replace(/^src/, 'dst'),
};

const context: StatementContext = {
  defaultSchema: 'src',
  sqlMode: 0n,
  flags2: 0,
  charset: { client: 45, connection: 45, server: 45 },
  timeZone: null,
  lcTimeNames: null,
  databaseCollation: null,
  defaultUtf8mb4Collation: null,
  explicitDefaultsForTimestamp: null,
  autoIncrement: null,
  invoker: null,
  timestamp: 1_700_000_000.25,
};

let offset = 1000;

/** A statement as the source would deliver it, each at a place of its own. */
function statement(sql: string | Buffer, changes: Partial<StatementContext> = {}): StatementItem {
  const bytes = typeof sql === 'string' ? Buffer.from(sql) : sql;
  offset += 100;
  return {
    kind: 'statement',
    head: {
      gtid: `3e11fa47-71ca-11e1-9e33-c80aa9429562:${offset}`,
      lastCommitted: 0,
      sequenceNumber: 0,
      commitGroup: 0,
      commitMicros: 0,
      serverId: 1,
    },
    sql: bytes,
    context: { ...context, ...changes },
    bytes: bytes.length,
    end: { journal: 'binlog.000001', offset },
  };
}

describe.each<Flavor>(['mysql', 'mariadb'])('%s', (flavor) => {
  let server: DbServer;
  let session: TargetSession;
  let checkpoint: Checkpoint;

  async function open(user = 'root', password = 'root'): Promise<TargetSession> {
    return TargetSession.open({ host: server.host, port: server.port, user, password });
  }

  /** What a new leader does first. */
  async function lead(user?: string, password?: string): Promise<void> {
    session = await open(user, password);
    ({ checkpoint } = await Checkpoint.takeOver(session, PIPELINE, 'test'));
    await evictDdlHolder(session, PIPELINE);
  }

  function apply(
    item: StatementItem,
    failpoint: (name: string) => void | Promise<void> = () => undefined,
    by: { session: TargetSession; checkpoint: Checkpoint } = { session, checkpoint },
  ): Promise<DdlOutcome> {
    const rewritten = rewriteStatement(parseStatement(item.sql, item.context, { flavor }), mapping);
    if (rewritten.kind === 'ignore') throw new Error(`ignored: ${rewritten.reason}`);
    const executor = new DdlExecutor({
      session: by.session,
      pipeline: PIPELINE,
      epoch: by.checkpoint.epoch,
      fenceSql: by.checkpoint.fenceSql(),
      explain: (error) => by.checkpoint.explain(error),
      sourceFlavor: flavor,
      failpoint,
    });
    const position = {
      flavor,
      serverUuid: 'uuid-1',
      gtid: null,
      journal: item.end.journal,
      offset: item.end.offset,
      timestampMicros: 0,
    };
    const step = { position, transactions: 1, rows: { inserted: 0, updated: 0, deleted: 0 } };
    return executor.apply(item, rewritten, by.checkpoint.advanceSql(step), position);
  }

  /** Tables of src* or dst* with their definitions and rows, names made equal, and engines: a target's tables have transactions. */
  async function contents(side: 'src' | 'dst'): Promise<unknown> {
    const tables = await server.query(
      `SELECT TABLE_SCHEMA AS s, TABLE_NAME AS t, TABLE_TYPE AS kind FROM information_schema.TABLES WHERE TABLE_SCHEMA LIKE '${side}%' ORDER BY 1, 2`,
    );
    const schemas = await server.query(
      `SELECT SCHEMA_NAME AS s, DEFAULT_COLLATION_NAME AS c FROM information_schema.SCHEMATA WHERE SCHEMA_NAME LIKE '${side}%' ORDER BY 1`,
    );
    // Names of schemas: what a dot follows in definitions, all of it elsewhere.
    const equal = (text: unknown): string =>
      String(text)
        .replace(new RegExp(`\`${side}(\\d?\`\\.)`, 'g'), '`x$1')
        .replace(new RegExp(`^${side}`), 'x');
    const out: unknown[] = schemas.map((row): unknown[] => [equal(row['s']), row['c']]);
    for (const { s, t, kind } of tables) {
      const name = `\`${s}\`.\`${String(t).replaceAll('`', '``')}\``;
      const [create] = await server.query(`SHOW CREATE ${kind === 'SEQUENCE' ? 'SEQUENCE' : 'TABLE'} ${name}`);
      const rows = kind === 'BASE TABLE' ? await server.query(`SELECT * FROM ${name}`) : [];
      const definition = equal(Object.values(create!)[1]);
      out.push([equal(s), t, side === 'src' ? definition.replace(') ENGINE=MEMORY ', ') ENGINE=InnoDB ') : definition, rows]);
    }
    return out;
  }

  async function expectEqualSides(): Promise<void> {
    expect(await contents('dst')).toEqual(await contents('src'));
  }

  async function emptySides(): Promise<void> {
    for (const schema of ['src', 'src2', 'src3', 'dst', 'dst2', 'dst3']) {
      await server.query(`SET foreign_key_checks=0; DROP DATABASE IF EXISTS ${schema}; SET foreign_key_checks=1`);
    }
    for (const schema of ['src', 'src2', 'dst', 'dst2'])
      await server.query(`CREATE DATABASE ${schema} COLLATE utf8mb4_general_ci`);
    await server.query('USE src');
  }

  /** Runs setup SQL on both sides. */
  async function both(sql: string): Promise<void> {
    await server.query(`USE src; ${sql}`);
    await server.query(`USE dst; ${sql.replaceAll('src', 'dst')}; USE src`);
  }

  async function record(item: StatementItem): Promise<RowDataPacket> {
    return (await server.query(`SELECT * FROM lockkeeper.ddl WHERE gtid='${item.head.gtid}'`))[0]!;
  }

  beforeAll(async () => {
    server = flavor === 'mysql' ? await startMysql() : await startMariadb();
    await server.query(`CREATE DATABASE lockkeeper; ${checkpointTableSql}; ${ddlTableSql}`);
    await server.query("CREATE USER limited IDENTIFIED BY 'limited'");
    for (const schema of ['dst', 'dst2', 'dst3']) {
      await server.query(
        `GRANT SELECT, INSERT, UPDATE, DELETE, CREATE, ALTER, DROP, INDEX, REFERENCES ON ${schema}.* TO limited`,
      );
    }
    await server.query('GRANT ALL ON lockkeeper.* TO limited');
  });

  afterAll(() => server?.kill9());

  beforeEach(async () => {
    session?.destroy();
    await server.query('DELETE FROM lockkeeper.ddl');
    await emptySides();
    await lead();
  });

  const own: Record<Flavor, readonly string[]> = {
    mysql: [
      'CREATE TABLE m1 (a INT, j JSON, KEY k ((a + 1)), v VARCHAR(9) GENERATED ALWAYS AS (j->>"$.src") VIRTUAL)',
      'ALTER TABLE m1 ALTER INDEX k INVISIBLE',
      'ALTER TABLE m1 ADD CONSTRAINT c CHECK (m1.a > 0) NOT ENFORCED',
      'CREATE TABLE m2 (a INT /*!80023 INVISIBLE */, b INT) START TRANSACTION',
      'ALTER TABLE m2 ADD u CHAR(3) DEFAULT (LEFT("abcdef", 3))',
      'CREATE TABLE m3 (g POINT NOT NULL SRID 4326, SPATIAL INDEX (g))',
      'ALTER DATABASE READ ONLY = 0',
    ],
    mariadb: [
      'CREATE OR REPLACE TABLE n1 (a INT) WITH SYSTEM VERSIONING',
      'CREATE OR REPLACE TABLE n1 (a INT, b INT)',
      'CREATE SEQUENCE sq START WITH 100 INCREMENT BY 10',
      'CREATE TABLE n2 (a INT DEFAULT NEXTVAL(sq), b INT DEFAULT (NEXT VALUE FOR src.sq))',
      'ALTER SEQUENCE sq RESTART 500',
      'ALTER TABLE n1 WAIT 5 ADD COLUMN IF NOT EXISTS c INT',
      'ALTER TABLE IF EXISTS nosuch ADD c INT',
      'CREATE OR REPLACE INDEX i ON n1 (a)',
      'DROP INDEX IF EXISTS nosuch ON n1',
      'RENAME TABLE IF EXISTS n1 WAIT 5 TO n3',
      'SET STATEMENT max_statement_time=100 FOR ALTER TABLE n3 ADD d INT',
      'DROP TABLE n2',
      'DROP SEQUENCE sq',
      'CREATE TABLE n4 (a INT) /*M!100100 COMMENT="x" */',
      'ALTER TABLE n4 ADD s DATE, ADD e DATE, ADD PERIOD FOR p (s, e)',
    ],
  };

  test('each kind of statement makes the same of a renamed schema', async () => {
    const statements = [
      'CREATE TABLE t1 (id INT PRIMARY KEY, a VARCHAR(20) DEFAULT "REFERENCES src.t1", KEY (a))',
      'CREATE TABLE src.`t 2.x``y` (id INT AUTO_INCREMENT PRIMARY KEY) AUTO_INCREMENT=50',
      'CREATE TABLE größe (größe INT CHECK (größe.größe > 0), src INT COMMENT "src")',
      'CREATE TABLE IF NOT EXISTS t3 LIKE t1',
      'CREATE TABLE src2.p (id INT PRIMARY KEY)',
      'CREATE TABLE c1 (a INT, b INT, FOREIGN KEY (a) REFERENCES t1 (id) ON DELETE CASCADE, CONSTRAINT fk2 FOREIGN KEY (b) REFERENCES src2.p (id))',
      'CREATE TABLE src2.c2 (a INT, FOREIGN KEY (a) REFERENCES p (id))',
      'ALTER TABLE src2.c2 ADD b INT, ADD FOREIGN KEY (b) REFERENCES src.t1 (id)',
      'CREATE TABLE gen (a INT, b VARCHAR(40) AS (CONCAT("src.t1", a)) STORED, c INT AS (gen.a + 1) VIRTUAL)',
      'CREATE TABLE part (id INT PRIMARY KEY) PARTITION BY RANGE (id) (PARTITION p0 VALUES LESS THAN (10), PARTITION p1 VALUES LESS THAN (20))',
      'ALTER TABLE part ADD PARTITION (PARTITION p2 VALUES LESS THAN (30))',
      'ALTER TABLE part REORGANIZE PARTITION p1, p2 INTO (PARTITION p3 VALUES LESS THAN MAXVALUE)',
      'CREATE TABLE ex (id INT PRIMARY KEY)',
      'ALTER TABLE part EXCHANGE PARTITION p0 WITH TABLE src.ex',
      'ALTER TABLE part DROP PARTITION p0',
      'ALTER TABLE part REMOVE PARTITIONING',
      "ALTER TABLE t3 ADD b INT, ADD INDEX (b), MODIFY a VARCHAR(30) CHARACTER SET latin1 COMMENT 'it''s'",
      'ALTER TABLE t3 RENAME t4, ADD c INT',
      'ALTER TABLE t4 RENAME COLUMN c TO d, RENAME INDEX b TO bb',
      'ALTER TABLE t4 RENAME TO src2.t5',
      'ALTER TABLE src2.t5 RENAME t5',
      'CREATE UNIQUE INDEX `on` ON t5 (d)',
      'DROP INDEX `on` ON src.t5',
      'CREATE FULLTEXT INDEX ft ON t5 (a)',
      'RENAME TABLE t5 TO tmp, t1 TO t5, tmp TO t1',
      'RENAME TABLE t5 TO t1_old',
      'TRUNCATE TABLE gen',
      'create /* gh-ost */ table `src`.`_gen_gho` like `src`.`gen`',
      'alter /* gh-ost */ table `src`.`_gen_gho` add column z int',
      'create /* gh-ost */ table `src`.`_gen_del` (id int auto_increment primary key) engine=InnoDB comment="ghost-cut-over-sentry"',
      'drop /* gh-ost */ table if exists `src`.`_gen_del`',
      'rename /* gh-ost */ table `src`.`gen` to `src`.`_gen_del`, `src`.`_gen_gho` to `src`.`gen`',
      'drop /* gh-ost */ table if exists `src`.`_gen_del`',
      'ALTER TABLE t1 ENGINE=InnoDB, ALGORITHM=COPY',
      'ALTER TABLE t1 CONVERT TO CHARACTER SET utf8mb4',
      'ALTER TABLE t1 AUTO_INCREMENT=77',
      'DROP TABLE IF EXISTS ex, nosuch, part',
      'CREATE DATABASE src3 CHARACTER SET latin1',
      'CREATE TABLE src3.t (a CHAR(3))',
      'ALTER DATABASE src3 COLLATE latin1_german1_ci',
      'ALTER DATABASE COLLATE utf8mb4_bin',
      'CREATE TABLE coll (a CHAR(3))',
      'DROP DATABASE src3',
      ...own[flavor],
    ];
    for (const sql of statements) {
      await server.query(sql.replace(' START TRANSACTION', ''));
      expect(await apply(statement(sql)), sql).toBe('applied');
      expect(await contents('dst'), sql).toEqual(await contents('src'));
    }
    const stored = await readCheckpoint(session, PIPELINE);
    expect(stored!.position).toMatchObject({ journal: 'binlog.000001', offset });
  });

  test('the source session decides about defaults, names, values of existing rows; ours comes back', async () => {
    const variables = async () =>
      (
        await session.query<RowDataPacket[]>(
          "SHOW SESSION VARIABLES WHERE Variable_name NOT LIKE '%timestamp' AND Variable_name NOT LIKE '%gtid%' AND Variable_name NOT LIKE '%_id' AND Variable_name NOT LIKE 'rand_seed%' AND Variable_name<>'identity'",
        )
      ).map((row) => Object.values(row).map(String).join('='));
    const before = await variables();
    await both('CREATE TABLE t (id INT PRIMARY KEY); INSERT INTO t VALUES (1), (2)');

    await apply(statement('ALTER TABLE t ADD at DATETIME(6) DEFAULT CURRENT_TIMESTAMP(6)', { timeZone: '+03:00' }));
    expect(await server.query('SELECT DISTINCT at FROM dst.t')).toEqual([{ at: '2023-11-15 01:13:20.250000' }]);

    await apply(statement('CREATE TABLE "q" ("a" INT)', { sqlMode: 4n }));
    expect(await server.query("SHOW TABLES FROM dst LIKE 'q'")).toHaveLength(1);

    const latin1 = { charset: { client: 8, connection: 8, server: 8 } };
    await apply(statement(Buffer.from("CREATE TABLE `t\xe9` (a CHAR(3) CHARACTER SET latin1 DEFAULT '\xe9')", 'latin1'), latin1));
    expect((await server.query('SHOW CREATE TABLE dst.`té`'))[0]!['Create Table']).toContain("DEFAULT 'é'");
    await apply(statement(Buffer.from('DROP TABLE `t\xe9`', 'latin1'), latin1));
    expect(await server.query("SHOW TABLES FROM dst LIKE 'té'")).toEqual([]);

    const gbk = { charset: { client: 28, connection: 28, server: 45 } };
    await apply(statement(Buffer.from('CREATE TABLE `\xc4\x5c\x81\x60` (a INT COMMENT "\x81\x5c")', 'latin1'), gbk));
    const fromGbk = (bytes: string) => new TextDecoder('gbk').decode(Buffer.from(bytes, 'latin1'));
    const [inGbk] = await server.query(`SHOW CREATE TABLE dst.\`${fromGbk('\xc4\x5c\x81\x60')}\``);
    expect(inGbk!['Create Table']).toContain(`COMMENT '${fromGbk('\x81\x5c')}'`);

    await apply(statement('CREATE TABLE child (a INT, FOREIGN KEY (a) REFERENCES missing (id))', { flags2: 0x4000000 }));
    expect(await server.query("SHOW TABLES FROM dst LIKE 'child'")).toHaveLength(1);

    await apply(statement('CREATE DATABASE src3', { charset: { client: 45, connection: 45, server: 8 } }));
    expect(
      await server.query("SELECT DEFAULT_COLLATION_NAME AS c FROM information_schema.SCHEMATA WHERE SCHEMA_NAME='dst3'"),
    ).toEqual([{ c: 'latin1_swedish_ci' }]);

    await server.query('SET SESSION auto_increment_increment=10, auto_increment_offset=5');
    await server.query('ALTER TABLE src.t ADD n INT NOT NULL AUTO_INCREMENT UNIQUE');
    await server.query('SET SESSION auto_increment_increment=1, auto_increment_offset=1');
    await apply(
      statement('ALTER TABLE t ADD n INT NOT NULL AUTO_INCREMENT UNIQUE', { autoIncrement: { increment: 10, offset: 5 } }),
    );
    const numbers = await server.query('SELECT n FROM dst.t ORDER BY id');
    expect(numbers).toEqual(await server.query('SELECT n FROM src.t ORDER BY id'));
    expect(numbers[1]!['n'] - numbers[0]!['n']).toBe(10);

    await apply(statement('CREATE TABLE ts (a TIMESTAMP)', { explicitDefaultsForTimestamp: false }));
    expect((await server.query('SHOW CREATE TABLE dst.ts'))[0]!['Create Table']).toContain('NOT NULL');

    expect(await variables()).toEqual(before);
    expect(
      (await session.query<RowDataPacket[]>('SELECT ABS(TIMESTAMPDIFF(SECOND, NOW(), SYSDATE())) < 60 AS now'))[0]!['now'],
    ).toBeTruthy();
  });

  test('statements as the binlog brings them, of sessions of many kinds', async () => {
    await both('CREATE TABLE old (id INT PRIMARY KEY); INSERT INTO old VALUES (1)');
    await using probe = new StreamProbe({ master: endpointOf(server), start: await positionOf(server), route: () => null });
    const statements = [
      "SET time_zone='+05:00', timestamp=1600000000.5",
      'ALTER TABLE old ADD at DATETIME(6) DEFAULT CURRENT_TIMESTAMP(6), ADD on_day DATE DEFAULT (CURRENT_DATE)',
      'SET time_zone=DEFAULT, timestamp=DEFAULT',
      "SET sql_mode='ANSI_QUOTES,NO_BACKSLASH_ESCAPES'",
      `CREATE TABLE "q""t" ("a" VARCHAR(9) DEFAULT '\\', b INT)`,
      'SET sql_mode=DEFAULT',
      'SET foreign_key_checks=0',
      'CREATE TABLE child (a INT, FOREIGN KEY (a) REFERENCES missing (id))',
      'SET foreign_key_checks=1',
      'SET collation_server=latin1_german1_ci',
      'CREATE DATABASE src3',
      'SET collation_server=DEFAULT',
      'USE src3',
      'CREATE TABLE t (a CHAR(3))',
      'ALTER TABLE src.old RENAME older',
      'USE src',
      'CREATE TEMPORARY TABLE tmp (a INT)',
      'CREATE TABLE of_tmp LIKE tmp',
      'DROP TABLE tmp',
      'CREATE TABLE x (a INT); CREATE TABLE y (a INT)',
      'RENAME TABLE x TO z, y TO x, z TO y',
      'DROP TABLE IF EXISTS x, nosuch',
      'CREATE VIEW v AS SELECT 1',
      'DROP VIEW v',
      "CREATE USER IF NOT EXISTS somebody IDENTIFIED BY 'x'",
      'ANALYZE TABLE y',
      'CREATE TRIGGER tr BEFORE INSERT ON y FOR EACH ROW SET NEW.a = 1',
      'DROP TRIGGER tr',
      'CREATE TABLE mem (a INT) ENGINE=MEMORY /*!99999 COMMENT="never" */',
      ...(flavor === 'mysql'
        ? ['SET sql_generate_invisible_primary_key=1', 'CREATE TABLE gipk (a INT)', 'SET sql_generate_invisible_primary_key=0']
        : ['CREATE SEQUENCE sq START 7', 'CREATE TABLE ofs (a INT DEFAULT NEXTVAL(sq))', 'CREATE OR REPLACE TABLE y (b INT)']),
    ];
    await server.query('USE src');
    for (const sql of statements) await server.query(sql);
    const latin1 = await server.connect({ charset: 'latin1', database: 'src' });
    await latin1.query("CREATE TABLE `té` (a CHAR(3) DEFAULT 'é' COMMENT 'ü')");
    await latin1.query('ALTER TABLE `té` ADD `ñ` INT');
    await latin1.end();
    await probe.caughtUp(server);

    let ignored = 0;
    for (const item of [...probe.items]) {
      if (item.kind !== 'statement') continue;
      const rewritten = rewriteStatement(parseStatement(item.sql, item.context, { flavor }), mapping);
      if (rewritten.kind === 'ignore') ignored++;
      else expect(await apply(item), item.sql.toString('latin1')).toBe('applied');
    }
    expect(ignored).toBeGreaterThanOrEqual(3);
    // Both sides have ALTERed a row that both had: its new values are those of the source's clock and zone.
    expect(await server.query('SELECT at FROM dst3.older')).toEqual([{ at: '2020-09-13 17:26:40.500000' }]);
    await expectEqualSides();
  });

  test('modes that the target does not know are left out', async () => {
    expect(await apply(statement('CREATE TABLE t (a INT)', { sqlMode: 1436549152n | (1n << 32n) }))).toBe('applied');
    expect(await apply(statement('CREATE TABLE u (a INT)', { sqlMode: 1411907616n }))).toBe('applied');
  });

  /** Setup for both sides, then the statement that a crash interrupts. */
  const interrupted: readonly (readonly [name: string, setup: string, sql: string])[] = [
    ['create table', 'SELECT 1', 'CREATE TABLE t (a INT)'],
    ['create table if not exists', 'SELECT 1', 'CREATE TABLE IF NOT EXISTS t (a INT)'],
    ['create table like', 'CREATE TABLE u (a INT)', 'CREATE TABLE t LIKE u'],
    ['alter table', 'CREATE TABLE t (a INT)', 'ALTER TABLE t ADD INDEX (a)'],
    ['alter and rename', 'CREATE TABLE t (a INT)', 'ALTER TABLE t ADD b INT, RENAME u'],
    ['alter without trace', 'CREATE TABLE t (a INT); INSERT INTO t VALUES (1)', 'ALTER TABLE t ENGINE=InnoDB'],
    ['create index', 'CREATE TABLE t (a INT)', 'CREATE INDEX i ON t (a)'],
    ['drop index', 'CREATE TABLE t (a INT, KEY i (a))', 'DROP INDEX i ON t'],
    ['drop tables', 'CREATE TABLE t (a INT); CREATE TABLE u (a INT)', 'DROP TABLE t, u'],
    ['truncate', 'CREATE TABLE t (a INT AUTO_INCREMENT PRIMARY KEY); INSERT INTO t VALUES (7)', 'TRUNCATE TABLE t'],
    ['rename', 'CREATE TABLE t (a INT); INSERT INTO t VALUES (7)', 'RENAME TABLE t TO u'],
    [
      'swap of identical tables',
      'CREATE TABLE a (x INT); CREATE TABLE b (x INT); INSERT INTO a VALUES (1); INSERT INTO b VALUES (2)',
      'RENAME TABLE a TO tmp, b TO a, tmp TO b',
    ],
    [
      'swap of identical tables with odd names',
      'CREATE TABLE `a-1.$` (x INT); CREATE TABLE `日本` (x INT); INSERT INTO `a-1.$` VALUES (1); INSERT INTO `日本` VALUES (2)',
      'RENAME TABLE `a-1.$` TO tmp, `日本` TO `a-1.$`, tmp TO `日本`',
    ],
    [
      'exchange partition',
      'CREATE TABLE t (x INT PRIMARY KEY) PARTITION BY RANGE (x) (PARTITION p VALUES LESS THAN (9)); CREATE TABLE u (x INT PRIMARY KEY); INSERT INTO t VALUES (1); INSERT INTO u VALUES (2)',
      'ALTER TABLE t EXCHANGE PARTITION p WITH TABLE u',
    ],
    ['create database', 'SELECT 1', 'CREATE DATABASE src3 COLLATE utf8mb4_bin'],
    ['drop database', 'DROP DATABASE src2', 'DROP DATABASE src'],
    ['alter database', 'SELECT 1', 'ALTER DATABASE src COLLATE utf8mb4_bin'],
  ];
  const steps = [
    'ddl-before-lock',
    'ddl-before-intent',
    'ddl-after-intent',
    'ddl-after-execute',
    'ddl-before-done',
    'ddl-after-done',
  ];

  test.each(interrupted)('%s takes effect once, wherever the worker dies', async (_name, setup, sql) => {
    for (const step of steps) {
      await emptySides();
      await both(setup);
      await server.query(`USE src; ${sql}`);
      await lead();
      const before = (await readCheckpoint(session, PIPELINE))!.sequence;
      await session.query('COMMIT');
      const item = statement(sql);
      const died = session;
      const crash = (name: string) => {
        if (name !== step) return;
        died.destroy();
        throw new Error('crash');
      };
      await expect(apply(item, crash), step).rejects.toThrow();
      await lead();
      const ran = step === 'ddl-after-execute' || step === 'ddl-before-done';
      const outcome = await apply(item);
      if (step === 'ddl-after-done') expect(outcome).toBe('repeated');
      else if (!ran) expect(outcome, step).toBe('applied');
      else expect(['applied', 'recovered'], step).toContain(outcome);
      await expectEqualSides();
      expect(await record(item), step).toMatchObject({ state: 'done' });
      expect(await apply(item)).toBe('repeated');
      await expectEqualSides();
      const stored = (await readCheckpoint(session, PIPELINE))!;
      expect(stored.position!.offset).toBe(item.end.offset);
      expect(stored.sequence - before, step).toBe(step === 'ddl-after-done' ? 3 : 2);
      session.destroy();
    }
  });

  test('without PROCESS a swap of identical tables that was interrupted stops, and a person decides', async () => {
    await both('CREATE TABLE a (x INT); CREATE TABLE b (x INT); INSERT INTO a VALUES (1); INSERT INTO b VALUES (2)');
    const item = statement('RENAME TABLE a TO tmp, b TO a, tmp TO b');
    await server.query(item.sql.toString());
    session.destroy();
    await lead('limited', 'limited');
    const died = session;
    await expect(
      apply(item, (name) => {
        if (name === 'ddl-after-execute') died.destroy();
      }),
    ).rejects.toThrow();
    await lead('limited', 'limited');
    const error = (await apply(item).catch((e: unknown) => e)) as LockkeeperError;
    expect(error).toMatchObject({ code: 'LK1503', retryable: false });
    await server.query(String(error.details!['markDone']));
    expect(await apply(item)).toBe('repeated');
    await expectEqualSides();
    const next = statement('CREATE TABLE c (a INT)');
    expect(await apply(next)).toBe('applied');
  });

  test('an account with the documented grants is enough', async () => {
    session.destroy();
    await lead('limited', 'limited');
    const settings = {
      charset: { client: 33, connection: 33, server: 8 },
      timeZone: '-05:00',
      lcTimeNames: 3,
      defaultUtf8mb4Collation: 45,
      explicitDefaultsForTimestamp: flavor === 'mysql' ? false : null,
    };
    for (const sql of [
      'CREATE DATABASE src3',
      'CREATE TABLE t (a INT)',
      'CREATE INDEX i ON t (a)',
      'ALTER TABLE t RENAME src3.u',
      'CREATE TABLE t LIKE src3.u',
      'TRUNCATE t',
      'DROP TABLE t',
      'DROP DATABASE src3',
    ]) {
      expect(await apply(statement(sql, settings)), sql).toBe('applied');
    }
    await expect(apply(statement('CREATE DATABASE elsewhere'))).rejects.toMatchObject({ code: 'LK1303' });
  });

  test('what the target refuses stops with the way out, and is tried again', async () => {
    await server.query('CREATE TABLE dst.t (a INT)');
    const item = statement('CREATE TABLE t (b INT)');
    const error = (await apply(item).catch((e: unknown) => e)) as LockkeeperError;
    expect(error).toMatchObject({ code: 'LK1501', retryable: false, found: 'CREATE TABLE `dst`.`t` (b INT)' });
    expect(error.message).toContain("Table 't' already exists");
    expect(await record(item)).toMatchObject({ state: 'failed', error: expect.stringContaining('already exists') });
    await expect(apply(item)).rejects.toMatchObject({ code: 'LK1501' });
    await server.query('DROP TABLE dst.t');
    expect(await apply(item)).toBe('applied');
    expect(await record(item)).toMatchObject({ state: 'done', error: null });

    const missing = statement('DROP TABLE nosuch');
    await expect(apply(missing)).rejects.toMatchObject({ code: 'LK1501' });
    expect((await readCheckpoint(session, PIPELINE))!.position!.offset).toBe(item.end.offset);
    await server.query(String(((await apply(missing).catch((e: unknown) => e)) as LockkeeperError).details!['markDone']));
    expect(await apply(missing)).toBe('repeated');
    expect((await readCheckpoint(session, PIPELINE))!.position!.offset).toBe(missing.end.offset);
  });

  test('what Lockkeeper refuses is recorded and can be marked as done', async () => {
    const item = statement('RENAME TABLE secret TO t');
    const error = (await apply(item).catch((e: unknown) => e)) as LockkeeperError;
    expect(error).toMatchObject({ code: 'LK1502' });
    expect(error.remedy).toContain("SET state='done'");
    expect(await record(item)).toMatchObject({ state: 'refused', executed: null });
    await server.query(String(error.details!['markDone']));
    expect(await apply(item)).toBe('repeated');
  });

  test('a table without key does not get its rows numbered', async () => {
    await both('CREATE TABLE t (a INT); INSERT INTO t VALUES (3), (1)');
    await expect(apply(statement('ALTER TABLE t ADD id INT AUTO_INCREMENT PRIMARY KEY'))).rejects.toMatchObject({
      code: 'LK1502',
    });
    await both('DELETE FROM t WHERE a = 3');
    expect(await apply(statement('ALTER TABLE t ADD id INT AUTO_INCREMENT PRIMARY KEY'))).toBe('applied');
    await server.query('ALTER TABLE t ADD id INT AUTO_INCREMENT PRIMARY KEY');
    expect(await apply(statement('ALTER TABLE t MODIFY id BIGINT AUTO_INCREMENT'))).toBe('applied');
    await server.query('ALTER TABLE t MODIFY id BIGINT AUTO_INCREMENT');
    await expectEqualSides();
  });

  test('a lock on the table is waited for, then reported as passing', async () => {
    await both('CREATE TABLE t (a INT)');
    const blocker = await server.connect();
    await blocker.query('START TRANSACTION');
    await blocker.query('SELECT * FROM dst.t');
    await session.query('SET SESSION lock_wait_timeout=1');
    const item = statement('ALTER TABLE t ADD INDEX (a)');
    await expect(apply(item)).rejects.toMatchObject({ code: 'LK1404', retryable: true });
    expect(await record(item)).toMatchObject({ state: 'started' });
    await blocker.end();
    expect(await apply(item)).toBe('applied');
    await server.query('ALTER TABLE t ADD INDEX (a)');
    await expectEqualSides();
  });

  test('a former leader that sleeps within DDL is ended and never finishes it', async () => {
    await both('CREATE TABLE t (a INT)');
    const former = { session, checkpoint };
    const item = statement('ALTER TABLE t ADD INDEX (a)');
    let wake: () => void = () => undefined;
    const asleep = new Promise<void>((resolve) => (wake = resolve));
    let reached: () => void = () => undefined;
    const sleeping = new Promise<void>((resolve) => (reached = resolve));
    const outcome = apply(
      item,
      async (name) => {
        if (name !== 'ddl-after-intent') return;
        reached();
        await asleep;
      },
      former,
    ).catch((error: unknown) => error);
    await sleeping;
    expect(Number((await server.query(`SELECT IS_USED_LOCK('${ddlLockName(PIPELINE)}') AS holder`))[0]!['holder'])).toBe(
      former.session.connectionId,
    );

    session = await open();
    ({ checkpoint } = await Checkpoint.takeOver(session, PIPELINE, 'next'));
    expect(await evictDdlHolder(session, PIPELINE)).toBe(former.session.connectionId);
    expect(await evictDdlHolder(session, PIPELINE)).toBeNull();
    expect(await apply(item)).toBe('applied');
    wake();
    expect(await outcome).toMatchObject({ code: 'LK1302', retryable: true });
    await server.query('ALTER TABLE t ADD INDEX (a)');
    await expectEqualSides();
  });

  test('a former leader whose DDL runs at the server is ended, and the statement runs once', async () => {
    await both('CREATE TABLE t (a INT)');
    const former = { session, checkpoint };
    const item = statement('ALTER TABLE t ADD INDEX (a)');
    const blocker = await server.connect();
    await blocker.query('START TRANSACTION');
    await blocker.query('SELECT * FROM dst.t');
    const outcome = apply(item, undefined, former).catch((error: unknown) => error);
    const waiting = async () =>
      (
        await server.query(
          "SELECT 1 FROM information_schema.PROCESSLIST WHERE INFO LIKE 'ALTER TABLE `dst`%' AND STATE LIKE 'Waiting%'",
        )
      ).length > 0;
    await expect.poll(waiting).toBe(true);
    await lead();
    expect(await outcome).toMatchObject({ code: 'LK1302' });
    await blocker.end();
    expect(await apply(item)).toBe('applied');
    await server.query('ALTER TABLE t ADD INDEX (a)');
    await expectEqualSides();
  });

  test('an older epoch runs no DDL, and does not end the connection of a newer one', async () => {
    const former = { session, checkpoint };
    await lead();
    await expect(apply(statement('CREATE TABLE t (a INT)'), undefined, former)).rejects.toMatchObject({ code: 'LK1401' });
    await session.query(`SELECT GET_LOCK('${ddlLockName(PIPELINE)}', 0)`);
    await expect(apply(statement('CREATE TABLE t (a INT)'), undefined, former)).rejects.toMatchObject({ code: 'LK1401' });
    await session.query(`DO RELEASE_LOCK('${ddlLockName(PIPELINE)}')`);
    expect(await server.query('SHOW TABLES FROM dst')).toEqual([]);
    expect(await server.query('SELECT * FROM lockkeeper.ddl')).toEqual([]);
    former.session.destroy();
  });

  test('another statement does not run while the outcome of one is open', async () => {
    const died = session;
    const item = statement('CREATE TABLE t (a INT)');
    await expect(
      apply(item, (name) => {
        if (name === 'ddl-after-intent') died.destroy();
      }),
    ).rejects.toThrow();
    await lead();
    const error = (await apply(statement('CREATE TABLE u (a INT)')).catch((e: unknown) => e)) as LockkeeperError;
    expect(error).toMatchObject({ code: 'LK1503', found: 'CREATE TABLE t (a INT)' });
    await server.query(String(error.details!['markAbsent']));
    expect(await apply(statement('CREATE TABLE u (a INT)'))).toBe('applied');
    expect(await apply(item)).toBe('applied');
  });

  test('the same text at another place of the source is another statement', async () => {
    await server.query('CREATE TABLE dst.t (a INT); INSERT INTO dst.t VALUES (1)');
    await apply(statement('TRUNCATE TABLE t'));
    await server.query('INSERT INTO dst.t VALUES (2)');
    expect(await apply(statement('TRUNCATE TABLE t'))).toBe('applied');
    expect(await server.query('SELECT * FROM dst.t')).toEqual([]);
  });
});
