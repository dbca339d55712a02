import type { MysqlEndpoint } from '../../common/mysql-endpoint.ts';
import { beginOfFile, type ScanSource } from './binlog-scan.ts';
import { nowhere, serverMicros } from './current-position.ts';
import { stableUuid } from './dump-connection.ts';
import { withSession } from './endpoint.ts';
import { expireSeconds, type RetentionFacts } from './retention.ts';
import { listBinlogFiles, readServerFacts, type ServerFacts } from './server-facts.ts';

export interface SourceInspection {
  readonly facts: ServerFacts;
  readonly retention: RetentionFacts;
}

/**
 * Begins of binlog files by server and name, as they were found: they never change. To learn one, the file's first event is
 * read as mysqlbinlog does, as nobody's replica, so that the dump of no pipeline is ended by it.
 */
export class FileBegins {
  readonly #known = new Map<string, number | null>();
  readonly #replicaUuid: string;

  /** `name`: of whoever looks, unique among those that may read a source. */
  constructor(name: string) {
    this.#replicaUuid = stableUuid(name);
  }

  async of(endpoint: MysqlEndpoint, facts: ServerFacts, journal: string): Promise<number | null> {
    const key = `${facts.serverUuid} ${journal}`;
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const source: ScanSource = { endpoint, serverId: 0, replicaUuid: this.#replicaUuid };
    const begun = await beginOfFile(source, { ...nowhere(facts), journal, offset: 4 });
    this.#known.set(key, begun);
    return begun;
  }

  /** Forgets files that are gone. */
  keep({ serverUuid }: ServerFacts, journals: ReadonlySet<string>): void {
    for (const key of this.#known.keys()) {
      const [server, journal] = key.split(' ');
      if (server === serverUuid && !journals.has(journal!)) this.#known.delete(key);
    }
  }
}

/** Who a server is, and for how long it keeps its binlog. Rejects with LK11xx where it cannot be asked. */
export function inspectSource(endpoint: MysqlEndpoint, begins: FileBegins): Promise<SourceInspection> {
  return withSession(endpoint, async (session) => {
    const facts = await readServerFacts(session);
    const variables = await session.query("SHOW GLOBAL VARIABLES WHERE Variable_name LIKE '%expire_logs%'");
    const files = await listBinlogFiles(session);
    begins.keep(facts, new Set(files.map(({ journal }) => journal)));
    return {
      facts,
      retention: {
        serverUuid: facts.serverUuid,
        files,
        expireSeconds: expireSeconds(new Map(variables.map((row) => [row['Variable_name'] ?? '', row['Value'] ?? '']))),
        now: (await serverMicros(session)) / 1e6,
        begunAt: (journal: string) => begins.of(endpoint, facts, journal),
      },
    };
  });
}
