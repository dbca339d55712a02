import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Programs that are built together from the Go module in the folder of that name, and are built again when that module changes. */
export interface Group {
  readonly name: string;
  /** On two idle cores. */
  readonly minutes: number;
  /** Name of each program by the last part of its package. */
  readonly rename?: Readonly<Record<string, string>>;
  readonly cgo?: boolean;
  readonly tags?: string;
  readonly linkerFlags?: string;
}

export const groups: readonly Group[] = [
  // runc filters system calls through libseccomp, a C library.
  { name: 'runtime', minutes: 3, rename: { server: 'etcd' }, cgo: true, tags: 'seccomp' },
  { name: 'kubernetes', minutes: 11, linkerFlags: kubernetesVersion() },
  { name: 'coredns', minutes: 2 },
  { name: 'storage', minutes: 2 },
  { name: 'helm', minutes: 2 },
  { name: 'kubeconform', minutes: 1 },
];

/** A server built from its module calls itself v0.0.0 unless it is told its version. */
function kubernetesVersion(): string {
  const module = readFileSync(join(import.meta.dirname, 'kubernetes/go.mod'), 'utf8');
  const [, major, minor, patch] = /k8s\.io\/kubernetes v(\d+)\.(\d+)\.(\d+)/.exec(module) ?? [];
  const variables = { gitVersion: `v${major}.${minor}.${patch}`, gitMajor: major, gitMinor: minor };
  return Object.entries(variables)
    .map(([name, value]) => `-X k8s.io/component-base/version.${name}=${value}`)
    .join(' ');
}
