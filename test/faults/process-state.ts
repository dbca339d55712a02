import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

/** Waits until the kernel has stopped the process (state T of proc(5)), as after SIGSTOP. */
export async function untilStopped(pid: number, seconds = 30): Promise<void> {
  const deadline = performance.now() + seconds * 1000;
  while (stateOf(pid) !== 'T') {
    if (performance.now() > deadline) throw new Error(`process ${pid} was not stopped within ${seconds} s`);
    await sleep(10);
  }
}

function stateOf(pid: number): string {
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
  return stat[stat.lastIndexOf(')') + 2] ?? '';
}
