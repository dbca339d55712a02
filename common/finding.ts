import { errorCatalog, type ErrorCode } from './error-catalog.ts';
import { LockkeeperError, messageOf } from './errors.ts';

/** One thing that a preflight looked at. A check reports all of them at once, also those that are well. */
export interface Finding {
  readonly severity: 'error' | 'warning' | 'ok';
  /** Null where all is well. */
  readonly code: ErrorCode | null;
  /** What was looked at, as in `source mysql.home:3306: binlog_format`. */
  readonly subject: string;
  /** The value or server answer as found. Never a secret. */
  readonly found: string;
  /** What to do; empty where all is well. */
  readonly remedy: string;
}

export function fine(subject: string, found: string): Finding {
  return { severity: 'ok', code: null, subject, found, remedy: '' };
}

/** A finding that stops the pipeline; the remedy is the catalogue's unless a better one is given. */
export function fault(code: ErrorCode, subject: string, found: string, remedy: string = errorCatalog[code].remedy): Finding {
  return { severity: 'error', code, subject, found, remedy };
}

/** A finding that a person should know but that stops nothing. */
export function warning(code: ErrorCode, subject: string, found: string, remedy: string = errorCatalog[code].remedy): Finding {
  return { severity: 'warning', code, subject, found, remedy };
}

/** Runs one look at a server. What goes wrong in it is a finding of its own, so that the others are told all the same. */
export async function probe(subject: string, look: () => Promise<readonly Finding[]>): Promise<readonly Finding[]> {
  try {
    return await look();
  } catch (error) {
    if (error instanceof LockkeeperError) return [fault(error.code, subject, error.found ?? error.message, error.remedy)];
    return [
      warning(
        'LK1010',
        subject,
        `cannot be looked at: ${messageOf(error)}`,
        'Look at the server’s answer; this check was left out.',
      ),
    ];
  }
}
