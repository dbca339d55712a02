import type { Live, NetworkPolicy, PodDisruptionBudget } from '../../kube/index.ts';
import { httpPort } from './deployment.ts';
import { ownedMeta, workerLabels, workersName, workerSelector } from './labels.ts';

/** A drain of nodes takes one worker of the instance at a time: its pipelines have then somewhere to go. Broken pods hold it up never. */
export function disruptionBudget(owner: Live): PodDisruptionBudget {
  const { name } = owner.metadata;
  return {
    apiVersion: 'policy/v1',
    kind: 'PodDisruptionBudget',
    metadata: ownedMeta(owner, workersName(name), workerLabels(name)),
    spec: {
      selector: { matchLabels: workerSelector(name) },
      maxUnavailable: 1,
      unhealthyPodEvictionPolicy: 'AlwaysAllow',
    },
  };
}

/** Nobody has business with a worker but probes and whoever collects metrics. Where its databases are only its owner knows. */
export function networkPolicy(owner: Live): NetworkPolicy {
  const { name } = owner.metadata;
  return {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    metadata: ownedMeta(owner, workersName(name), workerLabels(name)),
    spec: {
      podSelector: { matchLabels: workerSelector(name) },
      policyTypes: ['Ingress'],
      ingress: [{ ports: [{ protocol: 'TCP', port: httpPort }] }],
    },
  };
}
