import { Gauge, type Registry } from 'prom-client';
import { keyOf, type Live, type ObjectKey, type ObjectRef } from '../kube/index.ts';
import type { RegionWorkers } from './region-workers.ts';

interface Shown {
  readonly labels: { readonly namespace: string; readonly name: string };
  readonly workers: readonly RegionWorkers[];
}

/** What alerts and dashboard know of instances, as of the last reconcile. Only the operator that leads shows any. */
export class InstanceMetrics {
  readonly #shown = new Map<ObjectKey, Shown>();

  constructor(registry: Registry) {
    this.#gauge(
      registry,
      'lockkeeper_instance_workers',
      'Workers of a CanalInstance that are registered and ready',
      ({ ready }) => ready,
    );
    this.#gauge(registry, 'lockkeeper_instance_workers_wanted', 'Workers that the spec asks for', ({ desired }) => desired);
  }

  show({ metadata }: Live, workers: readonly RegionWorkers[]): void {
    this.#shown.set(keyOf(metadata), { labels: { namespace: metadata.namespace!, name: metadata.name }, workers });
  }

  forget(ref: ObjectRef): void {
    this.#shown.delete(keyOf(ref));
  }

  #gauge(registry: Registry, name: string, help: string, value: (workers: RegionWorkers) => number): void {
    const gauge: Gauge = new Gauge({
      ...{ name, help, labelNames: ['namespace', 'name', 'region'], registers: [registry] },
      collect: () => {
        gauge.reset();
        for (const { labels, workers } of this.#shown.values()) {
          for (const each of workers) gauge.set({ ...labels, region: each.region }, value(each));
        }
      },
    });
  }
}
