import type { Live, PersistentVolumeClaim } from '../../../operator/kube/objects.ts';
import { resources } from '../../../operator/kube/resources.ts';
import type { ApiServer } from '../api-server.ts';
import { Actor } from './actor.ts';
import type { Controller } from './simulation.ts';

const PROTECTION = 'kubernetes.io/pvc-protection';

/** Binds claims, grows their volumes, and lets deleted claims go when no pod uses them. */
export class VolumeController implements Controller {
  readonly #actor: Actor;
  /** Whether a claim finds a volume; for clusters where it does not. */
  provides: (claim: Live<PersistentVolumeClaim>) => boolean = () => true;

  constructor(server: ApiServer) {
    this.#actor = new Actor(server, 'persistentvolume-binder');
  }

  step(): boolean {
    return this.#actor.list(resources.PersistentVolumeClaim).some((claim) => this.#stepOf(claim));
  }

  #stepOf(claim: Live<PersistentVolumeClaim>): boolean {
    const { metadata, spec, status } = claim;
    if (metadata.deletionTimestamp !== undefined) {
      if (!(metadata.finalizers ?? []).includes(PROTECTION) || this.#isUsed(claim)) return false;
      const finalizers = metadata.finalizers!.filter((name) => name !== PROTECTION);
      this.#actor.patch(resources.PersistentVolumeClaim, metadata, { metadata: { finalizers } });
      return true;
    }
    const storage = spec?.resources?.requests?.storage;
    if (status?.phase === 'Bound' && status.capacity?.storage === storage) return false;
    if (status?.phase !== 'Bound' && !this.provides(claim)) return false;
    if (spec?.volumeName === undefined) {
      this.#actor.patch(resources.PersistentVolumeClaim, metadata, { spec: { volumeName: `pvc-${metadata.uid}` } });
      return true;
    }
    const bound = { phase: 'Bound', capacity: { storage }, accessModes: spec.accessModes };
    this.#actor.patch(resources.PersistentVolumeClaim, metadata, { status: bound }, 'status');
    return true;
  }

  #isUsed({ metadata }: Live<PersistentVolumeClaim>): boolean {
    return this.#actor
      .list(resources.Pod)
      .some(
        (pod) =>
          pod.metadata.namespace === metadata.namespace &&
          pod.spec?.volumes?.some((volume) => volume.persistentVolumeClaim?.claimName === metadata.name),
      );
  }
}
