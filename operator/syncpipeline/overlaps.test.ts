import { expect, test } from 'vitest';
import { canalInstanceSchema, syncPipelineSchema } from '../../crds/index.ts';
import type { Subject } from '../../crds/table-flow.ts';
import { judge, type Contender } from './overlaps.ts';

const instance = canalInstanceSchema.parse({
  ...{ apiVersion: 'lockkeeper.io/v1alpha1', kind: 'CanalInstance', metadata: { name: 'orders' } },
  spec: {
    ...{ zkEnsembleRef: { name: 'main' }, master: { host: 'mysql.home' }, serverId: 1 },
    credentialsSecretRef: { name: 'source' },
  },
});

function writing(name: string, table: string): Subject {
  const target = { host: 'mysql.east', credentialsSecretRef: { name: 'target' } };
  const pipeline = syncPipelineSchema.parse({
    ...{ apiVersion: 'lockkeeper.io/v1alpha1', kind: 'SyncPipeline', metadata: { name } },
    spec: { canalInstanceRef: { name: 'orders' }, region: 'home', target, tables: [{ source: `shop.${table}` }] },
  });
  return { pipeline, instance };
}

/** Made in the order of their names. */
const contender = (name: string, wanted: string | null, ...held: string[]): Contender => ({
  key: `default/${name}`,
  creationTimestamp: '2026-01-01T00:00:00Z',
  wanted: wanted === null ? null : writing(name, wanted),
  held: held.map((table) => writing(name, table)),
});

test.each<[string, readonly Contender[], readonly string[]]>([
  ['of two newcomers the older may', [contender('a', 't'), contender('b', 't')], ['b']],
  ['who writes already may, however young', [contender('a', 't'), contender('b', 't', 't')], ['a']],
  ['an older one that writes something else must not change to it', [contender('a', 't', 'u'), contender('b', 't', 't')], ['a']],
  ['nor a younger one', [contender('a', 't', 't'), contender('b', 't', 'u')], ['b']],
  ['who leaves a table has it until then', [contender('a', 'u', 't'), contender('b', 't')], ['b']],
  [
    'who has a table keeps it while something else of it changes',
    [contender('a', 't', 'u'), contender('b', 't', 'v', 't')],
    ['a'],
  ],
  ['two cannot swap what they write at once', [contender('a', 't', 'u'), contender('b', 'u', 't')], ['a', 'b']],
  ['of two that write already the younger is told', [contender('a', 't', 't'), contender('b', 't', 't')], ['b']],
  ['a spec of no use takes nothing away', [contender('a', null), contender('b', 't')], []],
  ['but what it has in force does', [contender('a', null, 't'), contender('b', 't')], ['b']],
  ['those with tables of their own may all', [contender('a', 't'), contender('b', 'u', 'v'), contender('c', 'w', 'w')], []],
])('%s', (_what, contenders, refused) => {
  expect([...judge(contenders.toReversed()).keys()].sort()).toEqual(refused.map((name) => `default/${name}`));
});
