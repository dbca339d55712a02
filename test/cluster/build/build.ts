import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { cacheFolder, findTool } from '../../servers/process.ts';
import { locked } from '../lock.ts';
import { say, step } from '../progress.ts';
import { run } from '../run.ts';
import { groups, type Group } from './groups.ts';

const clusterCache = join(cacheFolder, 'cluster');
const binFolder = join(clusterCache, 'bin');
const goFolder = join(clusterCache, 'go');

/** Builds what is not in the cache, of these groups (default: of all), and returns the path of every program by its name. */
export async function buildPrograms(names: readonly string[] = groups.map(({ name }) => name)): Promise<Map<string, string>> {
  const wanted = groups.filter(({ name }) => names.includes(name));
  const isBuilt = (group: Group) => existsSync(folderOf(group));
  if (!wanted.every(isBuilt)) {
    // Asked again once the lock is held: another process may have built them.
    await locked(join(clusterCache, 'build.lock'), () => buildAll(wanted.filter((group) => !isBuilt(group))));
  }
  const programs = new Map<string, string>();
  for (const group of wanted) {
    const folder = folderOf(group);
    for (const name of readdirSync(folder)) programs.set(name, join(folder, name));
  }
  return programs;
}

async function buildAll(missing: readonly Group[]): Promise<void> {
  const minutes = Math.ceil(missing.reduce((sum, group) => sum + group.minutes, 0));
  if (minutes > 5)
    say(`Kubernetes is built from its Go modules, once, into ${binFolder}: about ${minutes} minutes on two idle cores`);
  for (const group of missing) await step(`building ${group.name} (about ${group.minutes} min)`, () => build(group));
  if (missing.length === 0) return;
  await step('removing what only the build needed (8 GB)', () => run('rm', ['-rf', goFolder]));
}

async function build(group: Group): Promise<void> {
  const stage = join(clusterCache, `stage-${group.name}`); // not in the folder of programs, where others look
  const log = join(cacheFolder, 'log', `cluster-build-${group.name}.log`);
  rmSync(stage, { recursive: true, force: true });
  mkdirSync(stage, { recursive: true });
  mkdirSync(join(cacheFolder, 'log'), { recursive: true });
  rmSync(log, { force: true });
  const env = {
    ...process.env,
    GOFLAGS: '-buildvcs=false -mod=readonly -modcacherw -trimpath',
    GOMODCACHE: join(goFolder, 'mod'),
    GOCACHE: join(goFolder, 'build'),
    CGO_ENABLED: group.cgo ? '1' : '0',
  };
  const go = findTool('go');
  const options = { cwd: moduleOf(group), env, log };
  const tags = group.tags === undefined ? [] : ['-tags', group.tags];
  await run(
    go,
    ['build', ...tags, '-ldflags', `-s -w ${group.linkerFlags ?? ''}`, '-o', `${stage}/`, ...group.packages],
    options,
  );
  for (const [from, to] of Object.entries(group.rename ?? {})) renameSync(join(stage, from), join(stage, to));
  mkdirSync(binFolder, { recursive: true });
  for (const former of readdirSync(binFolder)) {
    if (former.startsWith(`${group.name}-`)) rmSync(join(binFolder, former), { recursive: true });
  }
  renameSync(stage, folderOf(group));
}

function folderOf(group: Group): string {
  return join(binFolder, `${group.name}-${keyOf(group)}`);
}

/** Changes with all that decides what is built. */
function keyOf(group: Group): string {
  const hash = createHash('sha256').update(JSON.stringify([{ ...group, minutes: 0 }, process.arch]));
  const module = moduleOf(group);
  const files = readdirSync(module, { recursive: true, encoding: 'utf8' }).sort();
  for (const file of files.filter((name) => statSync(join(module, name)).isFile())) {
    hash.update(file).update(readFileSync(join(module, file)));
  }
  return hash.digest('hex').slice(0, 12);
}

function moduleOf(group: Group): string {
  return join(import.meta.dirname, group.module);
}
