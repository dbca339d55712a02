import type { Credentials } from './credentials.ts';
import type { EnsembleAccess } from './ensemble-access.ts';

/** One access for each ensemble, made anew when its passwords change. */
export class AccessPool {
  readonly #make: (credentials: Credentials) => EnsembleAccess;
  readonly #open = new Map<string, { readonly hash: string; readonly access: EnsembleAccess }>();

  constructor(make: (credentials: Credentials) => EnsembleAccess) {
    this.#make = make;
  }

  /** `uid`: the ensemble's; `hash`: of the credentials. */
  of(uid: string, credentials: Credentials, hash: string): EnsembleAccess {
    const known = this.#open.get(uid);
    if (known?.hash === hash) return known.access;
    const access = this.#make(credentials);
    this.#open.set(uid, { hash, access });
    void known?.access.close();
    return access;
  }

  /** What `of` last answered for this ensemble. */
  current(uid: string): EnsembleAccess | null {
    return this.#open.get(uid)?.access ?? null;
  }

  /** Closes what belongs to ensembles other than these. */
  keepOnly(uids: ReadonlySet<string>): void {
    for (const [uid, { access }] of this.#open) {
      if (uids.has(uid)) continue;
      this.#open.delete(uid);
      void access.close();
    }
  }

  async close(): Promise<void> {
    await Promise.all([...this.#open.values()].map(({ access }) => access.close()));
    this.#open.clear();
  }
}
