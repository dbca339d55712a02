import { z } from 'zod';
import { configPath, pipelinesPath, type InstanceRef } from '../../common/zookeeper/paths.ts';
import type { ZkSession } from '../../common/zookeeper/session.ts';
import { isZkError } from '../../common/zookeeper/zk-error.ts';
import { readZnode } from '../../common/zookeeper/znode.ts';
import { readReport } from '../../crds/read-report.ts';
import { serverIdFor } from './server-ids.ts';

const published = z.object({ serverId: z.int(), generation: z.int(), instanceGeneration: z.int() });

/** What is needed of a configuration that was published; null where there is none, or none that can be read. */
export function readPublished(text: string | null): z.output<typeof published> | null {
  return readReport(published, text);
}

interface Page {
  /** The session that it was read in: after another one it is read anew. */
  readonly session: string;
  /** By pipeline. Also those that are about to be published, and those whose object is gone and whose leader may not be. */
  readonly ids: Promise<Map<string, number>>;
  /** What was read last, be it in a session before; null: nothing yet. */
  known: ReadonlyMap<string, number> | null;
}

/** The server ids of all pipelines of each instance, read once from their configurations. Only this process writes them. */
export class ServerIdLedger {
  readonly #pages = new Map<string, Page>();
  readonly #found: (ref: InstanceRef, pipeline: string, text: string) => void;

  /** `found` is told of each configuration that is read. */
  constructor(found: (ref: InstanceRef, pipeline: string, text: string) => void) {
    this.#found = found;
  }

  /** Has all configurations of an instance read, once in each session. @throws ZkError */
  async read(session: ZkSession, ref: InstanceRef): Promise<void> {
    await this.#page(session, ref);
  }

  /** Whether they have been read in some session. */
  knows(ref: InstanceRef): boolean {
    return this.highest(ref) !== null;
  }

  /** The highest id that is taken, 0 where none is; null while they have not been read. */
  highest(ref: InstanceRef): number | null {
    const known = this.#pages.get(keyOf(ref))?.known ?? null;
    return known === null ? null : Math.max(0, ...known.values());
  }

  /** The id for a pipeline, which is its own from then on; null where none is left. `own`: as it stands in its configuration now. @throws ZkError */
  async idFor(session: ZkSession, ref: InstanceRef, pipeline: string, base: number, own: number | null): Promise<number | null> {
    const ids = await this.#page(session, ref);
    // From here to the end nothing else runs, so that no two get the same.
    const mine = own ?? ids.get(pipeline) ?? null;
    ids.delete(pipeline);
    const id = serverIdFor(base, mine, new Set(ids.values()));
    if (id !== null) ids.set(pipeline, id);
    return id;
  }

  /** Nothing of this pipeline is left. */
  async forget(ref: InstanceRef, pipeline: string): Promise<void> {
    const ids = await this.#pages.get(keyOf(ref))?.ids.catch(() => undefined);
    ids?.delete(pipeline);
  }

  forgetInstance(ref: InstanceRef): void {
    this.#pages.delete(keyOf(ref));
  }

  async #page(session: ZkSession, ref: InstanceRef): Promise<Map<string, number>> {
    const key = keyOf(ref);
    const known = this.#pages.get(key);
    if (known?.session === session.id) return known.ids;
    const page: Page = { session: session.id, ids: this.#readIds(session, ref), known: known?.known ?? null };
    this.#pages.set(key, page);
    try {
      const ids = await page.ids;
      page.known = ids;
      return ids;
    } catch (error) {
      if (this.#pages.get(key) === page) this.#pages.delete(key);
      throw error;
    }
  }

  async #readIds(session: ZkSession, ref: InstanceRef): Promise<Map<string, number>> {
    const names = await session.children(pipelinesPath(ref)).catch((error: unknown) => {
      if (isZkError(error, 'no-node')) return [];
      throw error;
    });
    const texts = await Promise.all(names.map(async (name) => [name, await readZnode(session, configPath(ref, name))] as const));
    return new Map(
      texts.flatMap(([name, text]) => {
        const config = readPublished(text);
        if (text === null || config === null) return [];
        this.#found(ref, name, text);
        return [[name, config.serverId] as const];
      }),
    );
  }
}

function keyOf({ namespace, instance }: InstanceRef): string {
  return `${namespace}/${instance}`;
}
