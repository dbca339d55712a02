import type { LockkeeperError } from '../../common/errors.ts';
import type { MysqlEndpoint } from '../../common/mysql-endpoint.ts';
import { withSession, type SourceSession } from '../source/endpoint.ts';
import type { SourceEndpoints } from './secrets.ts';

/**
 * Runs `work` at the master, or at the standby when the master cannot be reached. Rejects with the master's error, or with LK1102 when
 * `signal` aborts.
 */
export async function withAnySource<T>(
  sources: SourceEndpoints,
  work: (session: SourceSession, endpoint: MysqlEndpoint) => Promise<T>,
  signal?: AbortSignal,
): Promise<T> {
  try {
    return await withSession(sources.master, (session) => work(session, sources.master), signal);
  } catch (error) {
    const { standby } = sources;
    if (standby === null || signal?.aborted || (error as LockkeeperError).code !== 'LK1102') throw error;
    return withSession(standby, (session) => work(session, standby), signal).catch(() => {
      throw error;
    });
  }
}
