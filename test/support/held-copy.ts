import { untilStopped } from '../faults/process-state.ts';
import { untilKilled } from '../faults/site.ts';
import { LockkeeperProcess } from './lockkeeper-process.ts';

/** Where in a first copy: behind its n-th commit, or before it (with a chunk's rows written). */
export type CopyPlace = number | { readonly before: number };

/** The first commits of a copy that begins: the start of the stream is settled; the moment is taken at which the tables are read. */
export const BEGUN = 1;
export const MOMENT_TAKEN = 2;

function failpoint(place: CopyPlace): string {
  return typeof place === 'number' ? `copy-after-commit:${place}` : `copy-before-commit:${place.before}`;
}

/** Runs a manifest until its first copy has come to a place, and kills the process there. */
export async function killInCopy(manifest: string, place: CopyPlace): Promise<void> {
  const lockkeeper = await LockkeeperProcess.run(manifest, { env: { LOCKKEEPER_FAILPOINT: failpoint(place) } });
  try {
    await untilKilled(lockkeeper);
  } finally {
    await lockkeeper.kill9();
  }
}

/** The same, but the process is only frozen there: SIGCONT lets it go on. */
export async function freezeInCopy(manifest: string, place: CopyPlace): Promise<LockkeeperProcess> {
  const lockkeeper = await LockkeeperProcess.run(manifest, { env: { LOCKKEEPER_FAILPOINT: `${failpoint(place)}:SIGSTOP` } });
  await untilStopped(lockkeeper.pid);
  return lockkeeper;
}
