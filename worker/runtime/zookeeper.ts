import { ZkClient } from '../../common/zookeeper/client.ts';

export interface ZookeeperOptions {
  /** Connect string, nearest server first. */
  readonly servers: string;
  readonly timeoutMs: number;
  /** `user:password`, under which this process is known there; none: access lists let everybody in. */
  readonly digestAuth?: string | undefined;
}

/**
 * The one place where this plane connects to ZooKeeper, for leading, for serving an instance and for looking at it: whatever a
 * connection needs beside the hosts belongs into these options.
 * @throws LockkeeperError LK1003 if the connect string is invalid
 */
export function openZookeeper({ servers, timeoutMs, digestAuth }: ZookeeperOptions): ZkClient {
  return new ZkClient({ servers, sessionTimeoutMs: timeoutMs, ...(digestAuth === undefined ? {} : { digestAuth }) });
}
