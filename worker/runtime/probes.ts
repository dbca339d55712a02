import type { HttpProbes } from '../../common/http/server.ts';
import type { WorkerMetrics } from '../metrics.ts';
import type { PipelineHost } from './pipeline-host.ts';

/** What a process that runs pipelines tells about itself over HTTP. */
export interface ProbedProcess {
  hosts(): Iterable<PipelineHost>;
  /** Null while ZooKeeper can be reached and all is begun; else what is missing. */
  unready(): string | null;
  /** Null while the process is of use; else what only a restart can heal. */
  unhealthy(): string | null;
  /** Who it is, and what else it knows beside its pipelines. */
  facts(): Readonly<Record<string, unknown>>;
}

/** That the event loop turns needs no check of its own: it is what answers. */
export function probesOf(process: ProbedProcess, metrics: WorkerMetrics): HttpProbes {
  return {
    unhealthy: () => process.unhealthy(),
    unready: () => process.unready(),
    status: () => ({ ...process.facts(), pipelines: Array.from(process.hosts(), (host) => host.report()) }),
    beforeScrape: () => {
      for (const host of process.hosts()) host.board.updateGauges();
      metrics.zookeeperConnected.set(process.unready() === null ? 1 : 0);
    },
  };
}
