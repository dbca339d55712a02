import { expect, test } from 'vitest';
import type { Deployment, Live } from '../kube/index.ts';
import { isRolling, isStalled, waitingChanges, type Change } from './rollout.ts';

const change = (name: string, size: number, restarts: boolean, rolling = false): Change => ({ name, size, restarts, rolling });
const waiting = (...changes: Change[]) => [...waitingChanges(changes)];

test('regions with several workers change together, those with one by one', () => {
  expect(waiting(change('a', 2, true), change('b', 3, true))).toEqual([]);
  expect(waiting(change('a', 1, true), change('b', 2, true), change('c', 1, true), change('d', 1, true))).toEqual(['c', 'd']);
  expect(waiting(change('a', 1, false), change('b', 1, true))).toEqual([]);
});

test('while a single worker is exchanged no other one is, but it may be changed again', () => {
  expect(waiting(change('a', 1, true), change('b', 1, false, true))).toEqual(['a']);
  expect(waiting(change('a', 1, true), change('b', 1, true, true))).toEqual(['a']);
  expect(waiting(change('a', 1, true), change('b', 2, false, true))).toEqual([]);
});

function deployment(status: Deployment['status']): Live<Deployment> {
  const metadata = { name: 'd', uid: 'u', resourceVersion: '1', creationTimestamp: '2026-01-01T00:00:00Z', generation: 2 };
  return { apiVersion: 'apps/v1', kind: 'Deployment', metadata, status } as Live<Deployment>;
}
const progressing = (status: string, reason: string) => ({
  observedGeneration: 2,
  conditions: [{ type: 'Progressing', status, reason }],
});

test('pods are exchanged until all new ones were ready once', () => {
  expect(isRolling(deployment(undefined))).toBe(true);
  expect(isRolling(deployment({ ...progressing('True', 'NewReplicaSetAvailable'), observedGeneration: 1 }))).toBe(true);
  expect(isRolling(deployment(progressing('True', 'ReplicaSetUpdated')))).toBe(true);
  expect(isRolling(deployment(progressing('True', 'NewReplicaSetAvailable')))).toBe(false);
  const given = deployment(progressing('False', 'ProgressDeadlineExceeded'));
  expect([isRolling(given), isStalled(given), isStalled(deployment(progressing('True', 'ReplicaSetUpdated')))]).toEqual([
    true,
    true,
    false,
  ]);
});
