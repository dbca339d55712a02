import { spawn, type ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { PipelinePhase, PipelineStatus } from '../../worker/pipeline/pipeline-status.ts';
import { binlogEnd, freePort, type BinlogPlace, type DbServer } from '../servers/index.ts';

const launcher = join(import.meta.dirname, '../../bin/lockkeeper');

export interface LockkeeperOptions {
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** A command, such as `unshare`, that is given lockkeeper and its arguments and becomes it. */
  readonly within?: readonly string[];
}

export interface CommandResult {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a command of `lockkeeper` to its end. */
export async function lockkeeper(
  args: readonly string[],
  seconds = 60,
  env: Readonly<Record<string, string>> = {},
): Promise<CommandResult> {
  const child = start(args, env);
  const timer = setTimeout(() => child.process.kill('SIGKILL'), seconds * 1000);
  const code = await child.ended;
  clearTimeout(timer);
  return { code, stdout: child.stdout(), stderr: child.stderr() };
}

/** A command of `lockkeeper` that serves, as a process of its own, as people run it. It dies with the test. */
export class LockkeeperProcess {
  readonly #child: ReturnType<typeof start>;
  readonly #http: string;

  private constructor(child: ReturnType<typeof start>, http: string) {
    this.#child = child;
    this.#http = http;
  }

  static run(manifest: string, options: LockkeeperOptions = {}): Promise<LockkeeperProcess> {
    return LockkeeperProcess.#serve(['run', '-f', manifest], options);
  }

  /** `lockkeeper worker`; what it needs comes from `options`. */
  static worker(options: LockkeeperOptions): Promise<LockkeeperProcess> {
    return LockkeeperProcess.#serve(['worker'], options);
  }

  /** `lockkeeper operator`; what it needs comes from `options`. */
  static operator(options: LockkeeperOptions): Promise<LockkeeperProcess> {
    return LockkeeperProcess.#serve(['operator'], options);
  }

  static async #serve(
    command: readonly string[],
    { args = [], env = {}, within = [] }: LockkeeperOptions,
  ): Promise<LockkeeperProcess> {
    const http = `127.0.0.1:${await freePort()}`;
    return new LockkeeperProcess(start([...command, '--http', http, ...args], env, within), http);
  }

  get pid(): number {
    return this.#child.process.pid!;
  }

  get hasEnded(): boolean {
    return this.#child.process.exitCode !== null || this.#child.process.signalCode !== null;
  }

  /** Resolves to the exit code, null when a signal ended it. */
  get ended(): Promise<number | null> {
    return this.#child.ended;
  }

  stdout(): string {
    return this.#child.stdout();
  }

  stderr(): string {
    return this.#child.stderr();
  }

  /** What /status answers for each pipeline. */
  async statuses(): Promise<PipelineStatus[]> {
    const response = await fetch(`http://${this.#http}/status`);
    return ((await response.json()) as { pipelines: PipelineStatus[] }).pipelines;
  }

  async status(pipeline: string): Promise<PipelineStatus> {
    const status = (await this.statuses()).find(({ name }) => name === pipeline);
    if (status === undefined) throw new Error(`no pipeline ${pipeline} in /status`);
    return status;
  }

  /** Path and answer of an HTTP request. */
  async get(path: string): Promise<{ code: number; body: string }> {
    const response = await fetch(`http://${this.#http}${path}`);
    return { code: response.status, body: await response.text() };
  }

  /** Sum of a metric's samples whose labels include these; 0 when there is none. */
  async metric(name: string, labels: Readonly<Record<string, string>> = {}): Promise<number> {
    const { body } = await this.get('/metrics');
    const wanted = Object.entries(labels).map(([key, value]) => `${key}="${value}"`);
    let sum = 0;
    for (const line of body.split('\n')) {
      const match = /^(\w+)(?:\{(.*)\})? (\S+)$/.exec(line);
      if (match?.[1] !== name) continue;
      const found = (match[2] ?? '').split(',');
      if (wanted.every((label) => found.includes(label))) sum += Number(match[3]);
    }
    return sum;
  }

  /** Waits until the status of a pipeline is as wanted, and returns it. Fails with status and log after `seconds`. */
  async until(
    pipeline: string,
    wanted: (status: PipelineStatus) => boolean | Promise<boolean>,
    seconds = 60,
  ): Promise<PipelineStatus> {
    const deadline = performance.now() + seconds * 1000;
    let last: unknown = 'no answer of /status';
    for (;;) {
      if (this.hasEnded) throw new Error(`lockkeeper has ended:\n${tail(this.stderr())}`);
      const status = await this.status(pipeline).catch((error: unknown) => void (last = error));
      if (status !== undefined) {
        if (await wanted(status)) return status;
        last = status;
      }
      if (performance.now() > deadline) {
        throw new Error(
          `${pipeline} did not get there in ${seconds} s: ${JSON.stringify(last, null, 1)}\n${tail(this.stderr())}`,
        );
      }
      await sleep(25);
    }
  }

  /** Fails at once when the pipeline is suspended and that is not what is waited for. */
  async untilPhase(pipeline: string, phase: PipelinePhase, seconds?: number): Promise<PipelineStatus> {
    return this.until(
      pipeline,
      (status) => {
        if (status.phase === phase) return true;
        this.#refuseSuspension(status);
        return false;
      },
      seconds,
    );
  }

  /** Waits until the pipeline is past everything that is in the source's binlog now. Fails at once when it is suspended. */
  async untilCaughtUp(pipeline: string, source: DbServer, target: DbServer, seconds = 90): Promise<void> {
    const end = await endOfBinlog(source);
    await this.until(
      pipeline,
      async (status) => {
        this.#refuseSuspension(status);
        return status.phase === 'running' && (await isPast(target, pipeline, end));
      },
      seconds,
    );
  }

  #refuseSuspension({ name, phase, lastError }: PipelineStatus): void {
    if (phase !== 'suspended') return;
    throw new Error(`${name} is suspended: ${JSON.stringify(lastError, null, 1)}\n${tail(this.stderr())}`);
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.process.kill(signal);
  }

  /** SIGTERM; resolves to the exit code. */
  async stop(): Promise<number | null> {
    this.signal('SIGTERM');
    return this.#child.ended;
  }

  async kill9(): Promise<void> {
    this.signal('SIGKILL');
    await this.#child.ended;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill9();
  }
}

