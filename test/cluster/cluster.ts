import { openExisting } from './existing.ts';
import { findKind, openKind } from './kind.ts';
import type { Region } from './local/layout.ts';
import type { NodeFaults } from './local/faults.ts';
import { openLocal } from './local/open.ts';
import type { CommandOptions, Forward } from './clients.ts';

export type { Region } from './local/layout.ts';
export { regions } from './local/layout.ts';

export interface ClusterNode {
  readonly name: string;
  readonly region: Region;
}

/** A Kubernetes with a node in each of the regions home, east and west (label topology.kubernetes.io/region). */
export interface Cluster {
  /** `existing`: KUBECONFIG names it. `kind`: nodes are Docker's containers. `local`: made on this machine from its parts. */
  readonly kind: 'existing' | 'kind' | 'local';
  readonly kubeconfig: string;
  readonly nodes: readonly ClusterNode[];
  /** Runs kubectl and returns what it prints. */
  kubectl(args: readonly string[], options?: CommandOptions): Promise<string>;
  /** Runs helm and returns what it prints. */
  helm(args: readonly string[], options?: CommandOptions): Promise<string>;
  /** Leads a free port of this machine to a port of a pod, a Deployment or a Service (`service/mysql`). */
  forward(namespace: string, object: string, port: number): Promise<Forward>;
  /** `kill -9` for a container's first process; undefined where nobody but the cluster's owner can. `id`: as in a pod's status. */
  readonly killContainer: ((node: string, id: string) => Promise<void>) | undefined;
  /** Brings the images of a file (as `docker save` writes it) to every node. */
  loadImage(archive: string): Promise<void>;
  /** Removes the cluster wholly; an existing one is left alone. */
  down(): Promise<void>;
  /** Power cuts and broken lines; only where the cluster is local. */
  readonly faults: NodeFaults | undefined;
}

/**
 * The cluster for tests and demo, started if it does not run: the one that KUBECONFIG names if it answers, else one of kind
 * where Docker and kind are, else one made on this machine, which takes root and, the first time, many minutes.
 */
export async function ensureCluster(): Promise<Cluster> {
  return (await openExisting()) ?? ((await findKind()) ? openKind() : openLocal());
}
