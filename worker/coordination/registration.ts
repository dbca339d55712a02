import { isDeepStrictEqual } from 'node:util';
import { LockkeeperError } from '../../common/errors.ts';
import { workerPath, workersPath, type InstanceRef } from '../../common/zookeeper/paths.ts';
import type { ZkSession } from '../../common/zookeeper/session.ts';
import { isZkError } from '../../common/zookeeper/zk-error.ts';
import type { WorkerInfo } from '../../crds/worker-info.ts';

/** A live worker's entry under `workers/`, as long as its session lasts. */
export class Registration {
  readonly #session: ZkSession;
  readonly #path: string;
  readonly #workersPath: string;
  readonly #id: string;
  #info: WorkerInfo;
  #writing: Promise<void> = Promise.resolve();

  constructor(session: ZkSession, ref: InstanceRef, id: string, info: WorkerInfo) {
    this.#session = session;
    this.#path = workerPath(ref, id);
    this.#workersPath = workersPath(ref);
    this.#id = id;
    this.#info = info;
  }

  /**
   * Waits for a registration of the same id to go, as one does whose process has died, for one and a half session timeouts.
   * @throws LockkeeperError LK1704 if the id is still taken then; ZkError if the session ends
   */
  async register(): Promise<void> {
    await this.#session.ensurePath(this.#workersPath);
    const deadline = performance.now() + 1.5 * this.#session.timeoutMs;
    for (;;) {
      try {
        await this.#session.create(this.#path, JSON.stringify(this.#info), { ephemeral: true });
        return;
      } catch (error) {
        if (isZkError(error, 'connection-loss') && !this.#session.ended) continue; // the next attempt finds out
        if (!isZkError(error, 'node-exists')) throw error;
      }
      const limit = AbortSignal.timeout(Math.max(1, Math.ceil(deadline - performance.now())));
      const gone = this.#session.whenChanged(this.#path, limit);
      const stat = await this.#session.exists(this.#path, { watch: true });
      if (stat === null) continue;
      if (stat.ephemeralOwner === this.#session.id) return;
      if (performance.now() >= deadline) throw await this.#taken();
      await gone;
    }
  }

  /** Writes which pipelines the worker leads, not awaited; the entry is for people to see. */
  leads(names: readonly string[]): void {
    const pipelines = [...names].sort();
    if (isDeepStrictEqual(pipelines, this.#info.pipelines)) return;
    this.#info = { ...this.#info, load: pipelines.length, pipelines };
    this.#writing = this.#writing
      .then(async () => {
        if (!this.#session.ended) await this.#session.set(this.#path, JSON.stringify(this.#info));
      })
      .catch(() => undefined);
  }

  /** Removes the entry. No error if the session has ended. */
  async withdraw(): Promise<void> {
    await this.#session.deleteSurely(this.#path).catch(() => undefined);
  }

  async #taken(): Promise<LockkeeperError> {
    const holder = await this.#session.get(this.#path).then(
      ({ data }) => data.toString(),
      () => 'another process',
    );
    return new LockkeeperError('LK1704', `worker id taken: ${this.#id}`, {
      found: holder,
      details: { worker: this.#id, path: this.#path },
    });
  }
}
