import { createHash } from 'node:crypto';
import { join, resolve } from 'node:path';
import { cacheFolder } from '../../servers/process.ts';

export const regions = ['home', 'east', 'west'] as const;
export type Region = (typeof regions)[number];

/** A node of the local cluster and its addresses; they exist in the cluster's own network namespaces only. */
export interface NodeLayout {
  readonly name: string;
  readonly region: Region;
  readonly address: string;
  readonly pods: string;
}

export const nodes: readonly NodeLayout[] = regions.map((region, index) => ({
  name: `node-${region}`,
  region,
  address: `10.200.0.${11 + index}`,
  pods: `10.244.${1 + index}.0/24`,
}));

/** The API server, and the router between the nodes. */
export const gateway = '10.200.0.1';
export const services = '10.96.0.0/16';
export const apiServiceAddress = '10.96.0.1';

/** Where one local cluster lives; another state folder is another cluster, and any number run side by side. */
export class Layout {
  readonly state: string;
  /** Of the control group that holds every process of the cluster. */
  readonly cgroup: string;

  constructor(state = process.env['LOCKKEEPER_CLUSTER_STATE'] ?? join(cacheFolder, 'cluster/state')) {
    this.state = resolve(state);
    this.cgroup = `lockkeeper-${createHash('sha256').update(this.state).digest('hex').slice(0, 8)}`;
  }

  get kubeconfig(): string {
    return join(this.state, 'kubeconfig');
  }

  get kubectl(): string {
    return join(this.state, 'bin/kubectl');
  }

  get logs(): string {
    return join(this.state, 'log');
  }

  /** One for all clusters of the cache: a lock in the state folder would go with it, one beside it would stay. */
  get lock(): string {
    return join(cacheFolder, 'cluster/lock');
  }

  /** Written by the first process of the cluster's namespaces: its process id. */
  get holder(): string {
    return join(this.state, 'holder');
  }

  /** Tells a state folder from a folder of somebody's files. */
  get marker(): string {
    return join(this.state, 'lockkeeper-cluster');
  }

  /** Exists once the cluster has been started wholly. */
  get complete(): string {
    return join(this.state, 'complete');
  }

  pki(name: string): string {
    return join(this.state, 'pki', name);
  }

  node({ name }: NodeLayout, ...parts: readonly string[]): string {
    return join(this.state, 'nodes', name, ...parts);
  }
}
