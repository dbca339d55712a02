import { spawn, type ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { expect } from 'vitest';
import type { WorkerEvent, WorkerOptions } from './coordination-worker.ts';

const alive = new Set<ChildProcess>();

/** A worker process and what it has told so far. */
export class WorkerChild {
  readonly id: string;
  readonly events: WorkerEvent[] = [];
  readonly exited: Promise<void>;
  readonly #child: ChildProcess;

  constructor(options: WorkerOptions) {
    this.id = options.id;
    const script = join(import.meta.dirname, 'coordination-worker.ts');
    this.#child = spawn(process.execPath, [script, JSON.stringify(options)], { stdio: ['pipe', 'pipe', 'inherit'] });
    alive.add(this.#child);
    this.exited = new Promise((resolve) => {
      this.#child.once('exit', () => {
        alive.delete(this.#child);
        resolve();
      });
    });
    createInterface(this.#child.stdout!).on('line', (line) => this.events.push(JSON.parse(line) as WorkerEvent));
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  resign(pipeline: string): void {
    this.#child.stdin!.write(`${pipeline}\n`);
  }

  /** Events of one kind, without those before `since` (milliseconds since 1970). */
  all(event: WorkerEvent['event'], since = 0): WorkerEvent[] {
    return this.events.filter((each) => each.event === event && each.at >= since);
  }

  /** The pipelines that it leads now. */
  leading(): string[] {
    const led = new Set<string>();
    for (const { event, pipeline } of this.events) {
      if (event === 'lead') led.add(pipeline!);
      if (event === 'end') led.delete(pipeline!);
    }
    return [...led].sort();
  }

  async until(event: WorkerEvent['event'], since = 0, timeout = 30_000): Promise<WorkerEvent> {
    await expect
      .poll(() => this.all(event, since).length, { timeout, interval: 5, message: `${this.id}: ${event}` })
      .toBeGreaterThan(0);
    return this.all(event, since)[0]!;
  }
}

export function killWorkers(): void {
  for (const child of alive) child.kill('SIGKILL');
  alive.clear();
}

/**
 * That no two workers ever wrote one pipeline in turns: once another worker has begun, the one before writes no more, unless the
 * pipeline came back to it by an election.
 */
export function expectNoOverlap(workers: readonly WorkerChild[], pipeline: string): void {
  const terms = workers.flatMap((worker) => {
    const found: { id: string; first: number; last: number }[] = [];
    for (const { event, at, ...rest } of worker.events) {
      if (rest.pipeline !== pipeline) continue;
      if (event === 'lead') found.push({ id: worker.id, first: Infinity, last: -Infinity });
      const term = found.at(-1);
      if (event === 'wrote' && term) {
        term.first = Math.min(term.first, at);
        term.last = Math.max(term.last, at);
      }
    }
    return found.filter(({ first }) => first !== Infinity);
  });
  terms.sort((a, b) => a.first - b.first);
  for (let i = 1; i < terms.length; i++)
    expect(terms[i]!.first, JSON.stringify(terms)).toBeGreaterThanOrEqual(terms[i - 1]!.last);
}
