import { setTimeout as sleep } from 'node:timers/promises';
import type { Connection } from 'mysql2/promise';
import type { DbServer } from '../servers/index.ts';

/** Uniform numbers of [0, 1) that are the same for the same seed (mulberry32). */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/**
 * `audit` has no unique key: a transaction that is applied twice leaves two rows. `counters` shows lost and doubled updates
 * by their sum. The rest is what real tables do to a replica: hot rows, a second unique key, keys that change, a foreign key,
 * rows without any key.
 */
const tables = `
  CREATE DATABASE f;
  CREATE TABLE f.audit (tx BIGINT NOT NULL, worker INT NOT NULL, KEY (tx));
  CREATE TABLE f.counters (id INT PRIMARY KEY, n BIGINT NOT NULL);
  INSERT INTO f.counters VALUES (1, 0), (2, 0), (3, 0), (4, 0);
  CREATE TABLE f.items (id INT PRIMARY KEY, code VARCHAR(20) CHARACTER SET utf8mb4 NOT NULL UNIQUE, qty INT NOT NULL, note VARBINARY(300));
  CREATE TABLE f.parents (id INT PRIMARY KEY, v INT NOT NULL);
  CREATE TABLE f.children (id INT PRIMARY KEY, parent INT NOT NULL, v DOUBLE, FOREIGN KEY (parent) REFERENCES f.parents (id));
  CREATE TABLE f.lines (tx BIGINT NOT NULL, line SMALLINT NOT NULL, at DATETIME(6) NOT NULL, text TEXT, PRIMARY KEY (tx, line));
  CREATE TABLE f.keyless (a INT, b VARCHAR(20));
  CREATE TABLE f.pages (id BIGINT PRIMARY KEY, page VARBINARY(2000));
`;

export async function createLoadTables(source: DbServer): Promise<void> {
  await source.query(tables);
  const rows = Array.from({ length: 1500 }, (_, i) => `(${i},'C${i}',0,NULL)`);
  await source.query(`INSERT INTO f.items VALUES ${rows.join(',')}`);
}

/** The server has rolled the transaction back, or a lock was not got: nothing of it is there once it is rolled back. */
const TRY_AGAIN = new Set([1213, 1205, 1614, 1402, 1412]);
/** Errors by which a connection ends, some with a number of the server's. */
const ENDED = new Set([1040, 1045, 1053, 1317, 1927]);

export interface LoadOptions {
  readonly seed: number;
  readonly connections?: number;
  /** Transactions a second of all connections; default 200. */
  readonly perSecond?: number;
  /** Whether some transactions commit in two phases; default true. */
  readonly xa?: boolean;
}

/**
 * Random transactions on the source until told to stop. Each is committed exactly once at the source, also when that crashes:
 * after a lost answer the audit table says whether it was.
 */
export class Load {
  #source: DbServer;
  readonly #options: LoadOptions;
  readonly #work: Promise<void>[] = [];
  #next = 1;
  #committed = 0;
  #stopping = false;
  #paused: Promise<void> | null = null;
  #resume: () => void = () => undefined;
  #busy = 0;
  #failure: { readonly error: unknown } | null = null;

  constructor(source: DbServer, options: LoadOptions) {
    this.#source = source;
    this.#options = options;
  }

  get committed(): number {
    return this.#committed;
  }

