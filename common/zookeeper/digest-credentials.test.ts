import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readDigestCredentials } from './digest-credentials.ts';

let folder: string;
beforeAll(() => (folder = mkdtempSync(join(tmpdir(), 'credentials-'))));
afterAll(() => rmSync(folder, { recursive: true }));

function file(text: string): string {
  const path = join(folder, 'auth');
  writeFileSync(path, text);
  return path;
}

describe('credentials', () => {
  test('come from the file, else from the environment, else there are none', () => {
    const env = { LOCKKEEPER_ZOOKEEPER_AUTH: 'env:secret' };
    expect(readDigestCredentials(file('user:a:b c\n'), env)).toBe('user:a:b c');
    expect(readDigestCredentials(undefined, env)).toBe('env:secret');
    expect(readDigestCredentials(undefined, { LOCKKEEPER_ZOOKEEPER_AUTH: '' })).toBeUndefined();
    expect(readDigestCredentials(undefined, {})).toBeUndefined();
  });

  test.each(['', 'user', 'user:', ':password', 'user:one\nuser:two\n'])('are refused as %j, and not shown', (text) => {
    const path = file(text);
    const refusal = {
      code: 'LK1003',
      message: `invalid ZooKeeper credentials in ${path}`,
      found: 'no user:password on one line',
    };
    expect(() => readDigestCredentials(path, {})).toThrow(expect.objectContaining(refusal));
  });

  test('of a file that is not there are refused', () => {
    expect(() => readDigestCredentials(join(folder, 'none'), {})).toThrow(/credentials in .*none/);
  });
});
