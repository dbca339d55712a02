import type { DbServer } from '../servers/index.ts';
import { sysbench } from '../servers/index.ts';

/** Work that is written into a source's binlog and then drained into a target. */
export interface Workload {
  readonly name: string;
  readonly title: string;
  /** Tables and first rows; run alike on source and target, so both begin equal. */
  prepare(server: DbServer): Promise<void>;
  /** Writes the backlog; returns the rows it changed. */
  write(source: DbServer): Promise<number>;
}

/** 500,000 inserted rows: 100,000 transactions of one row and 4,000 of 100 rows, in turn. */
export const inserts: Workload = {
  name: 'W1',
  title: '500,000 inserted rows (100,000 one-row transactions, 4,000 of 100 rows)',
  async prepare(server) {
    await server.query(
      `CREATE DATABASE bench; CREATE TABLE bench.orders (
         id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY, customer INT NOT NULL, status VARCHAR(16) NOT NULL,
         placed DATETIME(6) NOT NULL, total DECIMAL(12,2) NOT NULL, note VARCHAR(120) NOT NULL, KEY (customer))`,
    );
  },
  async write(source) {
    const connections = await Promise.all(Array.from({ length: 4 }, () => source.connect({ multipleStatements: true })));
    const row = (n: number) =>
      `(${n % 50_000},'${['new', 'paid', 'shipped'][n % 3]}',NOW(6),${(n % 100_000) / 100},'note of order ${n} with some words that fill the row')`;
    const insert = (from: number, count: number) =>
      `INSERT INTO bench.orders (customer,status,placed,total,note) VALUES ${Array.from({ length: count }, (_, i) => row(from + i)).join()}`;
    let step = 0;
    const work = async (connection: (typeof connections)[number]) => {
      // One step: 25 one-row transactions, then one of 100 rows.
      for (let mine = step++; mine < 4000; mine = step++) {
        const single = Array.from({ length: 25 }, (_, i) => insert(mine * 125 + i, 1)).join(';');
        await connection.query(`${single};${insert(mine * 125 + 25, 100)}`);
      }
    };
    await Promise.all(connections.map(work));
    await Promise.all(connections.map((connection) => connection.end()));
    return 500_000;
  },
};

const TABLES = 4;
const TABLE_ROWS = 50_000;
const SYSBENCH = ['oltp_write_only', `--tables=${TABLES}`, `--table-size=${TABLE_ROWS}`, '--db-ps-mode=disable'];

/** Groups of eleven digits joined by hyphens, as sysbench fills its columns, but the same on every server. */
const digits = (groups: number, salt: string) =>
  `CONCAT_WS('-', ${Array.from({ length: groups }, (_, i) => `LPAD(CRC32(CONCAT('${salt}${i}:', n)), 11, '0')`).join(', ')})`;

/** 60,000 transactions of sysbench's oltp_write_only, whose default distribution makes some rows hot. */
export const writes: Workload = {
  name: 'W2',
  title: '60,000 sysbench oltp_write_only transactions on 4 tables of 50,000 rows',
  /** sysbench's own tables, filled by formula: its `prepare` writes other rows each time. */
  async prepare(server) {
    await server.query('CREATE DATABASE sbtest; SET SESSION cte_max_recursion_depth=1000000');
    for (let table = 1; table <= TABLES; table++) {
      await server.query(
        `CREATE TABLE sbtest.sbtest${table} (
           id INT NOT NULL AUTO_INCREMENT, k INT NOT NULL DEFAULT 0, c CHAR(120) NOT NULL DEFAULT '', pad CHAR(60) NOT NULL DEFAULT '',
           PRIMARY KEY (id), KEY k_${table} (k));
         INSERT INTO sbtest.sbtest${table} (id, k, c, pad)
           WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < ${TABLE_ROWS})
           SELECT n, 1 + CRC32(CONCAT('k', n)) % ${TABLE_ROWS}, ${digits(10, `c${table}.`)}, ${digits(5, `p${table}.`)} FROM numbers`,
      );
    }
  },
  async write(source) {
    await sysbench(source, [...SYSBENCH, '--threads=4', '--events=60000', '--time=0', 'run']);
    return 240_000;
  },
};
