import { messageOf } from '../../common/errors.ts';
import type { ZkClient } from '../../common/zookeeper/client.ts';
import { watchEach, watchOne, type EachListener } from '../../common/zookeeper/following.ts';
import {
  pipelinesPath,
  sourcePath,
  statusPath,
  workerPath,
  workersPath,
  type InstanceRef,
} from '../../common/zookeeper/paths.ts';
import type { ZkSession } from '../../common/zookeeper/session.ts';
import { isZkError } from '../../common/zookeeper/zk-error.ts';
import { pipelineReportSchema, type PipelineReport } from '../../crds/pipeline-report.ts';
import { readReport } from '../../crds/read-report.ts';
import { sourceReportSchema, type SourceReport } from '../../crds/source-report.ts';
import { workerInfoSchema, type WorkerInfo } from '../../crds/worker-info.ts';
import type { EnsembleLink } from './ensemble-link.ts';
import type { InstanceView } from './view.ts';

/** A failure is repeated every five seconds while it lasts. */
const FAILURE_LASTS_MS = 12_000;

/** What is told of an instance in ZooKeeper, put together; it outlives connections, and what it shows meanwhile is what it knew last. */
export class FollowedInstance implements InstanceView {
  readonly ref: InstanceRef;
  readonly workers = new Map<string, WorkerInfo>();
  readonly reports = new Map<string, PipelineReport>();
  readonly #onNews: (pipeline: string | undefined) => void;
  readonly #now: () => number;
  #source: SourceReport | null = null;
  #link: EnsembleLink;
  #client: ZkClient | null = null;
  #stop: readonly (() => void)[] = [];
  #unread = 3;
  #failure: { readonly message: string; readonly at: number } | null = null;

  /** `now`: monotonic milliseconds. */
  constructor(ref: InstanceRef, link: EnsembleLink, onNews: (pipeline: string | undefined) => void, now: () => number) {
    this.ref = ref;
    this.#link = link;
    this.#onNews = onNews;
    this.#now = now;
    this.follow(link);
  }

  get link(): EnsembleLink {
    return this.#link;
  }

  get known(): boolean {
    return this.#unread === 0;
  }

  get source(): SourceReport | null {
    return this.#source;
  }

  get session(): ZkSession {
    return this.#link.client.session;
  }

  get trouble(): string | null {
    if (this.#link.trouble !== null) return this.#link.trouble;
    return this.#failure !== null && this.#now() - this.#failure.at < FAILURE_LASTS_MS ? this.#failure.message : null;
  }

  /** Reads on through the link's present client. */
  follow(link: EnsembleLink): void {
    this.#link = link;
    if (link.client === this.#client) return;
    this.stop();
    this.#client = link.client;
    this.#failure = null;
    const { ref } = this;
    if (this.#unread > 0) this.#unread = 3;
    const workers = this.#keep(this.workers, (text) => readReport(workerInfoSchema, text), false);
    const reports = this.#keep(this.reports, (text) => readReport(pipelineReportSchema, text), true);
    let told = false;
    this.#stop = [
      watchEach(link.client, workersPath(ref), (id) => workerPath(ref, id), workers),
      watchEach(link.client, pipelinesPath(ref), (name) => statusPath(ref, name), reports),
      watchOne(link.client, sourcePath(ref), {
        told: (text) => {
          this.#source = readReport(sourceReportSchema, text);
          if (!told) this.#read();
          told = true;
          this.#onNews(undefined);
        },
        failed: (error) => this.#failed(error),
      }),
    ];
  }

  stop(): void {
    for (const unfollow of this.#stop) unfollow();
    this.#stop = [];
    this.#client = null;
  }

  /** Keeps a map as told. What a client before has told and this one does not tell is gone. */
  #keep<T>(known: Map<string, T>, read: (text: string | null) => T | null, isByPipeline: boolean): EachListener {
    const told = new Set<string>();
    let caughtUp = false;
    return {
      told: (child: string, text: string | null) => {
        told.add(child);
        const value = read(text);
        if (value === null) known.delete(child);
        else known.set(child, value);
        this.#onNews(isByPipeline ? child : undefined);
      },
      failed: (child: string, error: unknown) => {
        told.add(child);
        this.#failed(error);
      },
      caughtUp: () => {
        if (caughtUp) return;
        caughtUp = true;
        for (const child of known.keys()) if (!told.has(child)) known.delete(child);
        this.#read();
      },
    };
  }

  /** One of the three has been read, by this client or by one before. */
  #read(): void {
    if (this.#unread > 0) this.#unread--;
    this.#onNews(undefined);
  }

  #failed(error: unknown): void {
    this.#failure = { message: explained(error), at: this.#now() };
    this.#onNews(undefined);
  }
}

function explained(error: unknown): string {
  return isZkError(error, 'not-allowed')
    ? `${messageOf(error)}: the servers do not know the operator’s password, or were started with another Secret; restore it, or restart them`
    : messageOf(error);
}
