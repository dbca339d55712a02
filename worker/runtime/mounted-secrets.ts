import { readdirSync, readFileSync, readlinkSync, realpathSync, watch, type FSWatcher } from 'node:fs';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { LockkeeperError, messageOf } from '../../common/errors.ts';
import type { Logger } from '../../common/log.ts';
import { Secret } from '../../crds/secret.ts';
import type { SecretStore } from '../pipeline/secrets.ts';

export interface MountedSecretsOptions {
  /** Holds a folder for each Secret, named after it, in which each key is a file: as Kubernetes mounts Secrets. */
  readonly folder: string;
  readonly log: Logger;
  /** How often folders are looked at, whether or not the file system tells of changes. Default 5000 ms. */
  readonly pollMs?: number;
}

/** Content by key and what tells a change cheaply: where `..data` leads. Kubernetes makes a new folder for each content. */
interface Held {
  readonly values: ReadonlyMap<string, string>;
  readonly version: string | null;
}

const SETTLE_MS = 50;
const ATTEMPTS = 3;

/** The Secrets that are mounted into this process's pod. Those that were asked for are watched. */
export class MountedSecrets implements SecretStore {
  readonly #folder: string;
  readonly #log: Logger;
  readonly #held = new Map<string, Held | null>();
  readonly #listeners = new Set<() => void>();
  readonly #watchers = new Map<string, FSWatcher>();
  readonly #poll: NodeJS.Timeout;
  #settling: NodeJS.Timeout | undefined;

  constructor({ folder, log, pollMs = 5_000 }: MountedSecretsOptions) {
    this.#folder = folder;
    this.#log = log;
    this.#poll = setInterval(() => this.#refresh(), pollMs);
    this.#poll.unref();
  }

  read(namespace: string, name: string): Secret {
    // No path may be smuggled in through a configuration.
    if (!/^[a-z0-9]([-.a-z0-9]*[a-z0-9])?$/.test(name)) throw missing(namespace, name, 'not the name of a Secret');
    let held = this.#held.get(name);
    if (held === undefined) {
      held = this.#load(name);
      this.#held.set(name, held);
      this.#watch(name);
    } else if (held === null) {
      held = this.#load(name);
      if (held !== null) this.#settle(); // others wait for it too
    }
    if (held === null) throw missing(namespace, name, `nothing in ${join(this.#folder, name)}`);
    return new Secret(namespace, name, held.values);
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  close(): void {
    clearInterval(this.#poll);
    clearTimeout(this.#settling);
    for (const watcher of this.#watchers.values()) watcher.close();
    this.#watchers.clear();
  }

  /** Looks at all Secrets that were ever asked for, and tells if any differs. */
  #refresh(): void {
    const changed: string[] = [];
    for (const [name, before] of this.#held) {
      if (before !== null && before.version !== null && before.version === versionOf(join(this.#folder, name))) continue;
      const now = this.#load(name);
      this.#held.set(name, now);
      this.#watch(name);
      if (!isDeepStrictEqual(now?.values, before?.values)) changed.push(name);
    }
    if (changed.length === 0) return;
    this.#log.info({ secrets: changed }, 'Secrets have changed; new connections use them');
    for (const listener of [...this.#listeners]) listener();
  }

  #load(name: string): Held | null {
    try {
      return readFolder(join(this.#folder, name));
    } catch (error) {
      this.#log.error({ secret: name, error: messageOf(error) }, 'a Secret cannot be read');
      return null;
    }
  }

  /** Where watching does not work the poll finds out. */
  #watch(name: string): void {
    for (const folder of [this.#folder, join(this.#folder, name)]) {
      if (this.#watchers.has(folder)) continue;
      try {
        const watcher = watch(folder, { persistent: false }, () => this.#settle());
        watcher.on('error', () => this.#unwatch(folder));
        this.#watchers.set(folder, watcher);
      } catch {
        // It is not there yet.
      }
    }
  }

  #unwatch(folder: string): void {
    this.#watchers.get(folder)?.close();
    this.#watchers.delete(folder);
  }

  /** Several events belong to one change. */
  #settle(): void {
    this.#settling ??= setTimeout(() => {
      this.#settling = undefined;
      this.#refresh();
    }, SETTLE_MS).unref();
  }
}

/** Null where the folder is missing or has no keys. All keys are of one moment, also while Kubernetes exchanges them. */
function readFolder(folder: string): Held | null {
  for (let attempt = 1; ; attempt++) {
    try {
      const version = versionOf(folder);
      const data = version === null ? folder : realpathSync(join(folder, '..data'));
      const keys = readdirSync(data, { withFileTypes: true }).filter(
        (entry) => !entry.name.startsWith('..') && !entry.isDirectory(),
      );
      const values = new Map(keys.map(({ name }) => [name, readFileSync(join(data, name), 'utf8')]));
      return values.size === 0 ? null : { values, version };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
      if (attempt === ATTEMPTS) return null;
    }
  }
}

function versionOf(folder: string): string | null {
  try {
    return readlinkSync(join(folder, '..data'));
  } catch {
    return null;
  }
}

function missing(namespace: string, name: string, found: string): LockkeeperError {
  return new LockkeeperError('LK1005', `Secret ${namespace}/${name} is missing`, {
    found,
    remedy: `Create the Secret in namespace ${namespace}, or correct the name that the manifest gives; it is noticed within a minute or two.`,
    details: { secret: `${namespace}/${name}` },
  });
}
