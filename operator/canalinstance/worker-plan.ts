import type { CanalInstanceResource, Deployment, Live } from '../kube/index.ts';
import { connectStringFor } from '../zkensemble/connect-strings.ts';
import { mountedSecrets, podsDiffer, workersDeployment, type WorkerImage } from './objects/deployment.ts';
import { deploymentName, regionOf } from './objects/labels.ts';
import type { Observed } from './observed.ts';
import type { InstanceSpec } from './parse-instance.ts';
import { isRolling, waitingChanges, type Change } from './rollout.ts';
import { neededSecrets, secretsOf, untilComplete } from './secret-names.ts';

interface Planned {
  readonly object: Deployment;
  readonly live: Live<Deployment> | undefined;
  /** Milliseconds for which something of it is put off. */
  readonly putOffMs: number;
}

/** The Deployments that are to be as they are here, and after how many milliseconds to look again at the others; 0: no need to. */
export function planWorkers(
  owner: Live<CanalInstanceResource>,
  spec: InstanceSpec,
  observed: Observed,
  image: WorkerImage,
): { deployments: Deployment[]; waitMs: number } {
  const planned = spec.workers.map(({ region, replicas }) => planRegion(owner, spec, observed, image, region, replicas));
  const waiting = waitingChanges(planned.flatMap((each) => changeOf(each, observed)));
  return {
    deployments: planned
      .filter(({ object, live, putOffMs }) => !waiting.has(object.metadata.name) && (live !== undefined || putOffMs === 0))
      .map(({ object }) => object),
    waitMs: Math.max(...planned.map(({ putOffMs }) => putOffMs)),
  };
}

/** What is mounted and needed no more goes with the next restart, and is no reason for one. */
function planRegion(
  owner: Live<CanalInstanceResource>,
  spec: InstanceSpec,
  { ensemble, pipelines, deployments, now }: Observed,
  image: WorkerImage,
  region: string,
  replicas: number,
): Planned {
  if (ensemble.kind !== 'usable') throw new Error('workers are planned for an ensemble that can be used');
  const zookeeper = connectStringFor(ensemble.spec, ensemble.names, region);
  const { credentialsHash } = ensemble;
  const authSecret = ensemble.names.auth;
  const mounting = (secrets: readonly string[]) =>
    workersDeployment(owner, { region, replicas, pod: spec.pod, image, zookeeper, authSecret, credentialsHash, secrets });
  const needed = neededSecrets(spec, pipelines);
  const live = deployments.get(deploymentName(owner.metadata.name, region));
  if (live === undefined) return { object: mounting(needed), live, putOffMs: untilComplete([owner, ...pipelines], now) };
  const mounted = mountedSecrets(live);
  const asMounted = mounting(mounted);
  const lacking = needed.filter((secret) => !mounted.includes(secret));
  if (podsDiffer(live, asMounted, { exceptSecrets: true })) return { object: mounting(needed), live, putOffMs: 0 };
  const causes = pipelines.filter((pipeline) => secretsOf(pipeline).some((secret) => lacking.includes(secret)));
  const putOffMs = untilComplete(causes, now);
  return { object: lacking.length === 0 || putOffMs > 0 ? asMounted : mounting(needed), live, putOffMs };
}

function changeOf({ object, live }: Planned, { workers }: Observed): Change[] {
  if (live === undefined) return [];
  // A region without a node must not keep others from being changed.
  const isHomeless = workers.some(({ region, stuck }) => region === regionOf(live) && stuck?.reason === 'Unschedulable');
  return [
    {
      name: object.metadata.name,
      size: live.spec?.replicas ?? 1,
      restarts: podsDiffer(live, object, { exceptSecrets: false }),
      rolling: isRolling(live) && !isHomeless,
    },
  ];
}
