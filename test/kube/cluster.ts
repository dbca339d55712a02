import { createLogger, type Logger } from '../../common/log.ts';
import { KubeClient, Manager } from '../../operator/kube/index.ts';
import { ManualClock, settle } from '../../operator/kube/manual-clock.ts';
import { ApiServer, Simulation, type ApiServerOptions, type Connection } from '../apiserver/index.ts';
import type { KubeletOptions } from '../apiserver/controllers/kubelet.ts';

export interface ClusterOptions extends Omit<ApiServerOptions, 'clock'>, KubeletOptions {
  readonly log?: Logger;
}

/** One operator process: its connection can be made faulty, and it can die. */
export interface Operator {
  readonly manager: Manager;
  readonly connection: Connection;
  /** Ends as by SIGTERM. */
  stop(): Promise<void>;
  /** Ends as by SIGKILL: nothing of it reaches the server any more. */
  kill(): Promise<void>;
}

/**
 * A cluster in this process, on a clock that runs only when told: API server, simulated controllers, a user, and operators as many as are started.
 * Hours of it take milliseconds, and every run is the same.
 */
export class Cluster {
  readonly clock = new ManualClock();
  readonly server: ApiServer;
  readonly simulation: Simulation;
  /** What kubectl does. */
  readonly user: KubeClient;
  readonly #log: Logger;

  constructor(options: ClusterOptions = {}) {
    this.server = new ApiServer({ ...options, clock: this.clock });
    this.simulation = new Simulation(this.server, options);
    this.user = new KubeClient(this.server.connect(), { clock: this.clock });
    this.#log = options.log ?? createLogger('silent');
  }

  /** Starts an operator whose controllers `build` adds to its manager. */
  startOperator(build: (manager: Manager) => void, prepare: (connection: Connection) => void = () => undefined): Operator {
    const connection = this.server.connect();
    prepare(connection);
    const tools = { clock: this.clock, random: () => 0.5 };
    const client = new KubeClient(connection, { ...tools });
    const manager = new Manager({ ...tools, client, log: this.#log, instance: 'operator' });
    build(manager);
    const abort = new AbortController();
    const running = manager.run(abort.signal);
    const end = async () => {
      abort.abort();
      await this.clock.advance(0);
      await running;
    };
    return {
      manager,
      connection,
      stop: end,
      kill: () => {
        connection.sever();
        return end();
      },
    };
  }

  /**
   * Runs until nothing has been written for `quietMs`, longer than any delay with which something is tried again. Fails when that takes more than
   * `mostMs`: something goes round in circles.
   */
  async rest(quietMs = 700_000, mostMs = 24 * 3_600_000): Promise<void> {
    const startedAt = this.clock.monotonic();
    let quietSince = startedAt;
    while (this.clock.monotonic() - quietSince < quietMs) {
      const { revision } = this.server.store;
      await settle();
      this.simulation.run();
      await settle();
      if (this.server.store.revision !== revision) quietSince = this.clock.monotonic();
      else await this.clock.advance(Math.max(1, this.clock.nextIn ?? quietMs));
      if (this.clock.monotonic() - startedAt > mostMs) throw new Error('the cluster does not come to rest');
    }
  }
}
