import type { PreflightReport } from '../../crds/preflight-report.ts';
import type { CanalInstanceResource, Judgement, Live } from '../kube/index.ts';
import type { Observed } from './observed.ts';
import type { RegionWorkers } from './region-workers.ts';
import { isRolling, isStalled } from './rollout.ts';

const yes = (type: string, reason: string, message: string): Judgement => ({ type, status: 'True', reason, message });
const no = (type: string, reason: string, message: string): Judgement => ({ type, status: 'False', reason, message });
const unknown = (type: string, reason: string, message: string): Judgement => ({ type, status: 'Unknown', reason, message });

/** Longest part of a message that lists findings. */
const MOST_FINDINGS = 5;

/**
 * What is well and what is not, as far as it was seen. `changed`: whether this reconcile has changed anything. Null while ZooKeeper has not
 * been read yet, which takes a moment when an operator starts.
 */
export function judgements(object: Live<CanalInstanceResource>, observed: Observed, changed: boolean): Judgement[] | null {
  const { ensemble } = observed;
  if (ensemble.kind !== 'usable') return [];
  const { known, trouble } = ensemble.told;
  if (!known && trouble === null) return null;
  const source = preflightPassed(object, observed);
  const workers = workersReady(observed);
  return [ready(observed, workers, source), progressing(observed, changed), workers, source];
}

function unreachable(ensemble: string, trouble: string): string {
  return `the operator cannot see how the workers do: ${trouble}. They go on meanwhile; look at ZkEnsemble ${ensemble} and the network to it`;
}

/** Every region has a worker, and the source was found to be in order as the spec is now. */
function ready({ ensemble, workers }: Observed, workersReady: Judgement, source: Judgement): Judgement {
  if (ensemble.kind !== 'usable') return no('Ready', 'EnsembleNotReady', 'the ensemble cannot be used');
  if (ensemble.told.trouble !== null)
    return unknown('Ready', 'EnsembleUnreachable', unreachable(ensemble.names.ensemble, ensemble.told.trouble));
  if (ensemble.notReady !== null) {
    return no('Ready', 'EnsembleNotReady', `ZkEnsemble ${ensemble.names.ensemble} is not ready: ${ensemble.notReady}`);
  }
  const wanted = workers.filter(({ desired }) => desired > 0);
  if (wanted.length === 0) {
    return no('Ready', 'NoWorkers', 'spec.workers asks for no worker in any region, so nobody reads the source; raise replicas');
  }
  if (wanted.some((region) => region.ready === 0)) return no('Ready', workersReady.reason, workersReady.message);
  if (source.status === 'Unknown') return no('Ready', 'SourceNotReported', source.message);
  if (source.status === 'False') return no('Ready', 'PreflightFailed', source.message);
  return yes('Ready', 'SourceServed', `${source.message}; ${workersReady.message}`);
}

function workersReady({ workers }: Observed): Judgement {
  const lacking = workers.filter(({ ready: count, desired }) => count < desired);
  const message = workers.map(({ region, ready: count, desired }) => `${region} ${count} of ${desired}`).join(', ');
  if (lacking.length === 0) return yes('WorkersReady', 'AllReady', `workers ready: ${message}`);
  const stuck = lacking.find((region) => region.stuck !== null);
  if (stuck === undefined) return no('WorkersReady', 'WorkersMissing', `workers ready: ${message}`);
  return no('WorkersReady', stuck.stuck!.reason, `workers ready: ${message}; ${whyStuck(stuck)}`);
}

function whyStuck({ region, stuck }: RegionWorkers): string {
  const { pod, reason, message } = stuck!;
  const hint =
    reason === 'Unschedulable'
      ? `; it takes a node with the label topology.kubernetes.io/region=${region} that has room, or another region in spec.workers`
      : '';
  return `pod ${pod}: ${reason}: ${message}${hint}`;
}

function progressing({ deployments, config }: Observed, changed: boolean): Judgement {
  const stalled = [...deployments.values()].filter(isStalled).map(({ metadata }) => metadata.name);
  if (stalled.length > 0) {
    return no(
      'Progressing',
      'WorkersStalled',
      `new workers do not come up: ${stalled.sort().join(', ')}; WorkersReady tells more`,
    );
  }
  const rolling = [...deployments.values()].filter(isRolling).map(({ metadata }) => metadata.name);
  if (rolling.length > 0)
    return yes('Progressing', 'WorkersChange', `workers are started or exchanged: ${rolling.sort().join(', ')}`);
  if (changed) return yes('Progressing', 'Applying', 'changes were made a moment ago');
  if (config === undefined)
    return yes('Progressing', 'Waiting', 'the workers are told of the source when ZooKeeper can be reached');
  return no('Progressing', 'Settled', 'the instance is as the spec says');
}

/** What a worker has found at master and standby, by the present spec. */
function preflightPassed({ metadata }: Live<CanalInstanceResource>, { ensemble }: Observed): Judgement {
  const source = ensemble.kind === 'usable' ? ensemble.told.source : null;
  if (source === null) return unknown('PreflightPassed', 'NotLooked', 'no worker has reported on the source yet');
  if (source.generation < (metadata.generation ?? 0)) {
    const message = `no worker has reported on the source since the spec was changed; the last report is of generation ${source.generation}`;
    return unknown('PreflightPassed', 'NotLooked', message);
  }
  const { preflight, currentSource, flavor, version } = source;
  const errors = findings(preflight, 'error');
  if (errors !== null) return no('PreflightPassed', 'Errors', errors);
  if (currentSource === null) return no('PreflightPassed', 'Errors', 'neither master nor standby answers');
  const server = `${currentSource}${flavor === null ? '' : ` (${flavor} ${version ?? ''})`} can be read`;
  const warnings = findings(preflight, 'warning');
  return warnings === null
    ? yes('PreflightPassed', 'AllWell', server)
    : yes('PreflightPassed', 'Warnings', `${server}; ${warnings}`);
}

/** The findings of a severity in words; null where there is none. */
function findings({ findings: all, leftOut }: PreflightReport, severity: 'error' | 'warning'): string | null {
  const found = all.filter((each) => each.severity === severity);
  if (found.length === 0) return null;
  const told = found.slice(0, MOST_FINDINGS).map(({ code, subject, found: value, remedy }) => {
    return `${code === null ? '' : `${code} `}${subject}: ${value}. ${remedy}`;
  });
  const more = found.length - told.length + leftOut;
  return told.join(' ') + (more === 0 ? '' : ` And ${more} more: lockkeeper check shows all.`);
}
