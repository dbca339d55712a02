import { setTimeout as sleep } from 'node:timers/promises';
import type { Connection } from 'mysql2/promise';
import type { SqlServer } from '../servers/index.ts';

const CUSTOMERS = 40_000;
const PRODUCTS = 1_000;
export const ORDERS = 300_000;
/** The transaction number that the writer begins with. */
const FIRST = 1_000_000;
/** The server has rolled the transaction back. */
const DEADLOCK = 1213;

const numbers = (limit: number) =>
  `WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < ${limit}) SELECT`;

/** A small shop: foreign keys, unique keys, JSON, many character sets' worth of names, and rows that everybody changes. */
export async function createShop(server: SqlServer): Promise<void> {
  await server.query(
    `CREATE DATABASE shop CHARACTER SET utf8mb4;
     CREATE TABLE shop.customers (
       id INT PRIMARY KEY, email VARCHAR(80) NOT NULL UNIQUE, name VARCHAR(60) NOT NULL, joined DATE NOT NULL);
     CREATE TABLE shop.products (
       sku CHAR(8) PRIMARY KEY, title VARCHAR(80) NOT NULL, price DECIMAL(10,2) NOT NULL, stock INT NOT NULL, sold INT NOT NULL);
     CREATE TABLE shop.orders (
       id BIGINT PRIMARY KEY, customer INT NOT NULL, placed DATETIME(6) NOT NULL, total DECIMAL(12,2) NOT NULL, details JSON,
       FOREIGN KEY (customer) REFERENCES shop.customers (id));
     CREATE TABLE shop.items (
       order_id BIGINT NOT NULL, line TINYINT NOT NULL, sku CHAR(8) NOT NULL, quantity SMALLINT NOT NULL, PRIMARY KEY (order_id, line),
       FOREIGN KEY (order_id) REFERENCES shop.orders (id), FOREIGN KEY (sku) REFERENCES shop.products (sku));
     CREATE TABLE shop.ledger (number BIGINT PRIMARY KEY);
     CREATE TABLE shop.counter (id TINYINT PRIMARY KEY, n BIGINT NOT NULL);
     INSERT INTO shop.counter VALUES (1, 0);
     SET SESSION cte_max_recursion_depth = ${ORDERS}`,
  );
  await server.query(
    `INSERT INTO shop.customers ${numbers(CUSTOMERS)}
       n, CONCAT('customer', n, '@example.org'), CONCAT(ELT(1 + n % 5, 'Zoë', 'Müller', '小林', 'Нина', '🦊'), ' ', n),
       '2020-01-01' + INTERVAL n % 2000 DAY FROM numbers`,
  );
  await server.query(
    `INSERT INTO shop.products ${numbers(PRODUCTS)}
       LPAD(n, 8, 'P'), CONCAT('product ', n), 1 + (n * 37) % 5000 / 100, 1000000, 0 FROM numbers`,
  );
  await server.query(
    `INSERT INTO shop.orders ${numbers(ORDERS)}
       n, 1 + n % ${CUSTOMERS}, '2024-01-01' + INTERVAL n MINUTE, n % 10000 / 100, JSON_OBJECT('channel', ELT(1 + n % 3, 'web', 'app', 'till'), 'gift', n % 7 = 0)
     FROM numbers`,
  );
  await server.query(`INSERT INTO shop.items ${numbers(ORDERS)} n, 1, LPAD(1 + n % ${PRODUCTS}, 8, 'P'), 1 + n % 4 FROM numbers`);
}

/**
 * Customers who order, change their minds and their addresses. Each source transaction writes its own number into the ledger
 * and adds one to a counter: a transaction that the target lost or applied twice shows in both.
 */
export class Shoppers {
  readonly #server: SqlServer;
  readonly #perSecond: number;
  #next = FIRST;
  #committed = 0;
  #stopping = false;
  #work: Promise<unknown> = Promise.resolve();

  constructor(server: SqlServer, perSecond: number) {
    this.#server = server;
    this.#perSecond = perSecond;
  }

  /** Transactions that the source has committed. */
  get committed(): number {
    return this.#committed;
  }

  start(): void {
    this.#work = Promise.all(Array.from({ length: 4 }, () => this.#shop()));
    // Thrown again by stop().
    this.#work.catch(() => undefined);
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    await this.#work;
  }

  async #shop(): Promise<void> {
    const connection = await this.#server.connect({ multipleStatements: true });
    const pauseMs = 4000 / this.#perSecond;
    let due = performance.now();
    while (!this.#stopping) {
      await this.#transaction(connection, this.#next++);
      due = Math.max(due + pauseMs, performance.now() - 100);
      await sleep(Math.max(0, due - performance.now()));
    }
    await connection.end();
  }

  async #transaction(connection: Connection, number: number): Promise<void> {
    const sku = (n: number) => `'${String(1 + (n % PRODUCTS)).padStart(8, 'P')}'`;
    const changes = [
      `INSERT INTO shop.orders VALUES (${number}, ${1 + (number % CUSTOMERS)}, NOW(6), ${(number % 9000) / 100}, JSON_OBJECT('channel', 'web', 'number', ${number}))`,
      `INSERT INTO shop.items VALUES (${number}, 1, ${sku(number)}, 1), (${number}, 2, ${sku(number * 7)}, 2)`,
      `UPDATE shop.products SET stock = stock - 1, sold = sold + 1 WHERE sku = ${sku(number)}`,
    ];
    const old = 1 + (number % ORDERS);
    if (number % 5 === 0)
      changes.push(`UPDATE shop.customers SET email = 'moved${number}@example.org' WHERE id = ${1 + (number % CUSTOMERS)}`);
    if (number % 7 === 0)
      changes.push(`DELETE FROM shop.items WHERE order_id = ${old}`, `DELETE FROM shop.orders WHERE id = ${old}`);
    if (number % 11 === 0)
      changes.push(`UPDATE shop.orders SET details = JSON_SET(details, '$.rated', ${number % 6}) WHERE id = ${old + 1}`);
    changes.push(`INSERT INTO shop.ledger VALUES (${number})`, 'UPDATE shop.counter SET n = n + 1 WHERE id = 1');
    for (;;) {
      try {
        await connection.query(`START TRANSACTION; ${changes.join('; ')}; COMMIT`);
        this.#committed++;
        return;
      } catch (error) {
        if ((error as { errno?: number }).errno !== DEADLOCK) throw error;
      }
    }
  }
}

/** What the ledger and the counter say of the shoppers' transactions. */
export async function transactionsIn(server: SqlServer): Promise<{ ledger: number; counter: number }> {
  const [row] = await server.query(
    'SELECT (SELECT COUNT(*) FROM shop.ledger) AS ledger, (SELECT n FROM shop.counter) AS counter',
  );
  return { ledger: Number(row?.['ledger']), counter: Number(row?.['counter']) };
}
