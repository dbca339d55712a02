import { LockkeeperError } from '../errors.ts';

export interface ZkServer {
  readonly host: string;
  readonly port: number;
}

export const defaultClientPort = 2181;

/**
 * Reads `host[:port],host[:port]`, nearest first; an IPv6 address stands in brackets. The order is kept.
 *
 * @throws LockkeeperError LK1003 for an empty list, a bad port, or a path behind the hosts
 */
export function parseConnectString(text: string): ZkServer[] {
  if (text.includes('/')) {
    throw invalid(text, 'Leave out the path behind the hosts: Lockkeeper keeps everything under /lockkeeper.');
  }
  return text.split(',').map((part) => {
    const match = /^\s*(?:\[([0-9a-fA-F:.%\w]+)\]|([^\s:[\]]+))(?::(\d{1,5}))?\s*$/.exec(part);
    const host = match?.[1] ?? match?.[2];
    const port = match?.[3] === undefined ? defaultClientPort : Number(match[3]);
    if (host === undefined || port < 1 || port > 65_535) {
      throw invalid(part.trim() === '' ? text : part.trim(), 'Write host:port, several with commas between, nearest first.');
    }
    return { host, port };
  });
}

export function formatServer({ host, port }: ZkServer): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

function invalid(found: string, remedy: string): LockkeeperError {
  return new LockkeeperError('LK1003', 'invalid ZooKeeper connect string', { found, remedy, details: { field: 'zookeeper' } });
}
