import { Gauge, type Registry } from 'prom-client';
import { resources, type CustomResource, type Informer, type Manager, type Resource } from '../kube/index.ts';

const STATUSES = ['True', 'False', 'Unknown'] as const;
const STATES = ['Running', 'Paused', 'Stopped'] as const;

/** Gauges of what our objects ask for and what is said of them, from the caches; there are none while `leading` is false. */
export function showObjects(manager: Manager, registry: Registry, leading: () => boolean): void {
  const registers = [registry];
  const kinds: readonly Resource<CustomResource>[] = [resources.ZkEnsemble, resources.CanalInstance, resources.SyncPipeline];
  const informers = kinds.map((kind) => manager.informer(kind));
  const conditions = new Gauge({
    name: 'lockkeeper_condition',
    help: '1 for the status that a condition of the object has; 0 for the others',
    labelNames: ['kind', 'namespace', 'name', 'type', 'status'],
    registers,
    collect: () => {
      conditions.reset();
      if (leading()) for (const informer of informers) setConditions(conditions, informer);
    },
  });
  const pipelines = manager.informer(resources.SyncPipeline);
  const states = new Gauge({
    name: 'lockkeeper_pipeline_state',
    help: '1 for what spec.state asks for; 0 for the others',
    labelNames: ['namespace', 'pipeline', 'state'],
    registers,
    collect: () => {
      states.reset();
      if (!leading()) return;
      for (const { metadata, spec } of pipelines.cache.list()) {
        const asked = (spec as { state?: string } | undefined)?.state ?? 'Running';
        for (const state of STATES)
          states.set({ namespace: metadata.namespace ?? '', pipeline: metadata.name, state }, state === asked ? 1 : 0);
      }
    },
  });
}

function setConditions(
  gauge: Gauge<'kind' | 'namespace' | 'name' | 'type' | 'status'>,
  { resource: { kind }, cache }: Informer<CustomResource>,
): void {
  for (const { metadata, status: state } of cache.list()) {
    for (const { type, status: is } of state?.conditions ?? [])
      for (const status of STATUSES)
        gauge.set({ kind, namespace: metadata.namespace ?? '', name: metadata.name, type, status }, status === is ? 1 : 0);
  }
}
