import type { ApiServer } from '../api-server.ts';
import { DeploymentController } from './deployment-controller.ts';
import { GarbageCollector } from './garbage-collector.ts';
import { Kubelet, type KubeletOptions } from './kubelet.ts';
import { StatefulSetController } from './statefulset-controller.ts';
import { VolumeController } from './volume-controller.ts';

export interface Controller {
  /** Makes at most one change; whether it did. */
  step(): boolean;
}

/** The part of a cluster that acts by itself, in steps: each makes one change, in an order that depends on the objects alone. */
export class Simulation {
  readonly kubelet: Kubelet;
  readonly volumes: VolumeController;
  readonly #controllers: readonly Controller[];

  constructor(server: ApiServer, options: KubeletOptions = {}) {
    this.kubelet = new Kubelet(server, options);
    this.volumes = new VolumeController(server);
    this.#controllers = [
      new StatefulSetController(server),
      new DeploymentController(server),
      this.volumes,
      this.kubelet,
      new GarbageCollector(server),
    ];
  }

  /** One change; whether there was one to make. */
  step(): boolean {
    return this.#controllers.some((controller) => controller.step());
  }

  /** Until nothing is left to do; the number of steps. @throws Error when that never comes: two controllers at odds */
  run(most = 10_000): number {
    for (let steps = 0; steps < most; steps++) if (!this.step()) return steps;
    throw new Error(`the simulated cluster did not come to rest in ${most} steps`);
  }
}
