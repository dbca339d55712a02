import type { Cluster, ClusterNode } from './cluster.ts';
import { forward, helm, kubectl, type KubectlTarget } from './clients.ts';
import { Layout, regions, type Region } from './local/layout.ts';
import { say } from './progress.ts';
import { has, run } from './run.ts';

const label = 'topology.kubernetes.io/region';

/** The cluster that KUBECONFIG names, or undefined if there is none, if it does not answer, or if it is one of ours. */
export async function openExisting(): Promise<Cluster | undefined> {
  const kubeconfig = process.env['KUBECONFIG'];
  if (kubeconfig === undefined || kubeconfig === '' || kubeconfig === new Layout().kubeconfig) return undefined;
  if (!(await has('kubectl')))
    throw new Error('KUBECONFIG is set but there is no kubectl in PATH: install it, or unset KUBECONFIG.');
  const target: KubectlTarget = { kubeconfig, kubectl: 'kubectl' };
  try {
    await kubectl(target, ['get', '--raw=/readyz', '--request-timeout=10s']);
  } catch (error) {
    say(`KUBECONFIG=${kubeconfig} does not answer and is left aside: ${error instanceof Error ? error.message : String(error)}`);
    return undefined;
  }
  say(`using the cluster of KUBECONFIG=${kubeconfig}`);
  return {
    kind: 'existing',
    kubeconfig,
    nodes: await nodesByRegion(target),
    kubectl: (args, options) => kubectl(target, args, options),
    helm: (args, options) => helm(kubeconfig, args, options),
    forward: (namespace, object, port) => forward(target, namespace, object, port),
    killContainer: undefined,
    loadImage: loadByCommand,
    down: () => Promise.resolve(say('the cluster of KUBECONFIG is not ours and is left alone')),
    faults: undefined,
  };
}

/** The nodes of the three regions; throws where a region has none. */
export async function nodesByRegion(target: KubectlTarget): Promise<ClusterNode[]> {
  const list = JSON.parse(await kubectl(target, ['get', 'nodes', '--output=json'])) as {
    items: { metadata: { name: string; labels?: Record<string, string> } }[];
  };
  const nodes = list.items.flatMap(({ metadata }) => {
    const region = regions.find((known) => known === metadata.labels?.[label]);
    return region === undefined ? [] : [{ name: metadata.name, region }];
  });
  const without = regions.filter((region: Region) => !nodes.some((node) => node.region === region));
  if (without.length > 0)
    throw new Error(
      `The cluster of ${target.kubeconfig} has no node in region ${without.join(', ')}: kubectl label node NAME ${label}=${without[0]}`,
    );
  return nodes;
}

/** Only the cluster's owner knows how images get to it. */
async function loadByCommand(archive: string): Promise<void> {
  const command = process.env['LOCKKEEPER_LOAD_IMAGE'];
  if (command === undefined)
    throw new Error(
      'LOCKKEEPER_LOAD_IMAGE is not set: with a KUBECONFIG of your own, give the shell command that brings an image archive, its "$1", to the nodes.',
    );
  await run('sh', ['-c', command, 'sh', archive]);
}
