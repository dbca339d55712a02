import type { Live, NetworkPolicy, PodDisruptionBudget } from '../../kube/index.ts';
import { groupsOf, ports, type Names, type ZkSpec } from '../servers.ts';
import { settingPort, zooSettings } from '../zoo-config.ts';
import { ensembleSelector, groupLabels, groupSelector, ownedMeta } from './labels.ts';

/**
 * How many servers a drain of nodes may take at once: one. Of a single voter it may take that one, or no node could ever be drained.
 * A group's broken pods never hold up a drain.
 */
export function disruptionBudgets(owner: Live, names: Names, spec: ZkSpec): PodDisruptionBudget[] {
  return groupsOf(spec)
    .filter(({ replicas }) => replicas > 1)
    .map((group) => ({
      apiVersion: 'policy/v1',
      kind: 'PodDisruptionBudget',
      metadata: ownedMeta(owner, names, names.set(group.name), groupLabels(names, group)),
      spec: {
        selector: { matchLabels: groupSelector(names, group) },
        maxUnavailable: 1,
        unhealthyPodEvictionPolicy: 'AlwaysAllow',
      },
    }));
}

/**
 * Who may talk to the servers: the ensemble's own servers, Lockkeeper's pods wherever they run, pods of the same namespace that say
 * by a label that they are clients, and whoever collects metrics. External members can come from anywhere, so with these the ports
 * between servers are open.
 */
export function networkPolicy(owner: Live, names: Names, spec: ZkSpec): NetworkPolicy {
  const settings = zooSettings(spec);
  const metrics = settingPort(settings, 'metricsProvider.httpPort');
  const master = settingPort(settings, 'observerMasterPort');
  const tcp = (port: number) => ({ protocol: 'TCP', port });
  const own = { podSelector: { matchLabels: ensembleSelector(names) } };
  const between = [ports.quorum, ports.election, ...(master === null ? [] : [master])].map(tcp);
  const hasExternals = spec.externalMembers.length > 0;
  return {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    metadata: ownedMeta(owner, names, names.config),
    spec: {
      podSelector: { matchLabels: ensembleSelector(names) },
      policyTypes: ['Ingress'],
      ingress: [
        { ...(hasExternals ? {} : { from: [own] }), ports: between },
        {
          ...(hasExternals
            ? {}
            : {
                from: [
                  own,
                  { namespaceSelector: {}, podSelector: { matchLabels: { 'app.kubernetes.io/part-of': 'lockkeeper' } } },
                  { podSelector: { matchLabels: { 'lockkeeper.io/zookeeper-client': names.ensemble } } },
                ],
              }),
          ports: [tcp(ports.client)],
        },
        ...(metrics === null ? [] : [{ ports: [tcp(metrics)] }]),
      ],
    },
  };
}
