import { sleep, systemClock, type Clock } from './clock.ts';
import { KubeError, errorFromAnswer } from './errors.ts';
import type { Attempted } from './metrics.ts';
import { unlimited, type RateLimiter } from './rate-limit.ts';
import { DEFAULT_RETRY, retryDelay, type RetryPolicy } from './retry.ts';
import {
  TransportError,
  type Transport,
  type TransportAnswer,
  type TransportRequest,
  type TransportStream,
} from './transport.ts';

export interface ClientOptions {
  readonly limiter?: RateLimiter;
  readonly retry?: RetryPolicy;
  readonly clock?: Clock;
  /** From 0 to 1, exclusively. */
  readonly random?: () => number;
  readonly timeoutMs?: number;
  /** Whether writes are allowed at this moment: a process that lost leadership while it slept must not go on writing. */
  readonly mayWrite?: () => boolean;
  /** Told of each attempt; code 0 had no answer. */
  readonly onAttempt?: (attempt: Attempted) => void;
}

/** Sends requests, each in its turn, and again where that can do no harm and may help. */
export class RequestSender {
  readonly #transport: Transport;
  readonly #limiter: RateLimiter;
  readonly #retry: RetryPolicy;
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #timeoutMs: number;
  readonly #mayWrite: () => boolean;
  readonly #onAttempt: (attempt: Attempted) => void;

  constructor(transport: Transport, options: ClientOptions) {
    this.#transport = transport;
    this.#limiter = options.limiter ?? unlimited;
    this.#retry = options.retry ?? DEFAULT_RETRY;
    this.#clock = options.clock ?? systemClock;
    this.#random = options.random ?? Math.random;
    this.#timeoutMs = options.timeoutMs ?? 30_000;
    this.#mayWrite = options.mayWrite ?? (() => true);
    this.#onAttempt = options.onAttempt ?? (() => undefined);
  }

  /**
   * The body of the answer. `action` as in "apply StatefulSet shop/main"; `repeatable`: doing it twice is as good as once.
   * @throws KubeError, or the reason of the request's signal
   */
  async send(action: string, request: TransportRequest, repeatable: boolean): Promise<unknown> {
    for (let attempt = 1; ; attempt++) {
      await this.#limiter.take(request.signal);
      request.signal?.throwIfAborted();
      if (request.method !== 'GET' && !this.#mayWrite()) {
        throw new KubeError(action, 0, 'NotLeading', 'not sent, since this process does not lead');
      }
      const startedAt = this.#clock.monotonic();
      const outcome = await this.#attempt(action, request);
      const [verb = '', kind = ''] = action.split(' ');
      const code = outcome.kind === 'answer' ? outcome.status : outcome.error.status;
      this.#onAttempt({ verb, kind, code, milliseconds: this.#clock.monotonic() - startedAt });
      if (outcome.kind === 'answer') return outcome.body;
      const delay = retryDelay(this.#retry, attempt, outcome.error, repeatable || outcome.notDone, this.#random());
      if (delay === null) throw outcome.error;
      await sleep(this.#clock, delay, request.signal);
    }
  }

  /** Opens a stream, in one attempt. @throws KubeError, TransportError, or the reason of the request's signal */
  async stream(action: string, request: TransportRequest): Promise<AsyncIterable<unknown>> {
    await this.#limiter.take(request.signal);
    const stream: TransportStream = await this.#transport.stream({ timeoutMs: this.#timeoutMs, ...request });
    if (stream.kind === 'open') return stream.lines;
    throw errorFromAnswer(action, stream.answer.status, stream.answer.body, stream.answer.retryAfterMs);
  }

  async #attempt(action: string, request: TransportRequest): Promise<Attempt> {
    let answer: TransportAnswer;
    try {
      answer = await this.#transport.send({ ...request, timeoutMs: request.timeoutMs ?? this.#timeoutMs });
    } catch (error) {
      if (!(error instanceof TransportError)) throw error;
      const reason = error.kind === 'Timeout' ? 'Timeout' : 'Unreachable';
      return {
        kind: 'failed',
        error: new KubeError(action, 0, reason, error.message, { cause: error }),
        notDone: error.kind === 'Refused',
      };
    }
    if (answer.status >= 200 && answer.status < 300) return { kind: 'answer', status: answer.status, body: answer.body };
    const error = errorFromAnswer(action, answer.status, answer.body, answer.retryAfterMs);
    return { kind: 'failed', error, notDone: answer.status === 429 };
  }
}

type Attempt =
  | { readonly kind: 'answer'; readonly status: number; readonly body: unknown }
  /** `notDone`: the server certainly did nothing. */
  | { readonly kind: 'failed'; readonly error: KubeError; readonly notDone: boolean };
