/**
 * A worker that only coordinates, for coordination.test.ts: `node coordination-worker.ts JSON`. It writes one JSON line per event
 * and "writes" wherever it leads and its term allows, noting when.
 */
import { hostname } from 'node:os';
import { createInterface } from 'node:readline';
import { createLogger } from '../../common/log.ts';
import { ZkClient } from '../../common/zookeeper/client.ts';
import type { Campaign, PipelineRef } from '../../worker/coordination/coordinator.ts';
import type { Term, TermEnd } from '../../worker/coordination/term.ts';
import { ZookeeperCoordinator, type CoordinatorTimings } from '../../worker/coordination/zookeeper-coordinator.ts';

export interface WorkerOptions {
  readonly servers: string;
  readonly namespace: string;
  readonly id: string;
  readonly region: string;
  readonly pipelines: readonly PipelineRef[];
  readonly sessionTimeoutMs: number;
  readonly timings: Partial<CoordinatorTimings>;
}

export interface WorkerEvent {
  /** Milliseconds since 1970, by this machine's clock. */
  readonly at: number;
  readonly event: 'started' | 'lead' | 'follow' | 'pause' | 'resume' | 'end' | 'wrote' | 'state' | 'stopped' | 'failed';
  readonly pipeline?: string;
  readonly detail?: string;
}

const options = JSON.parse(process.argv[2] ?? '{}') as WorkerOptions;

function tell(event: WorkerEvent['event'], pipeline?: string, detail?: string): void {
  process.stdout.write(
    `${JSON.stringify({ at: Date.now(), event, pipeline, detail } satisfies Partial<Record<string, unknown>>)}\n`,
  );
}

/** Stretches of time in which this worker wrote, one line each, so that a test can lay those of all workers side by side. */
async function write(pipeline: string, term: Term): Promise<void> {
  while (!term.signal.aborted) {
    if (term.writable()) tell('wrote', pipeline);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

const client = new ZkClient({ servers: options.servers, sessionTimeoutMs: options.sessionTimeoutMs });
client.onState((state) => tell('state', undefined, state.kind === 'connected' ? `connected ${state.server}` : state.kind));
const coordinator = new ZookeeperCoordinator({
  client,
  instance: { namespace: options.namespace, instance: 'orders' },
  worker: { id: options.id, region: options.region, version: 'test', host: hostname() },
  log: createLogger('warn'),
  timings: options.timings,
});
const campaigns = new Map<string, Campaign>();
for (const pipeline of options.pipelines) {
  const { name } = pipeline;
  const campaign = coordinator.campaign(pipeline, {
    lead: async (term) => {
      term.onPause(() => tell('pause', name));
      term.onResume(() => tell('resume', name));
      term.signal.addEventListener('abort', () => tell('end', name, (term.signal.reason as TermEnd).why));
      tell('lead', name);
      await write(name, term);
    },
    follow: (leader) => tell('follow', name, leader ?? ''),
  });
  campaigns.set(name, campaign);
}

process.once('SIGTERM', () => {
  void coordinator
    .stop()
    .then(() => client.close())
    .then(() => {
      tell('stopped');
      process.exit(0);
    });
});
createInterface(process.stdin).on('line', (name) => void campaigns.get(name)?.resign());

try {
  await coordinator.start();
  tell('started');
} catch (error) {
  tell('failed', undefined, String(error));
  process.exit(1);
}
