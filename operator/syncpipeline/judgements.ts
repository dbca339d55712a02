import type { SyncPipeline } from '../../crds/index.ts';
import type { PipelineReport, ReportedError } from '../../crds/pipeline-report.ts';
import type { Judgement } from '../kube/index.ts';
import type { Observed } from './observed.ts';

const yes = (type: string, reason: string, message: string): Judgement => ({ type, status: 'True', reason, message });
const no = (type: string, reason: string, message: string): Judgement => ({ type, status: 'False', reason, message });
const unknown = (type: string, reason: string, message: string): Judgement => ({ type, status: 'Unknown', reason, message });

/**
 * Whether rows flow as this generation of the spec says, of a spec that can be carried out. Null: nothing new can be told at present.
 */
export function readiness({ spec, metadata }: SyncPipeline, observed: Observed): Judgement | null {
  const { channel, report, leads, isSilent } = observed;
  const ensemble = `ZkEnsemble ${metadata.namespace}/${observed.ensemble.name ?? ''}`;
  switch (channel.kind) {
    case 'none':
    case 'unformed':
      return no('Ready', 'EnsembleNotReady', `${ensemble} is being set up; see its conditions`);
    case 'away':
      if (channel.why === null) return null;
      return unknown(
        'Ready',
        'EnsembleUnreachable',
        `the operator cannot see how the pipeline does: ${channel.why}. Pipelines go on meanwhile; look at ${ensemble} and the network to it`,
      );
    case 'open':
      break;
    default:
      return channel satisfies never;
  }
  if (!channel.known) return null;
  const instance = `CanalInstance ${metadata.namespace}/${spec.canalInstanceRef.name}`;
  if (channel.workers === 0) return no('Ready', 'NoWorkers', `no worker of ${instance} is there; see its conditions`);
  if (report?.configError != null)
    return no('Ready', 'ConfigurationRefused', `the workers refuse the configuration: ${textOf(report.configError)}`);
  if (report === null) return no('Ready', 'NoLeader', `no worker of ${instance} has taken the pipeline up yet`);
  if (isSilent)
    return no(
      'Ready',
      'LeaderSilent',
      `worker ${report.worker} leads the pipeline and holds its session, but has reported nothing for a while: it may be frozen or overloaded; look at its log and its CPU limit`,
    );
  if (!leads)
    return no(
      'Ready',
      'LeaderGone',
      `worker ${report.worker} led the pipeline and is gone; another worker of ${instance} takes over`,
    );
  if (report.generation !== metadata.generation)
    return no('Ready', 'NotTakenUp', `worker ${report.worker} is yet to take up the newest spec`);
  if (observed.instance.kind === 'found' && report.instanceGeneration !== observed.instance.value.metadata.generation)
    return no('Ready', 'NotTakenUp', `worker ${report.worker} is yet to take up the newest spec of ${instance}`);
  return byPhase(spec, report);
}

function byPhase({ state, target }: SyncPipeline['spec'], report: PipelineReport): Judgement {
  const { phase, worker, region, lastError } = report;
  const who = `worker ${worker}${region === null ? '' : ` in region ${region}`}`;
  switch (phase) {
    case 'running':
      if (state !== 'Running') return no('Ready', 'NotTakenUp', `${who} is about to be ${state.toLowerCase()}`);
      return yes('Ready', 'Running', `${who} copies to ${target.host}:${target.port}`);
    case 'copying':
      return no('Ready', 'Copying', `${who} copies the rows that are already there; status.initialLoad tells how far`);
    case 'retrying':
      return no('Ready', 'Retrying', `${who} tries again after an error${lastError === null ? '' : `: ${textOf(lastError)}`}`);
    case 'suspended': {
      const what = lastError === null ? 'an error' : textOf(lastError);
      return no(
        'Ready',
        'Suspended',
        `waits for a person: ${what} It tries again when its spec changes: set state to Paused and then to Running`,
      );
    }
    case 'paused':
    case 'stopped': {
      const wanted = phase === 'paused' ? 'Paused' : 'Stopped';
      if (state === wanted)
        return no('Ready', wanted, `spec.state is ${state}; set it to Running to go on from where it stopped`);
      return no('Ready', 'Starting', `${who} is about to start`);
    }
    case 'starting':
    case 'following':
      return no('Ready', 'Starting', `${who} connects to source and target`);
    default:
      return phase satisfies never;
  }
}

/** Whether what the operator compiles stands in ZooKeeper. `failure`: why it could not be written just now. */
export function publication(observed: Observed, changed: boolean, failure: string | null = null): Judgement | null {
  const { published, wanted, channel } = observed;
  if (wanted.kind !== 'text') return channel.kind === 'away' ? null : no('Published', 'NotPossible', 'see the condition Ready');
  if (changed || published?.text === wanted.text)
    return yes('Published', 'UpToDate', `the workers have it, as replica ${wanted.serverId} of the source`);
  const why = failure === null ? '' : `: ${failure}`;
  return no('Published', published === null ? 'Pending' : 'Outdated', `the configuration is yet to be published${why}`);
}

/** Of those that a person has time to read. */
const MOST_FINDINGS = 5;

/** What the leader found when it looked at target and tables. */
export function preflight({ report, leads }: Observed): Judgement {
  const found = leads ? (report?.preflight ?? null) : null;
  if (found === null) return unknown('PreflightPassed', 'NotLooked', 'no worker has looked at target and tables yet');
  const errors = found.findings.filter(({ severity }) => severity === 'error');
  const shown = found.findings
    .slice(0, MOST_FINDINGS)
    .map(({ severity, code, subject, found: what, remedy }) => {
      return `${severity === 'warning' ? 'warning: ' : ''}${code === null ? '' : `${code} `}${subject}: ${what}. ${remedy}`;
    })
    .join(' ');
  const more = found.findings.length + found.leftOut - MOST_FINDINGS;
  const message = `${shown}${more > 0 ? ` And ${more} more: lockkeeper check shows all.` : ''}`;
  if (errors.length > 0) return no('PreflightPassed', 'Errors', message);
  if (found.findings.length > 0) return yes('PreflightPassed', 'Warnings', message);
  return yes('PreflightPassed', 'AllWell', 'nothing is wrong with target and tables');
}

function textOf({ code, message, found, remedy }: ReportedError): string {
  const shown = found === undefined || message.includes(found) ? '' : ` (found ${found})`;
  return `${code} ${message}${shown}. ${remedy}`;
}
