import { setTimeout as sleep } from 'node:timers/promises';
import type { SqlServer } from '../../servers/index.ts';

const PAUSE_MS = 25;

/**
 * A load in which every lost or doubled transaction shows: each writes its own number, adds one to a counter and changes a few rows
 * that all change.
 */
export class Ledger {
  readonly #source: SqlServer;
  #committed = 0;
  #stopping = false;
  #work: Promise<void> = Promise.resolve();

  constructor(source: SqlServer) {
    this.#source = source;
  }

  /** Transactions that the source has committed. */
  get committed(): number {
    return this.#committed;
  }

  async create(): Promise<void> {
    await this.#source.query(
      `DROP DATABASE IF EXISTS shop;
       CREATE DATABASE shop;
       CREATE TABLE shop.ledger (number BIGINT PRIMARY KEY, at DATETIME(6) NOT NULL);
       CREATE TABLE shop.counter (id TINYINT PRIMARY KEY, n BIGINT NOT NULL);
       CREATE TABLE shop.stock (id INT PRIMARY KEY, n BIGINT NOT NULL, name VARCHAR(40) NOT NULL UNIQUE);
       INSERT INTO shop.counter VALUES (1, 0);
       INSERT INTO shop.stock WITH RECURSIVE i (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM i WHERE n < 1000)
         SELECT n, 0, CONCAT('Müller & 小林 ', n) FROM i`,
    );
  }

  start(): void {
    this.#stopping = false;
    this.#work = this.#write();
    this.#work.catch(() => undefined); // thrown again by stop()
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    await this.#work;
  }

  async #write(): Promise<void> {
    const connection = await this.#source.connect({ multipleStatements: true });
    while (!this.#stopping) {
      const number = this.#committed + 1;
      const hot = 1 + (number % 7);
      await connection.query(
        `START TRANSACTION;
         INSERT INTO shop.ledger VALUES (${number}, NOW(6));
         UPDATE shop.counter SET n = n + 1 WHERE id = 1;
         UPDATE shop.stock SET n = n + 1 WHERE id IN (${hot}, ${hot + 100});
         COMMIT`,
      );
      this.#committed = number;
      await sleep(PAUSE_MS);
    }
    await connection.end();
  }
}

/** What has arrived; 0 while the tables are not there. */
export async function arrived(target: SqlServer): Promise<number> {
  const rows = await target.query('SELECT MAX(number) AS last FROM shop.ledger').catch(() => []);
  return Number(rows[0]?.['last'] ?? 0);
}

/** Seconds until a transaction that is committed from now on is in the target. */
export async function flowsAgain(ledger: Ledger, target: SqlServer, limitSeconds = 60): Promise<number> {
  const begun = performance.now();
  const seconds = () => (performance.now() - begun) / 1000;
  const next = ledger.committed + 1;
  while ((await arrived(target)) < next) {
    if (seconds() > limitSeconds)
      throw new Error(`nothing has arrived for ${limitSeconds} s, of ${ledger.committed} transactions`);
    await sleep(50);
  }
  return seconds();
}
