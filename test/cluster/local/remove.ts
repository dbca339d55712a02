import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { cgroupExists, removeCgroup } from './cgroup.ts';
import type { Layout } from './layout.ts';

/** Makes the state folder, which must not hold anything of others. */
export function createState(layout: Layout): void {
  refuseOthers(layout);
  mkdirSync(layout.state, { recursive: true, mode: 0o700 });
  writeFileSync(layout.marker, 'The state of a Kubernetes that make cluster started; make cluster-down removes it.\n');
}

/**
 * Ends every process of the cluster and removes its files; returns whether there was anything. Mounts, interfaces, packet
 * filter rules and namespaces go with the processes: they exist nowhere else. Works on whatever a broken start or a kill left.
 */
export async function remove(layout: Layout): Promise<boolean> {
  refuseOthers(layout);
  const found = cgroupExists(layout.cgroup) || existsSync(layout.marker);
  await removeCgroup(layout.cgroup);
  rmSync(layout.state, { recursive: true, force: true });
  return found;
}

function refuseOthers(layout: Layout): void {
  if (existsSync(layout.marker) || !existsSync(layout.state) || readdirSync(layout.state).length === 0) return;
  throw new Error(
    `LOCKKEEPER_CLUSTER_STATE=${layout.state} holds files that are not a cluster's: name a folder that is empty or not there yet.`,
  );
}