interface BinlogEnd extends BinlogPlace {
  /** As checkpoints name the server. */
  readonly serverUuid: string;
}

async function endOfBinlog(source: DbServer): Promise<BinlogEnd> {
  const place = await binlogEnd(source);
  const uuid = source.flavor === 'mysql' ? '@@GLOBAL.server_uuid' : "CONCAT('server-id-', @@GLOBAL.server_id)";
  const [server] = await source.query(`SELECT ${uuid} AS uuid`);
  return { ...place, serverUuid: String(server!['uuid']) };
}

/** Whether the checkpoint in the target has reached the place. */
async function isPast(target: DbServer, pipeline: string, end: BinlogEnd): Promise<boolean> {
  const [row] = await target.query('SELECT server_uuid, journal, position FROM lockkeeper.checkpoint WHERE pipeline=?', [
    `default/${pipeline}`,
  ]);
  if (row?.['journal'] == null || String(row['server_uuid']) !== end.serverUuid) return false;
  const [file, wanted] = [fileNumber(String(row['journal'])), fileNumber(end.journal)];
  return file > wanted || (file === wanted && Number(row['position']) >= end.offset);
}

function fileNumber(journal: string): number {
  return Number(/\d+$/.exec(journal)?.[0] ?? 0);
}

function start(
  args: readonly string[],
  env: Readonly<Record<string, string>>,
  within: readonly string[] = [],
): { process: ChildProcess; ended: Promise<number | null>; stdout(): string; stderr(): string } {
  const child = spawn('setpriv', ['--pdeathsig', 'KILL', '--', ...within, launcher, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, LOCKKEEPER_LOG_LEVEL: 'warn', ...env },
  });
  let [stdout, stderr] = ['', ''];
  child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  const ended = new Promise<number | null>((resolve) => child.once('close', (code) => resolve(code)));
  return { process: child, ended, stdout: () => stdout, stderr: () => stderr };
}

function tail(text: string, lines = 15): string {
  return text
    .trimEnd()
    .split('\n')
    .slice(-lines)
    .map((line) => (line.length > 2000 ? `${line.slice(0, 2000)}…` : line))
    .join('\n');
}
