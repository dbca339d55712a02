import { expect, test } from 'vitest';
import { canalInstanceSchema } from '../../crds/index.ts';
import type { Live, SyncPipelineResource } from '../kube/index.ts';
import { neededSecrets, untilComplete } from './secret-names.ts';

const spec = (tls: object = {}) =>
  canalInstanceSchema.shape.spec.parse({
    ...{ zkEnsembleRef: { name: 'main' }, master: { host: 'm' }, credentialsSecretRef: { name: 'source' }, serverId: 1, tls },
  });

function pipeline(target: unknown, creationTimestamp = '2026-01-01T00:00:00Z'): Live<SyncPipelineResource> {
  return {
    ...{ apiVersion: 'lockkeeper.io/v1alpha1', kind: 'SyncPipeline' },
    metadata: { name: 'p', uid: 'u', resourceVersion: '1', creationTimestamp },
    spec: { target },
  };
}

const target = (name: unknown, ca?: string) => ({
  credentialsSecretRef: { name },
  ...(ca === undefined ? {} : { tls: { caSecretRef: { name: ca } } }),
});

test('every Secret that is named is needed, once and in order', () => {
  const tls = { mode: 'Required', caSecretRef: { name: 'ca' } };
  const pipelines = [pipeline(target('z')), pipeline(target('a', 'ca')), pipeline(target('z', 'b.c'))];
  expect(neededSecrets(spec(tls), pipelines)).toEqual(['a', 'b.c', 'ca', 'source', 'z']);
  expect(neededSecrets(spec(), [])).toEqual(['source']);
});

test.each(['../x', 'a/b', 'A', '', '.', 'a..b', '-a', 'x'.repeat(254), 7, null])('%j is the name of none', (name) => {
  expect(neededSecrets(spec(), [pipeline(target(name)), pipeline(undefined)])).toEqual(['source']);
});

test('what is made together has three seconds to come, unless clocks go wrong', () => {
  const at = (second: number) => Date.UTC(2026, 0, 1, 0, 0, second);
  const made = pipeline({});
  expect(untilComplete([], at(0))).toBe(0);
  expect(untilComplete([made], at(1))).toBe(2_000);
  expect(untilComplete([made, pipeline({}, '2026-01-01T00:00:01Z')], at(1))).toBe(3_000);
  expect(untilComplete([made], at(3))).toBe(0);
  expect(untilComplete([pipeline({}, '2026-01-01T01:00:00Z')], at(0))).toBe(0);
});
