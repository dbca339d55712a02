import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { cacheFolder, findTool } from '../../servers/process.ts';
import { locked } from '../lock.ts';
import { say, step } from '../progress.ts';
import { run } from '../run.ts';
import { groups, type Group } from './groups.ts';

const clusterCache = join(cacheFolder, 'cluster');
const binFolder = join(clusterCache, 'bin');
const goFolder = join(clusterCache, 'go');

/** Builds what is not in the cache and returns the path of every program by its name. */
export async function buildPrograms(): Promise<Map<string, string>> {
  if (!groups.every((group) => existsSync(folderOf(group)))) await locked(join(clusterCache, 'build.lock'), buildMissing);
  const programs = new Map<string, string>();
  for (const group of groups) {
    const folder = folderOf(group);
    for (const name of readdirSync(folder)) programs.set(name, join(folder, name));
  }
  return programs;
}

async function buildMissing(): Promise<void> {
  const missing = groups.filter((group) => !existsSync(folderOf(group)));
  const minutes = missing.reduce((sum, group) => sum + group.minutes, 0);
  if (minutes > 5)
    say(`Kubernetes is built from its Go modules, once, into ${binFolder}: about ${minutes} minutes on two idle cores`);
  for (const group of missing) await step(`building ${group.name} (about ${group.minutes} min)`, () => build(group));
  await run('chmod', ['-R', 'u+w', goFolder]); // Go writes its module cache read-only
  rmSync(goFolder, { recursive: true, force: true });
}

async function build(group: Group): Promise<void> {
  const module = join(import.meta.dirname, group.name);
  const stage = `${folderOf(group)}.stage`;
  const log = join(cacheFolder, 'log', `cluster-build-${group.name}.log`);
  rmSync(stage, { recursive: true, force: true });
  mkdirSync(stage, { recursive: true });
  mkdirSync(join(cacheFolder, 'log'), { recursive: true });
  rmSync(log, { force: true });
  const env = {
    ...process.env,
    GOFLAGS: '-buildvcs=false -mod=readonly -trimpath',
    GOMODCACHE: join(goFolder, 'mod'),
    GOCACHE: join(goFolder, 'build'),
    CGO_ENABLED: group.cgo ? '1' : '0',
  };
  const go = findTool('go');
  const options = { cwd: module, env, log };
  const packages = existsSync(join(module, 'main.go')) ? '.' : 'tool';
  const tags = group.tags === undefined ? [] : ['-tags', group.tags];
  await run(go, ['build', ...tags, '-ldflags', `-s -w ${group.linkerFlags ?? ''}`, '-o', `${stage}/`, packages], options);
  for (const [from, to] of Object.entries(group.rename ?? {})) renameSync(join(stage, from), join(stage, to));
  for (const former of readdirSync(binFolder)) {
    if (former.startsWith(`${group.name}-`) && join(binFolder, former) !== stage)
      rmSync(join(binFolder, former), { recursive: true });
  }
  renameSync(stage, folderOf(group));
}

function folderOf(group: Group): string {
  return join(binFolder, `${group.name}-${keyOf(group)}`);
}

/** Changes with all that decides what is built. */
function keyOf(group: Group): string {
  const hash = createHash('sha256').update(JSON.stringify([group, process.arch]));
  const module = join(import.meta.dirname, group.name);
  for (const name of readdirSync(module).sort()) hash.update(name).update(readFileSync(join(module, name)));
  return hash.digest('hex').slice(0, 12);
}
