import { Counter, Gauge, Histogram, type Registry } from 'prom-client';

export interface Attempted {
  readonly verb: string;
  readonly kind: string;
  /** HTTP status; 0: no answer. */
  readonly code: number;
  readonly milliseconds: number;
}

/** Metrics of the operator's machinery; its reconcilers add their own. */
export class KubeMetrics {
  readonly reconciles: Counter<'controller' | 'result'>;
  readonly reconcileSeconds: Histogram<'controller'>;
  readonly queueDepth: Gauge<'controller'>;
  readonly queueSeconds: Histogram<'controller'>;
  readonly failingKeys: Gauge<'controller'>;
  readonly watchRestarts: Counter<'kind' | 'reason'>;
  readonly cacheSilence: Gauge<'kind'>;
  readonly cacheObjects: Gauge<'kind'>;
  readonly requests: Counter<'verb' | 'kind' | 'code'>;
  readonly requestSeconds: Histogram<'verb'>;
  readonly leader: Gauge;
  readonly writes: Counter<'kind' | 'outcome'>;
  readonly eventsDropped: Counter<'reason'>;
  #observe: () => void = () => undefined;

  constructor(registry: Registry) {
    const registers = [registry];
    const counter = <L extends string>(name: string, help: string, labelNames: readonly L[]) =>
      new Counter({ name, help, labelNames: [...labelNames], registers });
    const gauge = <L extends string>(name: string, help: string, labelNames: readonly L[], collect?: () => void) =>
      new Gauge({ name, help, labelNames: [...labelNames], registers, ...(collect === undefined ? {} : { collect }) });
    const histogram = <L extends string>(name: string, help: string, labelNames: readonly L[]) =>
      new Histogram({ name, help, labelNames: [...labelNames], registers, buckets: [0.001, 0.005, 0.02, 0.1, 0.5, 2, 10, 60] });
    this.reconciles = counter('lockkeeper_operator_reconciles_total', 'Reconciles by result: done, conflict or failed', [
      'controller',
      'result',
    ]);
    this.reconcileSeconds = histogram('lockkeeper_operator_reconcile_seconds', 'Time that a reconcile took', ['controller']);
    this.queueDepth = gauge('lockkeeper_operator_queue_depth', 'Objects waiting for a reconcile', ['controller']);
    this.queueSeconds = histogram('lockkeeper_operator_queue_seconds', 'Time that an object waited for its reconcile', [
      'controller',
    ]);
    this.failingKeys = gauge('lockkeeper_operator_failing_objects', 'Objects whose last reconcile failed', ['controller']);
    this.watchRestarts = counter('lockkeeper_operator_watch_failures_total', 'Lists and watches that failed and began anew', [
      'kind',
      'reason',
    ]);
    this.cacheSilence = gauge(
      'lockkeeper_operator_cache_silence_seconds',
      'Time since the API server last said anything in a watch',
      ['kind'],
      () => this.#observe(),
    );
    this.cacheObjects = gauge('lockkeeper_operator_cache_objects', 'Objects in the cache', ['kind']);
    this.requests = counter('lockkeeper_operator_api_requests_total', 'Requests to the API server; code 0 had no answer', [
      'verb',
      'kind',
      'code',
    ]);
    this.requestSeconds = histogram('lockkeeper_operator_api_request_seconds', 'Time until the API server answered', ['verb']);
    this.leader = gauge('lockkeeper_operator_leader', '1 while this process leads', []);
    this.writes = counter('lockkeeper_operator_object_writes_total', 'Objects created, changed and deleted', ['kind', 'outcome']);
    this.eventsDropped = counter('lockkeeper_operator_events_dropped_total', 'Events not recorded', ['reason']);
  }

  /** For a client's `onAttempt`. */
  readonly attempted = ({ verb, kind, code, milliseconds }: Attempted): void => {
    this.requests.inc({ verb, kind, code });
    this.requestSeconds.observe({ verb }, milliseconds / 1000);
  };

  /** Called before the caches' gauges are read. */
  onCollect(observe: () => void): void {
    this.#observe = observe;
  }
}
