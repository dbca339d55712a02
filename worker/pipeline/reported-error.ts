import type { LockkeeperError } from '../../common/errors.ts';
import type { ReportedError } from '../../crds/pipeline-report.ts';

/** An error as reports show it. `now`: milliseconds since 1970; `attempts`: how often in a row. */
export function reportedError(error: LockkeeperError, attempts: number, now: number): ReportedError {
  return {
    code: error.code,
    message: error.message,
    remedy: error.remedy,
    ...(error.found === undefined ? {} : { found: error.found }),
    at: new Date(now).toISOString(),
    attempts,
  };
}
