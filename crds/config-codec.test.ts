import { describe, expect, it } from 'vitest';
import { decodeConfig, encodeConfig } from './config-codec.ts';
import { canalInstanceSchema, syncPipelineSchema } from './index.ts';
import { compilePipeline } from './pipeline-config.ts';

const config = compilePipeline(
  canalInstanceSchema.parse({
    apiVersion: 'lockkeeper.io/v1alpha1',
    kind: 'CanalInstance',
    metadata: { name: 'orders' },
    spec: { zkEnsembleRef: { name: 'main' }, master: { host: 'db' }, credentialsSecretRef: { name: 'source' }, serverId: 1000 },
  }),
  syncPipelineSchema.parse({
    apiVersion: 'lockkeeper.io/v1alpha1',
    kind: 'SyncPipeline',
    metadata: { name: 'to-east', generation: 7 },
    spec: {
      canalInstanceRef: { name: 'orders' },
      target: { host: 'db2', credentialsSecretRef: { name: 'east' } },
      tables: [{ source: 'shop.users', columns: { rename: { password: 'password_hash' } } }],
    },
  }),
  0,
);

describe('a configuration in ZooKeeper', () => {
  it('comes back as it was, with its generation, names of Secrets and columns of any name', () => {
    const read = decodeConfig(encodeConfig(config), 'to-east');
    expect(read).toEqual(config);
    expect(read.generation).toBe(7);
  });

  it.each([
    ['{', 'not JSON'],
    ['{}', ''],
    [JSON.stringify({ ...config, serverId: 0 }), ''],
    [JSON.stringify({ ...config, format: 2 }), ''],
    [JSON.stringify({ ...config, surprise: 1 }), 'surprise'],
    [' '.repeat(1_000_001), 'more than'],
  ])('is refused as %.40s', (text, found) => {
    expect(() => decodeConfig(text, 'to-east')).toThrow(
      expect.objectContaining({ code: 'LK1703', found: expect.stringContaining(found) }),
    );
  });

  it.each([['password'], ['rootPasswd'], ['authToken'], ['private_key'], ['clientSecret'], ['credentials']])(
    'with a key %s is refused without showing its value',
    (key) => {
      const bad = { ...config, source: { ...config.source, master: { ...config.source.master, [key]: 'hunter2' } } };
      let thrown: unknown;
      try {
        decodeConfig(JSON.stringify(bad), 'to-east');
      } catch (error) {
        thrown = error;
      }
      expect(thrown).toMatchObject({ code: 'LK1703', details: { field: `source.master.${key}` } });
      expect(JSON.stringify(thrown)).not.toContain('hunter2');
      expect(() => encodeConfig(bad)).toThrow(expect.objectContaining({ code: 'LK1703' }));
    },
  );

  it('of another pipeline is refused', () => {
    expect(() => decodeConfig(encodeConfig(config), 'to-west')).toThrow(expect.objectContaining({ code: 'LK1703' }));
  });
});
