import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { expectSameData, startMariadb, startMysql, type DbServer } from '../servers/index.ts';
import { killInCopy } from '../support/held-copy.ts';
import { LockkeeperProcess } from '../support/lockkeeper-process.ts';
import { instanceDocuments, pipelineDocuments, writeManifest } from '../support/manifests.ts';

/** Tables without transactions at the source: the target's have transactions, however they come to be. */

describe.each([
  { flavor: 'mysql' as const, start: startMysql },
  { flavor: 'mariadb' as const, start: startMariadb },
])('$flavor to $flavor', ({ flavor, start }) => {
  let source: DbServer;
  let target: DbServer;

  beforeAll(async () => {
    [source, target] = await Promise.all([
      start({ name: 'source', config: { default_storage_engine: 'MyISAM' } }),
      // What a table becomes that names no engine must not hang on this.
      start({ name: 'target', config: { default_storage_engine: 'MyISAM' } }),
    ]);
  });
  afterAll(async () => {
    await Promise.all([source?.kill9(), target?.kill9()]);
  });

  const engines = async (schema: string) =>
    new Set(
      (await target.query(`SELECT DISTINCT engine AS e FROM information_schema.tables WHERE table_schema='${schema}'`)).map(
        (row) => String(row['e']),
      ),
    );

  test('in a first copy that is killed amid a chunk, and in statements behind it', async () => {
    await source.query(
      `CREATE DATABASE e; CREATE TABLE e.keyless (v INT, t TEXT, FULLTEXT KEY (t)) ENGINE=MyISAM COMMENT='ENGINE=MyISAM ROW_FORMAT=FIXED';
       CREATE TABLE e.keyed (id INT AUTO_INCREMENT PRIMARY KEY, engine VARCHAR(20) DEFAULT 'MyISAM') ENGINE=MyISAM ROW_FORMAT=FIXED CHECKSUM=1 DELAY_KEY_WRITE=1 PACK_KEYS=1;
       CREATE TABLE e.memory (id INT PRIMARY KEY) ENGINE=MEMORY; CREATE TABLE e.inno (id INT PRIMARY KEY) ENGINE=InnoDB;
       ${
         flavor === 'mysql'
           ? ''
           : `CREATE TABLE e.aria (id INT PRIMARY KEY) ENGINE=Aria ROW_FORMAT=PAGE TRANSACTIONAL=1 PAGE_CHECKSUM=1; INSERT INTO e.aria VALUES (1);
              CREATE TABLE e.parts (id INT PRIMARY KEY) ENGINE=MyISAM PARTITION BY RANGE (id) (PARTITION a VALUES LESS THAN (10) ENGINE=MyISAM, PARTITION b VALUES LESS THAN MAXVALUE); INSERT INTO e.parts VALUES (1),(20);`
       }
       INSERT INTO e.keyless VALUES (1,'one'),(1,'one'),(NULL,NULL); INSERT INTO e.keyed (engine) VALUES ('a'),('b'); INSERT INTO e.memory VALUES (1); INSERT INTO e.inno VALUES (1)`,
    );
    const tables = Number(
      (await source.query("SELECT COUNT(*) AS n FROM information_schema.tables WHERE table_schema='e'"))[0]!['n'],
    );
    const manifest = writeManifest(
      instanceDocuments({ source, serverId: 9700, spec: { filter: { include: ['e\\..*'] } } }),
      pipelineDocuments({ name: 'engines', target, spec: { divergence: 'Stop', initialLoad: { parallelism: 1 } } }),
    );
    // Within the chunk of each table once: its rows are loaded, its record is not committed. Before the first stand the begin of the
    // record, the moment, the begin of each table, that all are listed, and the plan of the chunk; before each other the moment, that all
    // are listed, the chunk and the end of the one before, and the plan of its own.
    for (let table = 0; table < tables; table++) {
      await killInCopy(manifest, { before: table === 0 ? 2 + tables + 3 : 6 });
      expect(await engines('e')).toEqual(new Set(['InnoDB']));
    }
    await using lockkeeper = await LockkeeperProcess.run(manifest);
    await lockkeeper.untilCaughtUp('engines', source, target);
    await expectSameData(source, target, { schemaMap: { e: 'e' } });

    await source.query(
      `INSERT INTO e.keyless VALUES (2,'two'); DELETE FROM e.keyless WHERE v=1 LIMIT 1; UPDATE e.keyed SET engine='c' WHERE id=1;
       CREATE TABLE e.unnamed (id INT PRIMARY KEY); INSERT INTO e.unnamed VALUES (1); CREATE TABLE e.like_it LIKE e.keyed; INSERT INTO e.like_it (engine) VALUES ('x');
       CREATE TABLE e.named (id INT PRIMARY KEY, engine VARCHAR(10) COMMENT 'ENGINE=MyISAM') ROW_FORMAT = FIXED /*!40000 ENGINE = 'MyISAM' */ COMMENT 'ENGINE=MyISAM'; INSERT INTO e.named VALUES (1,'x');
       ALTER TABLE e.inno ENGINE=MyISAM; INSERT INTO e.inno VALUES (2); ALTER TABLE e.inno ADD COLUMN memory INT, ADD COLUMN engine INT`,
    );
    await source.query(
      `ALTER TABLE e.inno DROP COLUMN memory, CHANGE engine memory INT; INSERT INTO e.inno VALUES (3,3); ALTER TABLE e.keyed ROW_FORMAT=FIXED, ADD COLUMN z INT; ALTER TABLE e.named ENGINE MEMORY;
       INSERT INTO e.named VALUES (2,'y'); ALTER TABLE e.like_it ENGINE=InnoDB ROW_FORMAT=DYNAMIC; INSERT INTO e.like_it (engine) VALUES ('y')`,
    );
    if (flavor === 'mariadb') {
      await source.query(
        `CREATE TABLE e.made ENGINE MyISAM SELECT id FROM e.keyed; INSERT INTO e.made VALUES (77);
         CREATE TABLE e.aria2 (id INT PRIMARY KEY) ENGINE=Aria TRANSACTIONAL=0 PAGE_CHECKSUM=0 ROW_FORMAT=PAGE; INSERT INTO e.aria2 VALUES (1); ALTER TABLE e.aria TRANSACTIONAL=0;
         ALTER TABLE e.parts DROP PARTITION b; ALTER TABLE e.parts ADD PARTITION (PARTITION c VALUES LESS THAN (100) ENGINE MyISAM); INSERT INTO e.parts VALUES (50)`,
      );
    }
    await lockkeeper.untilCaughtUp('engines', source, target);
    await expectSameData(source, target, { schemaMap: { e: 'e' } });
    expect(await engines('e')).toEqual(new Set(['InnoDB']));
    const [comment] = await target.query(
      "SELECT table_comment AS c FROM information_schema.tables WHERE table_schema='e' AND table_name='named'",
    );
    expect(comment!['c']).toBe('ENGINE=MyISAM');
  });

  test('one that stands at the target already is refused before it is copied', async () => {
    await source.query('CREATE DATABASE own; CREATE TABLE own.t (v INT) ENGINE=MyISAM; INSERT INTO own.t VALUES (1)');
    await target.query('CREATE DATABASE own; CREATE TABLE own.t (v INT) ENGINE=MyISAM');
    const manifest = writeManifest(
      instanceDocuments({ source, serverId: 9710, spec: { filter: { include: ['own\\..*'] } } }),
      pipelineDocuments({ name: 'own', target }),
    );
    {
      await using lockkeeper = await LockkeeperProcess.run(manifest);
      const { lastError } = await lockkeeper.untilPhase('own', 'suspended');
      expect(lastError).toMatchObject({ code: 'LK1314', remedy: expect.stringContaining('ENGINE=InnoDB') as string });
    }
    expect(await target.query('SELECT * FROM own.t')).toEqual([]);
    await target.query('ALTER TABLE own.t ENGINE=InnoDB');
    await using lockkeeper = await LockkeeperProcess.run(manifest);
    await lockkeeper.untilCaughtUp('own', source, target);
    await expectSameData(source, target, { schemaMap: { own: 'own' } });
  });
});
