import { pipelineReportSchema } from '../../crds/pipeline-report.ts';
import type { StatusStore } from '../coordination/status-store.ts';
import type { Term } from '../coordination/term.ts';
import type { PipelineHost } from './pipeline-host.ts';

const REPORT_MS = 1000;

/**
 * Leads a pipeline for a term and meanwhile writes its report into ZooKeeper. `onTick` is called as often as a report is made.
 * A fenced leader must not go on leading in name: it rejects, which gives the election to others.
 */
export async function leadAndReport(
  host: PipelineHost,
  term: Term,
  statuses: StatusStore,
  onTick: () => void = () => undefined,
): Promise<void> {
  const { name } = host.config;
  const writer = statuses.writer(name);
  const offer = () => writer.offer({ ...host.report() });
  const timer = setInterval(() => {
    onTick();
    offer();
  }, REPORT_MS);
  void recall(host, statuses);
  try {
    const end = await host.lead(term, term.signal);
    offer();
    if (end.kind === 'fenced') throw end.error;
  } finally {
    clearInterval(timer);
    await writer.close();
  }
}

/** Shows the position that the leader before has reported; leading does not wait for it. */
async function recall(host: PipelineHost, statuses: StatusStore): Promise<void> {
  const former = pipelineReportSchema.safeParse(await statuses.read(host.config.name).catch(() => null));
  if (former.success) host.board.recall(former.data);
}
