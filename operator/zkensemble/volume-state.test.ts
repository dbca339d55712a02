import { expect, test } from 'vitest';
import type { Live, PersistentVolumeClaim } from '../kube/index.ts';
import { HOLDS_DATA } from './objects/labels.ts';
import { volumeState } from './volume-state.ts';

function claim(holds: boolean, leaving = false): Live<PersistentVolumeClaim> {
  return {
    ...{ apiVersion: 'v1', kind: 'PersistentVolumeClaim' },
    metadata: {
      ...{ name: 'c', namespace: 's', uid: 'u', resourceVersion: '1', creationTimestamp: '2026-01-01T00:00:00Z' },
      annotations: holds ? { [HOLDS_DATA]: 'true' } : {},
      ...(leaving ? { deletionTimestamp: '2026-01-02T00:00:00Z' } : {}),
    },
  };
}

test.each([
  ['none', [], 1],
  ['fresh', [claim(false)], 1],
  ['used', [claim(true)], 1],
  ['used', [claim(true), claim(true)], 2],
  ['fresh', [claim(false), claim(false)], 2],
  ['torn', [claim(true), claim(false)], 2],
  ['torn', [claim(true)], 2],
  ['leaving', [claim(true), claim(true, true)], 2],
] as const)('%s: %j of %i volumes', (state, claims, volumes) => {
  expect(volumeState(claims, volumes)).toBe(state);
});
