import { resources, type Manager } from '../kube/index.ts';
import type { Coordination } from './view.ts';
import { ZookeeperCoordination, type CoordinationTools } from './zookeeper-coordination.ts';

export type { Coordination, InstanceView } from './view.ts';

/** What operator and workers tell each other through the ensembles of ZkEnsembles. `close` ends all sessions. */
export function createCoordination(
  manager: Manager,
  options: Pick<CoordinationTools, 'clusterDomain' | 'serversOf'> = {},
): Coordination & { close(): Promise<void> } {
  const { client, clock } = manager;
  const coordination = new ZookeeperCoordination({ client, clock, ...options });
  manager.informer(resources.ZkEnsemble).onChange((change) => {
    if (change.kind === 'deleted') coordination.forgetEnsemble(change.before.metadata.uid);
  });
  return coordination;
}
