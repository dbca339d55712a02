import { nameOf } from '../../common/mysql-endpoint.ts';
import type { InstanceConfig } from '../../crds/instance-config.ts';
import { readRetention, type BinlogRetention } from '../source/binlog-retention.ts';
import { stableUuid } from '../source/dump-connection.ts';
import { readServerFacts, type ServerFacts } from '../source/server-facts.ts';
import { withAnySource } from './any-source.ts';
import { sourceEndpoints, type SecretStore } from './secrets.ts';

export interface SourceLook {
  /** `host:port` */
  readonly server: string;
  readonly facts: ServerFacts;
  /** Null where the binlog is off. */
  readonly retention: BinlogRetention | null;
}

/**
 * Who an instance's source is and how far back its binlog goes. `preferred`: the server that is asked first, else the master is;
 * `before`: what was found last, since a file is looked into only once. Rejects with LK1005 or LK11xx.
 */
export async function lookAtSource(
  config: InstanceConfig,
  secrets: SecretStore,
  preferred: string | null,
  before: SourceLook | null,
): Promise<SourceLook> {
  const { master, standby } = sourceEndpoints(config, secrets);
  const swapped = standby !== null && nameOf(standby) === preferred;
  return withAnySource(swapped ? { master: standby, standby: master } : { master, standby }, async (session, endpoint) => {
    const facts = await readServerFacts(session);
    const known = before?.server === session.server ? before.retention : null;
    const source = { endpoint, replicaUuid: stableUuid(`${config.namespace}/${config.name} source`) };
    const retention = await readRetention(session, source, known).catch(() => null);
    return { server: session.server, facts, retention };
  });
}
