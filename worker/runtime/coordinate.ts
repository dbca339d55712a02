import { hostname } from 'node:os';
import type { Logger } from '../../common/log.ts';
import type { ZkClient } from '../../common/zookeeper/client.ts';
import type { InstanceRef } from '../../common/zookeeper/paths.ts';
import { ConfigStore } from '../coordination/config-store.ts';
import type { Coordinator } from '../coordination/coordinator.ts';
import { LocalCoordinator } from '../coordination/local-coordinator.ts';
import { StatusStore } from '../coordination/status-store.ts';
import { ZookeeperCoordinator } from '../coordination/zookeeper-coordinator.ts';
import { leadAndReport } from './lead-and-report.ts';
import type { PipelineHost } from './pipeline-host.ts';
import { openZookeeper } from './zookeeper.ts';

/** Decides which pipelines this process leads, and runs those. */
export interface WorkerCoordinator {
  start(hosts: readonly PipelineHost[]): Promise<void>;
  /** Resolves when nothing is written any more and every leadership is given up. */
  stop(): Promise<void>;
  /** Null while pipelines can be led; else what is missing. */
  unready(): string | null;
}

export interface CoordinatorOptions {
  /** Connect string, nearest server first; null: this process leads everything alone. */
  readonly servers: string | null;
  readonly timeoutMs: number;
  /** `user:password` for ZooKeeper; none: its access lists let everybody in. */
  readonly digestAuth?: string | undefined;
  readonly worker: string;
  readonly region: string;
  readonly version: string;
  readonly log: Logger;
}

export function createCoordinator(options: CoordinatorOptions): WorkerCoordinator {
  return options.servers === null ? new Alone(options.log) : new ThroughZookeeper({ ...options, servers: options.servers });
}

/**
 * One process without ZooKeeper. The epoch in the target still fences whoever ran before; a process that is itself fenced by
 * another such process waits for a person, since the two would only take turns.
 */
class Alone implements WorkerCoordinator {
  readonly #coordinator: LocalCoordinator;

  constructor(log: Logger) {
    this.#coordinator = new LocalCoordinator(log);
  }

  async start(hosts: readonly PipelineHost[]): Promise<void> {
    for (const host of hosts) {
      this.#coordinator.campaign(host.ref, {
        lead: async (term) => {
          const end = await host.lead(term, term.signal);
          if (end.kind === 'fenced') await aborted(term.signal);
        },
      });
    }
    await this.#coordinator.start();
  }

  stop(): Promise<void> {
    return this.#coordinator.stop();
  }

  unready(): string | null {
    return null;
  }
}

/** Several processes elect leaders; configuration and status of each pipeline stand in ZooKeeper. */
class ThroughZookeeper implements WorkerCoordinator {
  readonly #options: CoordinatorOptions;
  readonly #client: ZkClient;
  readonly #coordinators: Coordinator[] = [];
  readonly #unwatch: (() => void)[] = [];

  constructor(options: CoordinatorOptions & { readonly servers: string }) {
    this.#options = options;
    this.#client = openZookeeper(options);
  }

  async start(hosts: readonly PipelineHost[]): Promise<void> {
    await this.#client.session.whenConnected();
    const byInstance = Map.groupBy(hosts, ({ config }) => `${config.namespace}/${config.instance}`);
    for (const members of byInstance.values()) await this.#startInstance(members);
  }

  async #startInstance(hosts: readonly PipelineHost[]): Promise<void> {
    const { worker, region, version, log } = this.#options;
    const { namespace, instance: name } = hosts[0]!.config;
    const instance: InstanceRef = { namespace, instance: name };
    const configs = new ConfigStore(this.#client, instance);
    for (const host of hosts) await configs.publish(host.config);
    this.#unwatch.push(
      configs.watch({
        config: (config) => hosts.find((host) => host.config.name === config.name)?.reconfigure(config),
        invalid: (pipeline, error) => log.error({ pipeline, err: error.toJSON() }, 'configuration refused'),
        removed: (pipeline) => log.warn({ pipeline }, 'the configuration was removed from ZooKeeper; going on with the last one'),
      }),
    );
    const coordinator = new ZookeeperCoordinator({
      client: this.#client,
      instance,
      worker: { id: worker, region, version, host: hostname() },
      log,
    });
    this.#coordinators.push(coordinator);
    const statuses = new StatusStore(this.#client, instance);
    for (const host of hosts) {
      coordinator.campaign(host.ref, {
        lead: (term) => leadAndReport(host, term, statuses),
        follow: () => host.board.followOnly(),
      });
    }
    await coordinator.start();
  }

  async stop(): Promise<void> {
    for (const unwatch of this.#unwatch) unwatch();
    await Promise.all(this.#coordinators.map((coordinator) => coordinator.stop()));
    await this.#client.close();
  }

  unready(): string | null {
    const { kind } = this.#client.session.state;
    return kind === 'connected' ? null : `ZooKeeper session is ${kind}`;
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
}
