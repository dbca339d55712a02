import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { cacheFolder } from '../../servers/process.ts';
import { locked } from '../lock.ts';
import { step } from '../progress.ts';
import { run } from '../run.ts';
import { recipes, type ImageName, type Recipe } from './recipes.ts';

export interface Image {
  readonly name: ImageName;
  /** As pods name it. */
  readonly tag: string;
  /** File in docker-archive format. */
  readonly archive: string;
  readonly onNodes: boolean;
}

const folder = join(cacheFolder, 'cluster/images');
const storage = join(cacheFolder, 'cluster/buildah');

/** Makes the images that are not in the cache. */
export async function buildImages(programs: ReadonlyMap<string, string>): Promise<readonly Image[]> {
  const all = recipes(programs);
  const keys = new Map<ImageName, string>();
  const images: Image[] = [];
  for (const recipe of all) {
    const key = keyOf(recipe, recipe.base && keys.get(recipe.base));
    keys.set(recipe.name, key);
    const archive = join(folder, `${recipe.name}-${key}.tar`);
    if (!existsSync(archive)) await locked(join(folder, 'lock'), () => buildImage(recipe, archive));
    images.push({ name: recipe.name, tag: recipe.tag, archive, onNodes: recipe.onNodes });
  }
  return images;
}

async function buildImage(recipe: Recipe, archive: string): Promise<void> {
  if (existsSync(archive)) return; // another process was faster
  await step(`making image ${recipe.tag} (about ${recipe.seconds} s)`, async () => {
    const stage = join(folder, `${recipe.name}.stage`);
    rmSync(stage, { recursive: true, force: true });
    await run('cp', ['-a', join(import.meta.dirname, recipe.name), stage]);
    await recipe.fill(stage);
    const version = recipe.version === undefined ? [] : ['--build-arg', `VERSION=${recipe.version}`];
    await containerBuild({ tag: recipe.tag, context: stage, file: join(stage, 'Containerfile'), options: version, archive });
    rmSync(stage, { recursive: true, force: true });
    const former = readdirSync(folder).filter((name) => name.startsWith(`${recipe.name}-`) && join(folder, name) !== archive);
    for (const name of former) rmSync(join(folder, name), { recursive: true });
  });
}

export interface ContainerBuild {
  readonly tag: string;
  readonly context: string;
  readonly file: string;
  /** Further options of `buildah build`, such as `--build-arg`. */
  readonly options?: readonly string[];
  /** File to write, in docker-archive format. */
  readonly archive: string;
}

/** Builds an image with buildah, from images of this machine only, and saves it. */
export async function containerBuild({ tag, context, file, options = [], archive }: ContainerBuild): Promise<void> {
  const log = join(cacheFolder, 'log', `image-${tag.replaceAll(/[^A-Za-z0-9]+/g, '-')}.log`);
  mkdirSync(join(cacheFolder, 'log'), { recursive: true });
  rmSync(log, { force: true });
  // Isolation chroot asks for no more than root has on a machine without CAP_SYS_RESOURCE.
  const build = [
    'build',
    '--isolation=chroot',
    '--pull-never',
    '--layers=false',
    `--tag=${tag}`,
    `--file=${file}`,
    ...options,
    context,
  ];
  await buildah(build, log);
  const stage = `${archive}.stage`;
  rmSync(stage, { force: true }); // buildah adds to no archive that is there
  await buildah(['push', '--quiet', tag, `docker-archive:${stage}:${tag}`], log);
  renameSync(stage, archive);
}

/** Has its images in the cache, away from those of the machine's own buildah, and its mounts out of sight. */
function buildah(args: readonly string[], log: string): Promise<string> {
  const places = [`--root=${storage}/root`, `--runroot=${storage}/run`, '--storage-driver=overlay'];
  return run('unshare', ['--mount', 'buildah', ...places, ...args], { log });
}

/** Changes with the Containerfile and the files beside it, what is brought in, and the base. */
function keyOf(recipe: Recipe, base = ''): string {
  const hash = createHash('sha256').update(JSON.stringify([recipe.tag, recipe.inputs, recipe.version, base, process.arch]));
  const source = join(import.meta.dirname, recipe.name);
  for (const name of readdirSync(source, { recursive: true, encoding: 'utf8' }).sort()) {
    const path = join(source, name);
    if (statSync(path).isFile()) hash.update(name).update(readFileSync(path));
  }
  return hash.digest('hex').slice(0, 12);
}
