import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const root = '/sys/fs/cgroup';

/**
 * One control group holds the cluster's processes (in its child `machine`) and its containers (in a child for each node),
 * so what belongs to the cluster is known to the kernel, whoever started it and whatever was killed.
 */
export function createCgroup(name: string, nodeNames: readonly string[]): void {
  for (const hierarchy of hierarchies()) {
    passOn(hierarchy);
    for (const child of ['', 'machine', ...nodeNames]) {
      const group = join(hierarchy, name, child);
      mkdirSync(group, { recursive: true });
      inheritCpuset(group);
      if (child !== 'machine') passOn(group);
    }
  }
}

/** Files to which a process writes its id to become a process of the cluster, as do its children then. */
export function joinFiles(name: string): string[] {
  return hierarchies().map((hierarchy) => join(hierarchy, name, 'machine/cgroup.procs'));
}

/** Kills every process of the group, waits until they are gone, and removes the group. */
export async function removeCgroup(name: string): Promise<void> {
  const groups = hierarchies().flatMap((hierarchy) => tree(join(hierarchy, name)));
  for (let deadline = Date.now() + 60_000; ;) {
    const pids = new Set(groups.flatMap(processesOf));
    if (pids.size === 0) break;
    if (Date.now() > deadline) throw new Error(`These processes of the cluster do not end: ${[...pids].join(', ')}`);
    for (const pid of pids) kill(pid);
    await sleep(100);
  }
  // A namespace that is going away may still make or hold a group for a moment.
  for (let attempt = 0; ; attempt++) {
    try {
      for (const hierarchy of hierarchies())
        tree(join(hierarchy, name))
          .reverse()
          .forEach((group) => rmdirSync(group));
      return;
    } catch (error) {
      if (attempt === 50) throw error;
      await sleep(100);
    }
  }
}

export function cgroupExists(name: string): boolean {
  return hierarchies().some((hierarchy) => existsSync(join(hierarchy, name)));
}

/** With cgroup v2 the one tree; with v1 a tree for each controller. */
function hierarchies(): string[] {
  if (existsSync(join(root, 'cgroup.controllers'))) return [root];
  return readdirSync(root)
    .map((controller) => join(root, controller))
    .filter((folder) => existsSync(join(folder, 'cgroup.procs')) && !existsSync(join(folder, 'cgroup.controllers')));
}

/** cgroup v1: a new cpuset is empty, and an empty one takes no process. */
function inheritCpuset(group: string): void {
  if (existsSync(join(group, 'cgroup.controllers'))) return;
  for (const name of ['cpuset.cpus', 'cpuset.mems'].filter((file) => existsSync(join(group, file))))
    writeFileSync(join(group, name), readFileSync(join(group, '..', name)));
}

/** cgroup v2: children get the controllers that their parent passes on. */
function passOn(group: string): void {
  const controllers = join(group, 'cgroup.controllers');
  if (!existsSync(controllers)) return;
  for (const controller of readFileSync(controllers, 'utf8').trim().split(' ')) {
    try {
      writeFileSync(join(group, 'cgroup.subtree_control'), `+${controller}`);
    } catch {
      // A controller that cannot be passed on limits nothing; the cluster runs without it.
    }
  }
}

/** A group and all below it, parents first. */
function tree(group: string): string[] {
  if (!existsSync(group)) return [];
  const children = readdirSync(group, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  return [group, ...children.flatMap(({ name }) => tree(join(group, name)))];
}

function processesOf(group: string): number[] {
  try {
    return readFileSync(join(group, 'cgroup.procs'), 'utf8').split('\n').filter(Boolean).map(Number);
  } catch {
    return []; // removed meanwhile
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It ended by itself.
  }
}
