import type { Logger } from 'pino';
import { connectionOptions, nameOf, type MysqlEndpoint } from '../../common/mysql-endpoint.ts';
import { LockkeeperError } from '../../common/errors.ts';
import { startPointOf } from '../../crds/canal-instance.ts';
import type { PipelineConfig } from '../../crds/pipeline-config.ts';
import { stableUuid } from '../source/dump-connection.ts';
import { withSession } from '../source/endpoint.ts';
import type { SourcePosition } from '../source/position.ts';
import { resolveStart } from '../source/start-position.ts';
import { copyTables, pendingCopy } from '../snapshot/first-copy.ts';
import type { Checkpoint, StoredCheckpoint } from '../target/checkpoint.ts';
import type { TargetSession } from '../target/session.ts';
import { CatchUp } from './catch-up.ts';
import type { PipelineBoard } from './pipeline-board.ts';
import type { Router } from './router.ts';
import type { SourceEndpoints } from './secrets.ts';

export interface StartContext {
  readonly config: PipelineConfig;
  readonly session: TargetSession;
  readonly checkpoint: Checkpoint;
  readonly stored: StoredCheckpoint;
  readonly sources: SourceEndpoints;
  readonly target: MysqlEndpoint;
  readonly router: Router;
  readonly board: PipelineBoard;
  readonly log: Logger;
  readonly signal: AbortSignal;
  readonly openTarget: () => Promise<TargetSession>;
}
