import { Registry } from 'prom-client';
import { beforeEach, describe, expect, it } from 'vitest';
import { createLogger } from '../../common/log.ts';
import { EventRecorder, KubeClient, KubeMetrics, resources, type KubeEvent, type Live } from '../../operator/kube/index.ts';
import { ManualClock } from '../../operator/kube/manual-clock.ts';
import { ApiServer, type Connection } from '../apiserver/index.ts';
import { configMap } from './objects.ts';

describe('EventRecorder', () => {
  let clock: ManualClock;
  let server: ApiServer;
  let connection: Connection;
  let recorder: EventRecorder;
  let registry: Registry;
  let object: Live;

  beforeEach(async () => {
    clock = new ManualClock();
    server = new ApiServer({ clock });
    connection = server.connect();
    registry = new Registry();
    const retry = { attempts: 1, firstDelayMs: 1, longestDelayMs: 1, longestRetryAfterMs: 1 };
    recorder = new EventRecorder({
      client: new KubeClient(connection, { clock, retry }),
      log: createLogger('silent'),
      instance: 'operator-0',
      clock,
      metrics: new KubeMetrics(registry),
    });
    object = await new KubeClient(server.connect(), { clock }).create(resources.ConfigMap, configMap('shop', 'a'));
  });

  const record = (note: string, reason = 'Broken', about = object) => recorder.record(about, { type: 'Warning', reason, note });
  const stored = () =>
    (server.store.list('v1/events') as readonly KubeEvent[])
      .map(({ reason, message, count }) => `${reason} ${message} x${count}`)
      .sort();
  const dropped = async () =>
    (await registry.metrics()).split('\n').filter((line) => line.startsWith('lockkeeper_operator_events_dropped_total{'));

  it('counts the same event in the first one, with the time of the last', async () => {
    record('no');
    await clock.advance(60_000);
    record('no');
    record('yes', 'Repaired');
    await recorder.flush();
    expect(stored()).toEqual(['Broken no x2', 'Repaired yes x1']);
    const event = (server.store.list('v1/events') as readonly KubeEvent[]).find(({ reason }) => reason === 'Broken')!;
    expect([event.firstTimestamp, event.lastTimestamp]).toEqual(['2026-01-01T00:00:00Z', '2026-01-01T00:01:00Z']);
  });

  it('begins anew after ten minutes', async () => {
    record('no');
    await clock.advance(601_000);
    record('no');
    await recorder.flush();
    expect(stored()).toEqual(['Broken no x1', 'Broken no x1']);
  });

  it('joins many different notes of one reason', async () => {
    for (let index = 0; index < 14; index++) record(`pod ${index}`);
    await recorder.flush();
    expect(stored()).toHaveLength(11);
    expect(stored()).toContain('Broken (and others like it) pod 13 x4');
  });

  it('has a budget for each object, and counts what it drops', async () => {
    for (let index = 0; index < 100; index++) record('no');
    await recorder.flush();
    expect(connection.writeRequests).toBe(25);
    expect(await dropped()).toEqual(['lockkeeper_operator_events_dropped_total{reason="budget"} 75']);
    const other = { ...object, metadata: { ...object.metadata, uid: 'other', name: 'b' } };
    record('no', 'Broken', other);
    await clock.advance(300_000);
    record('no');
    await recorder.flush();
    expect(stored()).toEqual(['Broken no x1', 'Broken no x101']);
  });

  it('makes a new Event where the old one is gone', async () => {
    record('no');
    await recorder.flush();
    for (const event of server.store.list('v1/events')) server.store.delete('v1/events', event);
    record('no');
    await recorder.flush();
    expect(stored()).toEqual(['Broken no x2']);
  });

  it('never fails: what cannot be written is dropped', async () => {
    connection.fault = ({ number }) => (number === 1 ? { kind: 'refuse', status: 403, reason: 'Forbidden' } : undefined);
    record('one');
    record('two');
    await recorder.flush();
    expect(stored()).toEqual(['Broken two x1']);
    expect(await dropped()).toEqual(['lockkeeper_operator_events_dropped_total{reason="error"} 1']);
  });

  it('cuts what is too long, and keeps names that Kubernetes takes', async () => {
    record('x'.repeat(5000), 'Broken', { ...object, metadata: { ...object.metadata, name: 'n'.repeat(253) } });
    await recorder.flush();
    expect(await dropped()).toEqual([]);
    const [event] = server.store.list('v1/events') as readonly KubeEvent[];
    expect(event!.message).toHaveLength(1024);
    expect(event!.metadata.name.length).toBeLessThanOrEqual(253);
  });

  it('remembers only so many objects', async () => {
    for (let index = 0; index < 5000; index++) {
      recorder.record(
        { ...object, metadata: { ...object.metadata, uid: `u${index}` } },
        { type: 'Normal', reason: 'Fine', note: 'x' },
      );
      if (index % 500 === 0) await recorder.flush();
    }
    await recorder.flush();
    expect(recorder.remembered).toBeLessThanOrEqual(4096);
  });
});
