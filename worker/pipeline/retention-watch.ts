import type { Logger } from 'pino';
import { asLockkeeperError } from '../../common/errors.ts';
import { nameOf } from '../../common/mysql-endpoint.ts';
import type { PipelineConfig } from '../../crds/pipeline-config.ts';
import { readRetention, type BinlogRetention } from '../source/binlog-retention.ts';
import { stableUuid } from '../source/dump-connection.ts';
import { withAnySource } from './any-source.ts';
import type { PipelineBoard } from './pipeline-board.ts';
import { sourceEndpoints, type SecretStore } from './secrets.ts';

export interface RetentionWatchOptions {
  /** As it is at the time of each look. */
  readonly config: () => PipelineConfig;
  readonly secrets: SecretStore;
  readonly board: PipelineBoard;
  readonly log: Logger;
  readonly sleep: (milliseconds: number, signal: AbortSignal) => Promise<unknown>;
}

/** A takeover has better things to do first. */
const FIRST_LOOK_MS = 5000;
const LOOK_MS = 60_000;

/**
 * Looks at how long the source keeps its binlog while this worker leads, whatever the pipeline is doing: it is the suspended and
 * the paused one that the source's deletions overtake. Resolves when `signal` aborts; a look that fails is only logged, since
 * the stream reports a source that is away.
 */
export async function watchRetention(options: RetentionWatchOptions, signal: AbortSignal): Promise<void> {
  const { config, secrets, board, log, sleep } = options;
  let known: { readonly server: string; readonly retention: BinlogRetention } | null = null;
  await sleep(FIRST_LOOK_MS, signal);
  while (!signal.aborted) {
    const { namespace, name } = config();
    try {
      const { master, standby } = sourceEndpoints(config(), secrets);
      const readsStandby = standby !== null && nameOf(standby) === board.status().currentSource;
      const sources = readsStandby ? { master: standby, standby: master } : { master, standby };
      known = await withAnySource(sources, async (session, endpoint) => {
        const source = { endpoint, replicaUuid: stableUuid(`${namespace}/${name} retention`) };
        const before = known?.server === session.server ? known.retention : null;
        return { server: session.server, retention: await readRetention(session, source, before) };
      });
      if (!signal.aborted) board.retentionIs(known.retention);
    } catch (error) {
      log.debug({ err: asLockkeeperError(error, 'LK1102').toJSON() }, 'the binlog retention could not be looked at');
    }
    await sleep(LOOK_MS, signal);
  }
}
