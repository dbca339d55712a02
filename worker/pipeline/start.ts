import type { Logger } from 'pino';
import { startPointOf } from '../../crds/canal-instance.ts';
import type { PipelineConfig } from '../../crds/pipeline-config.ts';
import { stableUuid } from '../source/dump-connection.ts';
import type { SourceSession } from '../source/endpoint.ts';
import { withSession } from '../source/endpoint.ts';
import type { SourcePosition } from '../source/position.ts';
import { resolveStart } from '../source/start-position.ts';
import { catchUpOf } from '../snapshot/catch-up-decision.ts';
import { SnapshotCopier } from '../snapshot/snapshot-copier.ts';
import { followSql, SnapshotStore } from '../snapshot/snapshot-store.ts';
import type { SnapshotTable } from '../snapshot/types.ts';
import { forgetPositionSql, type Checkpoint, type StoredCheckpoint } from '../target/checkpoint.ts';
import { forgetFinishedSql } from '../target/finished.ts';
import type { TargetSession } from '../target/session.ts';
import { withAnySource } from './any-source.ts';
import { CatchUp } from './catch-up.ts';
import { abandonDdlSql } from './ddl/ddl-table.ts';
import type { PipelineBoard } from './pipeline-board.ts';
import { rawRefusal } from './raw-refusal.ts';
import type { Router } from './router.ts';
import type { SourceEndpoints } from './secrets.ts';

export interface StartContext {
  readonly config: PipelineConfig;
  readonly session: TargetSession;
  readonly checkpoint: Checkpoint;
  readonly stored: StoredCheckpoint;
  readonly sources: SourceEndpoints;
  readonly openTarget: () => Promise<TargetSession>;
  readonly router: Router;
  readonly board: PipelineBoard;
  readonly log: Logger;
  readonly signal: AbortSignal;
  readonly failpoint: (name: string) => Promise<void> | void;
}

export interface StreamStart {
  readonly position: SourcePosition;
  readonly catchUp: CatchUp;
  /** Nothing of this history can have been finished before. */
  readonly isNew: boolean;
}

const NO_ROWS = { inserted: 0, updated: 0, deleted: 0 };

/**
 * Where the stream begins: at the stored position; else behind the first copy; else at spec.start. A new position is stored
 * before the stream begins, so that the choice is made once. A mode that was changed to Always makes the pipeline a new one, once.
 */
export async function findStart(context: StartContext): Promise<StreamStart> {
  const { stored, session, checkpoint, log } = context;
  const { mode } = context.config.pipeline.initialLoad;
  if (stored.position !== null) {
    const store = new SnapshotStore(checkpoint.pipeline, checkpoint.fenceSql());
    const copied = await store.read(session);
    if (mode !== 'Always' || copied?.mode === 'Always') {
      if (copied !== null && copied.mode !== mode) await store.setMode(session, mode);
      return { position: stored.position, catchUp: new CatchUp(copied === null ? undefined : catchUpOf(copied)), isNew: false };
    }
    log.warn({ position: stored.position }, 'initialLoad.mode was set to Always: the tables are copied anew');
  }
  const start = mode === 'Never' ? await startAsAsked(context) : await copyFirst(context);
  const advance = checkpoint.advanceSql({ position: start.position, transactions: 0, rows: NO_ROWS });
  const follow = [forgetFinishedSql(checkpoint.pipeline), followSql(checkpoint.pipeline, mode)];
  try {
    await session.query(`${follow.join(';')};${advance};COMMIT`);
  } catch (error) {
    throw checkpoint.explain(error);
  }
  context.board.positionIs(start.position);
  return start;
}

async function startAsAsked({ config, sources, checkpoint, log }: StartContext): Promise<StreamStart> {
  const replicaUuid = stableUuid(checkpoint.pipeline);
  const position = await withAnySource(sources, (session, endpoint) =>
    resolveStart(session, { endpoint, serverId: config.serverId, replicaUuid }, startPointOf({ spec: config.source })),
  );
  log.info({ position }, 'starting without a first copy');
  return { position, catchUp: new CatchUp(), isNew: true };
}

async function copyFirst(context: StartContext): Promise<StreamStart> {
  const { config, session, sources, openTarget, checkpoint, router, board, log, signal, failpoint } = context;
  const { mode, chunkRows, parallelism } = config.pipeline.initialLoad;
  const copier = new SnapshotCopier({
    source: sources.master,
    target: openTarget,
    tables: () => withSession(sources.master, (session) => selectTables(session, router)),
    route: ({ schema, table }) => router.route(schema, table),
    pipeline: checkpoint.pipeline,
    fenceSql: checkpoint.fenceSql(),
    rawRefusal: (flavor) => rawRefusal(session, flavor, config.pipeline.apply.mode),
    beginSql: [forgetPositionSql(checkpoint.pipeline), abandonDdlSql(checkpoint.pipeline)],
    options: { mode: mode === 'Always' ? 'Always' : 'WhenNew', chunkRows, parallelism },
    onProgress: (progress) => board.copying(progress),
    onNotice: (text) => log.warn({}, text),
    signal,
    failpoint,
  });
  const copy = await copier.run();
  const { tables, rows, bytes, seconds } = copy;
  log.info({ tables: tables.length, rows, bytes, seconds }, 'first copy done');
  return { position: copy.start, catchUp: new CatchUp(copy), isNew: true };
}

/** The source's tables that travel, as they are now. */
export async function selectTables(session: SourceSession, router: Router): Promise<SnapshotTable[]> {
  const rows = await session.query(
    "SELECT TABLE_SCHEMA AS `schema`, TABLE_NAME AS `table` FROM information_schema.TABLES WHERE TABLE_TYPE IN ('BASE TABLE', 'SYSTEM VERSIONED') ORDER BY 1, 2",
  );
  const tables: SnapshotTable[] = [];
  for (const row of rows) {
    const source = { schema: row['schema']!, table: row['table']! };
    const target = router.route(source.schema, source.table);
    if (target !== null) tables.push({ source, target });
  }
  return tables;
}
