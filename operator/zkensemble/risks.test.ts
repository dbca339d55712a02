import { expect, test } from 'vitest';
import { zkEnsembleSpec, type ZkEnsembleInput } from '../../crds/zk-ensemble.ts';
import { risksOf } from './risks.ts';

const reasons = (spec: ZkEnsembleInput['spec'], node: string | null = null) =>
  risksOf(zkEnsembleSpec.parse(spec), node).map(({ reason }) => reason);

test('what is usual is not risky', () => {
  expect(reasons({})).toEqual([]);
  expect(reasons({ voters: { replicas: 5 }, observers: [{ region: 'east' }] })).toEqual([]);
});

test.each<[string, ZkEnsembleInput['spec'], string[]]>([
  ['a single voter', { voters: { replicas: 1 } }, ['SingleVoter']],
  ['data in pods', { storage: { ephemeral: true } }, ['EphemeralStorage']],
  ['logs kept for ever', { config: { autopurgeHours: 0 } }, ['NoAutopurge']],
  ['writes that are not synced', { config: { extra: { forceSync: 'no' } } }, ['NoForceSync']],
  ['votes of servers that have lost their data', { config: { extra: { 'db.autocreate': 'true' } } }, ['EmptyServersVote']],
  [
    'no server here',
    { voters: { replicas: 0 }, externalMembers: [{ id: 1, host: 'a', role: 'voter' }] },
    ['SingleVoter', 'NoOwnServers'],
  ],
])('%s is', (_what, spec, expected) => {
  expect(reasons(spec)).toEqual(expected);
});

test('two voters on one node are', () => {
  expect(reasons({}, 'node-1')).toEqual(['VotersShareNode']);
});
