import { Registry } from 'prom-client';
import { beforeEach, describe, expect, it } from 'vitest';
import {
  KubeClient,
  KubeError,
  KubeMetrics,
  isAlreadyExists,
  isConflict,
  isNotFound,
  isUnknownOutcome,
  resources,
} from '../../operator/kube/index.ts';
import { ManualClock } from '../../operator/kube/manual-clock.ts';
import { ApiServer, type Connection, type Fault } from '../apiserver/index.ts';
import { configMap } from './objects.ts';

const ref = { namespace: 'shop', name: 'a' };
const wanted = configMap('shop', 'a');

describe('KubeClient', () => {
  let clock: ManualClock;
  let server: ApiServer;
  let connection: Connection;
  let client: KubeClient;

  beforeEach(() => {
    clock = new ManualClock();
    server = new ApiServer({ clock });
    connection = server.connect();
    client = new KubeClient(connection, { clock, random: () => 1 });
  });

  /** What became of it, with all the time in the world. */
  const outcome = async <T>(promise: Promise<T>): Promise<T | KubeError> => {
    const settled = promise.catch((error: unknown) => {
      if (error instanceof KubeError) return error;
      throw error;
    });
    await clock.advance(300_000);
    return settled;
  };
  /** The first `times` requests are met by this. */
  const first = (times: number, fault: Fault) => {
    connection.fault = ({ number }) => (number <= times ? fault : undefined);
  };
  const requests = () => connection.requests.length;
  const stored = () => server.store.list('v1/configmaps').length;

  describe('repeats', () => {
    it.each<[string, Fault]>([
      ['a refusal for the moment', { kind: 'refuse', status: 503 }],
      ['a server error', { kind: 'refuse', status: 500 }],
      ['a broken connection', { kind: 'lose' }],
      ['a lost answer', { kind: 'lose answer' }],
      ['no answer at all', { kind: 'hang' }],
    ])('an apply after %s', async (_what, fault) => {
      first(2, fault);
      expect(await outcome(client.apply(resources.ConfigMap, wanted))).toMatchObject({ data: { a: '1' } });
      expect([requests(), stored()]).toEqual([3, 1]);
    });

    it('a read', async () => {
      await client.create(resources.ConfigMap, wanted);
      connection.fault = ({ number }) => (number < 4 ? { kind: 'lose' } : undefined);
      expect(await outcome(client.get(resources.ConfigMap, ref))).toMatchObject({ data: { a: '1' } });
    });

    it('only so many times', async () => {
      first(99, { kind: 'refuse', status: 500 });
      const error = await outcome(client.get(resources.ConfigMap, ref));
      expect(error).toMatchObject({ status: 500, message: 'get ConfigMap shop/a: refused by the test' });
      expect(requests()).toBe(5);
    });

    it('not a create whose fate is unknown', async () => {
      first(1, { kind: 'lose answer' });
      const error = await outcome(client.create(resources.ConfigMap, wanted));
      expect(isUnknownOutcome(error)).toBe(true);
      expect((error as KubeError).message).toBe('create ConfigMap shop/a: socket hang up');
      expect([requests(), stored()]).toEqual([1, 1]);
    });

    it('a create that the server was too busy for', async () => {
      first(2, { kind: 'refuse', status: 429, reason: 'TooManyRequests' });
      expect(await outcome(client.create(resources.ConfigMap, wanted))).toMatchObject({ data: { a: '1' } });
      expect(requests()).toBe(3);
    });

    it('a delete only of an object that it names by uid', async () => {
      const { metadata } = await client.create(resources.ConfigMap, wanted);
      connection.fault = ({ method, number }) => (method === 'DELETE' && number < 4 ? { kind: 'lose answer' } : undefined);
      expect(isNotFound(await outcome(client.delete(resources.ConfigMap, ref, { preconditions: { uid: metadata.uid } })))).toBe(
        true,
      );
      connection.fault = () => ({ kind: 'lose answer' });
      const before = requests();
      expect(isUnknownOutcome(await outcome(client.delete(resources.ConfigMap, ref)))).toBe(true);
      expect(requests() - before).toBe(1);
    });

    it('a replace, whose second attempt meets the first', async () => {
      const live = await client.create(resources.ConfigMap, wanted);
      connection.fault = ({ method, number }) => (method === 'PUT' && number === 2 ? { kind: 'lose answer' } : undefined);
      const error = await outcome(client.replace(resources.ConfigMap, { ...live, data: { a: '2' } }));
      expect(isConflict(error)).toBe(true);
      expect((await client.get(resources.ConfigMap, ref)).data).toEqual({ a: '2' });
    });

    it('nothing that is wrong', async () => {
      await client.create(resources.ConfigMap, wanted);
      const before = requests();
      expect(isAlreadyExists(await outcome(client.create(resources.ConfigMap, wanted)))).toBe(true);
      expect(requests() - before).toBe(1);
    });
  });

  describe('waits', () => {
    it('longer each time', async () => {
      const times: number[] = [];
      connection.fault = () => {
        times.push(clock.monotonic());
        return { kind: 'lose' };
      };
      await outcome(client.get(resources.ConfigMap, ref));
      expect(times).toEqual([0, 100, 300, 700, 1500]);
    });

    it('as long as the server asks', async () => {
      const times: number[] = [];
      connection.fault = ({ number }) => {
        times.push(clock.monotonic());
        return number === 1 ? { kind: 'refuse', status: 429, retryAfterSeconds: 7 } : undefined;
      };
      await outcome(client.get(resources.ConfigMap, ref));
      expect(times[1]).toBeGreaterThanOrEqual(7000);
      expect(times[1]).toBeLessThan(7200);
    });

    it('no longer than its time limit for an answer', async () => {
      connection.fault = () => ({ kind: 'hang' });
      const error = client.get(resources.ConfigMap, ref, { timeoutMs: 1000 }).catch((thrown: unknown) => thrown);
      await clock.advance(10_000);
      expect(await error).toMatchObject({ status: 0, reason: 'Timeout' });
    });
  });

  describe('stops', () => {
    it('when its signal aborts: under way, waiting, and before it begins', async () => {
      const reason = new Error('stop');
      for (const fault of [{ kind: 'hang' }, { kind: 'lose' }] as const) {
        connection.fault = () => fault;
        const abort = new AbortController();
        const error = client.get(resources.ConfigMap, ref, { signal: abort.signal }).catch((thrown: unknown) => thrown);
        await clock.advance(10);
        abort.abort(reason);
        await clock.advance(0);
        expect(await error).toBe(reason);
        const before = requests();
        await expect(client.get(resources.ConfigMap, ref, { signal: abort.signal })).rejects.toBe(reason);
        expect(requests()).toBe(before);
        expect(clock.nextIn).toBeUndefined();
      }
    });

    it('writing at once when it may not write, and reads on', async () => {
      let leading = true;
      client = new KubeClient(connection, { clock, mayWrite: () => leading });
      await client.create(resources.ConfigMap, wanted);
      leading = false;
      const before = requests();
      const error = await outcome(client.apply(resources.ConfigMap, wanted));
      expect(error).toMatchObject({ reason: 'NotLeading' });
      expect([requests() - before, isUnknownOutcome(error)]).toEqual([0, false]);
      expect(await outcome(client.get(resources.ConfigMap, ref))).toMatchObject({ data: { a: '1' } });
    });
  });

  it('tells of each attempt', async () => {
    const attempts: string[] = [];
    client = new KubeClient(connection, {
      clock,
      onAttempt: ({ verb, kind, code }) => attempts.push(`${verb} ${kind} ${code}`),
    });
    first(1, { kind: 'lose' });
    await outcome(client.apply(resources.ConfigMap, wanted));
    await outcome(client.get(resources.ConfigMap, { namespace: 'shop', name: 'absent' }));
    expect(attempts).toEqual(['apply ConfigMap 0', 'apply ConfigMap 201', 'get ConfigMap 404']);
  });

  it('counts attempts', async () => {
    const registry = new Registry();
    const metrics = new KubeMetrics(registry);
    client = new KubeClient(connection, { clock, onAttempt: metrics.attempted });
    await outcome(client.apply(resources.ConfigMap, wanted));
    const text = await registry.metrics();
    expect(text).toContain('lockkeeper_operator_api_requests_total{verb="apply",kind="ConfigMap",code="201"} 1');
    expect(text).toContain('lockkeeper_operator_api_request_seconds_count{verb="apply"} 1');
  });

  it('asks for its turn before each attempt', async () => {
    let turns = 0;
    const limiter = {
      take: () => {
        turns++;
        return Promise.resolve();
      },
    };
    client = new KubeClient(connection, { clock, limiter });
    first(2, { kind: 'lose' });
    await outcome(client.apply(resources.ConfigMap, wanted));
    expect(turns).toBe(3);
  });
});
