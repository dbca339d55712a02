import type { DbServer } from '../servers/db-server.ts';

/** Numbers from 0 up to 1, the same for the same seed (mulberry32). */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 0x1_0000_0000;
  };
}

const LETTERS = 'abcdefghij klmnopqrstuvwxyzABCDEFGHIJ0123456789äöß€';

/** Statements of many kinds over tables of many types, against one server. */
export class RandomWorkload {
  readonly #server: DbServer;
  readonly #random: () => number;
  #serial = 0;

  constructor(server: DbServer, seed: number) {
    this.#server = server;
    this.#random = seededRandom(seed);
  }

  get #isMysql(): boolean {
    return this.#server.flavor === 'mysql';
  }

  async run(steps: number): Promise<void> {
    await this.#createTables();
    const actions = [
      ...Array.from({ length: 6 }, () => () => this.#insert()),
      ...Array.from({ length: 3 }, () => () => this.#update()),
      ...Array.from({ length: 2 }, () => () => this.#delete()),
      ...Array.from({ length: 2 }, () => () => this.#transaction()),
      () => this.#multiTable(),
      () => this.#savepoints(),
      () => this.#xa(),
      () => this.#ddl(),
      () => this.#bigRows(),
      () => this.#otherEngine(),
      () => this.#settings(),
      () => this.#settings(),
      () => (this.#isMysql ? this.#mysqlOnly() : this.#mariadbOnly()),
    ];
    for (const action of actions) await action();
    for (let i = 0; i < steps; i++) await actions[this.#below(actions.length)]!();
    await this.#largeTransaction();
    await this.#sql('FLUSH LOGS');
  }

  #below(limit: number): number {
    return Math.floor(this.#random() * limit);
  }

  #sql(...statements: string[]): Promise<unknown> {
    return this.#server.query(statements.join('; '));
  }

  #text(maximum: number): string {
    let text = '';
    for (let left = this.#below(maximum + 1); left > 0; left--) text += LETTERS[this.#below(LETTERS.length)]!;
    return `'${text}'`;
  }

  #orNull(value: string): string {
    return this.#random() < 0.15 ? 'NULL' : value;
  }

  async #createTables(): Promise<void> {
    await this.#sql(
      "SET SESSION sql_mode = ''",
      'CREATE DATABASE w',
      'USE w',
      `CREATE TABLE types (id BIGINT UNSIGNED AUTO_INCREMENT PRIMARY KEY, t TINYINT UNSIGNED, s SMALLINT, m MEDIUMINT, i INT UNSIGNED,
        f FLOAT, zf INT, d DOUBLE, zd INT, dec1 DECIMAL(30,7), zdec INT, dec2 DECIMAL(5,5), zdec2 INT, y YEAR, b1 BIT(1), b2 BIT(33),
        da DATE, ti TIME, zti INT, ti6 TIME(6), zti6 INT, dt DATETIME, zdt INT, dt3 DATETIME(3), zdt3 INT, ts TIMESTAMP NULL, zts INT,
        ts5 TIMESTAMP(5) NULL, zts5 INT, v1 VARCHAR(50) CHARACTER SET latin1, v2 VARCHAR(2000) CHARACTER SET utf8mb4,
        c1 CHAR(10) CHARACTER SET utf8mb4, c2 CHAR(255) CHARACTER SET utf8mb4, bi BINARY(4), zbi INT, vb VARBINARY(300),
        tb TINYBLOB, tx TEXT CHARACTER SET utf8mb4, mt MEDIUMTEXT, lb LONGBLOB, e1 ENUM('a','b','c'),
        s1 SET('x','y','z'), s2 SET('1','2','3','4','5','6','7','8','9'), j JSON, zj INT,
        gen BIGINT GENERATED ALWAYS AS (i + 1) STORED, vi INT GENERATED ALWAYS AS (s + 1) VIRTUAL)`,
      'CREATE TABLE nokey (a INT, b VARCHAR(20))',
      'CREATE TABLE pair (a INT, b VARCHAR(20) CHARACTER SET utf8mb4, c TEXT, n INT, PRIMARY KEY (b(5), a))',
      ...(this.#isMysql ? ['CREATE TABLE vectors (id INT PRIMARY KEY, v VECTOR(8), z INT)'] : []),
      'CREATE TABLE shapes (id INT PRIMARY KEY, v GEOMETRY, z INT)',
      'CREATE TABLE parent (id INT PRIMARY KEY, v INT)',
      'CREATE TABLE child (id INT PRIMARY KEY, parent INT, v INT, FOREIGN KEY (parent) REFERENCES parent (id) ON DELETE CASCADE)',
      'CREATE TABLE other (id INT PRIMARY KEY AUTO_INCREMENT, v INT) ENGINE=MyISAM',
      'CREATE TABLE big (id INT PRIMARY KEY AUTO_INCREMENT, b LONGBLOB, z INT)',
      `CREATE TABLE wide (${Array.from({ length: 300 }, (_, i) => `c${i} INT`).join(', ')}, PRIMARY KEY (c0))`,
    );
  }

  #typesRow(): string {
    const n = (limit: number) => String(this.#below(limit) - Math.floor(limit / 2));
    const document = `'{"a": ${this.#below(1000)}, "pad": "${'p'.repeat(200)}", "list": [1, 2.5, null, {"x": ${this.#text(5).replaceAll("'", '"')}}]}'`;
    const moment = `'20${10 + this.#below(20)}-0${1 + this.#below(9)}-1${this.#below(9)} 0${this.#below(9)}:12:13.${this.#below(900000) + 100000}'`;
    const values = [
      String(this.#below(256)),
      n(65536),
      n(1 << 24),
      String(this.#below(2 ** 32)),
      String(this.#random()),
      n(100),
      String(this.#random() * 1e10),
      n(100),
      `${n(1e9)}.${this.#below(1e7)}`,
      n(100),
      `0.${this.#below(1e5)}`,
      n(100),
      String(1901 + this.#below(200)),
      `b'${this.#below(2)}'`,
      `b'${this.#below(2 ** 31).toString(2)}'`,
      moment,
      `'${n(1600)}:${10 + this.#below(49)}:01.${this.#below(1000000)}'`,
      n(100),
      `'${n(1600)}:${10 + this.#below(49)}:01.${this.#below(1000000)}'`,
      n(100),
      moment,
      n(100),
      moment,
      n(100),
      moment,
      n(100),
      moment,
      n(100),
      this.#text(40).replace('€', ''),
      this.#text(400),
      this.#text(9),
      this.#text(250),
      `'${this.#below(9999)}'`,
      n(100),
      this.#text(60),
      this.#text(50),
      this.#text(300),
      this.#text(3000),
      this.#text(3000),
      `'${'abc'[this.#below(3)]}'`,
      `'${['', 'x', 'x,z', 'y,z'][this.#below(4)]}'`,
      `'${['', '1', '1,9', '2,3,8'][this.#below(4)]}'`,
      document,
      n(100),
    ].map((value) => this.#orNull(value));
    return `(${values.join(', ')})`;
  }

  async #insert(): Promise<void> {
    const columns =
      't,s,m,i,f,zf,d,zd,dec1,zdec,dec2,zdec2,y,b1,b2,da,ti,zti,ti6,zti6,dt,zdt,dt3,zdt3,ts,zts,ts5,zts5,v1,v2,c1,c2,bi,zbi,vb,tb,tx,mt,lb,e1,s1,s2,j,zj';
    const rows = Array.from({ length: 1 + this.#below(30) }, () => this.#typesRow());
    const id = ++this.#serial;
    await this.#sql(
      `INSERT IGNORE INTO types (${columns}) VALUES ${rows.join(', ')}`,
      `INSERT INTO nokey VALUES (${id}, ${this.#text(15)}), (${this.#orNull(String(id))}, NULL)`,
      `INSERT INTO pair VALUES (${id}, CONCAT('k', ${id}), ${this.#text(300)}, ${id})`,
      `INSERT INTO wide (c0, c150, c299) VALUES (${id}, ${id}, ${id})`,
      `INSERT INTO shapes VALUES (${id}, ${this.#orNull(`ST_GeomFromText('LINESTRING(1 2,3 ${this.#below(90)})')`)}, ${id})`,
      `INSERT INTO parent VALUES (${id}, 1)`,
      `INSERT INTO child VALUES (${id}, ${id}, 1)`,
    );
  }

  async #update(): Promise<void> {
    const id = 1 + this.#below(this.#serial + 1);
    await this.#sql(
      `UPDATE types SET t = ${this.#below(256)}, v2 = ${this.#text(100)}, j = JSON_SET(j, '$.a', ${this.#below(1e6)}), zj = ${id} WHERE id % 7 = ${this.#below(7)}`,
      `UPDATE types SET j = JSON_REMOVE(JSON_REPLACE(j, '$.list[1]', 'q'), '$.list[0]') WHERE id % 11 = ${this.#below(11)}`,
      `UPDATE wide SET c7 = c7 + 1, c299 = NULL WHERE c0 <= ${id}`,
      `UPDATE pair SET a = a + 100000 WHERE n = ${id}`,
      `UPDATE nokey SET b = ${this.#text(10)} WHERE a = ${id}`,
    );
  }

  async #delete(): Promise<void> {
    const id = 1 + this.#below(this.#serial + 1);
    await this.#sql(
      `DELETE FROM types WHERE id % 50 = ${this.#below(50)}`,
      `DELETE FROM nokey WHERE a = ${id} OR a IS NULL`,
      `DELETE FROM parent WHERE id = ${id}`,
    );
  }

  async #transaction(): Promise<void> {
    await this.#sql('BEGIN');
    for (let i = this.#below(4); i > 0; i--)
      await [() => this.#insert(), () => this.#update(), () => this.#delete()][this.#below(3)]!();
    await this.#sql(this.#random() < 0.2 ? 'ROLLBACK' : 'COMMIT');
  }

  async #multiTable(): Promise<void> {
    await this.#sql(
      `UPDATE parent JOIN child ON child.parent = parent.id SET parent.v = parent.v + 1, child.v = ${this.#below(99)} WHERE parent.id % 3 = 0`,
      `DELETE parent, pair FROM parent JOIN pair ON pair.n = parent.id WHERE parent.id % 13 = ${this.#below(13)}`,
    );
  }

  async #savepoints(): Promise<void> {
    const id = ++this.#serial;
    const temporary = this.#random() < 0.5 ? [`CREATE TEMPORARY TABLE tmp${id} (a INT)`] : [];
    await this.#sql(
      'BEGIN',
      `INSERT INTO nokey VALUES (${id}, 'kept')`,
      ...temporary,
      'SAVEPOINT `odd ``name`',
      `INSERT INTO nokey VALUES (${id}, 'lost')`,
      'SAVEPOINT inner_one',
      `INSERT INTO nokey VALUES (${id}, 'lost too')`,
      'ROLLBACK TO SAVEPOINT Inner_ONE',
      `INSERT INTO nokey VALUES (${id}, 'lost as well')`,
      'ROLLBACK TO `odd ``name`',
      `INSERT INTO nokey VALUES (${id}, 'also kept')`,
      'COMMIT',
      ...(temporary.length > 0 ? [`DROP TEMPORARY TABLE tmp${id}`] : []),
    );
  }

  async #xa(): Promise<void> {
    const xid = `'x${++this.#serial}','b',${this.#below(1000)}`;
    const end = ['COMMIT', 'ROLLBACK', 'ONE PHASE'][this.#below(3)]!;
    const insert = `INSERT INTO nokey VALUES (${this.#serial}, 'xa')`;
    if (end === 'ONE PHASE') await this.#sql(`XA START ${xid}`, insert, `XA END ${xid}`, `XA COMMIT ${xid} ONE PHASE`);
    else await this.#sql(`XA START ${xid}`, insert, `XA END ${xid}`, `XA PREPARE ${xid}`, `XA ${end} ${xid}`);
  }

  async #ddl(): Promise<void> {
    const id = ++this.#serial;
    await this.#sql(
      `CREATE TABLE copy${id} AS SELECT a, b FROM nokey`,
      `CREATE TABLE empty${id} LIKE pair`,
      `ALTER TABLE copy${id} ADD COLUMN extra INT FIRST`,
      `INSERT INTO copy${id} (extra, a) VALUES (1, 2)`,
      `RENAME TABLE copy${id} TO moved${id}`,
      `TRUNCATE TABLE moved${id}`,
      `DROP TABLE moved${id}, empty${id}`,
      'FLUSH TABLES',
      `CREATE USER u${id}`,
      `GRANT SELECT ON w.* TO u${id}`,
      `DROP USER u${id}`,
    );
  }

  async #bigRows(): Promise<void> {
    const size = 1000 + this.#below(400_000);
    await this.#sql(
      `INSERT INTO big (b, z) VALUES (REPEAT('${this.#below(10)}b', ${size}), 5), ('', 6)`,
      `UPDATE big SET z = z + 1 ORDER BY id DESC LIMIT 1`,
    );
  }

  async #otherEngine(): Promise<void> {
    await this.#sql(`INSERT INTO other (v) VALUES (1), (2)`, `UPDATE other SET v = v + 1 LIMIT 2`);
    // With enforce_gtid_consistency MySQL refuses what follows.
    if (this.#isMysql) return;
    await this.#sql(
      'BEGIN',
      `INSERT INTO nokey VALUES (0, 'in a transaction')`,
      `UPDATE other SET v = v + 1 LIMIT 2`,
      `INSERT INTO nokey VALUES (0, 'behind')`,
      'COMMIT',
      `UPDATE nokey JOIN other ON other.v = nokey.a SET nokey.b = 'm', other.v = other.v + 1`,
    );
  }

  async #largeTransaction(): Promise<void> {
    if (this.#isMysql) await this.#sql('SET SESSION binlog_transaction_compression = ON');
    await this.#sql('BEGIN');
    for (let i = 0; i < 6; i++) {
      await this.#sql(`INSERT INTO big (b, z) VALUES (REPEAT('${this.#text(30).slice(1, -1)}', 20000), 5)`);
      await this.#sql(`INSERT INTO nokey SELECT a, b FROM nokey LIMIT 500`);
    }
    await this.#sql('COMMIT');
  }

  async #settings(): Promise<void> {
    const onOff = this.#random() < 0.5 ? 'ON' : 'OFF';
    const checksum = this.#random() < 0.5 ? 'CRC32' : 'NONE';
    const metadata = this.#random() < 0.5 ? 'FULL' : 'MINIMAL';
    const choice = this.#below(5);
    if (choice === 0) await this.#sql('FLUSH LOGS');
    else if (choice === 1) await this.#sql(`SET GLOBAL binlog_checksum = ${checksum}`);
    else if (choice === 2) await this.#sql(`SET GLOBAL binlog_row_metadata = ${metadata}`, 'FLUSH TABLES');
    else if (!this.#isMysql) await this.#sql(`SET GLOBAL log_bin_compress = ${onOff}`);
    else if (choice === 3) await this.#sql(`SET SESSION binlog_transaction_compression = ${onOff}`);
    else await this.#sql(`SET SESSION binlog_row_value_options = '${onOff === 'ON' ? 'PARTIAL_JSON' : ''}'`);
  }

  async #mysqlOnly(): Promise<void> {
    const id = ++this.#serial;
    const vector = Array.from({ length: 8 }, () => this.#random().toFixed(3)).join(',');
    await this.#sql(`INSERT INTO vectors VALUES (${id}, ${this.#orNull(`TO_VECTOR('[${vector}]')`)}, ${id})`);
    await this.#sql(
      `SET gtid_next = 'AUTOMATIC:tag_${this.#below(3)}'`,
      `INSERT INTO nokey VALUES (1, 'tagged')`,
      `SET gtid_next = 'AUTOMATIC'`,
    );
  }

  async #mariadbOnly(): Promise<void> {
    const id = ++this.#serial;
    await this.#sql(
      `SET gtid_domain_id = ${this.#below(3)}`,
      `CREATE SEQUENCE q${id}`,
      `SELECT NEXT VALUE FOR q${id}`,
      `CREATE TABLE v${id} (a INT PRIMARY KEY) WITH SYSTEM VERSIONING`,
      `INSERT INTO v${id} VALUES (1), (2)`,
      `UPDATE v${id} SET a = a + 10`,
      `DELETE FROM v${id} WHERE a = 11`,
      `CREATE OR REPLACE TABLE v${id} AS SELECT a FROM nokey LIMIT 3`,
      `CREATE TABLE old${id} (c VARCHAR(100) COMPRESSED, d BLOB COMPRESSED, z INT)`,
      `INSERT INTO old${id} VALUES (REPEAT('z', 90), REPEAT('y', 900), 7)`,
      'SET GLOBAL mysql56_temporal_format = OFF',
      `CREATE TABLE times${id} (a TIME, b DATETIME, c TIMESTAMP NULL, z INT)`,
      `INSERT INTO times${id} VALUES ('-10:11:12', '2020-01-02 03:04:05', '2020-01-02 03:04:05', ${id}), (NULL, NULL, NULL, 1)`,
      'SET GLOBAL mysql56_temporal_format = ON',
    );
  }
}
