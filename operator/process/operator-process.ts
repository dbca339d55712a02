import { randomUUID } from 'node:crypto';
import { collectDefaultMetrics, Registry } from 'prom-client';
import type { HttpProbes } from '../../common/http/server.ts';
import type { Logger } from '../../common/log.ts';
import {
  HttpTransport,
  KubeClient,
  KubeMetrics,
  LeaderElection,
  Manager,
  TokenBucket,
  withoutRetries,
  type ElectionEnd,
  type ServerAccess,
} from '../kube/index.ts';
import { addControllers, type Controllers } from './controllers.ts';
import type { OperatorOptions } from './options.ts';
import { probesOf } from './probes.ts';

/** Requests to the API server: a second's and how many at once. An operator that starts with many objects may not crowd others out. */
const REQUESTS_PER_SECOND = 100;
const REQUESTS_AT_ONCE = 200;
/** How long a reconcile that is under way when the process is to stop may wait for ZooKeeper. */
const GRACE_MS = 2_000;

/** Caches of the API server's objects, an election, and controllers that work while it is won. */
export class OperatorProcess {
  readonly registry = new Registry();
  readonly probes: HttpProbes;
  readonly #manager: Manager;
  readonly #election: LeaderElection;
  readonly #controllers: Controllers;
  readonly #transport: HttpTransport;

  constructor(access: ServerAccess, options: OperatorOptions, log: Logger) {
    const { podName, leaseName, watchNamespaces } = options;
    collectDefaultMetrics({ register: this.registry });
    const metrics = new KubeMetrics(this.registry);
    metrics.leader.set(0);
    this.#transport = new HttpTransport(access);
    const { attempted: onAttempt } = metrics;
    this.#election = new LeaderElection({
      client: new KubeClient(this.#transport, { retry: withoutRetries, onAttempt }),
      lease: { namespace: options.podNamespace ?? access.namespace ?? 'default', name: leaseName },
      identity: `${podName}_${randomUUID()}`,
      log,
      onLeading: (leading) => metrics.leader.set(leading ? 1 : 0),
    });
    this.#manager = new Manager({
      client: new KubeClient(this.#transport, {
        limiter: new TokenBucket(REQUESTS_PER_SECOND, REQUESTS_AT_ONCE),
        mayWrite: () => this.#election.leading,
        onAttempt,
      }),
      log,
      instance: podName,
      ...(watchNamespaces.length === 0 ? {} : { namespaces: watchNamespaces }),
      metrics,
    });
    this.#controllers = addControllers(this.#manager, options, this.registry);
    this.probes = probesOf(podName, this.#manager, this.#election);
  }

  /** Until the signal aborts, after which the lease is given back, or leadership is lost. */
  async run(signal: AbortSignal): Promise<ElectionEnd> {
    const over = new AbortController();
    const watching = this.#manager.watch(AbortSignal.any([signal, over.signal]));
    const elected = this.#election.run(signal, (term) => this.#lead(term)).finally(() => over.abort());
    const [end] = await Promise.all([elected, watching]);
    if (end === 'stopped') await this.#transport.close();
    return end;
  }

  async #lead(term: AbortSignal): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const soon = () => (timer = setTimeout(() => void this.#controllers.stop(), GRACE_MS));
    term.addEventListener('abort', soon, { once: true });
    await this.#manager.reconcile(term);
    clearTimeout(timer);
    await this.#controllers.stop();
  }
}
