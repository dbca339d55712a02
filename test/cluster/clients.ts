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
