import { spawn, type ChildProcess } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { stringify } from 'yaml';
import type { DbServer } from '../servers/index.ts';
import { runFolder } from '../servers/index.ts';
import { cpuSeconds, peakRssMiB } from './process-usage.ts';

const launcher = join(import.meta.dirname, '../../bin/lockkeeper');

export interface PipelineOptions {
  /** GTID set after which the pipeline begins; null: the end of the binlog. */
  readonly start: string | null;
  readonly initialLoad: 'Never' | 'WhenNew';
  readonly apply?: Record<string, unknown>;
  readonly parallelism?: number;
  readonly include?: string;
}

/** Manifests of one pipeline between two servers of this machine, as files that `lockkeeper run -f` reads. */
export function writeManifests(source: DbServer, target: DbServer, options: PipelineOptions): string {
  const secret = (name: string, server: DbServer) => ({
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name },
    stringData: { username: server.user, password: server.password },
  });
  const documents = [
    secret('source', source),
    secret('target', target),
    { apiVersion: 'lockkeeper.io/v1alpha1', kind: 'ZkEnsemble', metadata: { name: 'main' }, spec: {} },
    {
      apiVersion: 'lockkeeper.io/v1alpha1',
      kind: 'CanalInstance',
      metadata: { name: 'bench' },
      spec: {
        zkEnsembleRef: { name: 'main' },
        master: { host: source.host, port: source.port },
        credentialsSecretRef: { name: 'source' },
        serverId: 4711,
        start: options.start === null ? { latest: true } : { gtid: options.start },
        ...(options.include === undefined ? {} : { filter: { include: [options.include] } }),
      },
    },
    {
      apiVersion: 'lockkeeper.io/v1alpha1',
      kind: 'SyncPipeline',
      metadata: { name: 'bench' },
      spec: {
        canalInstanceRef: { name: 'bench' },
        target: { host: target.host, port: target.port, credentialsSecretRef: { name: 'target' } },
        initialLoad: { mode: options.initialLoad, parallelism: options.parallelism ?? 4 },
        apply: options.apply ?? {},
      },
    },
  ];
  const file = join(runFolder('manifests'), 'pipeline.yaml');
  writeFileSync(file, documents.map((document) => stringify(document)).join('---\n'));
  return file;
}

export interface Usage {
  readonly seconds: number;
  readonly cpuSeconds: number;
  readonly peakRssMiB: number;
}

/** `lockkeeper run` as a process of its own, as people run it. */
export class LockkeeperProcess {
  readonly #child: ChildProcess;
  #stderr = '';
  readonly #ended: Promise<number | null>;

  constructor(manifest: string, args: readonly string[] = []) {
    // A bench that is killed takes its worker along.
    this.#child = spawn(
      'setpriv',
      ['--pdeathsig', 'KILL', '--', launcher, 'run', '-f', manifest, '--http', '127.0.0.1:0', ...args],
      {
        stdio: ['ignore', 'ignore', 'pipe'],
        env: { ...process.env, LOCKKEEPER_LOG_LEVEL: 'warn' },
      },
    );
    this.#child.stderr!.on('data', (chunk: Buffer) => (this.#stderr += chunk.toString()));
    this.#ended = new Promise((resolve) => this.#child.once('exit', (code) => resolve(code)));
  }

  get pid(): number {
    return this.#child.pid!;
  }

  /** Waits until `done`, looking every few milliseconds; returns what the process has used until then. */
  async until(done: () => Promise<boolean>, started = performance.now()): Promise<Usage> {
    while (!(await done())) {
      if (this.#child.exitCode !== null) throw new Error(`lockkeeper ended early:\n${this.#stderr}`);
      await sleep(30);
    }
    return {
      seconds: (performance.now() - started) / 1000,
      cpuSeconds: cpuSeconds(this.pid),
      peakRssMiB: peakRssMiB(this.pid),
    };
  }

  async stop(): Promise<void> {
    this.#child.kill('SIGTERM');
    await this.#ended;
  }
}
