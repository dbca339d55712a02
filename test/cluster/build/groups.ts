import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Programs that are built together from one Go module, and are built again when that module changes. */
export interface Group {
  readonly name: string;
  /** The module's folder. Groups that share a module share its compiled packages: Helm takes 40 s after Kubernetes, minutes alone. */
  readonly module: string;
  readonly packages: readonly string[];
  /** On two idle cores. */
  readonly minutes: number;
  /** Name of each program by the last part of its package. */
  readonly rename?: Readonly<Record<string, string>>;
  readonly cgo?: boolean;
  readonly tags?: string;
  readonly linkerFlags?: string;
}

export const groups: readonly Group[] = [
  {
    name: 'runtime',
    module: 'runtime',
    packages: ['tool'],
    minutes: 3,
    rename: { server: 'etcd' },
    cgo: true, // runc filters system calls through libseccomp, a C library
    tags: 'seccomp',
  },
  {
    name: 'kubernetes',
    module: 'kubernetes',
    packages: kubernetesPrograms(
      'kube-apiserver',
      'kube-controller-manager',
      'kube-proxy',
      'kube-scheduler',
      'kubectl',
      'kubelet',
    ),
    minutes: 11,
    linkerFlags: kubernetesVersion(),
  },
  { name: 'coredns', module: 'kubernetes', packages: ['./coredns'], minutes: 0.5 },
  { name: 'helm', module: 'kubernetes', packages: ['helm.sh/helm/v4/cmd/helm'], minutes: 1 },
  { name: 'kubeconform', module: 'kubernetes', packages: ['github.com/yannh/kubeconform/cmd/kubeconform'], minutes: 0.5 },
  // Not with Kubernetes: it wants a module by a name that differs from another's in case only, which Go refuses.
  { name: 'storage', module: 'storage', packages: ['tool'], minutes: 2 },
];

function kubernetesPrograms(...names: readonly string[]): string[] {
  return names.map((name) => `k8s.io/kubernetes/cmd/${name}`);
}

/** A server built from its module calls itself v0.0.0 unless it is told its version. */
function kubernetesVersion(): string {
  const module = readFileSync(join(import.meta.dirname, 'kubernetes/go.mod'), 'utf8');
  const [, major, minor, patch] = /k8s\.io\/kubernetes v(\d+)\.(\d+)\.(\d+)/.exec(module) ?? [];
  const variables = { gitVersion: `v${major}.${minor}.${patch}`, gitMajor: major, gitMinor: minor };
  return Object.entries(variables)
    .map(([name, value]) => `-X k8s.io/component-base/version.${name}=${value}`)
    .join(' ');
}
