import type { Registry } from 'prom-client';
import { addCanalInstances } from '../canalinstance/controller.ts';
import { createCoordination } from '../coordination/index.ts';
import type { Manager } from '../kube/index.ts';
import { addSyncPipelines } from '../syncpipeline/controller.ts';
import { addZkEnsembles } from '../zkensemble/controller.ts';
import type { OperatorOptions } from './options.ts';

export interface Controllers {
  /** Ends sessions with ensembles, and with them what waits for one. */
  stop(): Promise<void>;
}

/** Has the manager reconcile our three kinds. */
export function addControllers(manager: Manager, options: OperatorOptions, registry: Registry): Controllers {
  const { clusterDomain, workerImage, imagePullPolicy, imagePullSecrets } = options;
  const coordination = createCoordination(manager, { clusterDomain });
  const ensembles = addZkEnsembles(manager, { clusterDomain, registry });
  addCanalInstances(manager, {
    coordination,
    image: { name: workerImage, pullPolicy: imagePullPolicy, pullSecrets: imagePullSecrets },
    clusterDomain,
    registry,
  });
  addSyncPipelines(manager, { coordination, registry });
  return {
    stop: async () => {
      await Promise.all([coordination.close(), ensembles.stop()]);
    },
  };
}
