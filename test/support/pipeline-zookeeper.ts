import { lineage } from '../../common/zookeeper/paths.ts';
import type { ZkSession, ZkStat, ZkState } from '../../common/zookeeper/session.ts';
import { ZkError, type ZkReason } from '../../common/zookeeper/zk-error.ts';

interface Node {
  data: string;
  version: number;
}

/** The tree of an ensemble in memory, as far as the operator and simulated workers use it: no servers, no sessions that end. */
export class MemoryZookeeper {
  readonly #nodes = new Map<string, Node>();
  /** Whether it can be reached. */
  reachable = true;
  /** Asked before and after each write of the operator; a throw is what it gets. */
  fault: (when: 'before' | 'after', write: string) => void = () => undefined;
  /** Whether a write waits for a connection, which a session does for as long as it takes. */
  stalls: (write: string) => boolean = () => false;
  /** Told of each write that is done. */
  onWrite: (path: string, data: string | null) => void = () => undefined;
  /** Writes by the operator. */
  writes = 0;

  /** What the operator holds; only the requests that it makes are there. */
  session(): ZkSession {
    const state = (): ZkState =>
      this.reachable ? { kind: 'connected', server: 'memory:2181', sessionId: '1', timeoutMs: 20_000 } : { kind: 'suspended' };
    const session = {
      id: '1',
      get state() {
        return state();
      },
      get: (path: string) => this.#answer(() => ({ data: Buffer.from(this.#at(path).data), stat: this.#stat(path) })),
      exists: (path: string) => this.#answer(() => (this.#nodes.has(path) ? this.#stat(path) : null)),
      children: (path: string) => this.#answer(() => (this.#at(path), this.children(path))),
      ensurePath: (path: string) => this.#answer(() => this.ensurePath(path)),
      create: (path: string, data = '') => this.#write(`create ${path}`, () => this.create(path, data)),
      set: (path: string, data: string, version = -1) => this.#write(`set ${path}`, () => this.set(path, data, version)),
      adopt: () => this.#answer(() => undefined),
      deleteSurely: (path: string) => this.#write(`delete ${path}`, () => this.remove(path)),
    };
    return session as unknown as ZkSession;
  }

  text(path: string): string | null {
    return this.#nodes.get(path)?.data ?? null;
  }

  children(path: string): string[] {
    const prefix = `${path}/`;
    return [...this.#nodes.keys()]
      .filter((each) => each.startsWith(prefix) && !each.slice(prefix.length).includes('/'))
      .map((each) => each.slice(prefix.length));
  }

  paths(): string[] {
    return [...this.#nodes.keys()].sort();
  }

  ensurePath(path: string): void {
    for (const part of lineage(path)) if (!this.#nodes.has(part)) this.#nodes.set(part, { data: '', version: 0 });
  }

  create(path: string, data: string): void {
    if (this.#nodes.has(path)) throw failure('node-exists', path);
    if (!this.#nodes.has(path.slice(0, path.lastIndexOf('/')))) throw failure('no-node', path);
    this.#nodes.set(path, { data, version: 0 });
    this.onWrite(path, data);
  }

  set(path: string, data: string, version = -1): void {
    const node = this.#at(path);
    if (version >= 0 && version !== node.version) throw failure('bad-version', path);
    node.data = data;
    node.version++;
    this.onWrite(path, data);
  }

  /** No error where there is none. @throws ZkError not-empty */
  remove(path: string): void {
    if (this.children(path).length > 0) throw failure('not-empty', path);
    if (this.#nodes.delete(path)) this.onWrite(path, null);
  }

  #at(path: string): Node {
    const node = this.#nodes.get(path);
    if (node === undefined) throw failure('no-node', path);
    return node;
  }

  #stat(path: string): ZkStat {
    return { version: this.#at(path).version } as ZkStat;
  }

  async #answer<T>(request: () => T): Promise<T> {
    await Promise.resolve();
    if (!this.reachable) throw failure('connection-loss', '');
    return request();
  }

  async #write<T>(what: string, request: () => T): Promise<T> {
    await Promise.resolve();
    if (!this.reachable) throw failure('connection-loss', what);
    if (this.stalls(what)) await new Promise<never>(() => undefined);
    this.writes++;
    this.fault('before', what);
    const answer = request();
    this.fault('after', what);
    return answer;
  }
}

function failure(reason: ZkReason, path: string): ZkError {
  return new ZkError(reason, 'request', path);
}
