/** Prints to standard error, so that what a command answers stays alone on standard output. */
export function say(text: string): void {
  process.stderr.write(`cluster: ${text}\n`);
}

/** Says what is being done, once a minute that it still is, and how long it took. */
export async function step<T>(what: string, work: () => Promise<T>): Promise<T> {
  const begin = Date.now();
  const seconds = () => Math.round((Date.now() - begin) / 1000);
  say(`${what} ...`);
  const timer = setInterval(() => say(`${what}: still at it after ${seconds()} s`), 60_000);
  try {
    const result = await work();
    say(`${what}: done in ${seconds()} s`);
    return result;
  } finally {
    clearInterval(timer);
  }
}
