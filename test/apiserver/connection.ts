import type { Transport, TransportAnswer, TransportRequest, TransportStream } from '../../operator/kube/transport.ts';
import { sleep } from '../../operator/kube/clock.ts';
import { TransportError } from '../../operator/kube/transport.ts';
import type { ApiServer } from './api-server.ts';
import { Refusal } from './status.ts';
import { WatchStream } from './watch-stream.ts';

export interface SeenRequest {
  /** From 1, among all of this connection. */
  readonly number: number;
  /** From 1, among its writes; 0 for a read. */
  readonly writeNumber: number;
  readonly method: TransportRequest['method'];
  readonly path: string;
  readonly contentType: string | undefined;
  readonly watch: boolean;
}

/** A write that changed something. */
export interface DoneWrite {
  readonly verb: 'create' | 'update' | 'delete';
  readonly path: string;
  readonly revision: number;
}

/** What befalls a request. */
export type Fault =
  /** Refused with this status, and not done. */
  | { readonly kind: 'refuse'; readonly status: number; readonly reason?: string; readonly retryAfterSeconds?: number }
  /** The connection breaks before the server gets it. */
  | { readonly kind: 'lose' }
  /** It is done, and then the connection breaks. */
  | { readonly kind: 'lose answer' }
  /** It is done, and the answer takes its time. */
  | { readonly kind: 'answer late'; readonly milliseconds: number }
  /** Nothing happens until the client gives up. */
  | { readonly kind: 'hang' };

/**
 * One client's way to the server, without sockets: the operator's transport in tests. Each operator has its own, which can be made
 * faulty, late, or dead, without the others noticing. Answers are the server's own objects, frozen.
 */
export class Connection implements Transport {
  readonly #server: ApiServer;
  readonly #streams = new Set<WatchStream>();
  readonly requests: SeenRequest[] = [];
  readonly writes: DoneWrite[] = [];
  /** Asked for each request; undefined: it goes well. */
  fault: (request: SeenRequest) => Fault | undefined = () => undefined;
  /** Told of each write that changed something, before its answer is sent. */
  onWrite: (write: DoneWrite) => void = () => undefined;
  #dead = false;
  #writeRequests = 0;
  /** What lists and watches show; undefined: the newest. */
  #view: (() => number) | undefined;

  constructor(server: ApiServer) {
    this.#server = server;
  }

  /** The number of write requests that reached the server, whether or not they changed anything. */
  get writeRequests(): number {
    return this.#writeRequests;
  }

  get dead(): boolean {
    return this.#dead;
  }

  /** As if the process behind it had died: what is under way is never answered. */
  sever(): void {
    this.#dead = true;
    this.cutWatches();
  }

  /** Dies once write number `count` has changed something; the write stays done. */
  crashAfterWrite(count: number): void {
    this.onWrite = () => {
      if (this.writes.length >= count) this.sever();
    };
  }

  /** Breaks all open watches. */
  cutWatches(): void {
    for (const stream of [...this.#streams]) stream.end(broken());
  }

  /** Ends all open watches as the server does from time to time. */
  endWatches(): void {
    for (const stream of [...this.#streams]) stream.end();
  }

  /** Lists and watches show the past up to `revision`, as from a server that lags; single reads and writes are not late. */
  freezeAt(revision: number): void {
    this.#view = () => revision;
  }

  /** Lists and watches run behind by this many changes. */
  lagBy(changes: number): void {
    this.#view = () => Math.max(0, this.#server.store.revision - changes);
    this.#server.pump();
  }

  /** Ends `freezeAt` and `lagBy`: watches get what they have missed. */
  catchUp(): void {
    this.#view = undefined;
    this.#server.pump();
  }

  async send(request: TransportRequest): Promise<TransportAnswer> {
    const fault = await this.#arrive(request);
    if (fault?.kind === 'refuse') return refusalOf(fault).answer;
    const { store } = this.#server;
    const revision = store.revision;
    const answer = this.#server.handle(request, this.#view?.() ?? revision);
    if (store.revision !== revision) {
      const verb = request.method === 'DELETE' ? 'delete' : answer.status === 201 ? 'create' : 'update';
      const write: DoneWrite = { verb, path: request.path, revision: store.revision };
      this.writes.push(write);
      this.onWrite(write);
    }
    // The answer is under way for a moment, in which others run.
    await Promise.resolve();
    if (fault?.kind === 'answer late') await this.#travel(request, fault.milliseconds);
    if (this.#dead || fault?.kind === 'lose answer') throw broken();
    return answer;
  }

  async stream(request: TransportRequest): Promise<TransportStream> {
    const fault = await this.#arrive(request);
    if (fault?.kind === 'refuse') return { kind: 'refused', answer: refusalOf(fault).answer };
    if (fault?.kind === 'lose answer') throw broken();
    const opened = this.#server.watch(request, () => this.#view?.() ?? this.#server.store.revision);
    if (!(opened instanceof WatchStream)) return { kind: 'refused', answer: opened };
    this.#streams.add(opened);
    const abort = () => opened.end(request.signal?.reason);
    request.signal?.addEventListener('abort', abort, { once: true });
    const close = opened.onClose;
    opened.onClose = () => {
      this.#streams.delete(opened);
      request.signal?.removeEventListener('abort', abort);
      close();
    };
    return { kind: 'open', lines: opened };
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  /** The request's way to the server. */
  async #arrive(request: TransportRequest): Promise<Fault | undefined> {
    const isWrite = request.method !== 'GET';
    if (isWrite) this.#writeRequests++;
    const seen: SeenRequest = {
      number: this.requests.length + 1,
      writeNumber: isWrite ? this.#writeRequests : 0,
      method: request.method,
      path: request.path,
      contentType: request.contentType,
      watch: String(request.query?.watch) === 'true',
    };
    this.requests.push(seen);
    await Promise.resolve();
    request.signal?.throwIfAborted();
    if (this.#dead) throw broken();
    const fault = this.fault(seen);
    if (fault?.kind === 'lose') throw broken();
    if (fault?.kind === 'hang') await this.#hang(request);
    return fault;
  }

  /** Resolves after a while, if the client waits as long. */
  #travel(request: TransportRequest, milliseconds: number): Promise<void> {
    if (milliseconds >= (request.timeoutMs ?? Infinity)) return this.#hang(request);
    return sleep(this.#server.clock, milliseconds, request.signal).then(() => request.signal?.throwIfAborted());
  }

  #hang({ signal, timeoutMs }: TransportRequest): Promise<never> {
    return new Promise((_, reject) => {
      const fail = (error: unknown) => {
        cancel();
        signal?.removeEventListener('abort', abort);
        reject(error instanceof Error ? error : new Error(String(error)));
      };
      const abort = () => fail(signal?.reason);
      const late = () => fail(new TransportError('Timeout', 'no answer'));
      const cancel = timeoutMs === undefined ? () => undefined : this.#server.clock.after(timeoutMs, late);
      signal?.addEventListener('abort', abort, { once: true });
    });
  }
}

function broken(): TransportError {
  return new TransportError('Broken', 'socket hang up');
}

function refusalOf(fault: Extract<Fault, { kind: 'refuse' }>): Refusal {
  const { status, reason = 'InternalError', retryAfterSeconds } = fault;
  return new Refusal(status, reason, 'refused by the test', retryAfterSeconds === undefined ? {} : { retryAfterSeconds });
}
