import { mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { runFolder } from '../servers/index.ts';

/** Secrets as Kubernetes mounts them into a pod: links to keys of the folder that `..data` leads to, exchanged in one step. */
export class SecretFolder {
  readonly path = runFolder('secrets');
  #versions = 0;

  /** Mounts a Secret, or exchanges its content. */
  put(name: string, values: Readonly<Record<string, string>>): void {
    const home = join(this.path, name);
    const version = `..2026_01_01_${++this.#versions}`;
    mkdirSync(join(home, version), { recursive: true });
    for (const [key, value] of Object.entries(values)) {
      writeFileSync(join(home, version, key), value);
      rmSync(join(home, key), { force: true });
      symlinkSync(join('..data', key), join(home, key));
    }
    symlinkSync(version, join(home, '..data_tmp'));
    renameSync(join(home, '..data_tmp'), join(home, '..data'));
  }

  remove(name: string): void {
    rmSync(join(this.path, name), { recursive: true, force: true });
  }
}
