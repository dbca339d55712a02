import { untilStopped } from '../faults/process-state.ts';
import { untilKilled } from '../faults/site.ts';
import { LockkeeperProcess } from './lockkeeper-process.ts';

/** The first commits of a first copy's record: the start of the stream is settled; the moment of the first round is taken. */
export type CopyStep = 'begun' | 'moment-taken';

const COMMITS = { begun: 1, 'moment-taken': 2 } as const;

/** A resumed copy has its start settled, so the moment is its first commit. */
function failpoint(step: CopyStep | number): string {
  return `copy-after-commit:${typeof step === 'number' ? step : COMMITS[step]}`;
}

/** Runs a manifest until its first copy has made a step (or so many commits), and kills the process there. */
export async function killInCopy(manifest: string, step: CopyStep | number): Promise<void> {
  const lockkeeper = await LockkeeperProcess.run(manifest, { env: { LOCKKEEPER_FAILPOINT: failpoint(step) } });
  await untilKilled(lockkeeper);
}

/** The same, but the process is only frozen there: SIGCONT lets it go on. */
export async function freezeInCopy(manifest: string, step: CopyStep | number): Promise<LockkeeperProcess> {
  const lockkeeper = await LockkeeperProcess.run(manifest, { env: { LOCKKEEPER_FAILPOINT: `${failpoint(step)}:SIGSTOP` } });
  await untilStopped(lockkeeper.pid);
  return lockkeeper;
}
