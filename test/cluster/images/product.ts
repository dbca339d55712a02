import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { cacheFolder } from '../../servers/process.ts';
import type { Cluster } from '../cluster.ts';
import { locked } from '../lock.ts';
import { step } from '../progress.ts';
import { run } from '../run.ts';
import { containerBuild, removeFormerImages, saveImage } from './buildah.ts';

export interface ProductImage {
  /** Without its tag, which is chosen. */
  readonly name: string;
  /** Folder with a Dockerfile whose base image is its argument BASE: an image of Node 24 on Debian. */
  readonly context: string;
  /** Files and folders of `context` that go into the image. */
  readonly inputs: readonly string[];
}

const folder = join(cacheFolder, 'cluster/products');

/**
 * Builds an image for the cluster, with Docker where the cluster is not local, unless the cache has it from the same inputs,
 * brings it to the nodes and returns its name and tag. The tag changes with the inputs, so an old image is never taken for a new one.
 */
export async function loadProductImage(cluster: Cluster, { name, context, inputs }: ProductImage): Promise<string> {
  const key = keyOf(context, ['Dockerfile', '.dockerignore', ...inputs]);
  const tag = `${name}:${key}`;
  const archive = join(folder, `${name.replaceAll('/', '-')}-${cluster.kind}-${key}.tar`);
  await locked(join(folder, 'lock'), async () => {
    if (existsSync(archive)) return;
    mkdirSync(folder, { recursive: true });
    for (const former of readdirSync(folder).filter((entry) => entry.startsWith(archive.slice(folder.length + 1, -16))))
      rmSync(join(folder, former));
    await step(`building image ${tag}`, () =>
      cluster.kind === 'local' ? byBuildah(name, tag, context, archive) : byDocker(tag, context, archive),
    );
  });
  await step(`bringing image ${tag} to the nodes`, () => cluster.loadImage(archive));
  return tag;
}

/** npm may have to go through a proxy that only this machine trusts; what it trusts is lent to the build and is not in the image. */
async function byBuildah(name: string, tag: string, context: string, archive: string): Promise<void> {
  const trust = ['--volume=/etc/ssl/certs:/etc/ssl/certs:ro'];
  const options = ['--build-arg=BASE=localhost/node:24', ...trust];
  await containerBuild({ tag, context, file: join(context, 'Dockerfile'), options, layers: true });
  await removeFormerImages(name, tag);
  await saveImage(tag, `${archive}.stage`);
  renameSync(`${archive}.stage`, archive);
}

async function byDocker(tag: string, context: string, archive: string): Promise<void> {
  await run('docker', ['build', '--quiet', `--tag=${tag}`, context]);
  await run('docker', ['save', `--output=${archive}.stage`, tag]);
  renameSync(`${archive}.stage`, archive);
}

function keyOf(context: string, inputs: readonly string[]): string {
  const hash = createHash('sha256');
  for (const path of inputs.flatMap((input) => filesOf(join(context, input))))
    hash.update(path.slice(context.length)).update(readFileSync(path));
  return hash.digest('hex').slice(0, 12);
}

function filesOf(path: string): string[] {
  if (!existsSync(path)) return [];
  // Tests are in no image (.dockerignore).
  if (!statSync(path).isDirectory()) return path.endsWith('.test.ts') ? [] : [path];
  return readdirSync(path)
    .sort()
    .flatMap((name) => filesOf(join(path, name)));
}
