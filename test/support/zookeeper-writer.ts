import { setTimeout as sleep } from 'node:timers/promises';
import { ZkClient } from '../../common/zookeeper/client.ts';
import { ZkSession } from '../../common/zookeeper/session.ts';
import { isZkError } from '../../common/zookeeper/zk-error.ts';

/**
 * A client that writes one node after the other and remembers which the ensemble has acknowledged. One whose answer was lost may
 * exist or not.
 */
export class ZookeeperWriter {
  readonly #client: ZkClient;
  readonly #auth: string;
  readonly #acknowledged = new Set<string>();
  readonly #run: Promise<void>;
  #stopped = false;
  #lastAt = performance.now();
  /** Longest time without an acknowledged write, in milliseconds. */
  longestGap = 0;

  constructor(servers: string, auth: string) {
    this.#client = new ZkClient({ servers, digestAuth: auth, requestWaitMs: 30_000 });
    this.#auth = auth;
    this.#run = this.#write();
  }

  get acknowledged(): number {
    return this.#acknowledged.size;
  }

  /** Ends writing; answers what of the acknowledged is missing at each server, read from its own copy. */
  async missing(servers: readonly string[]): Promise<Record<string, string[]>> {
    this.#stopped = true;
    await this.#run;
    await this.#client.close();
    const missing: Record<string, string[]> = {};
    for (const server of servers) {
      const session = new ZkSession({ servers: server, digestAuth: this.#auth });
      await session.whenConnected();
      const there = new Set(await session.children('/lockkeeper/load'));
      missing[server] = [...this.#acknowledged].filter((name) => !there.has(name));
      await session.close();
    }
    return missing;
  }

  async #write(): Promise<void> {
    for (let n = 0; !this.#stopped; n++) {
      const name = `n${n}`;
      try {
        await this.#client.session.ensurePath('/lockkeeper/load');
        await this.#client.session.create(`/lockkeeper/load/${name}`, name);
        this.#acknowledged.add(name);
        this.longestGap = Math.max(this.longestGap, performance.now() - this.#lastAt);
        this.#lastAt = performance.now();
      } catch (error) {
        if (!isZkError(error)) throw error;
        await sleep(20);
      }
      await sleep(5);
    }
  }
}
