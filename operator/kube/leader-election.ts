import type { Logger } from '../../common/log.ts';
import type { KubeClient } from './client.ts';
import { isoMicros, sleep, systemClock, type Clock } from './clock.ts';
import { isNotFound } from './errors.ts';
import type { Lease, Live, ObjectRef } from './objects.ts';
import { resources } from './resources.ts';

export interface ElectionOptions {
  /** With a rate limit of its own, so that reconciles cannot delay a renewal, and without retries. */
  readonly client: KubeClient;
  readonly lease: ObjectRef & { readonly namespace: string };
  /** Unique to this process: pod name and a random part. */
  readonly identity: string;
  readonly log: Logger;
  readonly clock?: Clock;
  /** From 0 to 1. */
  readonly random?: () => number;
  /** How long others wait after the last renewal that they have seen. */
  readonly leaseMs?: number;
  /** How long the leader goes on without a renewal; well below `leaseMs`. */
  readonly renewMs?: number;
  /** Between attempts. */
  readonly retryMs?: number;
  readonly onLeading?: (leading: boolean) => void;
}

/** `lost`: the lease could not be renewed in time; the process should end, since what it still has under way may be late. */
export type ElectionEnd = 'stopped' | 'lost';

/**
 * Leadership by a Lease, after the rules of client-go: others' clocks are not trusted, a lease is over when its record has not changed for its length
 * as measured here. It keeps two leaders apart only as far as processes run on time; it is no fence, so every write must be harmless when repeated.
 */
export class LeaderElection {
  readonly #options: ElectionOptions;
  readonly #clock: Clock;
  readonly #leaseMs: number;
  readonly #renewMs: number;
  readonly #retryMs: number;
  /** The lease as last seen, and when it was first seen so. */
  #seen: { readonly lease: Live<Lease>; readonly at: number } | undefined;
  /** When the last successful renewal was sent; -Infinity while another leads. */
  #renewedAt = -Infinity;

  constructor(options: ElectionOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#leaseMs = options.leaseMs ?? 15_000;
    this.#renewMs = options.renewMs ?? 10_000;
    this.#retryMs = options.retryMs ?? 2_000;
  }

  /** By the clock, so it is right also in a process that has just been asleep. */
  get leading(): boolean {
    return this.#clock.monotonic() < this.#renewedAt + this.#renewMs;
  }

  /** Who holds the lease, as last seen; undefined when nobody does. */
  get leader(): string | undefined {
    return holderOf(this.#seen?.lease);
  }

  /**
   * Stands for election until the signal aborts, and leads once elected: `lead` is given a signal that aborts when the term ends, and the lease is
   * released when `lead` has returned.
   */
  async run(signal: AbortSignal, lead: (term: AbortSignal) => Promise<void>): Promise<ElectionEnd> {
    const { log, onLeading } = this.#options;
    while (!signal.aborted && !(await this.#try(signal))) await sleep(this.#clock, this.#pause(), signal);
    if (signal.aborted && !this.leading) return 'stopped';
    log.info({ identity: this.#options.identity }, 'this process leads');
    onLeading?.(true);
    const over = new AbortController();
    const term = AbortSignal.any([signal, over.signal]);
    const work = lead(term).finally(() => over.abort());
    const keeping = await this.#keep(term);
    over.abort();
    try {
      // A leader whose lease is lost does not wait for what is under way: its process ends.
      if (keeping === 'stopped') await work;
      else work.catch(() => undefined);
    } finally {
      onLeading?.(false);
      if (keeping === 'stopped') await this.#release();
      this.#renewedAt = -Infinity;
    }
    return keeping;
  }

  /** Renews until the signal aborts or it is too late. */
  async #keep(signal: AbortSignal): Promise<ElectionEnd> {
    while (!signal.aborted) {
      await sleep(this.#clock, this.#retryMs, signal);
      if (signal.aborted) break;
      if (!this.leading || (!(await this.#try(signal)) && this.#overthrown())) return 'lost';
    }
    return 'stopped';
  }

  #overthrown(): boolean {
    const holder = this.leader;
    return !this.leading || (holder !== undefined && holder !== this.#options.identity);
  }

  /** Whether this process holds the lease now. Failures only count as no. */
  async #try(signal: AbortSignal): Promise<boolean> {
    const { client, lease, log } = this.#options;
    const sentAt = this.#clock.monotonic();
    // A request that takes longer than a term could only say yes when it is too late.
    const options = { signal, timeoutMs: Math.max(1_000, this.#renewMs / 2) };
    try {
      const live = await client.get(resources.Lease, lease, options).catch((error: unknown) => {
        if (isNotFound(error)) return undefined;
        throw error;
      });
      if (live !== undefined) {
        this.#look(live);
        if (!this.#isFree()) return false;
      }
      const next = this.#next(live);
      const written =
        live === undefined
          ? await client.create(resources.Lease, next, options)
          : await client.replace(resources.Lease, next, options);
      this.#seen = { lease: written, at: this.#clock.monotonic() };
      this.#renewedAt = sentAt;
      return true;
    } catch (error) {
      if (!signal.aborted) log.warn({ err: error }, 'the lease could not be read or renewed');
      return false;
    }
  }

  #look(lease: Live<Lease>): void {
    if (this.#seen?.lease.metadata.resourceVersion === lease.metadata.resourceVersion) return;
    this.#seen = { lease, at: this.#clock.monotonic() };
  }

  #isFree(): boolean {
    const { lease, at } = this.#seen!;
    const holder = holderOf(lease);
    if (holder === undefined || holder === this.#options.identity) return true;
    const lengthMs = (lease.spec?.leaseDurationSeconds ?? 0) * 1000 || this.#leaseMs;
    return this.#clock.monotonic() >= at + lengthMs;
  }

  #next(live: Live<Lease> | undefined): Lease {
    const { identity, lease } = this.#options;
    const now = isoMicros(this.#clock.now());
    const mine = live !== undefined && holderOf(live) === identity;
    return {
      ...(live ?? { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata: { ...lease } }),
      spec: {
        ...live?.spec,
        holderIdentity: identity,
        leaseDurationSeconds: Math.ceil(this.#leaseMs / 1000),
        acquireTime: mine ? (live.spec?.acquireTime ?? now) : now,
        renewTime: now,
        leaseTransitions: (live?.spec?.leaseTransitions ?? 0) + (mine || live === undefined ? 0 : 1),
      },
    };
  }

  /** Lets the next one lead without waiting. Failing is no harm: the lease runs out. */
  async #release(): Promise<void> {
    const { client, identity, log } = this.#options;
    const lease = this.#seen?.lease;
    if (lease === undefined || holderOf(lease) !== identity) return;
    const { holderIdentity: _holder, ...spec } = lease.spec!;
    try {
      const released = { ...lease, spec: { ...spec, leaseDurationSeconds: 1, renewTime: isoMicros(this.#clock.now()) } };
      this.#seen = { lease: await client.replace(resources.Lease, released, { timeoutMs: 2_000 }), at: this.#clock.monotonic() };
    } catch (error) {
      log.warn({ err: error }, 'the lease could not be released; the next leader waits until it has run out');
    }
  }

  #pause(): number {
    return this.#retryMs * (1 + (this.#options.random ?? Math.random)() * 0.2);
  }
}

function holderOf(lease: Live<Lease> | undefined): string | undefined {
  const holder = lease?.spec?.holderIdentity ?? '';
  return holder === '' ? undefined : holder;
}
