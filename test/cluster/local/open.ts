import type { Cluster } from '../cluster.ts';
import { forward, helm, kubectl, killCommand } from '../clients.ts';
import { locked } from '../lock.ts';
import { NodeFaults } from './faults.ts';
import { Layout, nodes } from './layout.ts';
import { onNode } from './node.ts';
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
    forward: (namespace, object, port) => forward(layout, namespace, object, port),
    killContainer: async (name, id) => {
      const node = nodes.find((each) => each.name === name);
      if (node === undefined) throw new Error(`the cluster has no node ${name}`);
      await onNode(layout, node, killCommand(id));
    },
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
