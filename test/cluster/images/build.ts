import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { cacheFolder } from '../../servers/process.ts';
import { locked } from '../lock.ts';
import { step } from '../progress.ts';
import { run } from '../run.ts';
import { buildah, containerBuild, saveImage } from './buildah.ts';
import { recipes, type ImageName, type Recipe } from './recipes.ts';

const folder = join(cacheFolder, 'cluster/images');

/**
 * Makes what is not in the cache: the images, and the folder that a containerd has of them all, which each node gets a
 * copy of, so that no node must unpack any. Returns that folder.
 */
export async function buildImages(programs: ReadonlyMap<string, string>): Promise<string> {
  const all = recipes(programs);
  const keys = new Map<ImageName, string>();
  for (const recipe of all) keys.set(recipe.name, keyOf(recipe, recipe.base && keys.get(recipe.base)));
  const store = join(folder, `store-${digest([...keys])}`);
  if (!existsSync(store)) {
    await locked(join(folder, 'lock'), async () => {
      if (existsSync(store)) return; // another process was faster
      for (const recipe of all) await buildImage(recipe, join(folder, `${recipe.name}-${keys.get(recipe.name)}`));
      await step('unpacking the images for the nodes (about 20 s)', () => makeStore(all, programs, store));
    });
  }
  return store;
}

/** The image stays with buildah; an empty file tells that it is there. */
async function buildImage(recipe: Recipe, made: string): Promise<void> {
  if (existsSync(made)) return;
  await step(`making image ${recipe.tag} (about ${recipe.seconds} s)`, async () => {
    const stage = join(folder, `${recipe.name}.stage`);
    rmSync(stage, { recursive: true, force: true });
    await run('cp', ['-a', join(import.meta.dirname, recipe.name), stage]);
    await recipe.fill(stage);
    const version = recipe.version === undefined ? [] : ['--build-arg', `VERSION=${recipe.version}`];
    await containerBuild({ tag: recipe.tag, context: stage, file: join(stage, 'Containerfile'), options: version });
    rmSync(stage, { recursive: true });
    removeFormer(recipe.name);
    writeFileSync(made, '');
  });
}

async function makeStore(all: readonly Recipe[], programs: ReadonlyMap<string, string>, store: string): Promise<void> {
  const stage = join(folder, 'store.stage');
  rmSync(stage, { recursive: true, force: true });
  mkdirSync(join(stage, 'containerd'), { recursive: true });
  const archives = all.map(({ name }) => join(stage, `${name}.tar`));
  for (const [index, { tag }] of all.entries()) await saveImage(tag, archives[index]!);
  const log = join(cacheFolder, 'log', 'image-store.log');
  const env = { ...process.env, PATH: `${dirname(programs.get('containerd')!)}:${process.env['PATH']}` };
  const namespaces = ['--mount', '--pid', '--fork', '--kill-child'];
  const script = join(import.meta.dirname, 'store.sh');
  await run('unshare', [...namespaces, 'sh', script, join(stage, 'containerd'), ...archives], { env, log });
  removeFormer('store');
  renameSync(join(stage, 'containerd'), store);
  rmSync(stage, { recursive: true });
  await buildah(['rmi', '--prune'], log); // what the new ones have replaced
}

function removeFormer(name: string): void {
  for (const former of readdirSync(folder).filter((entry) => new RegExp(`^${name}-[0-9a-f]{12}$`).test(entry)))
    rmSync(join(folder, former), { recursive: true });
}

/** Changes with the Containerfile and the files beside it, what is brought in, and the base. */
function keyOf(recipe: Recipe, base = ''): string {
  const source = join(import.meta.dirname, recipe.name);
  const files = readdirSync(source, { recursive: true, encoding: 'utf8' }).map((name) => join(source, name));
  const contents = files
    .filter((path) => statSync(path).isFile())
    .sort()
    .map((path) => readFileSync(path, 'utf8'));
  return digest([recipe.tag, recipe.inputs, recipe.version, base, process.arch, ...contents]);
}

function digest(parts: readonly unknown[]): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 12);
}
