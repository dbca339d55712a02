import type { ZkAcl } from '../../common/zookeeper/acl.ts';
import { lineage } from '../../common/zookeeper/paths.ts';
import type { ZkSession } from '../../common/zookeeper/session.ts';
import { ZkError } from '../../common/zookeeper/zk-error.ts';

interface Node {
  data: string;
  version: number;
  readonly ephemeral: boolean;
}

/** What befalls a write: it does not arrive, or its answer does not. */
export type ZkFault = 'lose' | 'lose answer' | undefined;

type Requests = Pick<
  ZkSession,
  'get' | 'set' | 'create' | 'delete' | 'exists' | 'children' | 'ensurePath' | 'deleteSurely' | 'setAcl' | 'adopt'
>;

/** Znodes in memory, for tests of what is done with them: paths, versions and refusals are ZooKeeper's, sessions and watches are not here. */
export class MemoryZookeeper {
  readonly #nodes = new Map<string, Node>();
  readonly #listeners = new Set<(path: string) => void>();
  /** Writes that were done. */
  writes = 0;
  isDown = false;

  get paths(): string[] {
    return [...this.#nodes.keys()].sort();
  }

  read(path: string): string | null {
    return this.#nodes.get(path)?.data ?? null;
  }

  childrenOf(path: string): string[] {
    const prefix = `${path}/`;
    return this.paths
      .filter((each) => each.startsWith(prefix) && !each.slice(prefix.length).includes('/'))
      .map((each) => each.slice(prefix.length));
  }

  /** As a worker does. The parents are made. */
  put(path: string, data: string, options: { readonly ephemeral?: boolean } = {}): void {
    if (this.read(path) === data) return;
    for (const each of lineage(path)) {
      if (!this.#nodes.has(each))
        this.#nodes.set(each, { data: '', version: 0, ephemeral: each === path && options.ephemeral === true });
    }
    const node = this.#nodes.get(path)!;
    node.data = data;
    node.version++;
    this.#tell(path);
  }

  drop(path: string): void {
    if (this.#nodes.delete(path)) this.#tell(path);
  }

  /** Called with the path of each znode that was made, changed or deleted. */
  onChange(listener: (path: string) => void): void {
    this.#listeners.add(listener);
  }

  /** @param fault asked before each write */
  session(fault: (operation: string, path: string) => ZkFault = () => undefined): ZkSession {
    const arrive = async (operation: string, path: string) => {
      await Promise.resolve();
      if (this.isDown) throw new ZkError('connection-loss', operation, path, { found: 'no connection' });
    };
    const write = async <T>(operation: string, path: string, change: () => T): Promise<T> => {
      await arrive(operation, path);
      const befalls = fault(operation, path);
      if (befalls === 'lose') throw new ZkError('connection-loss', operation, path);
      const result = change();
      this.writes++;
      this.#tell(path);
      if (befalls === 'lose answer') throw new ZkError('connection-loss', operation, path, { uncertain: true });
      return result;
    };
    const find = (operation: string, path: string): Node => {
      const node = this.#nodes.get(path);
      if (node === undefined) throw new ZkError('no-node', operation, path);
      return node;
    };
    const remove = (path: string, version: number) => {
      if (version >= 0 && find('delete', path).version !== version) throw new ZkError('bad-version', 'delete', path);
      if (this.childrenOf(path).length > 0) throw new ZkError('not-empty', 'delete', path);
      find('delete', path);
      this.#nodes.delete(path);
    };
    const requests: Requests = {
      get: async (path) => {
        await arrive('get', path);
        const { data, version } = find('get', path);
        return { data: Buffer.from(data), stat: statOf(version) };
      },
      exists: async (path) => {
        await arrive('exists', path);
        const node = this.#nodes.get(path);
        return node === undefined ? null : statOf(node.version);
      },
      children: async (path) => {
        await arrive('children', path);
        find('children', path);
        return this.childrenOf(path);
      },
      create: (path, data = '') =>
        write('create', path, () => {
          if (this.#nodes.has(path)) throw new ZkError('node-exists', 'create', path);
          find('create', path.slice(0, path.lastIndexOf('/')));
          this.#nodes.set(path, { data: data.toString(), version: 0, ephemeral: false });
          return path;
        }),
      set: (path, data, version = -1) =>
        write('set', path, () => {
          const node = find('set', path);
          if (version >= 0 && node.version !== version) throw new ZkError('bad-version', 'set', path);
          node.data = data.toString();
          return statOf(++node.version);
        }),
      delete: (path, version = -1) => write('delete', path, () => remove(path, version)),
      deleteSurely: async (path) => {
        if (!this.#nodes.has(path)) return arrive('delete', path);
        return write('delete', path, () => remove(path, -1));
      },
      ensurePath: async (path) => {
        for (const each of lineage(path)) {
          if (this.#nodes.has(each)) continue;
          await write('create', each, () => this.#nodes.set(each, { data: '', version: 0, ephemeral: false }));
        }
        await arrive('exists', path);
      },
      adopt: (path) => arrive('setAcl', path),
      setAcl: (path: string, _acl: readonly ZkAcl[]) => arrive('setAcl', path),
    };
    return requests as ZkSession;
  }

  #tell(path: string): void {
    for (const listener of this.#listeners) listener(path);
  }
}

function statOf(version: number): NonNullable<Awaited<ReturnType<ZkSession['exists']>>> {
  return { version, aversion: 1 } as NonNullable<Awaited<ReturnType<ZkSession['exists']>>>;
}
