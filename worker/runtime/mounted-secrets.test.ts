import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createLogger } from '../../common/log.ts';
import { MountedSecrets } from './mounted-secrets.ts';

let folder: string;
let store: MountedSecrets;
let changes: number;
let versions = 0;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'secrets-'));
  changes = 0;
});
afterEach(() => {
  store.close();
  rmSync(folder, { recursive: true });
});

function open(pollMs = 60_000): void {
  store = new MountedSecrets({ folder, log: createLogger('silent'), pollMs });
  store.onChange(() => changes++);
}

/** As the kubelet does: a new folder for each content, into which `..data` is turned in one step. */
function mount(name: string, values: Readonly<Record<string, string>>): void {
  const home = join(folder, name);
  const version = `..v${++versions}`;
  mkdirSync(join(home, version), { recursive: true });
  for (const [key, value] of Object.entries(values)) {
    writeFileSync(join(home, version, key), value);
    try {
      symlinkSync(join('..data', key), join(home, key));
    } catch {
      // There already.
    }
  }
  symlinkSync(version, join(home, '..data_tmp'));
  renameSync(join(home, '..data_tmp'), join(home, '..data'));
}

const passwordOf = (name: string) => store.read('shop', name).value('password');
const until = (what: () => unknown) => expect.poll(what, { timeout: 10_000, interval: 10 });

describe('mounted Secrets', () => {
  it('are read key by key, without the links of Kubernetes', () => {
    open();
    mount('east', { username: 'u', password: 'p', 'ca.crt': 'pem' });
    const secret = store.read('shop', 'east');
    expect([secret.namespace, secret.name, secret.keys]).toEqual(['shop', 'east', ['ca.crt', 'password', 'username']]);
    expect(passwordOf('east')).toBe('p');
    expect(() => secret.value('token')).toThrow(expect.objectContaining({ code: 'LK1005' }));
  });

  it('may also be plain folders', async () => {
    open(20);
    mkdirSync(join(folder, 'plain'));
    writeFileSync(join(folder, 'plain', 'password'), 'p');
    expect(passwordOf('plain')).toBe('p');
    writeFileSync(join(folder, 'plain', 'password'), 'q');
    await until(() => passwordOf('plain')).toBe('q');
  });

  it('change when Kubernetes exchanges them, which is told at once by the file system', async () => {
    open();
    mount('east', { password: 'old' });
    mount('west', { password: 'same' });
    expect([passwordOf('east'), passwordOf('west')]).toEqual(['old', 'same']);
    mount('east', { password: 'new' });
    await until(() => changes).toBe(1);
    expect([passwordOf('east'), passwordOf('west')]).toEqual(['new', 'same']);
  });

  it('change also where only polling tells', async () => {
    open(20);
    rmSync(folder, { recursive: true }); // nothing to watch
    expect(() => passwordOf('east')).toThrow('missing');
    mount('east', { password: 'p' });
    await until(() => changes).toBe(1);
    expect(passwordOf('east')).toBe('p');
  });

  it('are missing until they come, and again when they go', async () => {
    open();
    expect(() => passwordOf('late')).toThrow(
      expect.objectContaining({
        code: 'LK1005',
        message: 'Secret shop/late is missing',
        remedy: expect.stringContaining('Create'),
      }),
    );
    mkdirSync(join(folder, 'late')); // an optional Secret is an empty folder
    expect(() => passwordOf('late')).toThrow(expect.objectContaining({ code: 'LK1005' }));
    mount('late', { password: 'p' });
    await until(() => changes).toBe(1);
    expect(passwordOf('late')).toBe('p');
    rmSync(join(folder, 'late'), { recursive: true });
    await until(() => changes).toBe(2);
    expect(() => passwordOf('late')).toThrow(expect.objectContaining({ code: 'LK1005' }));
  });

  it('that one reader finds are told to those who wait for them', async () => {
    open();
    rmSync(folder, { recursive: true }); // nothing to watch
    expect(() => passwordOf('late')).toThrow('missing');
    mount('late', { password: 'p' });
    expect(passwordOf('late')).toBe('p');
    await until(() => changes).toBe(1);
  });

  it('tell nothing when the same content is mounted again', async () => {
    open();
    mount('east', { password: 'p' });
    passwordOf('east');
    mount('east', { password: 'p' });
    mount('other', { password: 'never asked for' });
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(changes).toBe(0);
  });

  it.each(['..', '.', '../secrets', 'a/b', '/etc', '', 'A'])('have no name such as %j', (name) => {
    open();
    expect(() => store.read('shop', name)).toThrow(expect.objectContaining({ code: 'LK1005' }));
  });
});
