import type { ZkSession } from '../../common/zookeeper/session.ts';
import { encodeInstanceConfig } from '../../crds/config-codec.ts';
import { compileInstance } from '../../crds/instance-config.ts';
import { resources, type CanalInstanceResource, type Deployment, type Live, type Plan, type Step } from '../kube/index.ts';
import type { WorkerImage } from './objects/deployment.ts';
import { deploymentName } from './objects/labels.ts';
import { disruptionBudget, networkPolicy } from './objects/policies.ts';
import type { EnsembleFacts, Observed } from './observed.ts';
import type { InstanceSpec } from './parse-instance.ts';
import { planWorkers } from './worker-plan.ts';

/** Tells workers of the source. */
export interface WriteConfig {
  readonly kind: 'writeConfig';
  readonly text: string;
  readonly generation: number;
  readonly session: ZkSession;
}

/** Removes what stands in ZooKeeper of a pipeline that is no object, such as one deleted while ZooKeeper was away. */
export interface RemoveStray {
  readonly kind: 'removeStray';
  readonly pipeline: string;
  readonly session: ZkSession;
}

export type InstanceStep = WriteConfig | RemoveStray;

/** A pipeline's candidates leave when its configuration is gone; then the rest of it can go. */
const STRAYS_MS = 2_000;

type Usable = EnsembleFacts & { readonly kind: 'usable' };

/** For an instance without problems. */
export function planInstance(
  owner: Live<CanalInstanceResource>,
  spec: InstanceSpec,
  observed: Observed,
  image: WorkerImage,
): Plan<InstanceStep> {
  const { ensemble, deployments } = observed;
  if (ensemble.kind !== 'usable') return { steps: [] };
  const { deployments: workers, waitMs } = planWorkers(owner, spec, observed, image);
  const wanted = new Set(spec.workers.map(({ region }) => deploymentName(owner.metadata.name, region)));
  const surplus = [...deployments.values()].filter(({ metadata }) => {
    return !wanted.has(metadata.name) && metadata.deletionTimestamp === undefined;
  });
  return {
    steps: [
      { kind: 'apply', object: disruptionBudget(owner) },
      { kind: 'apply', object: networkPolicy(owner) },
      ...workers.map((object): Step => ({ kind: 'apply', object })),
      ...surplus.map(removal),
      ...configStep(owner, spec, observed, ensemble),
      ...observed.strays.map((pipeline) => ({ kind: 'removeStray', pipeline, session: ensemble.told.session }) as const),
    ],
    requeueAfterMs: observed.strays.length > 0 ? STRAYS_MS : waitMs === 0 ? undefined : waitMs,
  };
}

function removal({ metadata }: Live<Deployment>): Step {
  return {
    kind: 'delete',
    resource: resources.Deployment,
    ref: metadata,
    uid: metadata.uid,
    reason: 'RegionRemoved',
    note: `The workers of Deployment ${metadata.name} leave: spec.workers does not name their region`,
  };
}

/** What workers are to know of the source. */
export function instanceConfigText(owner: Live<CanalInstanceResource>, spec: InstanceSpec): string {
  const { name, namespace = 'default', generation = 0 } = owner.metadata;
  return encodeInstanceConfig(compileInstance({ metadata: { name, namespace, generation }, spec }));
}

function configStep(
  owner: Live<CanalInstanceResource>,
  spec: InstanceSpec,
  { config }: Observed,
  { told }: Usable,
): WriteConfig[] {
  if (config === undefined) return [];
  const text = instanceConfigText(owner, spec);
  if (config === text) return [];
  return [{ kind: 'writeConfig', text, generation: owner.metadata.generation ?? 0, session: told.session }];
}
