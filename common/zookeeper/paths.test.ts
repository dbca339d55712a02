import { describe, expect, it } from 'vitest';
import {
  configPath,
  electionPath,
  instanceConfigPath,
  lineage,
  namespacePath,
  sourcePath,
  statusPath,
  workerPath,
  workersPath,
} from './paths.ts';

const ref = { namespace: 'shop', instance: 'orders' };

describe('paths', () => {
  it('form one tree', () => {
    expect(namespacePath('shop')).toBe('/lockkeeper/shop');
    expect(instanceConfigPath(ref)).toBe('/lockkeeper/shop/orders/config');
    expect(sourcePath(ref)).toBe('/lockkeeper/shop/orders/source');
    expect(workersPath(ref)).toBe('/lockkeeper/shop/orders/workers');
    expect(workerPath(ref, 'w-1')).toBe('/lockkeeper/shop/orders/workers/w-1');
    expect(configPath(ref, 'to-east')).toBe('/lockkeeper/shop/orders/pipelines/to-east/config');
    expect(electionPath(ref, 'to-east')).toBe('/lockkeeper/shop/orders/pipelines/to-east/election');
    expect(statusPath(ref, 'to-east')).toBe('/lockkeeper/shop/orders/pipelines/to-east/status');
  });

  it.each(['', '.', '..', 'a/b', 'a b', 'ä'])('refuse the name %j', (name) => {
    expect(() => workerPath(ref, name)).toThrow(expect.objectContaining({ code: 'LK1003' }));
  });

  it('have a lineage, outermost first', () => {
    expect(lineage('/a/b/c')).toEqual(['/a', '/a/b', '/a/b/c']);
  });
});
