import { expect, it } from 'vitest';
import { WorkerMetrics } from './metrics.ts';

it('shows no series of a pipeline that is gone, and those of others as before', async () => {
  const metrics = new WorkerMetrics();
  for (const pipeline of ['a', 'b']) {
    const labels = { namespace: 'shop', pipeline };
    metrics.rows.inc({ ...labels, operation: 'insert' }, 3);
    metrics.rows.inc({ ...labels, operation: 'delete' }, 4);
    metrics.errors.inc({ ...labels, code: 'LK1302' });
    metrics.phase.set({ ...labels, phase: 'running' }, 1);
    metrics.commitSeconds.observe(labels, 0.1);
    metrics.lag.set(labels, 1);
  }
  metrics.rows.inc({ namespace: 'other', pipeline: 'a', operation: 'insert' });
  const linesOf = async (namespace: string, pipeline: string) =>
    (await metrics.registry.metrics())
      .split('\n')
      .filter((line) => line.includes(`namespace="${namespace}"`) && line.includes(`pipeline="${pipeline}"`));
  const ofB = await linesOf('shop', 'b');
  expect(await linesOf('shop', 'a')).toHaveLength(ofB.length);
  await metrics.forget('shop', 'a');
  expect(await linesOf('shop', 'a')).toEqual([]);
  expect(await linesOf('shop', 'b')).toEqual(ofB);
  expect(await linesOf('other', 'a')).toHaveLength(1);
  metrics.rows.inc({ namespace: 'shop', pipeline: 'a', operation: 'insert' });
  expect(await linesOf('shop', 'a')).toEqual([
    'lockkeeper_rows_applied_total{namespace="shop",pipeline="a",operation="insert"} 1',
  ]);
});
