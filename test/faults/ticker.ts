import { setTimeout as sleep } from 'node:timers/promises';
import type { DbServer } from '../servers/index.ts';

const EVERY_MS = 20;

/** Commits a row at the source every few milliseconds and watches when each becomes visible at the target. */
export class Ticker {
  readonly #source: DbServer;
  readonly #target: DbServer;
  /** Commit and visibility of tick n at index n, in milliseconds of performance.now(). */
  readonly #committed: number[] = [];
  readonly #visible: number[] = [];
  #stopping = false;
  #work: Promise<unknown> = Promise.resolve();

  private constructor(source: DbServer, target: DbServer) {
    this.#source = source;
    this.#target = target;
  }

  static async start(source: DbServer, target: DbServer): Promise<Ticker> {
    await source.query('CREATE TABLE IF NOT EXISTS f.ticks (id INT PRIMARY KEY); TRUNCATE TABLE f.ticks');
    const ticker = new Ticker(source, target);
    ticker.#work = Promise.all([ticker.#write(), ticker.#watch()]);
    ticker.#work.catch(() => undefined); // thrown by stop()
    return ticker;
  }

  /** Waits until a tick that is committed from now on is visible at the target; answers milliseconds. Fails after `seconds`. */
  async untilVisible(seconds = 60): Promise<number> {
    const [begun, next] = [performance.now(), this.#committed.length];
    while (this.#visible.length <= next) {
      if (performance.now() - begun > seconds * 1000) throw new Error(`no row became visible at the target in ${seconds} s`);
      await sleep(5);
    }
    return performance.now() - begun;
  }

  /** The longest time from a commit to its visibility of the ticks so far, milliseconds; forgets them for the next call. */
  longestDelay(): number {
    let longest = 0;
    for (const [id, at] of this.#visible.entries()) longest = Math.max(longest, at - this.#committed[id]!);
    this.#visible.fill(-Infinity);
    return longest;
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    await this.#work;
  }

  async #write(): Promise<void> {
    const connection = await this.#source.connect();
    while (!this.#stopping) {
      await connection.query(`INSERT INTO f.ticks VALUES (${this.#committed.length})`);
      this.#committed.push(performance.now());
      await sleep(EVERY_MS);
    }
    await connection.end();
  }

  async #watch(): Promise<void> {
    const connection = await this.#target.connect();
    while (!this.#stopping) {
      const [rows] = await connection
        .query('SELECT COALESCE(MAX(id), -1) AS id FROM f.ticks')
        .catch(() => [[{ id: -1 }]] as const); // the table is not there yet
      const now = performance.now();
      const last = Number((rows as { id: number }[])[0]!.id);
      // A tick may be seen before its writer has the answer.
      const limit = Math.min(last, this.#committed.length - 1);
      while (this.#visible.length <= limit) this.#visible.push(now);
      await sleep(5);
    }
    await connection.end();
  }
}
