import http from 'node:http';
import https from 'node:https';
import { isDeepStrictEqual } from 'node:util';
import { messageOf } from '../../common/errors.ts';
import type { Credentials, ServerAccess, TlsOptions } from './access.ts';
import { jsonLines } from './json-lines.ts';
import {
  TransportError,
  type Transport,
  type TransportAnswer,
  type TransportRequest,
  type TransportStream,
} from './transport.ts';

const USER_AGENT = 'lockkeeper-operator';
/** Errors of connecting: no byte of the request has left. */
const REFUSED = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ERR_TLS_CERT_ALTNAME_INVALID',
]);

/**
 * HTTP/1.1 with one pool of connections for all requests, as long as CA and certificate stay what they are. (client-node makes a
 * connection for each call.) Each watch takes a connection of its own.
 */
export class HttpTransport implements Transport {
  readonly #access: ServerAccess;
  readonly #base: URL;
  #pool: { readonly tls: TlsOptions; readonly agent: http.Agent } | undefined;

  constructor(access: ServerAccess) {
    this.#access = access;
    this.#base = new URL(access.server);
  }

  async send(request: TransportRequest): Promise<TransportAnswer> {
    const answer = await this.#send(request, await this.#access.credentials());
    // A token that expired while it was kept in memory: the file has a newer one.
    return answer.status === 401 ? this.#send(request, await this.#access.credentials(true)) : answer;
  }

  async stream(request: TransportRequest): Promise<TransportStream> {
    const limit = new Limit(request);
    try {
      let response = await this.#open(request, await this.#access.credentials(), limit);
      if (response.statusCode === 401) {
        response.resume();
        response = await this.#open(request, await this.#access.credentials(true), limit);
      }
      if (response.statusCode !== 200) {
        return { kind: 'refused', answer: await readAnswer(response) };
      }
      limit.stopTimer();
      return { kind: 'open', lines: linesOf(response, limit) };
    } catch (error) {
      limit.end();
      throw limit.translate(error);
    }
  }

  close(): Promise<void> {
    if (this.#pool !== undefined) closeIdle(this.#pool.agent);
    this.#pool = undefined;
    return Promise.resolve();
  }

  async #send(request: TransportRequest, credentials: Credentials): Promise<TransportAnswer> {
    const limit = new Limit(request);
    try {
      return await readAnswer(await this.#open(request, credentials, limit));
    } catch (error) {
      throw limit.translate(error);
    } finally {
      limit.end();
    }
  }

  #open(request: TransportRequest, credentials: Credentials, limit: Limit): Promise<http.IncomingMessage> {
    const url = new URL(this.#base.pathname.replace(/\/$/, '') + request.path, this.#base);
    for (const [name, value] of Object.entries(request.query ?? {})) {
      if (value !== undefined) url.searchParams.set(name, String(value));
    }
    const body = request.body === undefined ? undefined : Buffer.from(JSON.stringify(request.body));
    const { request: start } = url.protocol === 'https:' ? https : http;
    return new Promise((resolve, reject) => {
      const outgoing = start(
        url,
        {
          method: request.method,
          agent: credentials.agent ?? this.#agent(credentials.tls),
          headers: {
            accept: request.accept ?? 'application/json',
            'user-agent': USER_AGENT,
            ...(body === undefined
              ? {}
              : { 'content-type': request.contentType ?? 'application/json', 'content-length': body.length }),
            ...credentials.headers,
          },
          signal: limit.signal,
        },
        resolve,
      );
      outgoing.on('error', reject);
      outgoing.end(body);
    });
  }

  #agent(tls: TlsOptions): http.Agent {
    if (this.#pool !== undefined && isDeepStrictEqual(this.#pool.tls, tls)) return this.#pool.agent;
    // Requests under way finish on their connections; idle ones would hold the old certificate.
    if (this.#pool !== undefined) closeIdle(this.#pool.agent);
    const options = { keepAlive: true, keepAliveMsecs: 30_000, scheduling: 'lifo' } as const;
    const agent = this.#base.protocol === 'https:' ? new https.Agent({ ...options, ...tls }) : new http.Agent(options);
    this.#pool = { tls, agent };
    return agent;
  }
}

/** The caller's signal and the time limit of one request, as one signal; knows afterwards which of them it was. */
class Limit {
  readonly #abort = new AbortController();
  readonly #outer: AbortSignal | undefined;
  readonly #onAbort = () => this.#abort.abort();
  readonly #timeoutMs: number | undefined;
  #timer: NodeJS.Timeout | undefined;
  #late = false;

  constructor({ signal, timeoutMs }: TransportRequest) {
    signal?.throwIfAborted();
    this.#outer = signal;
    this.#timeoutMs = timeoutMs;
    signal?.addEventListener('abort', this.#onAbort, { once: true });
    if (timeoutMs !== undefined) {
      this.#timer = setTimeout(() => {
        this.#late = true;
        this.#abort.abort();
      }, timeoutMs);
    }
  }

  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  stopTimer(): void {
    clearTimeout(this.#timer);
  }

  end(): void {
    this.stopTimer();
    this.#outer?.removeEventListener('abort', this.#onAbort);
  }

  /** What to throw in place of what was caught. */
  translate(error: unknown): unknown {
    if (this.#outer?.aborted === true) return this.#outer.reason;
    if (this.#late) return new TransportError('Timeout', `no answer within ${(this.#timeoutMs ?? 0) / 1000} s`);
    if (error instanceof SyntaxError) return new TransportError('Broken', `the answer is no JSON: ${error.message}`, error);
    if (!(error instanceof Error) || !('code' in error)) return error;
    const refused = typeof error.code === 'string' && REFUSED.has(error.code);
    return new TransportError(refused ? 'Refused' : 'Broken', messageOf(error), error);
  }
}

async function readAnswer(response: http.IncomingMessage): Promise<TransportAnswer> {
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  const text = Buffer.concat(chunks).toString('utf8');
  const retryAfter = Number(response.headers['retry-after'] ?? NaN);
  const json = (response.headers['content-type'] ?? '').includes('json');
  return {
    status: response.statusCode ?? 0,
    retryAfterMs: Number.isFinite(retryAfter) ? retryAfter * 1000 : undefined,
    body: json && text !== '' ? (JSON.parse(text) as unknown) : text,
  };
}

async function* linesOf(response: http.IncomingMessage, limit: Limit): AsyncGenerator<unknown> {
  response.setEncoding('utf8');
  try {
    yield* jsonLines(response as AsyncIterable<string>);
  } catch (error) {
    throw limit.translate(error);
  } finally {
    response.destroy();
    limit.end();
  }
}

function closeIdle(agent: http.Agent): void {
  for (const sockets of Object.values(agent.freeSockets)) for (const socket of sockets ?? []) socket.destroy();
}
