import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Divergence, type DivergencePolicy, type DivergenceReport } from '../../worker/target/sql/sql-writer.ts';
import { tableFindings } from '../../worker/target/table-findings.ts';
import { rawCompatible } from '../../worker/target/raw-compatible.ts';
import { TableMetadataCache } from '../../worker/target/table-metadata.ts';
import { expectSameData, startMariadb, startMysql, type DbServer, type Flavor } from '../servers/index.ts';
import { captured, runsOf, SqlApplier } from './sql-harness.ts';

const servers = new Map<Flavor, DbServer>();

beforeAll(async () => {
  const [mysql, mariadb] = await Promise.all([startMysql(), startMariadb()]);
  servers.set('mysql', mysql).set('mariadb', mariadb);
});

afterAll(async () => {
  await Promise.all([...servers.values()].map((server) => server.stop()));
});

let count = 0;

/** A pair of schemas on one server: `{s}` and `{t}` in SQL stand for them. */
class Bench {
  readonly server: DbServer;
  readonly source: string;
  readonly target: string;

  constructor(flavor: Flavor) {
    this.server = servers.get(flavor)!;
    this.source = `src_${++count}`;
    this.target = `dst_${count}`;
  }

  sql(text: string): Promise<unknown[]> {
    return this.server.query(text.replaceAll('{s}', this.source).replaceAll('{t}', this.target));
  }

  /** The same tables on both sides (`{d}` is the schema), or another one at the target. */
  async tables(ddl: string, atTarget = ddl): Promise<void> {
    await this.sql('CREATE DATABASE {s}; CREATE DATABASE {t}');
    await this.sql(ddl.replaceAll('{d}', '{s}'));
    await this.sql(atTarget.replaceAll('{d}', '{t}'));
  }

  transactions(work: string | (() => Promise<unknown>)) {
    return captured(this.server, this.source, this.target, typeof work === 'string' ? () => this.sql(work) : work);
  }

  /** Runs SQL at the source and writes what it logged. */
  async replicate(work: string): Promise<void> {
    const transactions = await this.transactions(work);
    using applier = await SqlApplier.open(this.server);
    for (const transaction of transactions) {
      await applier.writer.write(runsOf(transaction));
      await applier.session.query('COMMIT');
    }
  }

  async replicateCarefully(work: string, policy: DivergencePolicy): Promise<DivergenceReport[]> {
    const transactions = await this.transactions(work);
    using applier = await SqlApplier.open(this.server, policy);
    const reports: DivergenceReport[] = [];
    for (const transaction of transactions) {
      reports.push(await applier.writer.writeCarefully(runsOf(transaction)));
      await applier.session.query('COMMIT');
    }
    return reports;
  }

  same(): Promise<unknown> {
    return expectSameData(this.server, this.server, { schemaMap: { [this.source]: this.target } });
  }
}

