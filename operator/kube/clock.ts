/** Time, injected so that tests of hours run in milliseconds. */
export interface Clock {
  /** Wall time in milliseconds since 1970; for what is shown or stored. */
  now(): number;
  /** Milliseconds from some fixed moment, never going back; for measuring. */
  monotonic(): number;
  /** Calls `action` once after `milliseconds`; the answer cancels. */
  after(milliseconds: number, action: () => void): () => void;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after: (milliseconds, action) => {
    const timer = setTimeout(action, milliseconds);
    return () => clearTimeout(timer);
  },
};

/** Resolves after `milliseconds`, or at once when the signal aborts: whoever sleeps looks at the signal next. */
export function sleep(clock: Clock, milliseconds: number, signal?: AbortSignal): Promise<void> {
  if (signal?.aborted === true) return Promise.resolve();
  return new Promise((resolve) => {
    const done = () => {
      cancel();
      signal?.removeEventListener('abort', done);
      resolve();
    };
    const cancel = clock.after(milliseconds, done);
    signal?.addEventListener('abort', done, { once: true });
  });
}

/** RFC 3339 in whole seconds, as metadata and conditions have it. */
export function isoSeconds(milliseconds: number): string {
  return `${new Date(milliseconds).toISOString().slice(0, 19)}Z`;
}

/** RFC 3339 with six digits: Kubernetes' MicroTime refuses the three of JavaScript. */
export function isoMicros(milliseconds: number): string {
  return `${new Date(milliseconds).toISOString().slice(0, 23)}000Z`;
}
