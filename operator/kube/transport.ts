export interface TransportRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Without host and query. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string | number | boolean | undefined>> | undefined;
  /** Sent as JSON. */
  readonly body?: unknown;
  /** Media type of the body; application/json without. */
  readonly contentType?: string | undefined;
  /** Media type of the answer that is wanted; application/json without. */
  readonly accept?: string | undefined;
  /** Abandons the request, or ends the stream. */
  readonly signal?: AbortSignal | undefined;
  /** For the whole answer; for a stream until its headers. Milliseconds. */
  readonly timeoutMs?: number | undefined;
}

export interface TransportAnswer {
  readonly status: number;
  /** From Retry-After. */
  readonly retryAfterMs?: number | undefined;
  /** Parsed JSON, or text where the answer was none. */
  readonly body: unknown;
}

export type TransportStream =
  | { readonly kind: 'refused'; readonly answer: TransportAnswer }
  /** Parsed JSON of each line; ends when the server closes, throws TransportError when the connection breaks. */
  | { readonly kind: 'open'; readonly lines: AsyncIterable<unknown> };

/** One attempt at a request. Any HTTP status is an answer; retries and errors are the client's. */
export interface Transport {
  /** @throws TransportError when no whole answer came; the signal's reason when it aborted */
  send(request: TransportRequest): Promise<TransportAnswer>;
  /** @throws as `send` */
  stream(request: TransportRequest): Promise<TransportStream>;
  /** Closes idle connections. */
  close(): Promise<void>;
}

/** No whole answer came. */
export class TransportError extends Error {
  /** `Refused`: the request never reached a server, so it was certainly not done. */
  readonly kind: 'Refused' | 'Broken' | 'Timeout';

  constructor(kind: TransportError['kind'], message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = 'TransportError';
    this.kind = kind;
  }
}
