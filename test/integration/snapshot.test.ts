import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { SourcePosition } from '../../worker/source/position.ts';
import type { RowRun } from '../../worker/target/row-run.ts';
import { catchUpOf } from '../../worker/snapshot/catch-up-decision.ts';
import { SnapshotStore } from '../../worker/snapshot/snapshot-store.ts';
import type { Clock, SnapshotResult, SnapshotTable } from '../../worker/snapshot/types.ts';
import { SqlWriter, type DivergencePolicy } from '../../worker/target/sql/sql-writer.ts';
import { TableMetadataCache } from '../../worker/target/table-metadata.ts';
import { readTransactions } from '../matrix/binlog.ts';
import { expectSameData, startMariadb, startMysql, type DbServer } from '../servers/index.ts';
import { copier, copy, lead, openTarget, tablesOf } from './snapshot-helpers.ts';
import { endpointOf, eventually, positionOf } from './source-helpers.ts';

/** Reports every chunk: half a second passes between any two looks at it. */
function hastyClock(): Clock {
  let now = 0;
  return { now: () => (now += 500), sleep: (milliseconds, signal) => sleep(milliseconds, undefined, signal ? { signal } : {}) };
}

/** Writes to `pair` and `many` all the time, each transaction to both, until disposed. */
class Writer implements AsyncDisposable {
  readonly #stop = new AbortController();
  readonly #done: Promise<void>;
  transactions = 0;

  constructor(server: DbServer, schema: string) {
    this.#done = this.#write(server, schema);
  }

  async #write(server: DbServer, schema: string): Promise<void> {
    const connection = await server.connect({ multipleStatements: true });
    for (let i = 0; !this.#stop.signal.aborted; i++) {
      const id = Math.floor(Math.random() * 9000);
      const change = [
        `UPDATE ${schema}.many SET v=CONCAT('u', ${i}), n=n+1 WHERE id BETWEEN ${id} AND ${id + 5}`,
        `DELETE FROM ${schema}.many WHERE id=${id + 7}`,
        `REPLACE INTO ${schema}.many (id, u, v, n) VALUES (${id + 7}, ${id + 7}, 'back', 0)`,
        `UPDATE IGNORE ${schema}.many SET id=id+20000, u=u+20000 WHERE id=${id + 9}`,
        `INSERT INTO ${schema}.many (id, u, v, n) VALUES (${100_000 + i}, ${100_000 + i}, 'new', 1)`,
      ][i % 5]!;
      await connection.query(`BEGIN; ${change}; UPDATE ${schema}.pair SET n=n+1 WHERE id=${i % 10}; COMMIT`);
      this.transactions++;
    }
    await connection.end();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#done;
  }
}

async function fill(server: DbServer, schema: string, unique = false): Promise<void> {
  await server.query(
    `CREATE DATABASE ${schema}; CREATE TABLE ${schema}.many (id INT PRIMARY KEY, u INT NOT NULL, v VARCHAR(50), n INT${unique ? ', UNIQUE KEY (u)' : ''});
     CREATE TABLE ${schema}.pair (id INT PRIMARY KEY, n INT); CREATE TABLE ${schema}.bare (a INT, b VARCHAR(10));
     INSERT INTO ${schema}.bare VALUES (1,'x'),(1,'x'),(NULL,''),(NULL,NULL)`,
  );
  const rows = Array.from({ length: 10_000 }, (_, i) => `(${i},${i},'row ${i}',0)`);
  await server.query(
    `INSERT INTO ${schema}.many VALUES ${rows.join()}; INSERT INTO ${schema}.pair VALUES ${rows
      .slice(0, 10)
      .map((_, i) => `(${i},0)`)
      .join()}`,
  );
}

