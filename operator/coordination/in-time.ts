import { Postponed, sleep, type Clock } from '../kube/index.ts';

/** Some requests to ZooKeeper wait for a connection for as long as it takes. */
const LONGEST_MS = 15_000;

/** The promise's end, if it comes in time. What it waits for may be done later all the same. @throws Postponed */
export async function inTime<T>(promise: Promise<T>, clock: Clock, signal: AbortSignal): Promise<T> {
  const over = new AbortController();
  const late = sleep(clock, LONGEST_MS, AbortSignal.any([signal, over.signal])).then(() => {
    if (over.signal.aborted) return promise;
    throw new Postponed(`ZooKeeper did not answer in ${LONGEST_MS / 1000} s`);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    over.abort();
    // Whichever comes second is nobody's concern any more.
    promise.catch(() => undefined);
    late.catch(() => undefined);
  }
}
