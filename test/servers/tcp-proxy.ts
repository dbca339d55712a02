import { connect, createServer, type Server, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from './process.ts';

type State = 'open' | 'cut' | 'frozen' | 'stalled';

/** How many bytes may wait in one direction before the sender is held back. */
const queueLimit = 1 << 20;

/**
 * A line between a client and a server that can be cut, frozen, stalled, delayed and narrowed.
 *
 *     await using proxy = await TcpProxy.start({ host: server.host, port: server.port });
 *     const connection = await server.connect({ host: proxy.host, port: proxy.port });
 *     await proxy.cut();
 */
export class TcpProxy {
  readonly host = '127.0.0.1';
  readonly port: number;
  readonly #target: { host: string; port: number };
  readonly #links = new Set<Link>();
  #server: Server | undefined;
  #state: State = 'open';
  #delayMs = 0;
  #bytesPerSecond = Infinity;

  private constructor(port: number, target: { host: string; port: number }) {
    this.port = port;
    this.#target = target;
  }

  static async start(target: { host: string; port: number }): Promise<TcpProxy> {
    const proxy = new TcpProxy(await freePort(), target);
    await proxy.#listen();
    return proxy;
  }

  /** Connections now open through the proxy. */
  get connections(): number {
    return this.#links.size;
  }

  /** Closes all connections and refuses new ones, as a server's machine does when the server is down. */
  async cut(): Promise<void> {
    this.#state = 'cut';
    const server = this.#server;
    this.#server = undefined;
    const closed = server && new Promise((resolve) => server.close(resolve));
    this.closeConnections();
    await closed;
  }

  /**
   * Half open: connections stand and new ones are accepted, but every byte is lost and no close gets through.
   * These connections have holes then, so `restore` closes them.
   */
  freeze(): void {
    this.#state = 'frozen';
  }

  /** Holds every byte back; `restore` delivers them, as TCP does after a network cut shorter than its retries. */
  stall(): void {
    this.#state = 'stalled';
  }

  /** Ends cut, freeze and stall. Delay and bandwidth stay. */
  async restore(): Promise<void> {
    const before = this.#state;
    this.#state = 'open';
    if (before === 'frozen') this.closeConnections();
    if (!this.#server) await this.#listen();
    for (const link of this.#links) link.flush();
  }

  /** Adds so many milliseconds to each direction; 0 for none. */
  delay(milliseconds: number): void {
    this.#delayMs = milliseconds;
  }

  /** Limits each direction of each connection; Infinity for no limit. */
  bandwidth(bytesPerSecond: number): void {
    this.#bytesPerSecond = bytesPerSecond;
  }

  /** Closes the connections of the moment with a reset; new ones are accepted. */
  closeConnections(): void {
    for (const link of this.#links) link.destroy();
  }

  async stop(): Promise<void> {
    await this.cut();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.cut();
  }

  #listen(): Promise<void> {
    const server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => this.#accept(client));
    this.#server = server;
    return new Promise((resolve, reject) => {
      server.once('error', reject);
      server.listen(this.port, this.host, resolve);
    });
  }

  #accept(client: Socket): void {
    const target = connect({ ...this.#target, allowHalfOpen: true, noDelay: true });
    const line: Line = {
      state: () => this.#state,
      delayMs: () => this.#delayMs,
      bytesPerSecond: () => this.#bytesPerSecond,
    };
    const link = new Link(client, target, line, () => this.#links.delete(link));
    this.#links.add(link);
  }
}

interface Line {
  state(): State;
  delayMs(): number;
  bytesPerSecond(): number;
}

/** One connection: two directions and their common end. */
class Link {
  readonly #client: Socket;
  readonly #target: Socket;
  readonly #directions: [Direction, Direction];
  readonly #onEnd: () => void;

  constructor(client: Socket, target: Socket, line: Line, onEnd: () => void) {
    this.#client = client;
    this.#target = target;
    this.#onEnd = onEnd;
    const broken = () => {
      // A frozen line hides even a reset.
      if (line.state() === 'open') this.destroy();
    };
    for (const socket of [client, target]) {
      socket.on('error', broken);
      socket.on('close', () => {
        if (client.destroyed && target.destroyed) this.destroy();
      });
    }
    this.#directions = [new Direction(client, target, line), new Direction(target, client, line)];
  }

  flush(): void {
    if (this.#client.errored ?? this.#target.errored) this.destroy();
    for (const direction of this.#directions) direction.wake();
  }

  destroy(): void {
    for (const direction of this.#directions) direction.close();
    for (const socket of [this.#client, this.#target]) if (!socket.destroyed) socket.resetAndDestroy();
    this.#onEnd();
  }
}

interface Piece {
  bytes: Buffer | 'end';
  arrivedAt: number;
}

/** Carries the bytes of one direction in order, each not before its time. */
class Direction {
  readonly #from: Socket;
  readonly #to: Socket;
  readonly #line: Line;
  readonly #queue: Piece[] = [];
  #queuedBytes = 0;
  #closed = false;
  #wake: () => void = () => {};

  constructor(from: Socket, to: Socket, line: Line) {
    this.#from = from;
    this.#to = to;
    this.#line = line;
    from.on('data', (bytes: Buffer) => this.#arrive(bytes));
    from.on('end', () => this.#arrive('end'));
    void this.#carry();
  }

  /** Looks again whether something may move. */
  wake(): void {
    this.#wake();
  }

  close(): void {
    this.#closed = true;
    this.#wake();
  }

  #arrive(bytes: Buffer | 'end'): void {
    if (this.#line.state() === 'frozen') return;
    this.#queue.push({ bytes, arrivedAt: performance.now() });
    this.#queuedBytes += bytes.length;
    if (this.#queuedBytes > queueLimit) this.#from.pause();
    this.#wake();
  }

  async #carry(): Promise<void> {
    while (!this.#closed) {
      const piece = this.#queue[0];
      if (!piece || this.#line.state() === 'stalled') {
        await new Promise<void>((resolve) => (this.#wake = resolve));
        continue;
      }
      const wait = piece.arrivedAt + this.#line.delayMs() - performance.now();
      if (wait > 0) {
        await sleep(wait);
        continue;
      }
      this.#queue.shift();
      this.#queuedBytes -= piece.bytes.length;
      if (this.#line.state() !== 'frozen') await this.#deliver(piece.bytes);
      if (this.#queuedBytes <= queueLimit) this.#from.resume();
    }
  }

  async #deliver(bytes: Buffer | 'end'): Promise<void> {
    if (this.#to.destroyed) return;
    if (bytes === 'end') {
      this.#to.end();
      return;
    }
    const pace = this.#line.bytesPerSecond();
    if (pace !== Infinity) await sleep((bytes.length / pace) * 1000);
    if (!this.#to.write(bytes)) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
        this.#to.once('drain', resolve);
        this.#to.once('close', resolve);
      });
    }
  }
}
