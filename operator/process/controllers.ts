import type { Registry } from 'prom-client';
import type { Manager } from '../kube/index.ts';
import { addZkEnsembles } from '../zkensemble/controller.ts';
import type { OperatorOptions } from './options.ts';

export interface Controllers {
  /** Ends sessions with ensembles, and with them what waits for one. */
  stop(): Promise<void>;
}

/** Has the manager reconcile our three kinds. */
export function addControllers(manager: Manager, { clusterDomain }: OperatorOptions, registry: Registry): Controllers {
  return addZkEnsembles(manager, { clusterDomain, registry });
}
