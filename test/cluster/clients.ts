import { connect } from 'node:net';
import { join } from 'node:path';
import { freePort, runFolder, ServerProcess, waitUntilReady } from '../servers/process.ts';
import { buildPrograms } from './build/build.ts';
import { has, run } from './run.ts';

/** What kubectl needs to know of a cluster. */
export interface KubectlTarget {
  readonly kubeconfig: string;
  /** The program. */
  readonly kubectl: string;
}

export interface CommandOptions {
  /** Standard input, as for `apply -f -`. */
  readonly input?: string;
  readonly timeoutSeconds?: number;
}

/** Runs helm against a cluster: that of PATH, else one that is built from its Go module. */
export async function helm(kubeconfig: string, args: readonly string[], options: CommandOptions = {}): Promise<string> {
  const program = (await has('helm')) ? 'helm' : (await buildPrograms(['helm'])).get('helm')!;
  return run(program, args, { ...options, env: { ...process.env, KUBECONFIG: kubeconfig } });
}

/** Runs kubectl against a cluster and returns what it prints; throws with kubectl's own words. */
export function kubectl(target: KubectlTarget, args: readonly string[], options: CommandOptions = {}): Promise<string> {
  return run(target.kubectl, args, { ...options, env: { ...process.env, KUBECONFIG: target.kubeconfig } });
}

/** A port of this machine that leads into the cluster, for as long as this process lives. */
export interface Forward {
  readonly host: string;
  readonly port: number;
  stop(): Promise<void>;
}

export async function forward(target: KubectlTarget, namespace: string, object: string, port: number): Promise<Forward> {
  const host = '127.0.0.1';
  const local = await freePort();
  const log = join(runFolder('forward'), 'log');
  const args = ['port-forward', `--namespace=${namespace}`, `--address=${host}`, object, `${local}:${port}`];
  const process_ = new ServerProcess(target.kubectl, args, log, { KUBECONFIG: target.kubeconfig });
  await waitUntilReady(`the forwarding of ${object}`, process_, log, () => accepts(host, local));
  return { host, port: local, stop: () => process_.kill9() };
}

function accepts(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port }, () => {
      socket.destroy();
      resolve(true);
    });
    socket.on('error', () => resolve(false));
  });
}

/** What kills a container on its node. `id` as in a pod's status: `containerd://...`. */
export function killCommand(id: string): readonly string[] {
  return ['ctr', '--namespace=k8s.io', 'tasks', 'kill', '--signal=SIGKILL', id.replace('containerd://', '')];
}
