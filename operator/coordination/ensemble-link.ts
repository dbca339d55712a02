import { ZkClient, type ZkClientOptions } from '../../common/zookeeper/client.ts';
import type { Clock } from '../kube/index.ts';
import { superAuth, workerAcl, type Credentials } from '../zkensemble/credentials.ts';

/** The operator has time; a leader change must not end its session. */
const SESSION_MS = 20_000;
const REQUEST_WAIT_MS = 5_000;
/** A connection that breaks is most often back sooner. */
const TROUBLE_AFTER_MS = 10_000;

/** A connection to one ensemble as its super user, with whom whatever is made belongs to the workers. */
export class EnsembleLink {
  readonly client: ZkClient;
  readonly servers: string;
  readonly credentials: Credentials;
  readonly #name: string;
  readonly #clock: Clock;
  readonly #onChange: () => void;
  #lost = true;
  #troubled = false;
  #cancel: () => void = () => undefined;

  /**
   * @param name of the ensemble, for messages
   * @param onChange called when there is trouble, and when it is over
   * @throws LockkeeperError LK1003 if `servers` is no connect string
   */
  constructor(name: string, servers: string, credentials: Credentials, clock: Clock, onChange: () => void) {
    this.#name = name;
    this.servers = servers;
    this.credentials = credentials;
    this.#clock = clock;
    this.#onChange = onChange;
    const options: ZkClientOptions = {
      servers,
      digestAuth: superAuth(credentials),
      acl: workerAcl(credentials),
      sessionTimeoutMs: SESSION_MS,
      requestWaitMs: REQUEST_WAIT_MS,
    };
    this.client = new ZkClient(options);
    this.#wait();
    this.client.onState(({ kind }) => (kind === 'connected' ? this.#connected() : this.#disconnected()));
  }

  /** Null while connected, or lately. */
  get trouble(): string | null {
    return this.#troubled ? `there has been no connection to ZkEnsemble ${this.#name} (${this.servers}) for some time` : null;
  }

  /** Whether the servers have ended the session for good. */
  get refused(): boolean {
    return this.client.session.state.kind === 'closed';
  }

  isFor(servers: string, { superPassword, workerPassword }: Credentials): boolean {
    const { credentials } = this;
    const same = superPassword === credentials.superPassword && workerPassword === credentials.workerPassword;
    return same && servers === this.servers;
  }

  async close(): Promise<void> {
    this.#cancel();
    await this.client.close();
    this.#cancel();
  }

  #connected(): void {
    this.#cancel();
    this.#lost = false;
    if (!this.#troubled) return;
    this.#troubled = false;
    this.#onChange();
  }

  #disconnected(): void {
    if (this.#lost) return;
    this.#lost = true;
    this.#wait();
  }

  #wait(): void {
    this.#cancel = this.#clock.after(TROUBLE_AFTER_MS, () => {
      this.#troubled = true;
      this.#onChange();
    });
  }
}
