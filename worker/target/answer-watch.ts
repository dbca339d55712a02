import mysql, { type ConnectionOptions, type RowDataPacket } from 'mysql2';
import { messageOf } from '../../common/errors.ts';
import { serverErrno } from '../../common/mysql-errors.ts';

/** What the server says of a session that gives no answer. */
export type Verdict = { readonly kind: 'working' } | { readonly kind: 'lost'; readonly why: string };

export interface AnswerWatchOptions {
  /** How long an answer may take before the server is asked, milliseconds. */
  readonly patienceMs: number;
  /** When the oldest statement without an answer was sent, in the clock of `now`; null when there is none. */
  readonly waitingSince: () => number | null;
  readonly ask: () => Promise<Verdict>;
  readonly onLost: (why: string) => void;
  readonly now: () => number;
}

/**
 * Finds out that an answer will never come. A line that swallows packets looks like a statement that takes its time, and TCP
 * needs a quarter of an hour to give up; so the server is asked over another connection what the session is doing.
 */
export class AnswerWatch {
  readonly #options: AnswerWatchOptions;
  /** The statement that was being waited for when the server was asked last. */
  #asked: number | null = null;
  #asking = false;

  constructor(options: AnswerWatchOptions) {
    this.#options = options;
  }

  /** To be called every now and then. A statement counts as lost when the server says so twice: its answer may just have been on its way. */
  async look(): Promise<void> {
    const { patienceMs, waitingSince, ask, onLost, now } = this.#options;
    const since = waitingSince();
    if (since === null || now() - since < patienceMs || this.#asking) return;
    this.#asking = true;
    try {
      const verdict = await ask();
      if (verdict.kind === 'working' || waitingSince() !== since) {
        this.#asked = null;
      } else if (this.#asked === since) {
        onLost(verdict.why);
      } else {
        this.#asked = since;
      }
    } finally {
      this.#asking = false;
    }
  }
}

const CONNECT_MS = 10_000;

/** Asks a server over a new connection what its session `id` does. An account sees its own sessions without any privilege. */
export async function askAbout(options: ConnectionOptions, id: number): Promise<Verdict> {
  const connection = mysql.createConnection({ ...options, connectTimeout: CONNECT_MS });
  connection.on('error', () => undefined);
  const answer = new Promise<Verdict>((resolve) => {
    const sql = `SELECT COMMAND AS command FROM information_schema.PROCESSLIST WHERE ID = ${id}`;
    connection.query<RowDataPacket[]>(sql, (error, rows) => {
      // A server that refuses us (too many connections, a changed password) is there: that says nothing of the session.
      if (error)
        resolve(serverErrno(error) === undefined ? lost(`it cannot be reached: ${messageOf(error)}`) : { kind: 'working' });
      else if (rows.length === 0) resolve(lost('it has no such session any more'));
      else resolve(String(rows[0]!['command']) === 'Sleep' ? lost('its session is idle') : { kind: 'working' });
    });
  });
  let timer: NodeJS.Timeout | undefined;
  const silence = new Promise<Verdict>((resolve) => {
    timer = setTimeout(() => resolve(lost('it does not answer')), CONNECT_MS);
  });
  try {
    return await Promise.race([answer, silence]);
  } finally {
    clearTimeout(timer);
    connection.destroy();
  }
}

function lost(why: string): Verdict {
  return { kind: 'lost', why };
}
