import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { LockkeeperError } from '../../common/errors.ts';
import { createLogger } from '../../common/log.ts';
import type { Secret } from '../../crds/index.ts';
import { canalInstanceSchema, syncPipelineSchema } from '../../crds/index.ts';
import { compilePipeline, type PipelineConfig } from '../../crds/pipeline-config.ts';
import { pipelineReportSchema } from '../../crds/pipeline-report.ts';
import { WorkerMetrics } from '../metrics.ts';
import type { SecretStore } from '../pipeline/secrets.ts';
import { PipelineHost } from './pipeline-host.ts';

/** No server is needed where no Secret is there, or where the pipeline is stopped. */
function configOf(
  generation: number,
  spec: Record<string, unknown> = {},
  instance: Record<string, unknown> = {},
): PipelineConfig {
  return compilePipeline(
    canalInstanceSchema.parse({
      apiVersion: 'lockkeeper.io/v1alpha1',
      kind: 'CanalInstance',
      metadata: { name: 'orders' },
      spec: {
        zkEnsembleRef: { name: 'main' },
        master: { host: 'db' },
        credentialsSecretRef: { name: 's' },
        serverId: 1,
        ...instance,
      },
    }),
    syncPipelineSchema.parse({
      apiVersion: 'lockkeeper.io/v1alpha1',
      kind: 'SyncPipeline',
      metadata: { name: 'to-east', generation },
      spec: { canalInstanceRef: { name: 'orders' }, target: { host: 'east', credentialsSecretRef: { name: 'e' } }, ...spec },
    }),
    0,
  );
}

class NoSecrets implements SecretStore {
  reads = 0;
  readonly #listeners = new Set<() => void>();

  read(): Secret {
    this.reads++;
    throw new LockkeeperError('LK1005', 'Secret default/e is missing');
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  change(): void {
    for (const listener of [...this.#listeners]) listener();
  }

  get listeners(): number {
    return this.#listeners.size;
  }
}

const until = (what: () => unknown) => expect.poll(what, { timeout: 10_000, interval: 2 });
const open = { open: true, wait: () => Promise.resolve() };

let stop: AbortController;
let led: Promise<unknown>;
let secrets: SecretStore & NoSecrets;

beforeEach(() => {
  stop = new AbortController();
  secrets = new NoSecrets();
  led = Promise.resolve();
});
afterEach(async () => {
  stop.abort();
  await led;
});

function lead(config: PipelineConfig, options: { store?: SecretStore; accessRetryMs?: number } = {}): PipelineHost {
  const host = new PipelineHost(config, {
    worker: 'w',
    region: 'home',
    secrets: options.store ?? secrets,
    metrics: new WorkerMetrics(),
    log: createLogger('silent'),
    failpoint: () => undefined,
    accessRetryMs: options.accessRetryMs ?? 60_000,
  });
  led = host.lead(open, stop.signal);
  return host;
}

describe('a pipeline without its Secret', () => {
  it('waits with the error in its report, and tries again when Secrets change', async () => {
    const host = lead(configOf(3));
    await until(() => host.report().phase).toBe('suspended');
    expect(host.report()).toMatchObject({
      generation: 3,
      lastError: { code: 'LK1005', remedy: expect.stringContaining('Create') },
    });
    const report = host.report();
    expect(pipelineReportSchema.parse(report)).toEqual(report);
    expect(secrets.reads).toBe(1);
    secrets.change();
    await until(() => secrets.reads).toBe(2);
    await until(() => secrets.listeners).toBe(1);
    stop.abort();
    await led;
    expect(secrets.listeners).toBe(0);
  });

  it('tries again after a while even if nobody tells of a change', async () => {
    lead(configOf(1), { accessRetryMs: 10 });
    await until(() => secrets.reads).toBeGreaterThan(3);
  });

  it('waits for a person where Secrets never change', async () => {
    const fixed: SecretStore = { read: () => secrets.read() };
    const host = lead(configOf(1), { store: fixed, accessRetryMs: 1 });
    await until(() => host.report().phase).toBe('suspended');
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(secrets.reads).toBe(1);
    host.reconfigure(configOf(2));
    await until(() => secrets.reads).toBe(2);
  });

  it('tries again whatever is configured anew', async () => {
    const host = lead(configOf(1));
    await until(() => host.report().phase).toBe('suspended');
    host.reconfigure(configOf(2)); // the same but for its generation
    await until(() => [secrets.reads, host.report().generation]).toEqual([2, 2]);
  });
});

describe('a configuration', () => {
  it('that stops the pipeline is in force once that has happened', async () => {
    const host = lead(configOf(1));
    await until(() => host.report().phase).toBe('suspended');
    host.reconfigure(configOf(2, { state: 'Stopped' }));
    await until(() => [host.report().phase, host.report().generation]).toEqual(['stopped', 2]);
  });

  it.each([
    ['alerts', configOf(2, { state: 'Stopped', alerts: { lagSeconds: 5 } })],
    ['region', configOf(2, { state: 'Stopped', region: 'west' })],
    ['number of workers', configOf(2, { state: 'Stopped' }, { workers: [{ region: 'home', replicas: 7 }] })],
  ])('that changes only the %s interrupts nothing', async (_, next) => {
    const host = lead(configOf(1, { state: 'Stopped' }));
    await until(() => host.report().phase).toBe('stopped');
    const begun = host.report().phase;
    host.board.phase('running'); // would be 'stopped' again if it began anew
    host.reconfigure(next);
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect([begun, host.report().phase, host.report().generation]).toEqual(['stopped', 'running', 2]);
    host.reconfigure(configOf(3, { state: 'Stopped', divergence: 'Stop' }));
    await until(() => [host.report().phase, host.report().generation]).toEqual(['stopped', 3]);
  });

  it('that cannot be used shows as an error until the next one, and leaves the former in force', async () => {
    const host = lead(configOf(1, { state: 'Stopped' }));
    host.refuse(new LockkeeperError('LK1703', undefined, { found: 'field x' }));
    expect(host.report()).toMatchObject({ generation: 1, configError: { code: 'LK1703', found: 'field x' } });
    const report = host.report();
    expect(pipelineReportSchema.parse(report)).toEqual(report);
    host.reconfigure(configOf(1, { state: 'Stopped' }));
    expect(host.report().configError).toBeNull();
  });

  it('of a worker that does not lead is reported as it is', () => {
    const host = lead(configOf(1));
    stop.abort();
    return led.then(() => {
      host.reconfigure(configOf(9, { divergence: 'Stop' }));
      expect(host.report()).toMatchObject({ generation: 9, phase: 'following' });
    });
  });
});

it('reports a GTID set of reasonable length', () => {
  const host = lead(configOf(1, { state: 'Stopped' }));
  const gtid = '3e11fa47-71ca-11e1-9e33-c80aa9429562:1-77,'.repeat(10_000);
  host.board.positionIs({ flavor: 'mysql', serverUuid: 'u', gtid, journal: 'b', offset: 1, timestampMicros: 1 });
  expect(host.report().position?.gtid).toHaveLength(100_001);
});
