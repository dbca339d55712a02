import { expect, test } from 'vitest';
import type { CanalInstanceResource, Live } from '../kube/index.ts';
import { serverIdProblems, sourcesOf } from './server-ids.ts';

function instance(name: string, serverId: number, second = 0, hosts = ['m']): Live<CanalInstanceResource> {
  const creationTimestamp = `2026-01-01T00:00:0${second}Z`;
  const [master, standby] = hosts.map((host) => ({ host }));
  return {
    ...{ apiVersion: 'lockkeeper.io/v1alpha1', kind: 'CanalInstance' },
    metadata: { name, namespace: 's', uid: name, resourceVersion: '1', creationTimestamp },
    spec: { serverId, master, standby },
  };
}

const reasons = (problems: readonly { readonly reason: string }[]) => problems.map(({ reason }) => reason);

test('of two instances whose ids meet on one source the younger is wrong', () => {
  const [old, young] = [instance('old', 100), instance('young', 105, 1)];
  const check = (pipelines: number) =>
    reasons(serverIdProblems({ instance: young, pipelines: 3 }, [{ instance: old, pipelines }]));
  expect([5, 6].map(check)).toEqual([[], ['ServerIdsMeet']]);
  expect(serverIdProblems({ instance: old, pipelines: 6 }, [{ instance: young, pipelines: 3 }])).toEqual([]);
  expect(serverIdProblems({ instance: young, pipelines: 0 }, [{ instance: instance('other', 105), pipelines: 0 }])).toMatchObject(
    [
      {
        message:
          'spec.serverId: the ids 105 to 105 meet those of CanalInstance s/other, 105 to 105, on the same source m:3306, which admits each id once; start at 106 or higher, with room for more pipelines',
      },
    ],
  );
});

test('a standby is a source, and other sources do not matter', () => {
  const young = instance('young', 1, 1, ['a', 'b']);
  expect(
    reasons(serverIdProblems({ instance: young, pipelines: 1 }, [{ instance: instance('x', 1, 0, ['B']), pipelines: 1 }])),
  ).toEqual(['ServerIdsMeet']);
  expect(serverIdProblems({ instance: young, pipelines: 1 }, [{ instance: instance('x', 1, 0, ['c']), pipelines: 1 }])).toEqual(
    [],
  );
});

test('ids beyond 32 bits are none', () => {
  const last = instance('last', 4_294_967_295);
  expect(serverIdProblems({ instance: last, pipelines: 1 }, [])).toEqual([]);
  expect(reasons(serverIdProblems({ instance: last, pipelines: 2 }, []))).toEqual(['ServerIdsExhausted']);
});

test('an instance that is stored with faults has the sources that can be read', () => {
  const broken = { ...instance('x', 1), spec: { master: { host: 7 }, standby: { host: 'h', port: 3307 } } };
  expect(sourcesOf(broken)).toEqual(['h:3307']);
  expect(sourcesOf({ ...broken, spec: undefined })).toEqual([]);
});
