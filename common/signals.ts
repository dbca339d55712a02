import type { Logger } from './log.ts';

/** What is under way ends within this time; after it the process ends anyway, which loses nothing either. */
const DRAIN_MS = 5000;

/** Resolves at the first SIGTERM or SIGINT; the second ends the process at once. */
export function untilSignal(log: Logger): Promise<void> {
  return new Promise((resolve) => {
    let asked = false;
    const onSignal = (signal: NodeJS.Signals) => {
      if (asked) {
        log.warn({ signal }, 'ending at once');
        process.exit(130);
      }
      asked = true;
      log.info({ signal }, 'draining');
      resolve();
    };
    process.on('SIGTERM', onSignal);
    process.on('SIGINT', onSignal);
  });
}

/** Waits for the end of a process's work, but no longer than the drain may take. */
export async function drained(stop: Promise<unknown>): Promise<void> {
  await Promise.race([stop, new Promise((resolve) => setTimeout(resolve, DRAIN_MS).unref())]);
}
