import type { Live, Service } from '../../kube/index.ts';
import { groupsOf, ports, type Names, type ZkSpec } from '../servers.ts';
import { settingPort, zooSettings } from '../zoo-config.ts';
import { ensembleLabels, ensembleSelector, ownedMeta, REGION, regionSelector } from './labels.ts';

/** Gives each server its name, before it serves: servers must find each other to come up. */
export function serversService(owner: Live, names: Names, spec: ZkSpec): Service {
  const metrics = settingPort(zooSettings(spec), 'metricsProvider.httpPort');
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: ownedMeta(owner, names, names.servers),
    spec: {
      clusterIP: 'None',
      publishNotReadyAddresses: true,
      selector: ensembleSelector(names),
      ports: [
        { name: 'client', port: ports.client },
        { name: 'quorum', port: ports.quorum },
        { name: 'election', port: ports.election },
        ...(metrics === null ? [] : [{ name: 'metrics', port: metrics }]),
      ],
    },
  };
}

/** For clients that take one address: whichever server of their region. Lockkeeper's own take the list with the nearest first. */
export function clientServices(owner: Live, names: Names, spec: ZkSpec): Service[] {
  const regions = [
    ...new Set(
      groupsOf(spec)
        .filter(({ replicas }) => replicas > 0)
        .map(({ region }) => region),
    ),
  ];
  return regions.map((region) => ({
    apiVersion: 'v1',
    kind: 'Service',
    metadata: ownedMeta(owner, names, names.clients(region), { ...ensembleLabels(names), [REGION]: region }),
    spec: { selector: regionSelector(names, region), ports: [{ name: 'client', port: ports.client }] },
  }));
}
