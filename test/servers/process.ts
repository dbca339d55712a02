import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, openSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const toolsFolder = join(import.meta.dirname, '../tools');
const found = new Map<string, string>();

/** The folder outside the checkout that holds what setup fetched, data templates and running servers' data. */
export const cacheFolder =
  process.env['LOCKKEEPER_CACHE'] ?? join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'lockkeeper');

/** The path of a program (or of ZooKeeper's jars) as test/tools/find-tool knows it; throws where there is none. */
export function findTool(name: string): string {
  let path = found.get(name);
  if (path === undefined) {
    path = execFileSync(join(toolsFolder, 'find-tool'), [name], { encoding: 'utf8' }).trim();
    found.set(name, path);
  }
  return path;
}

const runsFolder = join(cacheFolder, 'run');
const ownRunFolder = join(runsFolder, String(process.pid));
let sequence = 0;

/** A new empty folder that goes when this process ends (kept with LOCKKEEPER_KEEP=1). */
export function runFolder(name: string): string {
  if (sequence === 0) {
    sweepDeadRuns();
    rmSync(ownRunFolder, { recursive: true, force: true });
  }
  const folder = join(ownRunFolder, `${++sequence}-${name}`);
  mkdirSync(folder, { recursive: true });
  return folder;
}

/** A process that was killed could not remove its folder; the next one does. */
function sweepDeadRuns(): void {
  if (!existsSync(runsFolder)) return;
  for (const pid of readdirSync(runsFolder)) {
    if (!existsSync(`/proc/${pid}`)) rmSync(join(runsFolder, pid), { recursive: true, force: true, maxRetries: 3 });
  }
}

const running = new Set<ChildProcess>();

process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
  if (!process.env['LOCKKEEPER_KEEP']) rmSync(ownRunFolder, { recursive: true, force: true, maxRetries: 3 });
});

/** A server process that the kernel kills when this process dies, however it dies. */
export class ServerProcess {
  readonly pid: number;
  /** Resolves at the end of the process, to its exit code or signal name. */
  readonly ended: Promise<number | string>;
  hasEnded = false;
  readonly #child: ChildProcess;

  /** Starts the program with standard output and error appended to `logFile`. */
  constructor(command: string, args: readonly string[], logFile: string, env: Record<string, string> = {}) {
    const log = openSync(logFile, 'a');
    // The parent-death signal is lost when the program changes its user, so servers keep ours.
    this.#child = spawn('setpriv', ['--pdeathsig', 'KILL', '--', command, ...args], {
      stdio: ['ignore', log, log],
      env: { ...process.env, ...env },
    });
    closeSync(log);
    running.add(this.#child);
    this.ended = new Promise((resolve) => {
      const finish = (reason: number | string) => {
        this.hasEnded = true;
        running.delete(this.#child);
        resolve(reason);
      };
      this.#child.once('error', (error) => finish(error.message));
      this.#child.once('exit', (code, signal) => finish(code ?? signal ?? 'unknown'));
    });
    this.pid = this.#child.pid ?? -1;
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** SIGTERM (after SIGCONT, in case it sleeps); SIGKILL and an error if it has not ended after `seconds`. */
  async terminate(seconds = 60): Promise<void> {
    if (this.hasEnded) return;
    this.signal('SIGCONT');
    this.signal('SIGTERM');
    const timer = new AbortController();
    const late = await Promise.race([
      this.ended.then(() => false),
      sleep(seconds * 1000, true, { signal: timer.signal, ref: false }).catch(() => false),
    ]);
    timer.abort();
    if (late) {
      await this.kill9();
      throw new Error(`process ${this.pid} did not end ${seconds} s after SIGTERM and was killed`);
    }
  }

  async kill9(): Promise<void> {
    if (!this.hasEnded) this.signal('SIGKILL');
    await this.ended;
  }
}

/** Waits until `ready` answers true (rejections count as not yet); fails with the log's tail when the process ends or time is up. */
export async function waitUntilReady(
  name: string,
  server: ServerProcess,
  logFile: string,
  ready: () => Promise<boolean>,
  seconds = 60,
): Promise<void> {
  const deadline = Date.now() + seconds * 1000;
  let last: unknown = 'it is not ready';
  while (!server.hasEnded && Date.now() < deadline) {
    try {
      if (await ready()) return;
    } catch (error) {
      last = error;
    }
    await sleep(30);
  }
  const reason = server.hasEnded
    ? `ended with ${await server.ended}`
    : `was not ready after ${seconds} s (${last instanceof Error ? last.message : String(last)})`;
  await server.kill9();
  throw new Error(`${name} ${reason}; the end of its log ${logFile}:\n${tail(logFile)}`);
}

export function tail(file: string, lines = 30): string {
  if (!existsSync(file)) return '(no log)';
  return readFileSync(file, 'utf8').trimEnd().split('\n').slice(-lines).join('\n');
}

const givenPorts = new Set<number>();

/**
 * A free TCP port of 127.0.0.1, taken below the range that the kernel hands to outgoing connections, so that nobody
 * sits on it while its server is restarted.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = 10_000 + Math.floor(Math.random() * 20_000);
    if (!givenPorts.has(port) && (await isFree(port))) {
      givenPorts.add(port);
      return port;
    }
  }
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', () => resolve(false));
    probe.listen(port, '127.0.0.1', () => probe.close(() => resolve(true)));
  });
}
