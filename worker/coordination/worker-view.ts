import { workerPath, workersPath, type InstanceRef } from '../../common/zookeeper/paths.ts';
import type { ZkSession } from '../../common/zookeeper/session.ts';
import { watchChildren } from '../../common/zookeeper/watch.ts';
import { isZkError } from '../../common/zookeeper/zk-error.ts';
import { readReport } from '../../crds/read-report.ts';
import { workerInfoSchema } from '../../crds/worker-info.ts';
import type { SeenWorker } from './spread.ts';

interface Entry {
  readonly id: string;
  readonly region: string;
  /** The registration's creation: another one under the same id counts as new. */
  readonly czxid: number;
  readonly seenAt: number;
}

/** The registered workers of an instance, as one session sees them. */
export class WorkerView {
  readonly #session: ZkSession;
  readonly #ref: InstanceRef;
  readonly #now: () => number;
  readonly #onChange: () => void;
  #entries = new Map<string, Entry>();
  #reading: Promise<void> = Promise.resolve();

  /** `onChange`: a worker came or went. `now`: monotonic milliseconds; ages are counted here, so clocks of machines do not matter. */
  constructor(session: ZkSession, ref: InstanceRef, onChange: () => void, now: () => number) {
    this.#session = session;
    this.#ref = ref;
    this.#onChange = onChange;
    this.#now = now;
  }

  /** Follows the registrations until `signal` aborts or the session ends. */
  follow(signal: AbortSignal): Promise<void> {
    const deliver = (names: string[] | null) => {
      this.#reading = this.#reading.then(() => this.#read(names ?? [])).catch(() => undefined);
    };
    return watchChildren(this.#session, workersPath(this.#ref), deliver, signal);
  }

  get workers(): SeenWorker[] {
    const now = this.#now();
    return [...this.#entries.values()].map(({ id, region, seenAt }) => ({ id, region, seenForMs: now - seenAt }));
  }

  async #read(names: readonly string[]): Promise<void> {
    const entries = new Map<string, Entry>();
    await Promise.all(
      names.map(async (id) => {
        try {
          const { data, stat } = await this.#session.get(workerPath(this.#ref, id));
          const info = readReport(workerInfoSchema, data.toString());
          if (info === null) return; // not one of ours
          const known = this.#entries.get(id);
          const seenAt = known?.czxid === stat.czxid ? known.seenAt : this.#now();
          entries.set(id, { id, region: info.region, czxid: stat.czxid, seenAt });
        } catch (error) {
          if (!isZkError(error, 'no-node')) throw error;
        }
      }),
    );
    this.#entries = entries;
    this.#onChange();
  }
}
