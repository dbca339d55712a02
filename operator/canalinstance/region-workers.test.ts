import { expect, test } from 'vitest';
import { canalInstanceSchema } from '../../crds/index.ts';
import type { Live, Pod } from '../kube/index.ts';
import { regionWorkers } from './region-workers.ts';

const spec = canalInstanceSchema.shape.spec.parse({
  ...{ zkEnsembleRef: { name: 'main' }, master: { host: 'm' }, credentialsSecretRef: { name: 's' }, serverId: 1 },
  workers: [
    { region: 'home', replicas: 2 },
    { region: 'east', replicas: 1 },
  ],
});

type Condition = NonNullable<NonNullable<Pod['status']>['conditions']>[number];

function pod(name: string, region: string, conditions: readonly Condition[], deletionTimestamp?: string): Live<Pod> {
  const labels = { 'lockkeeper.io/region': region };
  const deleted = deletionTimestamp === undefined ? {} : { deletionTimestamp };
  const metadata = { name, labels, uid: name, resourceVersion: '1', creationTimestamp: '2026-01-01T00:00:00Z', ...deleted };
  return { apiVersion: 'v1', kind: 'Pod', metadata, status: { conditions } };
}

const ready = [{ type: 'Ready', status: 'True' }];
const counts = (...given: Parameters<typeof regionWorkers>) =>
  regionWorkers(...given).map((each) => [each.region, each.ready, each.desired]);

test('a worker counts where Kubernetes and ZooKeeper both say that it is there', () => {
  const pods = [pod('a', 'home', ready), pod('b', 'home', ready), pod('c', 'east', []), pod('d', 'east', ready, 'now')];
  expect(counts(spec, pods, new Set(['a', 'c', 'd']))).toEqual([
    ['home', 1, 2],
    ['east', 0, 1],
  ]);
});

test('until ZooKeeper has been read what was counted before stands', () => {
  expect(counts(spec, [pod('a', 'home', ready)], null, [{ region: 'home', ready: 2 }])).toEqual([
    ['home', 2, 2],
    ['east', 0, 1],
  ]);
});

test('a pod that no node takes is named', () => {
  const homeless = { type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message: 'no node' };
  expect(regionWorkers(spec, [pod('a', 'east', [homeless])], new Set()).map(({ stuck }) => stuck)).toEqual([
    null,
    { pod: 'a', reason: 'Unschedulable', message: 'no node' },
  ]);
});
