import type { Cluster } from '../cluster.ts';
import { helm, kubectl } from '../clients.ts';
import { locked } from '../lock.ts';
import { NodeFaults } from './faults.ts';
import { Layout, nodes } from './layout.ts';
import { remove } from './remove.ts';
import { ensureLocal, loadImage } from './start.ts';

/** The cluster of this machine, started if it does not run. */
export async function openLocal(layout = new Layout()): Promise<Cluster> {
  await ensureLocal(layout);
  return {
    kind: 'local',
    kubeconfig: layout.kubeconfig,
    nodes: nodes.map(({ name, region }) => ({ name, region })),
    kubectl: (args, options) => kubectl(layout, args, options),
    helm: (args, options) => helm(layout.kubeconfig, args, options),
    loadImage: (archive) => loadImage(layout, archive),
    down: async () => {
      await removeLocal(layout);
    },
    faults: new NodeFaults(layout),
  };
}

/** Returns whether there was anything to remove. */
export function removeLocal(layout = new Layout()): Promise<boolean> {
  return locked(layout.lock, () => remove(layout));
}