/** Applies what the source logged for a table since `start`. Under `Stop` any row that is missing or there already is an error. */
async function replay(
  source: DbServer,
  target: DbServer,
  { source: from, target: to }: SnapshotTable,
  start: SourcePosition,
  policy: DivergencePolicy,
): Promise<void> {
  const transactions = await readTransactions(source, start, (schema, table) =>
    schema === from.schema && table === from.table ? to : null,
  );
  const session = await openTarget(target);
  const writer = new SqlWriter(session, new TableMetadataCache(session), policy);
  for (const { events } of transactions) {
    const runs = events.map(({ table, operation, type, flags, head, images }): RowRun => ({
      table,
      operation,
      type,
      flags,
      head,
      images: [images],
      rows: 0,
      bytes: images.length,
    }));
    await (policy === 'Repair' ? writer.writeCarefully(runs) : writer.write(runs));
    await session.query('COMMIT');
  }
  session.destroy();
}

/** Brings each table up to date as the result says, and compares. */
async function catchUpAndCompare(
  source: DbServer,
  target: DbServer,
  tables: readonly SnapshotTable[],
  result: SnapshotResult,
): Promise<void> {
  for (const table of tables) {
    const { catchUp } = result.tables.find(
      (copied) => copied.schema === table.source.schema && copied.table === table.source.table,
    )!;
    if (catchUp.kind === 'convergeUntil') await replay(source, target, table, result.start, 'Repair');
    else await replay(source, target, table, catchUp.kind === 'none' ? result.start : catchUp.position, 'Stop');
  }
  const schemaMap = Object.fromEntries(tables.map((table) => [table.source.schema, table.target.schema]));
  await expectSameData(source, target, { schemaMap });
}

