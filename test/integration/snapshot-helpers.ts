import { connectionOptions } from '../../common/mysql-endpoint.ts';
import { SnapshotCopier } from '../../worker/snapshot/snapshot-copier.ts';
import type { SnapshotCopierOptions, SnapshotResult, SnapshotTable } from '../../worker/snapshot/types.ts';
import { Checkpoint } from '../../worker/target/checkpoint.ts';
import { ensureSchema } from '../../worker/target/schema.ts';
import { TargetSession } from '../../worker/target/session.ts';
import type { DbServer } from '../servers/index.ts';
import { endpointOf } from './source-helpers.ts';

type Overrides = Partial<Omit<SnapshotCopierOptions, 'options' | 'tables' | 'route'>> & {
  options?: Partial<SnapshotCopierOptions['options']>;
};

export function openTarget(server: DbServer): Promise<TargetSession> {
  return TargetSession.open(connectionOptions(endpointOf(server)));
}

/** Raises the pipeline's epoch: whoever led before can write no more. Returns the new leader's fence. */
export async function lead(server: DbServer, pipeline: string): Promise<string> {
  const session = await openTarget(server);
  await ensureSchema(session);
  let checkpoint: Checkpoint | undefined;
  while (checkpoint === undefined) {
    try {
      ({ checkpoint } = await Checkpoint.takeOver(session, pipeline, 'test'));
    } catch (error) {
      // The former leader writes its fence at the same time.
      if ((error as { errno?: number }).errno !== 1213) throw error;
      await session.rollback();
    }
  }
  session.destroy();
  return checkpoint.fenceSql();
}

/** A copier under a new epoch, with small chunks unless told otherwise. */
export async function copier(
  source: DbServer,
  target: DbServer,
  pipeline: string,
  tables: readonly SnapshotTable[],
  overrides: Overrides = {},
): Promise<SnapshotCopier> {
  const { options, ...rest } = overrides;
  return new SnapshotCopier({
    source: endpointOf(source),
    target: () => openTarget(target),
    tables: () => Promise.resolve(tables),
    route: ({ schema, table }) =>
      tables.find(({ source: from }) => from.schema === schema && from.table === table)?.target ?? null,
    pipeline,
    fenceSql: await lead(target, pipeline),
    beginSql: [],
    rawRefusal: () => Promise.resolve(null),
    options: { mode: 'WhenNew', chunkRows: 1000, parallelism: 3, ...options },
    ...rest,
  });
}

export async function copy(...args: Parameters<typeof copier>): Promise<SnapshotResult> {
  return (await copier(...args)).run();
}

/** All base tables of a schema, to go to the schema `to`. */
export async function tablesOf(server: DbServer, schema: string, to = schema): Promise<SnapshotTable[]> {
  const rows = await server.query(
    "SELECT table_name AS t FROM information_schema.tables WHERE table_schema = ? AND table_type = 'BASE TABLE' ORDER BY 1",
    [schema],
  );
  return rows.map((row) => ({ source: { schema, table: String(row['t']) }, target: { schema: to, table: String(row['t']) } }));
}
