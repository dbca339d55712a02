import { setTimeout as sleep } from 'node:timers/promises';
import { isZkError } from '../../common/zookeeper/zk-error.ts';
import { zkEnsembleSpec, type ZkEnsembleInput } from '../../crds/zk-ensemble.ts';
import type { EnsembleAccess } from '../../operator/zkensemble/ensemble-access.ts';
import { majority, votersOf } from '../../operator/zkensemble/members.ts';
import { nextStep } from '../../operator/zkensemble/plan/next-step.ts';
import { votes, type EnsembleStep, type View } from '../../operator/zkensemble/plan/view.ts';
import type { ZkSpec } from '../../operator/zkensemble/servers.ts';
import { ZookeeperAccess } from '../../operator/zkensemble/zookeeper-access.ts';
import type { LocalEnsemble } from '../servers/local-ensemble.ts';

/** A spec for local processes, with the defaults of the API. */
export function localSpec(spec: NonNullable<ZkEnsembleInput['spec']> = {}): ZkSpec {
  const extra = {
    quorumListenOnAllIPs: 'false',
    'metricsProvider.className': 'org.apache.zookeeper.metrics.impl.DefaultMetricsProvider',
  };
  return zkEnsembleSpec.parse({ ...spec, config: { tickTime: 500, ...spec.config, extra: { ...extra, ...spec.config?.extra } } });
}

export interface TakenStep {
  readonly step: EnsembleStep;
  /** As it was before the step. */
  readonly view: View;
}

export interface OperateOptions {
  /** Another operator goes on after each step: it knows nothing of what was before. */
  readonly newOperatorEachStep?: boolean;
  readonly access?: (access: EnsembleAccess) => EnsembleAccess;
  readonly before?: (taken: TakenStep) => Promise<void> | void;
  readonly seconds?: number;
  /** Ends when this holds, as well as when nothing is left to be done. */
  readonly until?: (step: EnsembleStep) => boolean;
}

/** The operator's loop over a local ensemble, until nothing is left to be done; answers the steps, waiting left out. */
export async function operate(ensemble: LocalEnsemble, options: OperateOptions = {}): Promise<TakenStep[]> {
  const { access: wrap = (access) => access, seconds = 120 } = options;
  const open = () => new ZookeeperAccess(ensemble.credentials);
  const taken: TakenStep[] = [];
  const deadline = performance.now() + seconds * 1000;
  let own = open();
  try {
    for (;;) {
      const access = wrap(own);
      const { wanted, view } = await ensemble.observe(access);
      if (view.config !== null && !knowsOldPasswords(view)) await secure(access, ensemble);
      const step = nextStep(wanted, view);
      if (step.kind === 'none' || options.until?.(step) === true) return taken;
      if (performance.now() > deadline) throw new Error(`not settled: ${JSON.stringify(step)}\n${describeView(view)}`);
      if (step.kind !== 'wait') {
        taken.push({ step, view });
        await options.before?.({ step, view });
      }
      // A change of the members may cost the connection through which it was asked for; what came of it is seen next time.
      await ensemble.take(step, access).catch(tolerable);
      if (options.newOperatorEachStep === true && step.kind !== 'wait') {
        await own.close();
        own = open();
      }
    }
  } finally {
    await own.close();
  }
}

async function secure(access: EnsembleAccess, ensemble: LocalEnsemble): Promise<void> {
  await access.secure(ensemble.servers.filter(({ pod }) => pod === 'running').map(({ server }) => server)).catch(tolerable);
}

function knowsOldPasswords(view: View): boolean {
  return view.servers.some(({ restart }) => restart.includes('digest changed'));
}

async function tolerable(error: unknown): Promise<void> {
  if (!isZkError(error, 'connection-loss', 'session-expired', 'closed', 'no-new-quorum', 'bad-version', 'reconfig-in-progress')) {
    throw error;
  }
  await sleep(100);
}

/** Whether enough voters serve, and one of all servers leads. */
export function hasQuorum(view: View): boolean {
  const voters = votersOf(view.config?.members ?? []);
  const serving = view.servers.filter((each) => votes(each) && voters.some(({ id }) => id === each.server.id));
  return voters.length > 0 && serving.length >= majority(voters.length);
}

export function describeView(view: View): string {
  return view.servers
    .map(({ server, pod, says, volume, restart }) => `${server.id} ${pod} ${says?.mode ?? '-'} ${volume} ${restart.join()}`)
    .join('\n');
}

/** `add 4`, `restart 2`, `voters 3>4`: what steps did, for comparison. */
export function outline(taken: readonly TakenStep[]): string[] {
  return taken.flatMap(({ step }) => {
    switch (step.kind) {
      case 'reconfig':
        return [...step.joining.map(({ id, role }) => `add ${id} ${role}`), ...step.leaving.map((id) => `remove ${id}`)];
      case 'resize':
        return [`${step.group.name} ${step.from ?? 'none'}>${step.size}`];
      case 'restart':
        return [`restart ${step.server.id}`];
      case 'removeSet':
        return [`no ${step.group.name}`];
      case 'dropVolume':
        return [`drop ${step.server.id}`];
      default:
        return [];
    }
  });
}
