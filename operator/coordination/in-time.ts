import { Postponed, sleep, type Clock } from '../kube/index.ts';

/** Some requests to ZooKeeper wait for a connection for as long as it takes. */
const LONGEST_MS = 15_000;

/**
 * What the work comes to, if it comes in time. Its signal aborts when it is given up; what it waits for then may be done later all the
 * same. @throws Postponed
 */
export async function inTime<T>(work: (signal: AbortSignal) => Promise<T>, clock: Clock, signal: AbortSignal): Promise<T> {
  const over = new AbortController();
  const either = AbortSignal.any([signal, over.signal]);
  const promise = work(either);
  const late = sleep(clock, LONGEST_MS, either).then(() => {
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
