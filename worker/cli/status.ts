import { LockkeeperError } from '../../common/errors.ts';
import { readDigestCredentials } from '../../common/zookeeper/digest-credentials.ts';
import { openZookeeper } from '../runtime/zookeeper.ts';
import { readInstances } from './instance-view.ts';
import { judge, renderInstances } from './instance-table.ts';

export interface StatusOptions {
  /** `host:port,...`, nearest first. */
  readonly zookeeper: string;
  /** Holds `user:password`; none: LOCKKEEPER_ZOOKEEPER_AUTH, if that is set. */
  readonly zookeeperAuthFile?: string;
  readonly namespace?: string;
  readonly instance?: string;
  readonly output: 'text' | 'json';
}

const TIMEOUT_MS = 6_000;
const CONNECT_MS = 10_000;

/**
 * `lockkeeper status`: how pipelines do, as ZooKeeper knows it. Resolves to the exit code: 0 when all is well, 1 when something
 * needs a person. Throws LK1701 where ZooKeeper cannot be reached, LK1005 where what was asked for is not there.
 */
export async function status(options: StatusOptions): Promise<number> {
  const digestAuth = readDigestCredentials(options.zookeeperAuthFile, process.env);
  const client = openZookeeper({ servers: options.zookeeper, timeoutMs: TIMEOUT_MS, digestAuth });
  try {
    await client.session.whenConnected(CONNECT_MS);
    const wanted = ({ namespace, instance }: { namespace: string; instance: string }) =>
      (options.namespace ?? namespace) === namespace && (options.instance ?? instance) === instance;
    const instances = await readInstances(client.session, wanted);
    if (instances.length === 0 && (options.instance !== undefined || options.namespace !== undefined)) {
      const all = (await readInstances(client.session, () => true)).map((each) => `${each.namespace}/${each.instance}`);
      throw new LockkeeperError(
        'LK1005',
        `no CanalInstance ${options.namespace ?? '*'}/${options.instance ?? '*'} in ZooKeeper`,
        {
          found: all.length === 0 ? 'none at all' : all.join(', '),
          remedy:
            'Correct --namespace and --instance, or look whether the operator runs: it writes an instance as soon as it is applied.',
        },
      );
    }
    const judged = instances.map((instance) => ({ ...instance, problems: judge(instance, Date.now()) }));
    process.stdout.write(
      options.output === 'json' ? `${JSON.stringify(judged, null, 2)}\n` : `${renderInstances(judged).join('\n')}\n`,
    );
    return judged.some(({ problems }) => problems.some(({ severity }) => severity === 'error')) ? 1 : 0;
  } finally {
    await client.close();
  }
}