describe.each(['mysql', 'mariadb'] as const)('%s', (flavor) => {
  test('many rows change in few statements, with single and composite keys', async () => {
    const bench = new Bench(flavor);
    await bench.tables(
      `CREATE TABLE {d}.a (id INT PRIMARY KEY, k INT, c CHAR(20), d DATETIME(3), f DOUBLE);
       CREATE TABLE {d}.b (x VARCHAR(20), y INT, v TEXT, PRIMARY KEY (x, y));
       CREATE TABLE {d}.c (id VARBINARY(8) PRIMARY KEY, v INT)`,
    );
    const numbers = 'WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i<900) SELECT';
    await bench.replicate(`
      INSERT INTO {s}.a ${numbers} i, i, CONCAT('c', i), '2024-01-01', i/3 FROM n;
      INSERT INTO {s}.b ${numbers} CONCAT('k''', i % 30), i, REPEAT('x\\\\', i % 50) FROM n;
      INSERT INTO {s}.c ${numbers} UNHEX(HEX(i)), i FROM n`);
    await bench.same();
    await bench.replicate(`
      UPDATE {s}.a SET k=k+1, c=CONCAT(c, 'ä'), f=-f WHERE id % 2 = 0;
      UPDATE {s}.a SET d=NOW(3) WHERE id % 3 = 0;
      UPDATE {s}.b SET v=CONCAT(v, y) WHERE y > 300;
      UPDATE {s}.c SET v=v+1`);
    await bench.same();
    const before = await bench.server.query("SHOW GLOBAL STATUS LIKE 'Com_delete'");
    await bench.replicate(
      'DELETE FROM {s}.a WHERE id % 2 = 1; DELETE FROM {s}.b WHERE y % 3 = 0; DELETE FROM {s}.c WHERE v % 5 = 0',
    );
    const after = await bench.server.query("SHOW GLOBAL STATUS LIKE 'Com_delete'");
    expect(Number(after[0]!['Value']) - Number(before[0]!['Value'])).toBeLessThan(20);
    await bench.same();
  });

  test('keys change, unique values move from row to row, one row changes twice', async () => {
    const bench = new Bench(flavor);
    await bench.tables('CREATE TABLE {d}.t (id INT PRIMARY KEY, u INT UNIQUE, v INT)');
    await bench.replicate('INSERT INTO {s}.t VALUES (1,10,0),(2,20,0),(3,30,0),(4,40,0),(0,50,0)');
    await bench.replicate(`
      BEGIN; UPDATE {s}.t SET u=99 WHERE id=1; UPDATE {s}.t SET u=10 WHERE id=2; UPDATE {s}.t SET u=20 WHERE id=1; COMMIT;
      UPDATE {s}.t SET u=u+10, v=1 ORDER BY u DESC;
      UPDATE {s}.t SET id=id+100 ORDER BY id DESC;
      BEGIN; UPDATE {s}.t SET v=v+1; UPDATE {s}.t SET v=v*2; DELETE FROM {s}.t WHERE id=103; INSERT INTO {s}.t VALUES (103,7,7); COMMIT`);
    await bench.same();
  });

  test('generated, invisible and self-updating columns, other order of columns, more columns at the target', async () => {
    const bench = new Bench(flavor);
    await bench.tables(
      `CREATE TABLE {d}.t (id INT PRIMARY KEY, a INT, g INT AS (a+1) STORED, h INT AS (a*2) VIRTUAL, i INT INVISIBLE DEFAULT 5,
         ts TIMESTAMP(3) DEFAULT CURRENT_TIMESTAMP(3) ON UPDATE CURRENT_TIMESTAMP(3), UNIQUE KEY (g))`,
    );
    await bench.replicate(`
      INSERT INTO {s}.t (id, a, i, ts) VALUES (1,1,7,'2020-01-01'),(2,2,8,'2020-01-01'),(3,3,9,'2020-01-01');
      UPDATE {s}.t SET a=a+10, ts='2021-01-01' ORDER BY id DESC;
      UPDATE {s}.t SET i=1, ts=ts WHERE id=2;
      DELETE FROM {s}.t WHERE id=3`);
    await bench.same();
    await bench.sql('CREATE TABLE {s}.o (id INT PRIMARY KEY, b VARCHAR(10), a INT)');
    await bench.sql('CREATE TABLE {t}.o (a INT, extra INT DEFAULT 42, id INT PRIMARY KEY, b VARCHAR(10))');
    await bench.replicate("INSERT INTO {s}.o VALUES (1,'x',7),(2,'y',8); UPDATE {s}.o SET a=a+1; DELETE FROM {s}.o WHERE id=2");
    expect(await bench.sql('SELECT * FROM {t}.o')).toEqual([{ a: 8, extra: 42, id: 1, b: 'x' }]);
  });

  test('text is converted where the character sets differ, members go by name', async () => {
    const bench = new Bench(flavor);
    await bench.tables(
      `CREATE TABLE {d}.t (id INT PRIMARY KEY, a VARCHAR(20) CHARACTER SET latin1, b VARCHAR(20) CHARACTER SET utf8mb3, c TEXT CHARACTER SET sjis,
         e ENUM('x','ä','z') CHARACTER SET latin1, s SET('p','q','ö') CHARACTER SET latin1, e2 ENUM('one','two'), k CHAR(5) CHARACTER SET ucs2)`,
      `CREATE TABLE {d}.t (id INT PRIMARY KEY, a VARCHAR(20) CHARACTER SET utf8mb4, b VARCHAR(20) CHARACTER SET utf8mb4, c TEXT CHARACTER SET utf8mb4,
         e ENUM('z','x','new','ä') CHARACTER SET utf8mb4, s SET('ö','more','q','p') CHARACTER SET utf8mb4, e2 VARCHAR(20), k CHAR(5) CHARACTER SET utf8mb4)`,
    );
    const values =
      "(1,'äöü€','日本','表\\'\\\\','ä','p,ö','two','é'),(2,'','','','x','','one',''),(3,NULL,NULL,NULL,NULL,NULL,NULL,NULL)";
    await bench.replicate(`INSERT INTO {s}.t VALUES ${values}; UPDATE {s}.t SET a=CONCAT(a,'ß'), e='z', s='q' WHERE id<3`);
    const shown = 'SELECT id, a, b, c, e, s, e2, k FROM {d}.t ORDER BY id';
    expect(await bench.sql(shown.replace('{d}', '{t}'))).toEqual(await bench.sql(shown.replace('{d}', '{s}')));
  });

  test('a value that the target would alter stops with LK1406', async () => {
    const bench = new Bench(flavor);
    await bench.tables(
      'CREATE TABLE {d}.t (id INT PRIMARY KEY, a VARCHAR(20) CHARACTER SET utf8mb4, n INT)',
      'CREATE TABLE {d}.t (id INT PRIMARY KEY, a VARCHAR(5) CHARACTER SET latin1, n TINYINT)',
    );
    for (const values of ["(1,'too long',1)", "(2,'日本',1)", '(3,NULL,128)']) {
      const [transaction] = await bench.transactions(`INSERT INTO {s}.t VALUES ${values}`);
      using applier = await SqlApplier.open(bench.server, 'Repair');
      await expect(applier.writer.write(runsOf(transaction!))).rejects.toThrow(Divergence);
      await applier.session.rollback();
      await expect(applier.writer.writeCarefully(runsOf(transaction!))).rejects.toMatchObject({ code: 'LK1406' });
    }
    expect(await bench.sql('SELECT * FROM {t}.t')).toEqual([]);
  });

  test('foreign keys: cascades, order of rows, checks off with the source', async () => {
    const bench = new Bench(flavor);
    await bench.tables(
      `CREATE TABLE {d}.p (id INT PRIMARY KEY, parent INT, FOREIGN KEY (parent) REFERENCES {d}.p (id));
       CREATE TABLE {d}.c (id INT PRIMARY KEY, p INT, FOREIGN KEY (p) REFERENCES {d}.p (id) ON DELETE CASCADE ON UPDATE CASCADE)`,
    );
    await bench.replicate(`
      INSERT INTO {s}.p VALUES (1,NULL),(2,1),(3,2),(4,NULL),(5,NULL);
      INSERT INTO {s}.c VALUES (1,4),(2,4),(3,5);
      UPDATE {s}.p SET id=50 WHERE id=5;
      DELETE FROM {s}.p WHERE id=4;
      DELETE FROM {s}.p WHERE id IN (1,2,3) ORDER BY id DESC;
      SET foreign_key_checks=0; INSERT INTO {s}.c VALUES (9,999); SET foreign_key_checks=1`);
    await bench.same();
    using applier = await SqlApplier.open(bench.server);
    expect(await applier.session.query('SELECT @@foreign_key_checks AS checks')).toEqual([{ checks: '1' }]);
  });

  test('tables without a key: the very row, one of equal ones', async () => {
    const bench = new Bench(flavor);
    await bench.tables('CREATE TABLE {d}.t (a VARCHAR(10) CHARACTER SET utf8mb4, f FLOAT, n INT NULL, KEY (a))');
    await bench.replicate(`
      INSERT INTO {s}.t VALUES ('a',0.1,1),('A',0.1,1),('á',0.1,1),('a ',0.1,1),('dup',1,1),('dup',1,1),('dup',1,1),(NULL,NULL,NULL),(NULL,NULL,NULL);
      UPDATE {s}.t SET n=2 WHERE a=BINARY 'A';
      UPDATE {s}.t SET n=3 WHERE a='dup' LIMIT 2;
      DELETE FROM {s}.t WHERE CAST(a AS BINARY)='a ';
      DELETE FROM {s}.t WHERE a='dup' AND n=1;
      DELETE FROM {s}.t WHERE a IS NULL LIMIT 1`);
    await bench.same();
  });

  test('rows beyond the packet size: split, or LK1306', async () => {
    const bench = new Bench(flavor);
    await bench.tables('CREATE TABLE {d}.t (id INT PRIMARY KEY, b LONGBLOB)');
    const [transaction] = await bench.transactions(
      "BEGIN; INSERT INTO {s}.t VALUES (1, REPEAT('x', 2000000)),(2, REPEAT('''', 700000)),(3,'small'),(4,'small'); UPDATE {s}.t SET b=CONCAT(b,'y'); COMMIT",
    );
    const session = (await SqlApplier.open(bench.server)).session;
    const small = { flavor: session.flavor, maxAllowedPacket: 3_000_000, query: session.query.bind(session) };
    const { SqlWriter } = await import('../../worker/target/sql/sql-writer.ts');
    await new SqlWriter(small, new TableMetadataCache(session), 'Stop').write(runsOf(transaction!));
    await session.query('COMMIT');
    await bench.same();
    const tiny = { ...small, maxAllowedPacket: 1_000_000 };
    await expect(new SqlWriter(tiny, new TableMetadataCache(session), 'Stop').write(runsOf(transaction!))).rejects.toMatchObject({
      code: 'LK1306',
    });
    session.destroy();
  });

  describe('divergence', () => {
    const ddl = 'CREATE TABLE {d}.t (id INT PRIMARY KEY, u INT UNIQUE, v VARCHAR(20))';

    async function diverged(): Promise<Bench> {
      const bench = new Bench(flavor);
      await bench.tables(ddl);
      await bench.sql("INSERT INTO {s}.t VALUES (1,1,'one'),(2,2,'two'),(3,3,'three')");
      // At the target row 2 is missing, row 7 is extra and holds the value 70, row 1 is another one.
      await bench.sql("INSERT INTO {t}.t VALUES (1,1,'other'),(3,3,'three'),(7,70,'extra')");
      return bench;
    }

    const work = `
      UPDATE {s}.t SET v='TWO' WHERE id=2;
      DELETE FROM {s}.t WHERE id=2;
      INSERT INTO {s}.t VALUES (7,71,'seven');
      INSERT INTO {s}.t VALUES (8,8,'eight');
      UPDATE {s}.t SET v='ONE' WHERE id=1`;

    test('is noticed by the fast way', async () => {
      const bench = await diverged();
      for (const sql of [
        "UPDATE {s}.t SET v='x' WHERE id=2",
        'DELETE FROM {s}.t WHERE id=2',
        'INSERT INTO {s}.t VALUES (7,9,NULL)',
      ]) {
        const [transaction] = await bench.transactions(sql);
        using applier = await SqlApplier.open(bench.server);
        await expect(applier.writer.write(runsOf(transaction!))).rejects.toThrow(Divergence);
      }
    });

    test('Repair makes the rows as they are at the source, and counts', async () => {
      const bench = await diverged();
      const reports = await bench.replicateCarefully(work, 'Repair');
      await bench.same();
      const sum = (name: 'missingOnUpdate' | 'missingOnDelete' | 'existingOnInsert' | 'repaired' | 'removed') =>
        reports.reduce((total, report) => total + report[name], 0);
      expect([sum('missingOnUpdate'), sum('missingOnDelete'), sum('existingOnInsert'), sum('repaired')]).toEqual([1, 0, 1, 2]);
      expect(reports[0]!.samples).toEqual([{ kind: 'missing-on-update', table: `${bench.target}.t`, key: 'id=2' }]);
    });

    test('Repair removes rows that hold a unique value of the source’s row', async () => {
      const bench = await diverged();
      await bench.sql("INSERT INTO {t}.t VALUES (60,60,'in the way'),(61,61,'in the way too')");
      const reports = await bench.replicateCarefully(
        "INSERT INTO {s}.t VALUES (9,60,'nine'); UPDATE {s}.t SET u=61 WHERE id=3",
        'Repair',
      );
      expect(reports.map((report) => [report.existingOnInsert, report.removed])).toEqual([
        [1, 1],
        [1, 1],
      ]);
      expect(await bench.sql('SELECT id, u, v FROM {t}.t WHERE id IN (3,9,60,61) ORDER BY id')).toEqual([
        { id: 3, u: 61, v: 'three' },
        { id: 9, u: 60, v: 'nine' },
      ]);
    });

    test('Stop names table and row', async () => {
      const bench = await diverged();
      await expect(bench.replicateCarefully("UPDATE {s}.t SET v='x' WHERE id=2", 'Stop')).rejects.toMatchObject({
        code: 'LK1402',
        details: { table: `${bench.target}.t`, key: 'id=2' },
      });
      await expect(bench.replicateCarefully('DELETE FROM {s}.t WHERE id=2', 'Stop')).rejects.toMatchObject({ code: 'LK1402' });
      await expect(bench.replicateCarefully("INSERT INTO {s}.t VALUES (7,9,'x')", 'Stop')).rejects.toMatchObject({
        code: 'LK1403',
      });
    });

    test('Ignore leaves the target’s rows and counts', async () => {
      const bench = await diverged();
      const reports = await bench.replicateCarefully(
        "UPDATE {s}.t SET v='x' WHERE id=2; INSERT INTO {s}.t VALUES (7,9,'x')",
        'Ignore',
      );
      expect(reports.map((report) => [report.missingOnUpdate, report.existingOnInsert, report.repaired])).toEqual([
        [1, 0, 0],
        [0, 1, 0],
      ]);
      expect(await bench.sql('SELECT v FROM {t}.t WHERE id=7')).toEqual([{ v: 'extra' }]);
    });

    test('rows written twice under Repair end as the source has them', async () => {
      const bench = new Bench(flavor);
      await bench.tables(ddl);
      const transactions = await bench.transactions(
        "INSERT INTO {s}.t VALUES (1,1,'a'),(2,2,'b'); UPDATE {s}.t SET u=u+10, v='c'; DELETE FROM {s}.t WHERE id=1; INSERT INTO {s}.t VALUES (1,12345,'again'); UPDATE {s}.t SET id=5 WHERE id=2",
      );
      using applier = await SqlApplier.open(bench.server, 'Repair');
      for (const transaction of [...transactions, ...transactions]) await applier.writer.writeCarefully(runsOf(transaction));
      await applier.session.query('COMMIT');
      await bench.same();
    });
  });

  test('findings and raw compatibility name the differences', async () => {
    const bench = new Bench(flavor);
    await bench.tables(
      'CREATE TABLE {d}.t (a INT, b VARCHAR(10) CHARACTER SET utf8mb4, gone INT)',
      `CREATE TABLE {d}.t (a BIGINT UNSIGNED, b VARCHAR(10) CHARACTER SET latin1, needed INT NOT NULL);
       CREATE TRIGGER {d}.tr BEFORE INSERT ON {d}.t FOR EACH ROW SET @x=1`,
    );
    await bench.sql(
      "CREATE TABLE {s}.same (id INT PRIMARY KEY, v VARCHAR(5), e ENUM('a','ö'), b BIT(9), g GEOMETRY, d DECIMAL(10,2), t TIME(3))",
    );
    await bench.sql('CREATE TABLE {t}.same LIKE {s}.same');
    const transactions = await bench.transactions('INSERT INTO {s}.t VALUES (1,NULL,2); INSERT INTO {s}.same (id) VALUES (1)');
    const [map, sameMap] = transactions.map((transaction) => transaction.events[0]!.table);
    using applier = await SqlApplier.open(bench.server);
    const cache = new TableMetadataCache(applier.session);
    await cache.load([map!.route!, sameMap!.route!]);
    const findings = tableFindings(map!, cache.get(bench.target, 't'));
    expect(findings.map((finding) => finding.code)).toEqual(['LK1308', 'LK1309', 'LK1310']);
    const found = findings[0]!.found!;
    if (flavor === 'mysql')
      expect(found).toMatch(/column gone is missing.*column a: .*column b: .*utf8mb4.*latin1.*column needed/);
    expect(typeof rawCompatible(map!, cache.get(bench.target, 't')!)).toBe('string');
    expect(tableFindings(sameMap!, cache.get(bench.target, 'same'))).toEqual([]);
    expect(rawCompatible(sameMap!, cache.get(bench.target, 'same')!)).toBe(true);
    expect(tableFindings(map!, undefined)[0]!.code).toBe('LK1307');
  });
});

