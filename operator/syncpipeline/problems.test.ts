import { expect, test } from 'vitest';
import { LockkeeperError } from '../../common/errors.ts';
import { canalInstanceSchema, syncPipelineSchema } from '../../crds/index.ts';
import type { Observed } from './observed.ts';
import { problemsOf } from './problems.ts';

const apiVersion = 'lockkeeper.io/v1alpha1';
const metadata = { name: 'orders', namespace: 'shop' };
const instance = canalInstanceSchema.parse({
  ...{ apiVersion, kind: 'CanalInstance', metadata },
  spec: {
    zkEnsembleRef: { name: 'main' },
    master: { host: 'mysql.home' },
    credentialsSecretRef: { name: 'source' },
    serverId: 1000,
  },
});
const pipeline = syncPipelineSchema.parse({
  ...{ apiVersion, kind: 'SyncPipeline', metadata: { ...metadata, name: 'east' } },
  spec: { canalInstanceRef: { name: 'orders' }, target: { host: 'mysql.east', credentialsSecretRef: { name: 'target' } } },
});
const well: Observed = {
  instance: { kind: 'found', value: instance },
  ensemble: { name: 'main', kind: 'found' },
  unavailable: [],
  secrets: [],
  overlaps: [],
  neighbours: [],
  channel: { kind: 'unformed' },
  published: null,
  wanted: { kind: 'text', text: '{}', serverId: 1000 },
  report: null,
  leads: false,
  isSilent: false,
  showsNumbers: false,
};
const neighbour = { instance: 'shop/other', source: 'mysql.home:3306', first: 999, last: 1001 };

test.each<[string, Partial<Observed>, string, RegExp]>([
  ['no instance', { instance: { kind: 'missing' } }, 'InstanceMissing', /there is no CanalInstance shop\/orders/],
  ['one that goes', { instance: { kind: 'leaving' } }, 'InstanceLeaving', /is being deleted/],
  [
    'one that is invalid',
    { instance: { kind: 'invalid', problems: [{ reason: 'InvalidSpec', message: 'spec.x: bad' }] } },
    'InstanceInvalid',
    /CanalInstance shop\/orders is invalid: spec\.x: bad/,
  ],
  ['no ensemble', { ensemble: { name: 'main', kind: 'missing' } }, 'EnsembleMissing', /ZkEnsemble shop\/main does not exist/],
  ['one that goes, too', { ensemble: { name: 'main', kind: 'leaving' } }, 'EnsembleLeaving', /is being deleted/],
  [
    'a configuration that is too large',
    { wanted: { kind: 'refused', error: new LockkeeperError('LK1703', 'invalid', { found: '2000000 characters' }) } },
    'ConfigurationRefused',
    /invalid \(found 2000000 characters\)/,
  ],
  ['no server id left', { wanted: { kind: 'noServerId' } }, 'NoServerIdLeft', /Choose a smaller one/],
  ['one that is another instance’s', { neighbours: [neighbour] }, 'ServerIdTaken', /start at 1002 or higher/],
  [
    'tables that lead back',
    { overlaps: [new LockkeeperError('LK1010', 'spec.tables: round and round')] },
    'ContradictoryTables',
    /round and round/,
  ],
])('%s', (_what, fields, reason, message) => {
  const problems = problemsOf(pipeline, { ...well, ...fields });
  expect(problems.map((problem) => problem.reason)).toEqual([reason]);
  expect(problems[0]!.message).toMatch(message);
});

test('an id that was published stays, whoever comes to want it', () => {
  const published = { text: '{}', generation: 1, instanceGeneration: 1 };
  expect(problemsOf(pipeline, { ...well, neighbours: [neighbour], published })).toEqual([]);
});

test('all that is wrong is told at once', () => {
  const secret = { field: 'f', name: 's', namespace: 'shop', keys: ['a', 'b'], missing: null };
  const reasons = problemsOf(pipeline, { ...well, instance: { kind: 'missing' }, secrets: [secret] }).map(({ reason }) => reason);
  expect(reasons).toEqual(['InstanceMissing', 'SecretMissing']);
});
