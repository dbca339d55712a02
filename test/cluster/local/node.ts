import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { run } from '../run.ts';
import { gateway, type Layout, type NodeLayout } from './layout.ts';
import { inside, script, startInside } from './namespace.ts';
import { writeKubeconfig } from './pki.ts';

/** Writes what is on a node's disk before its first start. `images`: the folder of a containerd that has the images. */
export async function prepareNode(layout: Layout, node: NodeLayout, images: string): Promise<void> {
  for (const folder of ['cni', 'kubelet', 'log/pods', 'volumes']) mkdirSync(layout.node(node, folder), { recursive: true });
  await copyImages(images, layout.node(node, 'containerd'));
  copyFileSync(script('containerd.toml'), layout.node(node, 'containerd.toml'));
  copyFileSync(script('kube-proxy.yaml'), layout.node(node, 'kube-proxy.yaml'));
  const kubelet = readFileSync(script('kubelet.yaml'), 'utf8');
  writeFileSync(layout.node(node, 'kubelet.yaml'), `${kubelet}cgroupRoot: /${layout.cgroup}/${node.name}\n`);
  writeFileSync(layout.node(node, 'cni/10-pods.conflist'), JSON.stringify(podNetwork(node), null, 2));
  writeFileSync(layout.node(node, 'resolv.conf'), ''); // there is no world outside
  writeKubeconfig(layout, layout.node(node, 'kubelet.conf'), node.name, `https://${gateway}:6443`);
  writeKubeconfig(layout, layout.node(node, 'kube-proxy.conf'), 'kube-proxy', `https://${gateway}:6443`);
}

/** The nodes share the files of images, which nobody changes; a database each has for its own. */
async function copyImages(from: string, to: string): Promise<void> {
  await run('cp', ['-al', from, to]).catch(async () => {
    await run('rm', ['-rf', to]); // it is on another disk
    await run('cp', ['-a', from, to]);
  });
  await run('sh', ['-ec', 'cd "$1"; find . -name "*.db" -exec cp -a --remove-destination {} "$2/{}" ";"', 'sh', from, to]);
}

/** Starts a node, for the first time or after `killNode`; returns when its container runtime answers. */
export async function startNode(layout: Layout, node: NodeLayout): Promise<void> {
  const env = { NAME: node.name, REGION: node.region, ADDRESS: node.address, PODS: node.pods };
  await inside(layout, ['sh', script('node-network.sh')], env);
  const namespaces = [`--net=/run/netns/${node.name}`, 'unshare', '--fork', '--pid', '--mount', '--uts', '--ipc'];
  await startInside(layout, `${node.name}.log`, ['nsenter', ...namespaces, 'sh', script('node.sh')], { env });
  for (let wait = 0; ; wait++) {
    try {
      await onNode(layout, node, ['ctr', 'version']);
      return;
    } catch (error) {
      if (wait === 200)
        throw new Error(`containerd on ${node.name} does not answer; its logs are in ${layout.node(node, 'log')}`, {
          cause: error,
        });
      await sleep(200);
    }
  }
}

/** Runs a command on a node, as its root would, and returns what it prints. */
export function onNode(layout: Layout, node: NodeLayout, command: readonly string[]): Promise<string> {
  const enter = 'pid=$(cat "$1"); shift; exec nsenter --target="$pid" --pid --mount --net --uts --ipc -- "$@"';
  return inside(layout, ['sh', '-c', enter, 'sh', pidFile(node), ...command]);
}

/** A power cut: the node and all its pods are gone at once, its disk stays. */
export async function killNode(layout: Layout, node: NodeLayout): Promise<void> {
  await inside(layout, ['sh', '-c', 'kill -KILL "$(cat "$1")"', 'sh', pidFile(node)]);
}

function pidFile(node: NodeLayout): string {
  return join('/run/cluster/state/nodes', node.name, 'pid');
}

/** Pods get a line of their own to the node, which routes: no bridge, whose traffic the packet filter might not see. */
function podNetwork(node: NodeLayout): object {
  const range = { subnet: node.pods };
  return {
    cniVersion: '1.0.0',
    name: 'pods',
    plugins: [
      {
        type: 'ptp',
        ipMasq: false,
        ipam: { type: 'host-local', ranges: [[range]], routes: [{ dst: '0.0.0.0/0' }], dataDir: '/run/cluster/addresses' },
      },
      { type: 'portmap', capabilities: { portMappings: true }, backend: 'nftables' },
    ],
  };
}
