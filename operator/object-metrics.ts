import { Gauge, type Registry } from 'prom-client';
import { syncPipelineSchema } from '../crds/index.ts';
import type { CanalInstanceResource, CustomResource, Informer, SyncPipelineResource, ZkEnsembleResource } from './kube/index.ts';

export interface ObjectCaches {
  readonly ensembles: Informer<ZkEnsembleResource>;
  readonly instances: Informer<CanalInstanceResource>;
  readonly pipelines: Informer<SyncPipelineResource>;
  /** Whether this process leads: the others, whose caches say the same, are silent. */
  readonly leads: () => boolean;
}

const states = syncPipelineSchema.shape.spec.shape.state.unwrap().options;

/** What alerts and dashboard know of objects, as the caches have them at the moment they are asked. */
export function addObjectMetrics(registry: Registry, { ensembles, instances, pipelines, leads }: ObjectCaches): void {
  const registers = [registry];
  const condition: Gauge = new Gauge({
    name: 'lockkeeper_condition',
    help: '1 for the status that a condition of the object has: True, False or Unknown; 0 for the others',
    labelNames: ['kind', 'namespace', 'name', 'type', 'status'],
    registers,
    collect: () => {
      condition.reset();
      if (!leads()) return;
      for (const { resource, cache } of [ensembles, instances, pipelines] as readonly Informer<CustomResource>[]) {
        for (const { metadata, status } of cache.list()) {
          const { name, namespace = 'default' } = metadata;
          for (const judged of status?.conditions ?? []) {
            for (const each of ['True', 'False', 'Unknown']) {
              const labels = { kind: resource.kind, namespace, name, type: judged.type, status: each };
              condition.set(labels, judged.status === each ? 1 : 0);
            }
          }
        }
      }
    },
  });
  const state: Gauge = new Gauge({
    name: 'lockkeeper_pipeline_state',
    help: 'What spec.state asks for: 1 for Running, Paused or Stopped; 0 for the others',
    labelNames: ['namespace', 'pipeline', 'state'],
    registers,
    collect: () => {
      state.reset();
      if (!leads()) return;
      for (const { metadata, spec } of pipelines.cache.list()) {
        const asked = (spec as { readonly state?: string } | undefined)?.state ?? 'Running';
        const { name, namespace = 'default' } = metadata;
        for (const each of states) state.set({ namespace, pipeline: name, state: each }, asked === each ? 1 : 0);
      }
    },
  });
}
