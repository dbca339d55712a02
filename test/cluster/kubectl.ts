import { run } from './run.ts';

/** What kubectl needs to know of a cluster. */
export interface KubectlTarget {
  readonly kubeconfig: string;
  /** The program. */
  readonly kubectl: string;
}

export interface KubectlOptions {
  /** Standard input, as for `apply -f -`. */
  readonly input?: string;
  readonly timeoutSeconds?: number;
}

/** Runs kubectl against a cluster and returns what it prints; throws with kubectl's own words. */
export function kubectl(target: KubectlTarget, args: readonly string[], options: KubectlOptions = {}): Promise<string> {
  return run(target.kubectl, args, { ...options, env: { ...process.env, KUBECONFIG: target.kubeconfig } });
}
