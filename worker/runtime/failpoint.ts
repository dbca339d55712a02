/**
 * A named point of the code at which tests end the process as `kill -9` would: LOCKKEEPER_FAILPOINT=name or name:n for the
 * n-th time it is reached, name:n:SIGSTOP to freeze it there instead. Unset, as always outside tests, it costs one comparison.
 */
export function failpointFrom(environment: Readonly<Record<string, string | undefined>>): (name: string) => void {
  const wanted = environment['LOCKKEEPER_FAILPOINT'];
  if (wanted === undefined || wanted === '') return () => undefined;
  const [point, count = '1', signal = 'SIGKILL'] = wanted.split(':');
  let left = Number(count);
  return (name) => {
    if (name === point && --left === 0) process.kill(process.pid, signal);
  };
}
