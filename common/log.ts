import { pino, type Logger } from 'pino';

export type { Logger } from 'pino';

/** Keys whose values never reach a log line, wherever they stand. */
const SECRET_PATHS = ['password', '*.password', '*.*.password', 'credentials', '*.credentials', 'ca', '*.ca'];

/**
 * JSON lines on standard error (standard output belongs to a command's answer). `level` is one of pino's; `base` fields stand
 * in every line.
 */
export function createLogger(level: string, base: Readonly<Record<string, unknown>> = {}): Logger {
  return pino(
    { level, base, timestamp: pino.stdTimeFunctions.isoTime, redact: { paths: SECRET_PATHS, censor: '***' } },
    pino.destination({ fd: 2, sync: true }),
  );
}
