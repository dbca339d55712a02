import { copyFileSync, existsSync, linkSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { buildPrograms } from '../build/build.ts';
import { buildImages } from '../images/build.ts';
import { kubectl } from '../clients.ts';
import { locked } from '../lock.ts';
import { say, step } from '../progress.ts';
import { run } from '../run.ts';
import { createCgroup } from './cgroup.ts';
import { apiReady, startControlPlane } from './control-plane.ts';
import { nodes, type Layout, type NodeLayout } from './layout.ts';
import { holderPid, startHolder } from './namespace.ts';
import { onNode, prepareNode, startNode } from './node.ts';
import { makePki } from './pki.ts';
import { createState, remove } from './remove.ts';

/** Finds the running cluster, or starts one; what is broken or half started is removed first. */
export async function ensureLocal(layout: Layout): Promise<void> {
  if ((await locked(layout.lock, () => whatIsWrong(layout))) === undefined)
    return say(`the cluster in ${layout.state} is running`);
  const { programs, images } = await prepareLocal();
  await locked(layout.lock, async () => {
    const wrong = await whatIsWrong(layout); // asked again: another process may have been faster
    if (wrong === undefined) return;
    if (await remove(layout)) say(`the cluster in ${layout.state} is started anew: ${wrong}`);
    const begin = Date.now();
    await start(layout, programs, images);
    say(`the cluster is ready, ${Math.round((Date.now() - begin) / 1000)} s after its start`);
  });
}

/** Everything that takes long and stays in the cache: packages, programs, images. */
export async function prepareLocal(): Promise<{ programs: ReadonlyMap<string, string>; images: string }> {
  if (process.getuid?.() !== 0)
    throw new Error('A cluster on this machine takes root. Run as root, or start Docker and install kind, or set KUBECONFIG.');
  process.stderr.write(await run(join(import.meta.dirname, '../../tools/setup-cluster'), []));
  const programs = await buildPrograms();
  return { programs, images: await buildImages(programs) };
}

async function start(layout: Layout, programs: ReadonlyMap<string, string>, images: string): Promise<void> {
  await step('starting the control plane and three nodes', async () => {
    createState(layout);
    for (const folder of ['bin', 'log', 'stage']) mkdirSync(join(layout.state, folder), { recursive: true });
    for (const [name, path] of programs) link(path, join(layout.state, 'bin', name));
    createCgroup(
      layout.cgroup,
      nodes.map(({ name }) => name),
    );
    await Promise.all([makePki(layout), startHolder(layout)]);
    await Promise.all(nodes.map((node) => prepareNode(layout, node, images)));
    await Promise.all([startControlPlane(layout), ...nodes.map((node) => startNode(layout, node))]);
  });
  await step('waiting for nodes, DNS and volumes', async () => {
    const manifests = join(import.meta.dirname, '../manifests');
    await kubectl(layout, ['apply', '-f', join(manifests, 'dns.yaml'), '-f', join(manifests, 'storage.yaml')]);
    await nodesReady(layout, 180);
    for (const workload of ['daemonset/coredns', 'deployment/local-path-provisioner'])
      await kubectl(layout, ['rollout', 'status', '-n', 'kube-system', workload, '--timeout=180s']);
  });
  writeFileSync(layout.complete, '');
}

/** Puts the images of an archive (docker-archive or OCI) on every node. */
export async function loadImage(layout: Layout, archive: string): Promise<void> {
  await Promise.all(nodes.map((node) => importOn(layout, node, archive)));
}

function importOn(layout: Layout, node: NodeLayout, archive: string): Promise<string> {
  return onNode(layout, node, ['ctr', '--namespace=k8s.io', 'images', 'import', '--local', '--discard-unpacked-layers', archive]);
}

export async function nodesReady(layout: Layout, seconds: number): Promise<void> {
  const names = nodes.map(({ name }) => `node/${name}`);
  for (const name of names) await kubectl(layout, ['wait', '--for=create', name, `--timeout=${seconds}s`]);
  await kubectl(layout, ['wait', '--for=condition=Ready', ...names, `--timeout=${seconds}s`]);
}

/** Why the cluster cannot be used; undefined if it can. */
async function whatIsWrong(layout: Layout): Promise<string | undefined> {
  if (holderPid(layout) === undefined) return 'it does not run';
  if (!existsSync(layout.complete)) return 'its start was broken off';
  try {
    await apiReady(layout, 20);
    await nodesReady(layout, 60);
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** A cluster keeps its programs when the cache gets newer ones. */
function link(from: string, to: string): void {
  try {
    linkSync(from, to);
  } catch {
    copyFileSync(from, to); // on another disk
  }
}
