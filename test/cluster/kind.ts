import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { cacheFolder } from '../servers/process.ts';
import type { Cluster } from './cluster.ts';
import { nodesByRegion } from './existing.ts';
import { forward, helm, kubectl, killCommand, type KubectlTarget } from './clients.ts';
import { regions } from './local/layout.ts';
import { locked } from './lock.ts';
import { say, step } from './progress.ts';
import { has, run } from './run.ts';

const name = 'lockkeeper';
const folder = join(cacheFolder, 'cluster');
const target: KubectlTarget = { kubeconfig: join(folder, 'kind-kubeconfig'), kubectl: 'kubectl' };

/** Are kind, kubectl and a Docker that answers here? */
export async function findKind(): Promise<boolean> {
  if (!(await has('kind')) || !(await has('kubectl')) || !(await has('docker'))) return false;
  return run('docker', ['info'], { timeoutSeconds: 20 }).then(
    () => true,
    () => false,
  );
}

/** The cluster `lockkeeper` of kind, created if it is not there. */
export async function openKind(): Promise<Cluster> {
  await locked(join(folder, 'kind.lock'), async () => {
    if (await exists()) return say(`the kind cluster ${name} is running`);
    mkdirSync(folder, { recursive: true });
    const create = ['create', 'cluster', `--name=${name}`, '--config=-', `--kubeconfig=${target.kubeconfig}`, '--wait=180s'];
    await step(`creating the kind cluster ${name}`, () => run('kind', create, { input: JSON.stringify(config()) }));
  });
  await run('kind', ['export', 'kubeconfig', `--name=${name}`, `--kubeconfig=${target.kubeconfig}`]);
  return {
    kind: 'kind',
    kubeconfig: target.kubeconfig,
    nodes: await nodesByRegion(target),
    kubectl: (args, options) => kubectl(target, args, options),
    helm: (args, options) => helm(target.kubeconfig, args, options),
    forward: (namespace, object, port) => forward(target, namespace, object, port),
    killContainer: async (node, id) => {
      await run('docker', ['exec', node, ...killCommand(id)]);
    },
    loadImage: async (archive) => {
      await run('kind', ['load', 'image-archive', archive, `--name=${name}`]);
    },
    down: async () => {
      await removeKind();
    },
    faults: undefined,
  };
}

/** Returns whether there was one. */
export async function removeKind(): Promise<boolean> {
  if (!(await exists())) return false;
  await run('kind', ['delete', 'cluster', `--name=${name}`, `--kubeconfig=${target.kubeconfig}`]);
  return true;
}

async function exists(): Promise<boolean> {
  return (await run('kind', ['get', 'clusters'])).split('\n').includes(name);
}

function config(): object {
  const workers = regions.map((region) => ({
    role: 'worker',
    labels: { 'topology.kubernetes.io/region': region, 'topology.kubernetes.io/zone': `${region}-a` },
  }));
  return { kind: 'Cluster', apiVersion: 'kind.x-k8s.io/v1alpha4', nodes: [{ role: 'control-plane' }, ...workers] };
}