test('JSON changes that MySQL logs as differences', async () => {
  const bench = new Bench('mysql');
  await bench.tables('CREATE TABLE {d}.t (id INT PRIMARY KEY, j JSON, k JSON, n INT)');
  const documents = `'{"a":{"b":[1,2,3],"long":"${'x'.repeat(200)}"},"c":1.5,"q\\\\"uote":"it''s"}'`;
  await bench.replicate(`INSERT INTO {s}.t VALUES (1,${documents},'[]',0),(2,${documents},NULL,0),(3,${documents},'{"x":1}',0)`);
  await bench.replicate(`
    SET SESSION binlog_row_value_options='PARTIAL_JSON';
    UPDATE {s}.t SET j=JSON_REPLACE(j,'$.a.b[1]',22,'$.c',2), n=n+1;
    UPDATE {s}.t SET j=JSON_SET(j,'$.a.long','short','$.a.b[0]',JSON_OBJECT('d',CAST('2024-01-01' AS DATE)));
    UPDATE {s}.t SET j=JSON_REMOVE(j,'$.a.b[2]') WHERE id=1;
    UPDATE {s}.t SET j=JSON_REPLACE(j,'$."q\\\\"uote"','it''s \\\\ new'), k=JSON_SET(k,'$.x',1.5) WHERE id=3;
    UPDATE {s}.t SET k='[1]' WHERE id=2;
    SET SESSION binlog_row_value_options=''`);
  await bench.same();
});
