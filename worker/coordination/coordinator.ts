import type { Term } from './term.ts';

/** A pipeline of the instance that the worker serves. */
export interface PipelineRef {
  readonly name: string;
  /** Workers of this region lead it; another region's do so while none is registered. */
  readonly region: string;
}

/** What a worker does about a pipeline. */
export interface Candidate {
  /**
   * This worker leads. Runs until the term's signal aborts and then ends soon: leadership passes on when the promise settles.
   * Settling earlier keeps leadership, idle. A rejection gives it up and stands again after a pause.
   * Never called again before the promise of the term before has settled.
   */
  lead(term: Term): Promise<void>;
  /** Another worker led when this one last looked; null when that is not known. */
  follow?(leader: string | null): void;
}

export type Role = 'waiting' | 'following' | 'leading';

/** A candidate's part in one pipeline's election. */
export interface Campaign {
  readonly pipeline: PipelineRef;
  readonly role: Role;
  /** Ends the present term, if any, lets the next candidate lead, and stands again behind all others. */
  resign(): Promise<void>;
  /** Leaves the election for good. Resolves when another may lead. */
  end(): Promise<void>;
}

/** Decides which worker leads which pipeline. */
export interface Coordinator {
  /**
   * Makes this worker known. Resolves when it may stand in elections.
   * @throws LockkeeperError LK1701 if ZooKeeper cannot be reached, LK1704 if the worker's id is taken
   */
  start(): Promise<void>;
  /** Stands for election; one campaign per pipeline. May be called before `start`. */
  campaign(pipeline: PipelineRef, candidate: Candidate): Campaign;
  /** Ends all campaigns, gives up the worker's registration. */
  stop(): Promise<void>;
}
