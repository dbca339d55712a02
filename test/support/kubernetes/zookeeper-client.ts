import type { Objects } from './objects.ts';

/** Writes one node after the other under /e2e and prints those that the ensemble has acknowledged. */
const writing = `
  import { ZkClient } from '/opt/lockkeeper/common/zookeeper/client.ts';
  const { session } = new ZkClient({ servers: process.env.SERVERS, requestWaitMs: 60_000 });
  const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
  for (let n = 0; ; n++) {
    try {
      await session.ensurePath('/e2e');
      await session.create('/e2e/n' + n, '');
      console.log(n, Date.now());
    } catch (error) {
      console.error(String(error));
      await pause(50);
    }
    await pause(20);
  }
`;

const reading = `
  import { ZkSession } from '/opt/lockkeeper/common/zookeeper/session.ts';
  const session = new ZkSession({ servers: process.argv[1] });
  await session.whenConnected(20_000);
  await session.sync('/e2e');
  console.log(JSON.stringify(await session.children('/e2e')));
  process.exit(0);
`;

export interface Written {
  readonly acknowledged: number;
  /** Acknowledged, but not there. */
  readonly missing: readonly string[];
  /** Longest time without an acknowledged write. */
  readonly longestGapSeconds: number;
}

/** A client of an ensemble in a pod of its own, which writes for as long as it lives. */
export class ZookeeperClient {
  readonly #objects: Objects;
  readonly #servers: string;

  private constructor(objects: Objects, servers: string) {
    this.#objects = objects;
    this.#servers = servers;
  }

  static async start(objects: Objects, image: string, servers: string): Promise<ZookeeperClient> {
    await objects.apply({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'zookeeper-client', namespace: objects.namespace },
      spec: {
        terminationGracePeriodSeconds: 1,
        nodeSelector: { 'topology.kubernetes.io/region': 'home' },
        containers: [
          {
            name: 'client',
            image,
            command: ['node', '--input-type=module', '--eval', writing],
            env: [{ name: 'SERVERS', value: servers }],
          },
        ],
      },
    });
    await objects.until('pod', 'zookeeper-client', ({ status }) => status?.phase === 'Running');
    return new ZookeeperClient(objects, servers);
  }

  /** What was acknowledged so far, and what of it the ensemble has. */
  async look(): Promise<Written> {
    const log = await this.#objects.kubectl(['logs', 'zookeeper-client']);
    const lines = [...log.matchAll(/^(\d+) (\d+)$/gm)].map(([, n, at]) => ({ name: `n${n}`, at: Number(at) }));
    const gaps = lines.map(({ at }, i) => at - (lines[i - 1]?.at ?? at));
    const read = ['exec', 'zookeeper-client', '--', 'node', '--input-type=module', '--eval', reading, this.#servers];
    const there = new Set(JSON.parse(await this.#objects.kubectl(read)) as string[]);
    return {
      acknowledged: lines.length,
      missing: lines.map(({ name }) => name).filter((name) => !there.has(name)),
      longestGapSeconds: Math.max(0, ...gaps) / 1000,
    };
  }

  async stop(): Promise<void> {
    await this.#objects.kubectl(['delete', 'pod', 'zookeeper-client', '--timeout=60s']);
  }
}
