import type { Objects } from './objects.ts';

const ESTABLISHED = '01';

/** The IPv4 addresses to whose `port` a pod has a connection open. */
export async function connectedTo(objects: Objects, pod: string, port: number): Promise<string[]> {
  const table = await objects.kubectl(['exec', pod, '--', 'cat', '/proc/net/tcp', '/proc/net/tcp6']);
  return remotesOf(table, port);
}

/** From the kernel's tables of sockets, in which each four bytes of an address stand in the machine's (little-endian) order. */
export function remotesOf(table: string, port: number): string[] {
  const remotes = table.split('\n').flatMap((line) => {
    const [, , remote = '', state] = line.trim().split(/\s+/);
    const [address = '', hexPort = ''] = remote.split(':');
    if (state !== ESTABLISHED || Number.parseInt(hexPort, 16) !== port) return [];
    const last = address.slice(-8); // of an address in IPv6's form: the IPv4 address that it stands for
    return [[6, 4, 2, 0].map((at) => Number.parseInt(last.slice(at, at + 2), 16)).join('.')];
  });
  return [...new Set(remotes)].sort();
}