describe.each(['mysql', 'mariadb'] as const)('a first copy from %s', (flavor) => {
  let source: DbServer;
  let target: DbServer;
  let n = 0;
  let db = '';
  let pipeline = '';

  beforeAll(async () => {
    const start = flavor === 'mysql' ? startMysql : startMariadb;
    [source, target] = await Promise.all([start({ name: 'source' }), start({ name: 'target' })]);
  });
  afterAll(async () => {
    await Promise.all([source?.stop(), target?.stop()]);
  });
  beforeEach(() => {
    db = `db${++n}`;
    pipeline = `test/${db}`;
  });

  it('is the source at one moment, while it is written to', async () => {
    await fill(source, db, true);
    const tables = await tablesOf(source, db);
    await using writer = new Writer(source, db);
    await sleep(300);
    const before = writer.transactions;
    const result = await copy(source, target, pipeline, tables, { options: { chunkRows: 700 } });
    expect(writer.transactions).toBeGreaterThan(before);
    await writer[Symbol.asyncDispose]();
    expect(result.tables.every(({ catchUp }) => catchUp.kind === 'none' || catchUp.kind === 'skipUntil')).toBe(true);
    expect(result.tables.find(({ table }) => table === 'many')!.catchUp.kind).toBe('skipUntil');
    await catchUpAndCompare(source, target, tables, result);
    const session = await openTarget(target);
    const stored = await new SnapshotStore(pipeline, '').read(session);
    expect(catchUpOf(stored!)).toEqual({ tables: result.tables, others: result.others });
    session.destroy();
  });

  it.each([
    ['LOCK TABLES', 'SELECT, LOCK TABLES'],
    ['RELOAD', 'SELECT, RELOAD'],
    ['neither', 'SELECT'],
  ])('needs not all privileges (%s)', async (_, grants) => {
    await fill(source, db);
    const client = flavor === 'mysql' ? 'REPLICATION CLIENT, REPLICATION SLAVE' : 'BINLOG MONITOR, REPLICATION SLAVE';
    await source.query(`CREATE USER ${db}@'%' IDENTIFIED BY 'secret'; GRANT ${grants}, ${client} ON *.* TO ${db}@'%'`);
    const tables = (await tablesOf(source, db)).filter(({ source: { table } }) => table !== 'bare');
    await using writer = new Writer(source, db);
    await sleep(200);
    const run = copy(source, target, pipeline, tables, { source: endpointOf(source, { user: db, password: 'secret' }) });
    if (flavor === 'mariadb' && grants === 'SELECT') {
      // Nothing proves where its snapshots lie.
      await expect(run).rejects.toMatchObject({ code: 'LK1602', retryable: false });
      return;
    }
    const result = await run;
    await writer[Symbol.asyncDispose]();
    if (grants !== 'SELECT') expect(result.tables.every(({ catchUp }) => catchUp.kind === 'skipUntil')).toBe(true);
    await source.query(`DROP TABLE ${db}.bare`);
    await catchUpAndCompare(source, target, tables, result);
  });

  // MariaDB is not copied at all without a lock.
  if (flavor === 'mysql')
    it('copies a table without a key at a moment that is known exactly, or not at all', async () => {
      await fill(source, db);
      await source.query(
        `CREATE USER ${db}@'%' IDENTIFIED BY 'secret'; GRANT SELECT, REPLICATION CLIENT, REPLICATION SLAVE ON *.* TO ${db}@'%'`,
      );
      const tables = (await tablesOf(source, db)).filter(({ source: { table } }) => table === 'bare');
      await using writer = new Writer(source, db);
      await sleep(200);
      const endpoint = endpointOf(source, { user: db, password: 'secret' });
      const [copied] = await Promise.allSettled([copy(source, target, pipeline, tables, { source: endpoint })]);
      await writer[Symbol.asyncDispose]();
      if (copied.status === 'rejected')
        expect(copied.reason).toMatchObject({ code: 'LK1602', message: expect.stringContaining(`${db}.bare`) as string });
      else expect(copied.value.tables.map(({ catchUp }) => catchUp.kind)).not.toContain('convergeUntil');
    });

  it('goes on after it was cut off, again and again', async () => {
    await fill(source, db);
    const tables = await tablesOf(source, db);
    await using writer = new Writer(source, db);
    const seen: number[] = [];
    for (let attempt = 0; attempt < 10; attempt++) {
      const abort = new AbortController();
      let left = 1 + Math.floor(Math.random() * 5);
      const run = copy(source, target, pipeline, tables, {
        options: { chunkRows: 150 },
        clock: hastyClock(),
        signal: abort.signal,
        onProgress: ({ rowsDone }) => {
          seen.push(rowsDone);
          if (--left <= 0) abort.abort();
        },
      });
      const asked = new Promise<number>((resolve) => abort.signal.addEventListener('abort', () => resolve(performance.now())));
      await expect(run).rejects.toThrow('aborted');
      expect(performance.now() - (await asked)).toBeLessThan(1000);
    }
    const result = await copy(source, target, pipeline, tables, { options: { chunkRows: 150 } });
    await writer[Symbol.asyncDispose]();
    expect(result.tables.find(({ table }) => table === 'many')!.catchUp.kind).toBe('convergeUntil');
    expect(Math.max(...seen)).toBeGreaterThan(1000);
    await catchUpAndCompare(source, target, tables, result);
    // Once done it stays done.
    expect(await copy(source, target, pipeline, tables)).toEqual({ ...result, seconds: 0 });
  });

  it('starts a table anew whose rows moved between chunks of two moments', async () => {
    await fill(source, db, true);
    const tables = (await tablesOf(source, db)).filter(({ source: { table } }) => table === 'many');
    const abort = new AbortController();
    const first = copy(source, target, pipeline, tables, {
      options: { chunkRows: 1000, parallelism: 1 },
      clock: hastyClock(),
      signal: abort.signal,
      onProgress: ({ chunksDone }) => chunksDone >= 3 && abort.abort(),
    });
    await expect(first).rejects.toThrow('aborted');
    // The row keeps its unique value and goes from a finished chunk to one that is still to come.
    await source.query(`UPDATE ${db}.many SET id=50000 WHERE id=10`);
    const notices: string[] = [];
    const result = await copy(source, target, pipeline, tables, { onNotice: (text) => notices.push(text) });
    expect(notices.join()).toMatch(/copied anew/);
    expect(result.tables[0]!.catchUp.kind).toBe('skipUntil');
    await source.query(`DROP TABLE ${db}.pair, ${db}.bare`);
    await catchUpAndCompare(source, target, tables, result);
  });

  it.each(['with', 'without'])(
    'starts a table anew that was truncated between two runs (%s the privilege to see it)',
    async (privilege) => {
      await fill(source, db);
      const grants = flavor === 'mysql' ? 'REPLICATION CLIENT' : 'BINLOG MONITOR, BINLOG ADMIN';
      await source.query(
        `CREATE USER ${db}@'%' IDENTIFIED BY 'secret'; GRANT SELECT, LOCK TABLES, REPLICATION SLAVE, ${grants}${privilege === 'with' ? ', PROCESS' : ''} ON *.* TO ${db}@'%'`,
      );
      const tables = (await tablesOf(source, db)).filter(({ source: { table } }) => table === 'many');
      const abort = new AbortController();
      const account = endpointOf(source, { user: db, password: 'secret' });
      const first = copy(source, target, pipeline, tables, {
        source: account,
        options: { chunkRows: 1000, parallelism: 1 },
        clock: hastyClock(),
        signal: abort.signal,
        onProgress: ({ chunksDone }) => chunksDone >= 3 && abort.abort(),
      });
      await expect(first).rejects.toThrow('aborted');
      await source.query(`TRUNCATE TABLE ${db}.many; INSERT INTO ${db}.many VALUES (3, 3, 'new', 3), (9500, 9500, 'new', 3)`);
      const result = await copy(source, target, pipeline, tables, { source: account });
      expect(result.tables[0]!.catchUp.kind).toBe('skipUntil');
      await source.query(`DROP TABLE ${db}.pair, ${db}.bare`);
      await catchUpAndCompare(source, target, tables, result);
    },
  );

  it('cuts chunks by composite, text and binary keys, with ties', async () => {
    await source.query(`CREATE DATABASE ${db}`);
    await source.query(
      `CREATE TABLE ${db}.words (w VARCHAR(20) CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci, k INT, v TEXT, PRIMARY KEY (w, k))`,
    );
    await source.query(
      `CREATE TABLE ${db}.three (a DECIMAL(10,3), b VARBINARY(8), c DATETIME(6), v INT, UNIQUE KEY (a, b, c), CHECK (v > 0))`,
    );
    await source.query(
      `ALTER TABLE ${db}.three MODIFY a DECIMAL(10,3) NOT NULL, MODIFY b VARBINARY(8) NOT NULL, MODIFY c DATETIME(6) NOT NULL`,
    );
    await source.query(`CREATE TABLE ${db}.latin (w CHAR(10) CHARACTER SET latin1 COLLATE latin1_german1_ci PRIMARY KEY, v INT)`);
    await source.query(`CREATE TABLE ${db}.prefixed (w TEXT NOT NULL, v INT, UNIQUE KEY (w(5)))`);
    const spellings = ['a', 'A', 'ä', 'Ä', 'b ', 'B', 'ß', 'ss', '日本', '😀', '', "it's", 'back\\slash', 'tab\tnew\nline'];
    const words = Array.from({ length: 1400 }, (_, i) => [spellings[i % spellings.length]!, i - 700, `text\n${i}\t\\`]);
    await source.query(`INSERT INTO ${db}.words VALUES ?`, [words]);
    const three = Array.from({ length: 900 }, (_, i) => [
      (i % 7) - 3.125,
      Buffer.from([i % 5, 0x27, 0x5c, 0]),
      `2024-01-01 00:00:00.${String(i).padStart(6, '0')}`,
      i + 1,
    ]);
    await source.query(`INSERT INTO ${db}.three VALUES ?`, [three]);
    await source.query(`INSERT INTO ${db}.latin VALUES ?`, [Array.from({ length: 300 }, (_, i) => [`ä${i}é`, i])]);
    await source.query(`INSERT INTO ${db}.prefixed VALUES ?`, [
      Array.from({ length: 300 }, (_, i) => [`${10000 + i} and more`, i]),
    ]);
    const tables = await tablesOf(source, db);
    const notices: string[] = [];
    const result = await copy(source, target, pipeline, tables, {
      options: { chunkRows: 37 },
      onNotice: (text) => notices.push(text),
    });
    expect(notices).toEqual([]);
    expect(result.rows).toBe(2900);
    await expectSameData(source, target, { schemaMap: { [db]: db } });
    const chunks = await target.query(
      `SELECT source_table AS t, COUNT(*) AS n FROM lockkeeper.snapshot_chunk WHERE pipeline='${pipeline}' GROUP BY 1 ORDER BY 1`,
    );
    expect(chunks.map((row) => `${row['t']} ${row['n']}`)).toEqual(['latin 9', 'prefixed 1', 'three 25', 'words 38']);
  });

  it('creates tables under their target names: foreign keys, generated and invisible columns, indexes, defaults', async () => {
    await source.query(
      `CREATE DATABASE ${db}; CREATE TABLE ${db}.parent (id INT AUTO_INCREMENT PRIMARY KEY, name VARCHAR(20) CHARACTER SET latin1 DEFAULT 'dé''f' COMMENT 'REFERENCES \`x\` (ä)');
       CREATE TABLE ${db}.child (id INT PRIMARY KEY, p INT, e ENUM('ä','b,c') DEFAULT 'ä', twice INT AS (p*2) ${flavor === 'mysql' ? 'STORED' : 'PERSISTENT'}, v INT AS (p+1) VIRTUAL, secret INT DEFAULT 7 INVISIBLE, KEY (e), CONSTRAINT fk_p FOREIGN KEY (p) REFERENCES parent (id) ON UPDATE NO ACTION);
       CREATE TABLE ${db}.outside (id INT PRIMARY KEY); CREATE TABLE ${db}.orphan (id INT PRIMARY KEY, o INT, CONSTRAINT fk_o FOREIGN KEY (o) REFERENCES outside (id));
       INSERT INTO ${db}.parent VALUES (0+5, 'x'), (9, 'é'); INSERT INTO ${db}.child (id, p, e, secret) VALUES (1, 5, 'b,c', 8), (2, 9, DEFAULT, NULL); INSERT INTO ${db}.orphan VALUES (1, NULL);
       CREATE TRIGGER ${db}.tr BEFORE INSERT ON ${db}.child FOR EACH ROW SET NEW.e='ä'; SET sql_mode='NO_AUTO_VALUE_ON_ZERO'; INSERT INTO ${db}.parent VALUES (0, 'zero')`,
    );
    const to = `${db}_copy`;
    const rename: Record<string, string> = { parent: 'eltern', child: 'kind', orphan: 'orphan' };
    const tables = Object.entries(rename).map(([table, other]) => ({
      source: { schema: db, table },
      target: { schema: to, table: other },
    }));
    const notices: string[] = [];
    await copy(source, target, pipeline, tables, { onNotice: (text) => notices.push(text) });
    expect(notices.join()).toContain('fk_o');
    const shown = async (server: DbServer, name: string) =>
      String((await server.query(`SHOW CREATE TABLE ${name}`))[0]!['Create Table']);
    expect((await shown(target, `${to}.kind`)).replace('`eltern`', '`parent`').replace('`kind`', '`child`')).toBe(
      await shown(source, `${db}.child`),
    );
    expect((await shown(target, `${to}.eltern`)).replace('`eltern`', '`parent`')).toBe(await shown(source, `${db}.parent`));
    expect(await shown(target, `${to}.orphan`)).not.toContain('CONSTRAINT');
    expect(await target.query(`SELECT id, p, e+0 AS e, twice, v, secret FROM ${to}.kind ORDER BY id`)).toEqual(
      await source.query(`SELECT id, p, e+0 AS e, twice, v, secret FROM ${db}.child ORDER BY id`),
    );
    expect(await target.query(`SELECT id, HEX(name) AS name FROM ${to}.eltern ORDER BY id`)).toEqual(
      await source.query(`SELECT id, HEX(name) AS name FROM ${db}.parent ORDER BY id`),
    );
    expect(await target.query(`SELECT * FROM information_schema.triggers WHERE trigger_schema='${to}'`)).toEqual([]);
  });

  it('puts several source tables into one', async () => {
    await source.query(
      `CREATE DATABASE ${db}; CREATE TABLE ${db}.t1 (id INT PRIMARY KEY, v INT); CREATE TABLE ${db}.t2 LIKE ${db}.t1; INSERT INTO ${db}.t1 VALUES (1,1),(3,3); INSERT INTO ${db}.t2 VALUES (2,2),(4,4)`,
    );
    const tables = ['t1', 't2'].map((table) => ({ source: { schema: db, table }, target: { schema: db, table: 'all' } }));
    await copy(source, target, pipeline, tables, { options: { chunkRows: 1 } });
    expect((await target.query(`SELECT * FROM ${db}.all ORDER BY id`)).map((row) => Number(row['v']))).toEqual([1, 2, 3, 4]);
    await source.query(`INSERT INTO ${db}.t2 VALUES (1,9)`);
    const clash = tables.map((table) => ({ ...table, target: { schema: db, table: 'clash' } }));
    await expect(copy(source, target, `${pipeline}-clash`, clash)).rejects.toMatchObject({ code: 'LK1601', retryable: false });
  });

  it('leaves rows alone that it did not write, unless told to replace them', async () => {
    await fill(source, db);
    await target.query(
      `CREATE DATABASE ${db}; CREATE TABLE ${db}.pair (id INT PRIMARY KEY, n INT); INSERT INTO ${db}.pair VALUES (1, 111), (777, 7)`,
    );
    const tables = await tablesOf(source, db);
    await expect(copy(source, target, pipeline, tables)).rejects.toMatchObject({
      code: 'LK1601',
      message: expect.stringContaining(`${db}.pair`),
    });
    expect(await target.query(`SELECT COUNT(*) AS n FROM ${db}.pair`)).toEqual([{ n: 2 }]);
    await copy(source, target, pipeline, tables, { options: { mode: 'Always' } });
    await expectSameData(source, target, { schemaMap: { [db]: db } });
  });

  it('replaces no rows, and forgets no position, while something stands against one of the tables', async () => {
    const names = ['a', 'b', 'c'];
    for (const server of [source, target])
      await server.query(
        `CREATE DATABASE ${db}; ${names.map((name) => `CREATE TABLE ${db}.${name} (id INT PRIMARY KEY, v INT); INSERT INTO ${db}.${name} VALUES (1, 1)`).join(';')}`,
      );
    await target.query(`UPDATE ${db}.a SET v=7`);
    const tables = await tablesOf(source, db);
    const always = () => copy(source, target, pipeline, tables, { options: { mode: 'Always' } });
    const faults = [
      [`CREATE TRIGGER ${db}.tr BEFORE INSERT ON ${db}.c FOR EACH ROW SET NEW.id=NEW.id`, 'LK1310', `DROP TRIGGER ${db}.tr`],
      [`ALTER TABLE ${db}.b ENGINE=MyISAM`, 'LK1314', `ALTER TABLE ${db}.b ENGINE=InnoDB`],
      [`ALTER TABLE ${db}.c DROP COLUMN v`, 'LK1308', `ALTER TABLE ${db}.c ADD COLUMN v INT`],
    ] as const;
    for (const [fault, code, remedy] of faults) {
      await target.query(fault);
      await expect(always()).rejects.toMatchObject({ code });
      expect(await target.query(`SELECT v FROM ${db}.a`)).toEqual([{ v: 7 }]);
      expect(await target.query('SELECT 1 FROM lockkeeper.snapshot WHERE pipeline=?', [pipeline])).toEqual([]);
      await target.query(remedy);
    }
    await always();
    await expectSameData(source, target, { schemaMap: { [db]: db } });
  });

  it('leaves alone, and names, what the target has under the name of a table that is gone', async () => {
    const table = (name: string) => `CREATE TABLE ${db}.${name} (id INT PRIMARY KEY)`;
    await source.query(`CREATE DATABASE ${db}; ${table('kept')}; ${table('gone')}; INSERT INTO ${db}.kept VALUES (1)`);
    const tables = await tablesOf(source, db);
    const dropped = source.query.bind(source, `DROP TABLE ${db}.gone`);
    let dropping: Promise<unknown> | undefined;
    await copy(source, target, pipeline, tables, {
      failpoint: async (name) => {
        // The moment is taken.
        if (
          name === 'copy-after-commit' &&
          (await target.query('SELECT 1 FROM lockkeeper.snapshot_point WHERE pipeline=?', [pipeline])).length > 0
        )
          await (dropping ??= dropped());
      },
    });
    await target.query(
      `UPDATE lockkeeper.snapshot SET state='followed' WHERE pipeline='${pipeline}'; ${table('gone')}; ${table('streamed')}; INSERT INTO ${db}.gone VALUES (42)`,
    );
    const notices: string[] = [];
    await copy(source, target, pipeline, tables, {
      options: { mode: 'Always' },
      onNotice: (text) => notices.push(text),
    });
    expect(await target.query(`SELECT id FROM ${db}.gone`)).toEqual([{ id: 42 }]);
    expect(notices).toEqual([`these tables of the target have no source and stay as they are: ${db}.gone, ${db}.streamed`]);
  });

  it('refuses a target that would alter rows', async () => {
    await source.query(
      `CREATE DATABASE ${db}; CREATE TABLE ${db}.t (id INT PRIMARY KEY, v VARCHAR(20) CHARACTER SET utf8mb4); INSERT INTO ${db}.t VALUES (1, '日本語 is long')`,
    );
    const tables = await tablesOf(source, db);
    const made = async (columns: string) => {
      await target.query(`DROP DATABASE IF EXISTS ${db}; CREATE DATABASE ${db}; CREATE TABLE ${db}.t (${columns})`);
      await target.query(
        `DELETE FROM lockkeeper.snapshot WHERE pipeline='${pipeline}'; DELETE FROM lockkeeper.snapshot_table WHERE pipeline='${pipeline}'; DELETE FROM lockkeeper.snapshot_chunk WHERE pipeline='${pipeline}'`,
      );
      return copy(source, target, pipeline, tables);
    };
    await lead(target, pipeline);
    await expect(made('id INT PRIMARY KEY, v VARCHAR(5) CHARACTER SET utf8mb4')).rejects.toMatchObject({ code: 'LK1406' });
    await expect(made('id INT PRIMARY KEY, v VARCHAR(20) CHARACTER SET latin1')).rejects.toMatchObject({ code: 'LK1406' });
    await expect(made('id INT PRIMARY KEY, w INT')).rejects.toMatchObject({ code: 'LK1308' });
    await expect(made('id INT PRIMARY KEY, v INT AS (id) VIRTUAL')).rejects.toMatchObject({ code: 'LK1308' });
    expect(await target.query(`SELECT * FROM ${db}.t`)).toEqual([]);
    await target.query(
      `DROP TABLE ${db}.t; CREATE TABLE ${db}.t (id INT PRIMARY KEY, v VARCHAR(20)); CREATE TRIGGER ${db}.tr BEFORE INSERT ON ${db}.t FOR EACH ROW SET NEW.id=NEW.id`,
    );
    await expect(copy(source, target, pipeline, tables)).rejects.toMatchObject({ code: 'LK1310' });
    await target.query(`DROP DATABASE ${db}`);
    await made('id INT PRIMARY KEY, v VARCHAR(20) CHARACTER SET ucs2');
    expect(await target.query(`SELECT CONVERT(v USING utf8mb4) AS v FROM ${db}.t`)).toEqual([{ v: '日本語 is long' }]);
  });

  it('copies a table anew that is altered meanwhile, and drops one that is dropped', async () => {
    await fill(source, db);
    await source.query(`CREATE TABLE ${db}.doomed LIKE ${db}.many; INSERT INTO ${db}.doomed SELECT * FROM ${db}.many`);
    const tables = await tablesOf(source, db);
    let altered: Promise<unknown> | undefined;
    const result = await copy(source, target, pipeline, tables, {
      options: { chunkRows: 500, parallelism: 2 },
      clock: hastyClock(),
      onProgress: ({ chunksDone }) => {
        if (chunksDone === 6)
          altered ??= source.query(`ALTER TABLE ${db}.many ADD COLUMN x INT DEFAULT 5 FIRST; DROP TABLE ${db}.doomed`);
      },
    });
    await altered;
    expect(altered).toBeDefined();
    const kind = (name: string) => result.tables.find(({ table }) => table === name)!.catchUp.kind;
    expect(kind('many')).toBe('skipUntil');
    expect(kind('doomed')).toBe('skipUntil');
    await expectSameData(source, target, { schemaMap: { [db]: db } });
  });

  it('starts anew when the source has forgotten where the copy began', async () => {
    await fill(source, db);
    const tables = await tablesOf(source, db);
    const abort = new AbortController();
    const first = copy(source, target, pipeline, tables, {
      options: { chunkRows: 500, parallelism: 1 },
      clock: hastyClock(),
      signal: abort.signal,
      onProgress: ({ chunksDone }) => chunksDone >= 4 && abort.abort(),
    });
    await expect(first).rejects.toThrow('aborted');
    await source.query(`INSERT INTO ${db}.pair VALUES (5555, 0); FLUSH BINARY LOGS; UPDATE ${db}.many SET n=n+1`);
    const { journal } = await positionOf(source);
    await eventually(async () => {
      await source.query(`PURGE BINARY LOGS TO '${journal}'`);
      return (await source.query('SHOW BINARY LOGS'))[0]!['Log_name'] === journal;
    }, 'the old binlog is purged');
    const result = await copy(source, target, pipeline, tables);
    expect(result.start.journal).toBe(journal);
    expect(result.tables.every(({ catchUp }) => catchUp.kind === 'none')).toBe(true);
    await expectSameData(source, target, { schemaMap: { [db]: db } });
  });

  it('is stopped by a newer leader', async () => {
    await fill(source, db);
    const tables = await tablesOf(source, db);
    let taken: Promise<unknown> | undefined;
    const old = await copier(source, target, pipeline, tables, {
      options: { chunkRows: 100, parallelism: 2 },
      clock: hastyClock(),
      onProgress: ({ chunksDone }) => {
        if (chunksDone === 3) taken ??= lead(target, pipeline);
      },
    });
    await expect(old.run()).rejects.toMatchObject({ code: 'LK1401' });
    await taken;
    const [before] = await target.query(`SELECT COUNT(*) AS n FROM ${db}.many`);
    await sleep(200);
    expect(await target.query(`SELECT COUNT(*) AS n FROM ${db}.many`)).toEqual([before]);
    await copy(source, target, pipeline, tables);
    await expectSameData(source, target, { schemaMap: { [db]: db } });
  });

  it('waits for a writer that holds a table, without holding others up', async () => {
    await fill(source, db);
    const tables = await tablesOf(source, db);
    const holder = await source.connect();
    await holder.query(`BEGIN`);
    await holder.query(`UPDATE ${db}.many SET n=99 WHERE id=1`);
    const run = copy(source, target, pipeline, tables);
    await sleep(6500);
    await holder.query('COMMIT');
    await holder.end();
    const result = await run;
    await catchUpAndCompare(source, target, tables, result);
    expect(await target.query(`SELECT n FROM ${db}.many WHERE id=1`)).toEqual([{ n: 99 }]);
  });

  it('lets tables without transactions converge', async () => {
    await fill(source, db);
    await source.query(`ALTER TABLE ${db}.many ENGINE=MyISAM; ALTER TABLE ${db}.pair ENGINE=MyISAM; DROP TABLE ${db}.bare`);
    const tables = await tablesOf(source, db);
    await using writer = new Writer(source, db);
    const result = await copy(source, target, pipeline, tables, { options: { chunkRows: 200 } });
    await writer[Symbol.asyncDispose]();
    expect(result.tables.find(({ table }) => table === 'many')!.catchUp.kind).toBe('convergeUntil');
    await catchUpAndCompare(source, target, tables, result);
  });
});
