import { expect, it } from 'vitest';
import { parseQueue } from './candidate-queue.ts';

it('orders candidates by number, whatever their guid, and reads workers with hyphens', () => {
  const queue = parseQueue([
    '0b5e3f6c-0000-4000-8000-000000000003-orders-east-7d4f-x2-0000000012',
    'ffffffff-0000-4000-8000-000000000001-w1-0000000002',
    'zookeeper-note',
    '00000000-0000-4000-8000-000000000002-w-2-0000000010',
  ]);
  expect(queue.map(({ worker }) => worker)).toEqual(['w1', 'w-2', 'orders-east-7d4f-x2']);
  expect(queue[0]?.node).toBe('ffffffff-0000-4000-8000-000000000001-w1-0000000002');
});
