import { LockkeeperError } from '../errors.ts';

/** Everything that Lockkeeper keeps in ZooKeeper. */
export const rootPath = '/lockkeeper';

/** A CanalInstance, the unit whose pipelines share workers. */
export interface InstanceRef {
  readonly namespace: string;
  readonly instance: string;
}

/** Parent of the instances of a Kubernetes namespace. */
export function namespacePath(namespace: string): string {
  return join(rootPath, namespace);
}

/** `/lockkeeper/<namespace>/<instance>` */
export function instancePath({ namespace, instance }: InstanceRef): string {
  return join(rootPath, namespace, instance);
}

/** What workers must know of the source itself, written by the operator. */
export function instanceConfigPath(ref: InstanceRef): string {
  return `${instancePath(ref)}/config`;
}

/** What one of the workers found at the source, for people and the operator to read. */
export function sourcePath(ref: InstanceRef): string {
  return `${instancePath(ref)}/source`;
}

/** Parent of the registrations of live workers. */
export function workersPath(ref: InstanceRef): string {
  return `${instancePath(ref)}/workers`;
}

/** Ephemeral: one live worker. */
export function workerPath(ref: InstanceRef, id: string): string {
  return join(workersPath(ref), id);
}

/** Parent of the instance's pipelines. */
export function pipelinesPath(ref: InstanceRef): string {
  return `${instancePath(ref)}/pipelines`;
}

export function pipelinePath(ref: InstanceRef, pipeline: string): string {
  return join(pipelinesPath(ref), pipeline);
}

/** Compiled configuration, written by the operator and watched by workers. */
export function configPath(ref: InstanceRef, pipeline: string): string {
  return `${pipelinePath(ref, pipeline)}/config`;
}

/** Parent of the candidates' ephemeral sequential nodes; its own data may name the worker that shall lead next. */
export function electionPath(ref: InstanceRef, pipeline: string): string {
  return `${pipelinePath(ref, pipeline)}/election`;
}

/** Written by the leader, for people and the operator to read. */
export function statusPath(ref: InstanceRef, pipeline: string): string {
  return `${pipelinePath(ref, pipeline)}/status`;
}

/** All ancestors of a path, outermost first, and the path itself: `/a`, `/a/b`. */
export function lineage(path: string): string[] {
  const names = path.split('/').slice(1);
  return names.map((_, i) => `/${names.slice(0, i + 1).join('/')}`);
}

/** @throws LockkeeperError LK1003 for a name that cannot stand between two slashes */
function join(parent: string, ...names: string[]): string {
  for (const name of names) {
    if (!/^[\w.-]+$/.test(name) || name === '.' || name === '..') {
      throw new LockkeeperError('LK1003', 'a name that ZooKeeper cannot hold', {
        found: JSON.stringify(name),
        remedy: 'Use letters, digits, hyphens, dots and underscores.',
      });
    }
  }
  return [parent, ...names].join('/');
}
