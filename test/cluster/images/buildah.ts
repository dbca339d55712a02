import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { cacheFolder } from '../../servers/process.ts';
import { run } from '../run.ts';

const storage = join(cacheFolder, 'cluster/buildah');

export interface ContainerBuild {
  readonly tag: string;
  readonly context: string;
  readonly file: string;
  /** Further options of `buildah build`, such as `--build-arg`. */
  readonly options?: readonly string[];
  /** Keep what each instruction made, for the next build. */
  readonly layers?: boolean;
}

/** Builds an image with buildah, from images of this machine only. */
export async function containerBuild({ tag, context, file, options = [], layers = false }: ContainerBuild): Promise<void> {
  const log = join(cacheFolder, 'log', `image-${tag.replaceAll(/[^A-Za-z0-9]+/g, '-')}.log`);
  mkdirSync(join(cacheFolder, 'log'), { recursive: true });
  rmSync(log, { force: true });
  // Isolation chroot asks for no more than root has on a machine without CAP_SYS_RESOURCE.
  const build = ['build', '--isolation=chroot', '--pull-never', `--layers=${layers}`];
  await buildah([...build, `--tag=${tag}`, `--file=${file}`, ...options, context], log);
}

/** Writes an image that was built here to a file, as `docker save` does. */
export async function saveImage(tag: string, archive: string): Promise<void> {
  rmSync(archive, { force: true }); // buildah adds to no archive that is there
  await buildah(['push', '--quiet', tag, `docker-archive:${archive}:${tag}`]);
}

/** Removes the images of this name but the one of this tag, with the layers that it does not share. */
export async function removeFormerImages(name: string, tag: string): Promise<void> {
  const listed = await buildah(['images', '--noheading', '--format={{.Name}}:{{.Tag}}', `--filter=reference=${name}`]);
  const former = listed.split('\n').filter((each) => each.startsWith(`${name}:`) && each !== tag);
  if (former.length > 0) await buildah(['rmi', ...former]);
}

/** Has its images in the cache, away from those of the machine's own buildah, and its mounts out of sight. */
export function buildah(args: readonly string[], log?: string): Promise<string> {
  const places = [`--root=${storage}/root`, `--runroot=${storage}/run`, '--storage-driver=overlay'];
  const name = `buildah ${args.join(' ')}`;
  return run('unshare', ['--mount', 'buildah', ...places, ...args], { name, ...(log === undefined ? {} : { log }) });
}
