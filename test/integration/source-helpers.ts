import type { MysqlEndpoint } from '../../common/mysql-endpoint.ts';
import { currentPosition } from '../../worker/source/current-position.ts';
import { withSession } from '../../worker/source/endpoint.ts';
import type { SourcePosition } from '../../worker/source/position.ts';
import type { DbServer } from '../servers/index.ts';

export function endpointOf(server: { host: string; port: number }, more: Partial<MysqlEndpoint> = {}): MysqlEndpoint {
  return { host: server.host, port: server.port, user: 'root', password: 'root', tls: { mode: 'Disabled', ca: null }, ...more };
}

export async function eventually(check: () => boolean | Promise<boolean>, what: string, seconds = 30): Promise<void> {
  const late = Date.now() + seconds * 1000;
  while (!(await check())) {
    if (Date.now() > late) throw new Error(`not within ${seconds} s: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

export const positionOf = (server: DbServer): Promise<SourcePosition> => withSession(endpointOf(server), currentPosition);

let serverId = 70_000;
/** An id that no other replica of the test has. */
export const nextServerId = (): number => ++serverId;
