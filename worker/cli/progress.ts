import type { PipelineStatus } from '../pipeline/pipeline-status.ts';
import { ratesBetween, renderStatus } from './display.ts';

export interface ProgressOptions {
  readonly statuses: () => readonly PipelineStatus[];
  readonly output: 'auto' | 'text' | 'json';
  /** Where /status and /metrics are, shown to people. */
  readonly address: string;
  readonly out?: NodeJS.WriteStream;
}

const REDRAW_MS = 500;
const LINE_MS = 5000;

/**
 * Shows how pipelines do: a table that is drawn anew in place on a terminal, else a JSON line for each pipeline every five
 * seconds and at each change of its phase.
 */
export function showProgress(options: ProgressOptions): { stop(): void } {
  const out = options.out ?? process.stdout;
  const text = options.output === 'text' || (options.output === 'auto' && out.isTTY);
  return text ? drawTable(options, out) : writeLines(options, out);
}

function drawTable({ statuses, address }: ProgressOptions, out: NodeJS.WriteStream): { stop(): void } {
  let before = statuses();
  let looked = performance.now();
  let drawn = 0;
  const draw = () => {
    const now = performance.now();
    const current = statuses();
    const lines = renderStatus(current, ratesBetween(before, current, (now - looked) / 1000), out.columns ?? 120);
    lines.push(`status and metrics: http://${address}/status, /metrics; stop with Ctrl-C`);
    const up = drawn > 0 && out.isTTY ? `\x1b[${drawn}A\x1b[J` : '';
    out.write(`${up}${lines.join('\n')}\n`);
    drawn = lines.length;
    before = current;
    looked = now;
  };
  const timer = setInterval(draw, out.isTTY ? REDRAW_MS : LINE_MS);
  return {
    stop() {
      clearInterval(timer);
      draw();
    },
  };
}

function writeLines({ statuses }: ProgressOptions, out: NodeJS.WriteStream): { stop(): void } {
  const phases = new Map<string, string>();
  let lastLine = 0;
  const look = () => {
    const due = performance.now() - lastLine >= LINE_MS;
    if (due) lastLine = performance.now();
    for (const status of statuses()) {
      const key = `${status.namespace}/${status.name}`;
      if (!due && phases.get(key) === status.phase) continue;
      phases.set(key, status.phase);
      out.write(`${JSON.stringify({ at: new Date().toISOString(), ...status })}\n`);
    }
  };
  const timer = setInterval(look, REDRAW_MS);
  return {
    stop() {
      clearInterval(timer);
      lastLine = -Infinity;
      look();
    },
  };
}
