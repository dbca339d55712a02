import { docsAnchor, errorCatalog, type ErrorCode } from './error-catalog.ts';

export type { ErrorCode } from './error-catalog.ts';

export interface ErrorOptions {
  /** The offending value or server answer as found, short enough for one line. Never a secret. */
  found?: string | undefined;
  /** More helpful than the catalogue's general remedy. */
  remedy?: string | undefined;
  /** Machine-readable facts: field, table, position, server error number. */
  details?: Record<string, unknown> | undefined;
  /** Overrides the catalogue, where the thrower knows better. */
  retryable?: boolean | undefined;
  cause?: unknown;
}

/**
 * An error with a stable code, what was found, and what to do.
 * Everything that reaches a person, a status condition or an exit code is one of these.
 */
export class LockkeeperError extends Error {
  readonly code: ErrorCode;
  declare readonly found?: string;
  readonly remedy: string;
  declare readonly details?: Record<string, unknown>;
  /** Whether trying again without any change by a person can succeed. */
  readonly retryable: boolean;

  constructor(code: ErrorCode, message: string = errorCatalog[code].title, options: ErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'LockkeeperError';
    this.code = code;
    this.remedy = options.remedy ?? errorCatalog[code].remedy;
    this.retryable = options.retryable ?? errorCatalog[code].retryable;
    if (options.found !== undefined) this.found = options.found;
    if (options.details !== undefined) this.details = options.details;
  }

  get severity(): 'error' | 'warning' {
    return errorCatalog[this.code].severity;
  }

  /** For log lines and `--output json`. The cause is reduced to its message: its fields may hold connection options. */
  toJSON(): Record<string, unknown> {
    return {
      code: this.code,
      message: this.message,
      ...(this.found === undefined ? {} : { found: this.found }),
      remedy: this.remedy,
      ...(this.details === undefined ? {} : { details: this.details }),
      retryable: this.retryable,
      docs: docsAnchor(this.code),
      ...(this.cause === undefined ? {} : { cause: messageOf(this.cause) }),
    };
  }
}

/** Several lines for a person: code and message, what was found, what to do, where to read on. */
export function formatError(error: LockkeeperError): string {
  const lines = [`${error.code} ${error.message}`];
  if (error.found !== undefined) lines.push(`  found:  ${error.found}`);
  lines.push(`  remedy: ${error.remedy}`, `  see:    ${docsAnchor(error.code)}`);
  return lines.join('\n');
}

export function messageOf(thrown: unknown): string {
  if (!(thrown instanceof Error)) return String(thrown);
  // Node reports a refused connection to a name with several addresses as an AggregateError without a message of its own.
  if (thrown instanceof AggregateError && thrown.message === '') return thrown.errors.map(messageOf).join('; ');
  return thrown.message;
}

/** The error itself if it has a code already, else wrapped under `code` with the original as its cause. */
export function asLockkeeperError(thrown: unknown, code: ErrorCode, options: ErrorOptions = {}): LockkeeperError {
  if (thrown instanceof LockkeeperError) return thrown;
  return new LockkeeperError(code, `${errorCatalog[code].title}: ${messageOf(thrown)}`, { ...options, cause: thrown });
}
