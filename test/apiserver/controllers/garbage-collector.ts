import type { Live } from '../../../operator/kube/objects.ts';
import { resourceOf } from '../../../operator/kube/resources.ts';
import type { ApiServer } from '../api-server.ts';
import { Actor } from './actor.ts';
import type { Controller } from './simulation.ts';

const FOREGROUND = 'foregroundDeletion';
const ORPHAN = 'orphan';

/** Deletes objects whose owners are all gone, and lets owners go that wait for their dependents. */
export class GarbageCollector implements Controller {
  readonly #actor: Actor;
  readonly #server: ApiServer;
  /** The revision at which there was nothing to collect: that depends on objects alone. */
  #idleAt = 0;

  constructor(server: ApiServer) {
    this.#server = server;
    this.#actor = new Actor(server, 'generic-garbage-collector');
  }

  step(): boolean {
    const { revision } = this.#server.store;
    if (revision === this.#idleAt || this.#stepOnce()) return revision !== this.#idleAt;
    this.#idleAt = revision;
    return false;
  }

  #stepOnce(): boolean {
    const all = this.#actor.all();
    const living = new Map(all.map((object) => [object.metadata.uid, object]));
    return all.some((object) => this.#finish(object, all)) || all.some((object) => this.#collect(object, living));
  }

  /** Deletion in the foreground or with orphans. */
  #finish(owner: Live, all: readonly Live[]): boolean {
    const { finalizers = [], deletionTimestamp, uid } = owner.metadata;
    if (deletionTimestamp === undefined) return false;
    const dependents = all.filter((object) => object.metadata.ownerReferences?.some((reference) => reference.uid === uid));
    if (finalizers.includes(ORPHAN)) {
      for (const each of dependents) {
        const ownerReferences = each.metadata.ownerReferences!.filter((reference) => reference.uid !== uid);
        this.#actor.patch(resourceOf(each), each.metadata, { metadata: { ownerReferences } });
      }
      return this.#drop(owner, ORPHAN);
    }
    if (!finalizers.includes(FOREGROUND)) return false;
    const blocking = dependents.filter((each) =>
      each.metadata.ownerReferences!.some((ref) => ref.uid === uid && ref.blockOwnerDeletion),
    );
    if (blocking.length === 0) return this.#drop(owner, FOREGROUND);
    const next = dependents.find((each) => each.metadata.deletionTimestamp === undefined);
    if (next === undefined) return false;
    this.#actor.delete(resourceOf(next), next);
    return true;
  }

  #collect(object: Live, living: ReadonlyMap<string, Live>): boolean {
    const owners = object.metadata.ownerReferences ?? [];
    if (owners.length === 0 || object.metadata.deletionTimestamp !== undefined) return false;
    if (owners.some((owner) => living.has(owner.uid))) return false;
    this.#actor.delete(resourceOf(object), object);
    return true;
  }

  #drop(object: Live, finalizer: string): boolean {
    const finalizers = object.metadata.finalizers!.filter((each) => each !== finalizer);
    this.#actor.patch(resourceOf(object), object.metadata, { metadata: { finalizers } });
    return true;
  }
}
