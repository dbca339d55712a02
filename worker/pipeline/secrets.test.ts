import { describe, expect, it } from 'vitest';
import { connectionOptions } from '../../common/mysql-endpoint.ts';
import { LockkeeperError } from '../../common/errors.ts';
import { canalInstanceSchema, Secret, syncPipelineSchema } from '../../crds/index.ts';
import { compilePipeline } from '../../crds/pipeline-config.ts';
import { sourceEndpoints, targetEndpoint, type SecretStore } from './secrets.ts';

const tls = { mode: 'Required', caSecretRef: { name: 'ca' } };
const config = compilePipeline(
  canalInstanceSchema.parse({
    apiVersion: 'lockkeeper.io/v1alpha1',
    kind: 'CanalInstance',
    metadata: { name: 'orders', namespace: 'shop' },
    spec: {
      zkEnsembleRef: { name: 'main' },
      master: { host: 'db' },
      standby: { host: 'db2' },
      credentialsSecretRef: { name: 'source' },
      serverId: 1,
    },
  }),
  syncPipelineSchema.parse({
    apiVersion: 'lockkeeper.io/v1alpha1',
    kind: 'SyncPipeline',
    metadata: { name: 'to-east', namespace: 'shop' },
    spec: { canalInstanceRef: { name: 'orders' }, target: { host: 'east', credentialsSecretRef: { name: 'east' }, tls } },
  }),
  0,
);

class Store implements SecretStore {
  readonly values: Record<string, Record<string, string>> = {
    source: { username: 'reader', password: 'r1' },
    east: { username: 'writer', password: 'w1' },
    ca: { 'ca.crt': 'pem 1' },
  };

  read(namespace: string, name: string): Secret {
    const values = this.values[name];
    if (values === undefined) throw new LockkeeperError('LK1005', `no ${name}`);
    return new Secret(namespace, name, new Map(Object.entries(values)));
  }
}

describe('endpoints', () => {
  it('log in with what their Secrets hold at each connection', () => {
    const store = new Store();
    const { master, standby } = sourceEndpoints(config, store);
    const target = targetEndpoint(config, store);
    expect(connectionOptions(master)).toMatchObject({ host: 'db', port: 3306, user: 'reader', password: 'r1' });
    expect(connectionOptions(standby!)).toMatchObject({ host: 'db2', user: 'reader', password: 'r1' });
    expect(connectionOptions(target)).toMatchObject({ host: 'east', password: 'w1', ssl: { ca: 'pem 1' } });
    store.values['source'] = { username: 'reader2', password: 'r2' };
    store.values['east']!['password'] = 'w2';
    store.values['ca']!['ca.crt'] = 'pem 2';
    expect(connectionOptions(master)).toMatchObject({ user: 'reader2', password: 'r2' });
    expect(connectionOptions(standby!)).toMatchObject({ user: 'reader2', password: 'r2' });
    expect(connectionOptions(target)).toMatchObject({ password: 'w2', ssl: { ca: 'pem 2' } });
    expect(JSON.stringify([master, standby, target])).not.toMatch(/r2|w2|pem/);
  });

  it.each([
    ['source', sourceEndpoints],
    ['east', targetEndpoint],
    ['ca', targetEndpoint],
  ] as const)('are refused without Secret %s, and without a key of it', (name, make) => {
    const store = new Store();
    store.values[name] = { other: 'x' };
    expect(() => make(config, store)).toThrow(expect.objectContaining({ code: 'LK1005' }));
    delete store.values[name];
    expect(() => make(config, store)).toThrow(`no ${name}`);
  });
});
