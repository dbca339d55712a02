import type { Logger } from 'pino';
import { asLockkeeperError, type LockkeeperError } from '../../common/errors.ts';
import type { PipelineConfig } from '../../crds/pipeline-config.ts';
import type { WriteGate } from './apply-loop.ts';
import type { PipelineBoard } from './pipeline-board.ts';
import { PauseGate } from './pause-gate.ts';
import { Replication, type EpochHold } from './replication.ts';
import { nextAttempt, type RetryState } from './retry.ts';
import type { SecretStore } from './secrets.ts';

export interface RunnerOptions {
  readonly worker: string;
  readonly secrets: SecretStore;
  readonly board: PipelineBoard;
  readonly log: Logger;
  readonly failpoint: (name: string) => Promise<void> | void;
  readonly sleep: (milliseconds: number, signal: AbortSignal) => Promise<unknown>;
  readonly now: () => number;
  readonly random: () => number;
}

/** What ended a term of leadership. `fenced`: another leader has taken the pipeline over; this one may only stand for election again. */
export type TermEnd =
  | { readonly kind: 'stopped' }
  | { readonly kind: 'fenced'; readonly error: LockkeeperError }
  | { readonly kind: 'suspended'; readonly error: LockkeeperError };

/** How long a run must have gone well for its next failure to count as the first again, milliseconds. */
const HEALTHY_MS = 60_000;

/**
 * Runs one pipeline while this worker leads it: tries again after errors that may pass, suspends with a reason after those
 * that will not, and follows `spec.state`.
 */
export class PipelineRunner {
  readonly #options: RunnerOptions;

  constructor(options: RunnerOptions) {
    this.#options = options;
  }

  /** `hold` lasts as long as the term. Resolves when `signal` aborts and the batch at hand is written, or when only a person can help. */
  async lead(config: PipelineConfig, term: WriteGate, hold: EpochHold, signal: AbortSignal): Promise<TermEnd> {
    const { board, log, sleep, now, random } = this.#options;
    if (config.pipeline.state === 'Stopped') {
      board.phase('stopped');
      return { kind: 'stopped' };
    }
    const gate = config.pipeline.state === 'Paused' ? new PauseGate(signal) : term;
    let state: RetryState = { attempts: 0 };
    while (!signal.aborted) {
      board.phase(config.pipeline.state === 'Paused' ? 'paused' : 'starting');
      const begun = now();
      try {
        await this.#replication(config, gate, hold).run(signal);
        return { kind: 'stopped' };
      } catch (thrown) {
        const error = asLockkeeperError(thrown, 'LK1407');
        if (error.code === 'LK1401') {
          log.warn({ err: error.toJSON() }, 'fenced by a newer leader');
          board.failed(error, state.attempts + 1);
          return { kind: 'fenced', error };
        }
        if (signal.aborted) return { kind: 'stopped' };
        if (now() - begun > HEALTHY_MS) state = { attempts: 0 };
        const decision = nextAttempt(error, state, config.pipeline.onError, random);
        board.failed(error, state.attempts + 1);
        if (decision.kind === 'suspend') {
          log.error({ err: error.toJSON() }, 'suspended');
          board.phase('suspended');
          return { kind: 'suspended', error };
        }
        log.warn({ err: error.toJSON(), delayMs: Math.round(decision.delayMs) }, 'trying again');
        board.phase('retrying');
        state = decision.state;
        await sleep(decision.delayMs, signal);
      }
    }
    return { kind: 'stopped' };
  }

  #replication(config: PipelineConfig, gate: WriteGate, hold: EpochHold): Replication {
    const { worker, secrets, log, board, failpoint } = this.#options;
    return new Replication(config, { worker, secrets, log, gate, hold, board, failpoint });
  }
}