  start(): this {
    const { connections = 3, seed } = this.#options;
    for (let worker = 0; worker < connections; worker++) {
      const work = this.#run(worker, seeded(seed * 1000 + worker));
      work.catch((error: unknown) => (this.#failure ??= { error })); // thrown by pause() and stop()
      this.#work.push(work);
    }
    return this;
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    this.resume();
    await Promise.all(this.#work);
  }

  /** Resolves when nothing is being written. */
  async pause(): Promise<void> {
    this.#paused ??= new Promise((resolve) => (this.#resume = resolve));
    while (this.#busy > 0) await sleep(5);
    if (this.#failure !== null) throw this.#failure.error;
  }

  /** Writes to another server from now on, which has all that was committed. To be called while paused. */
  moveTo(source: DbServer): void {
    this.#source = source;
  }

  resume(): void {
    this.#paused = null;
    this.#resume();
  }

  async #run(worker: number, random: () => number): Promise<void> {
    const { connections = 3, perSecond = 200, xa = true } = this.#options;
    let source = this.#source;
    let connection: Connection | null = null;
    while (!this.#stopping) {
      if (this.#paused !== null) {
        await this.#paused;
        continue;
      }
      this.#busy++;
      try {
        const tx = this.#next++;
        if (source !== this.#source) {
          connection?.destroy();
          connection = null;
          source = this.#source;
        }
        connection = await this.#commit(connection, tx, transaction(tx, worker, random, xa));
      } finally {
        this.#busy--;
      }
      await sleep((random() * 2000 * connections) / perSecond);
    }
    await connection?.end();
  }

  /** Tries until the transaction is committed; returns the connection that is good for the next. */
  async #commit(existing: Connection | null, tx: number, sql: string): Promise<Connection> {
    let connection = existing;
    for (let doubtful = false; ;) {
      try {
        connection ??= await this.#source.connect({ multipleStatements: true });
        if (doubtful && (await this.#isCommitted(connection, tx))) break;
        doubtful = true;
        await connection.query(sql);
        break;
      } catch (error) {
        const errno = (error as { errno?: number }).errno ?? 0;
        if (connection !== null && TRY_AGAIN.has(errno)) {
          for (const undo of sql.startsWith('XA') ? [`XA END 'x${tx}'`, `XA ROLLBACK 'x${tx}'`] : ['ROLLBACK']) {
            await connection.query(undo).catch(() => undefined);
          }
          doubtful = false;
          continue;
        }
        // 1xxx below 2000 are the server's own complaints about the SQL, a fault of this file.
        if (errno > 0 && errno < 2000 && !ENDED.has(errno)) {
          connection?.destroy();
          throw error;
        }
        connection?.destroy();
        connection = null;
        await sleep(100);
      }
    }
    this.#committed++;
    return connection;
  }

  async #isCommitted(connection: Connection, tx: number): Promise<boolean> {
    // Prepared before a crash: it is still there and takes its verdict.
    const [prepared] = await connection.query('XA RECOVER');
    if ((prepared as { data: Buffer | string }[]).some((row) => String(row.data) === `x${tx}`)) {
      await connection.query(`XA COMMIT 'x${tx}'`);
      return true;
    }
    const [rows] = await connection.query(`SELECT 1 FROM f.audit WHERE tx = ${tx}`);
    return (rows as unknown[]).length > 0;
  }
}

/** One transaction as a text of several statements. Some commit in two phases. */
function transaction(tx: number, worker: number, random: () => number, xa: boolean): string {
  const below = (limit: number) => Math.floor(random() * limit);
  const changes = Array.from({ length: 1 + below(4) }, () => kinds[below(kinds.length)]!(tx, below)).flat();
  changes.push(
    `INSERT INTO f.audit VALUES (${tx}, ${worker})`,
    `UPDATE f.counters SET n = n + 1 WHERE id = ${1 + Math.min(below(8), 3)}`,
  );
  if (random() < 0.1 && xa) {
    return `XA START 'x${tx}'; ${changes.join('; ')}; XA END 'x${tx}'; XA PREPARE 'x${tx}'; XA COMMIT 'x${tx}'`;
  }
  return `START TRANSACTION; ${changes.join('; ')}; COMMIT`;
}

type Kind = (tx: number, below: (limit: number) => number) => string[];

const ITEMS = 2000;

const insertItem: Kind = (_, below) => [
  `INSERT IGNORE INTO f.items VALUES (${below(ITEMS)}, 'Ü${below(ITEMS)}', ${below(100)}, X'${'00ff27'.repeat(1 + below(20))}')`,
];

const updateItems: Kind = (tx, below) => {
  const from = below(ITEMS);
  return [`UPDATE f.items SET qty = qty + ${1 + below(9)}, note = '${tx}' WHERE id BETWEEN ${from} AND ${from + below(12)}`];
};

const hotRow: Kind = (_, below) => [`UPDATE f.items SET qty = qty + 1 WHERE id = ${below(3)}`];

const deleteItems: Kind = (_, below) => {
  const from = below(ITEMS);
  return [`DELETE FROM f.items WHERE id BETWEEN ${from} AND ${from + below(3)}`];
};

const changeKey: Kind = (_, below) => [`UPDATE IGNORE f.items SET id = ${below(ITEMS)} WHERE id = ${below(ITEMS)}`];

/** Two rows exchange the values of their second unique key. */
const swapCodes: Kind = (tx, below) => {
  const [a, b] = [3 + below(50), 53 + below(50)];
  return [
    'SET @a = NULL, @b = NULL',
    `SELECT code INTO @a FROM f.items WHERE id = ${a} FOR UPDATE`,
    `SELECT code INTO @b FROM f.items WHERE id = ${b} FOR UPDATE`,
    `UPDATE f.items SET code = 'swap${tx}' WHERE id = ${a} AND @b IS NOT NULL`,
    `UPDATE f.items SET code = @a WHERE id = ${b} AND @a IS NOT NULL`,
    `UPDATE f.items SET code = @b WHERE id = ${a} AND @b IS NOT NULL`,
  ];
};

const family: Kind = (_, below) => {
  const parent = below(60);
  return [
    `INSERT IGNORE INTO f.parents VALUES (${parent}, ${below(100)})`,
    `INSERT IGNORE INTO f.children VALUES (${below(300)}, ${parent}, ${below(1000)} / 7)`,
  ];
};

const endOfFamily: Kind = (_, below) => {
  const parent = below(60);
  return [`DELETE FROM f.children WHERE parent = ${parent}`, `DELETE FROM f.parents WHERE id = ${parent}`];
};

const lines: Kind = (tx, below) => {
  const rows = Array.from({ length: 5 + below(40) }, (_, i) => `(${tx}, @line + ${i}, NOW(6), REPEAT('l', ${below(200)}))`);
  return [
    `SELECT COALESCE(MAX(line), 0) + 1 INTO @line FROM f.lines WHERE tx = ${tx}`,
    `INSERT INTO f.lines VALUES ${rows.join(', ')}`,
  ];
};

const keyless: Kind = (_, below) => [
  `INSERT INTO f.keyless (a, b) VALUES (${below(20)}, 'k'), (${below(20)}, NULL)`,
  `DELETE FROM f.keyless WHERE a = ${below(20)} LIMIT 1`,
];

const kinds: readonly Kind[] = [
  insertItem,
  insertItem,
  updateItems,
  updateItems,
  hotRow,
  hotRow,
  deleteItems,
  changeKey,
  swapCodes,
  family,
  endOfFamily,
  lines,
  keyless,
];

/** A transaction of about `megabytes` of row images, with its audit row and counter. `tx` must be above all numbers of a Load. */
export async function writeLargeTransaction(source: DbServer, tx: number, megabytes: number): Promise<void> {
  const rows = megabytes * 1024;
  const depth = source.flavor === 'mysql' ? 'cte_max_recursion_depth' : 'max_recursive_iterations';
  await source.query(
    `SET SESSION ${depth} = 10000000; START TRANSACTION;
     INSERT INTO f.pages WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < ${rows})
       SELECT ${tx} * 10000000 + n, REPEAT(CHAR(n % 256), 1000) FROM numbers;
     UPDATE f.pages SET page = CONCAT('changed', id) WHERE id % 50 = 0;
     INSERT INTO f.audit VALUES (${tx}, 0); UPDATE f.counters SET n = n + 1 WHERE id = 4; COMMIT`,
  );
}
