import { getEventListeners } from 'node:events';
import { beforeEach, describe, expect, it } from 'vitest';
import { KubeClient, resources, type ConfigMap } from '../../operator/kube/index.ts';
import { ManualClock } from '../../operator/kube/manual-clock.ts';
import { watchCollection, type CollectionEvent } from '../../operator/kube/watch.ts';
import { ApiServer, type Connection } from '../apiserver/index.ts';
import { configMap } from './objects.ts';

describe('watchCollection', () => {
  let clock: ManualClock;
  let server: ApiServer;
  let connection: Connection;
  let user: KubeClient;
  let stop: AbortController;
  let seen: string[];
  let failures: string[];
  let ended: boolean;

  beforeEach(() => {
    clock = new ManualClock();
    server = new ApiServer({ clock });
    connection = server.connect();
    user = new KubeClient(server.connect(), { clock });
    stop = new AbortController();
    seen = [];
    failures = [];
    ended = false;
  });

  const text = (event: CollectionEvent<ConfigMap>) => {
    switch (event.kind) {
      case 'listed':
        return `listed ${event.objects.map(({ metadata, data }) => `${metadata.name}${data?.v ?? ''}`).join(' ')}`.trim();
      case 'changed':
      case 'deleted':
        return `${event.kind} ${event.object.metadata.name}${event.object.data?.v ?? ''}`;
      case 'alive':
        return 'alive';
      default:
        return event satisfies never;
    }
  };
  const follow = (options: { silenceMs?: number; pageSize?: number } = {}) => {
    const client = new KubeClient(connection, {
      clock,
      random: () => 1,
      retry: { attempts: 1, firstDelayMs: 1, longestDelayMs: 1, longestRetryAfterMs: 1 },
    });
    const events = watchCollection(
      client,
      resources.ConfigMap,
      { clock, random: () => 0, onFailure: (error, count) => failures.push(`${count} ${error.message}`), ...options },
      stop.signal,
    );
    void (async () => {
      for await (const event of events) seen.push(text(event));
      ended = true;
    })();
    return clock.advance(0);
  };
  const put = async (name: string, v = '') => {
    await user.apply(resources.ConfigMap, configMap('shop', name, v === '' ? {} : { v }));
    await clock.advance(0);
  };
  const remove = async (name: string) => {
    await user.delete(resources.ConfigMap, { namespace: 'shop', name });
    await clock.advance(0);
  };
  const lists = () => connection.requests.filter(({ watch }) => !watch).length;
  const watches = () => connection.requests.filter(({ watch }) => watch).length;

  it('begins with what is there and goes on with what happens', async () => {
    await put('a', '1');
    await follow();
    await put('b', '1');
    await put('a', '2');
    await remove('b');
    expect(seen).toEqual(['listed a1', 'changed b1', 'changed a2', 'deleted b1']);
  });

  it('lists in pages', async () => {
    for (const name of ['a', 'b', 'c', 'd', 'e']) await put(name);
    await follow({ pageSize: 2 });
    expect([seen, lists()]).toEqual([['listed a b c d e'], 3]);
  });

  it('lists in one piece when the first page expires before the last', async () => {
    for (const name of ['a', 'b', 'c']) await put(name);
    connection.fault = ({ number }) => {
      if (number === 2) {
        server.store.put('v1/configmaps', configMap('shop', 'd') as never);
        server.compact();
      }
      return undefined;
    };
    await follow({ pageSize: 1 });
    expect([seen, lists(), failures]).toEqual([['listed a b c d'], 3, []]);
  });

  it('goes on from where it was when the server ends the watch, without listing again', async () => {
    await follow();
    await put('a', '1');
    await clock.advance(301_000);
    await put('a', '2');
    expect([seen.filter((each) => each !== 'alive'), lists(), watches(), failures]).toEqual([
      ['listed', 'changed a1', 'changed a2'],
      1,
      2,
      [],
    ]);
  });

  it('leaves nothing on the signal from one watch to the next', async () => {
    await follow();
    const before = getEventListeners(stop.signal, 'abort').length;
    for (let turn = 0; turn < 10; turn++) {
      await clock.advance(301_000);
      connection.cutWatches();
      await clock.advance(1000);
    }
    expect([watches() > 15, getEventListeners(stop.signal, 'abort')]).toEqual([
      true,
      expect.toSatisfy((left: unknown[]) => left.length <= before),
    ]);
  });

  it('goes on from where it was when the connection breaks', async () => {
    await follow();
    await put('a', '1');
    connection.cutWatches();
    await put('a', '2');
    await put('b', '1');
    await clock.advance(1000);
    expect([seen, lists()]).toEqual([['listed', 'changed a1', 'changed a2', 'changed b1'], 1]);
    expect(failures).toEqual(['1 socket hang up']);
  });

  it('is kept up to date by bookmarks where nothing happens to it', async () => {
    await follow();
    for (let minute = 0; minute < 4; minute++) {
      server.store.put('v1/secrets', { apiVersion: 'v1', kind: 'Secret', metadata: { namespace: 'shop', name: 's' } } as never);
      await clock.advance(60_000);
      server.compact();
    }
    connection.cutWatches();
    await clock.advance(1000);
    await put('a', '1');
    expect([lists(), seen.filter((each) => each !== 'alive')]).toEqual([1, ['listed', 'changed a1']]);
  });

  it('lists again, at once, when its revision has expired', async () => {
    await follow();
    await put('a', '1');
    connection.fault = ({ watch }) => (watch ? { kind: 'lose' } : undefined);
    connection.cutWatches();
    await put('a', '2');
    await put('b', '1');
    await remove('b');
    server.compact();
    connection.fault = () => undefined;
    await clock.advance(20_000);
    expect(seen).toEqual(['listed', 'changed a1', 'listed a2']);
    await put('c', '1');
    expect(seen.at(-1)).toBe('changed c1');
  });

  it('lists again when a watch is refused as expired', async () => {
    await follow();
    connection.fault = ({ watch, number }) =>
      watch && number < 4 ? { kind: 'refuse', status: 410, reason: 'Expired' } : undefined;
    connection.cutWatches();
    await clock.advance(1000);
    expect([lists(), failures]).toEqual([2, ['1 socket hang up', '2 watch configmaps: refused by the test']]);
  });

  it('tries again with growing pauses for as long as the server fails', async () => {
    const times: number[] = [];
    connection.fault = ({ number }) => {
      times.push(clock.monotonic());
      return number <= 8 ? { kind: 'refuse', status: 500 } : undefined;
    };
    await follow();
    await clock.advance(300_000);
    expect(seen[0]).toBe('listed');
    expect(times.slice(1, 8).map((time, index) => time - times[index]!)).toEqual([250, 500, 1000, 2000, 4000, 8000, 15_000]);
    expect(failures).toHaveLength(8);
  });

  it.each([403, 404, 401])('does not give up after %d', async (status) => {
    connection.fault = ({ number }) => (number <= 3 ? { kind: 'refuse', status } : undefined);
    await follow();
    await clock.advance(10_000);
    await put('a', '1');
    expect(seen).toEqual(['listed', 'changed a1']);
  });

  it('does not hammer a server that ends each watch at once', async () => {
    await follow();
    connection.fault = () => {
      void Promise.resolve().then(() => Promise.resolve().then(() => connection.endWatches()));
      return undefined;
    };
    connection.endWatches();
    const before = watches();
    await clock.advance(600_000);
    expect(watches() - before).toBeLessThan(50);
    expect(lists()).toBe(1);
  });

  it('gives up a connection on which nothing comes any more', async () => {
    await follow({ silenceMs: 150_000 });
    connection.freezeAt(server.store.revision);
    await put('a', '1');
    server.stopBookmarks();
    await clock.advance(149_000);
    expect(watches()).toBe(1);
    connection.catchUp();
    await clock.advance(300_000);
    expect(failures[0]).toBe('1 no line for 150 s');
    expect(seen).toContain('changed a1');
  });

  it('does not take in a list older than what it has seen', async () => {
    await follow();
    await put('a', '1');
    const old = server.store.revision;
    await put('a', '2');
    await remove('a');
    connection.freezeAt(old);
    connection.fault = ({ watch, number }) =>
      watch && number === 3 ? { kind: 'refuse', status: 410, reason: 'Expired' } : undefined;
    connection.cutWatches();
    await clock.advance(60_000);
    expect(seen).not.toContain('listed a1');
    expect(failures.some((each) => each.includes('was seen before'))).toBe(true);
    connection.catchUp();
    await clock.advance(60_000);
    expect(seen.filter((each) => each !== 'alive')).toEqual(['listed', 'changed a1', 'changed a2', 'deleted a2', 'listed']);
  });

  it.each<[string, () => void]>([
    ['while it watches', () => undefined],
    ['while it waits to try again', () => connection.cutWatches()],
    ['while nothing answers', () => ((connection.fault = () => ({ kind: 'hang' })), connection.cutWatches())],
  ])('leaves nothing open when it is stopped %s', async (_when, prepare) => {
    await follow();
    prepare();
    await clock.advance(700);
    stop.abort();
    await clock.advance(0);
    expect([ended, server.watches]).toEqual([true, 0]);
    const before = connection.requests.length;
    await clock.advance(3_600_000);
    expect(connection.requests).toHaveLength(before);
  });

  it('leaves nothing open when its reader leaves', async () => {
    const client = new KubeClient(connection, { clock });
    for await (const event of watchCollection(client, resources.ConfigMap, { clock }, stop.signal)) {
      if (event.kind === 'listed') setTimeout(() => void put('a'), 0);
      else break;
    }
    expect(server.watches).toBe(0);
  });

  it('loses nothing and makes nothing up, whatever breaks', async () => {
    let seed = 11;
    const random = () => (seed = (seed * 16807) % 2147483647) / 2147483647;
    const state = new Map<string, string>();
    const client = new KubeClient(connection, { clock, random });
    void (async () => {
      for await (const event of watchCollection(client, resources.ConfigMap, { clock, random, pageSize: 2 }, stop.signal)) {
        if (event.kind === 'listed') {
          state.clear();
          for (const { metadata, data } of event.objects) state.set(metadata.name, `${metadata.uid} ${data?.v}`);
        } else if (event.kind === 'changed') {
          state.set(event.object.metadata.name, `${event.object.metadata.uid} ${event.object.data?.v}`);
        } else if (event.kind === 'deleted') {
          state.delete(event.object.metadata.name);
        }
      }
    })();
    connection.fault = () => {
      const dice = random();
      if (dice < 0.05) return { kind: 'lose' };
      if (dice < 0.1) return { kind: 'refuse', status: 500 };
      return dice < 0.15 ? { kind: 'refuse', status: 410, reason: 'Expired' } : undefined;
    };
    for (let step = 0; step < 1500; step++) {
      const name = 'abcdef'[Math.floor(random() * 6)]!;
      if (random() < 0.6) await user.apply(resources.ConfigMap, configMap('shop', name, { v: String(step) }));
      else await user.delete(resources.ConfigMap, { namespace: 'shop', name }).catch(() => undefined);
      if (random() < 0.05) connection.cutWatches();
      if (random() < 0.05) server.compact();
      if (random() < 0.3) await clock.advance(random() * 5000);
    }
    connection.fault = () => undefined;
    await clock.advance(120_000);
    const truth = server.store.list('v1/configmaps') as readonly ConfigMap[];
    expect([...state].sort()).toEqual(truth.map(({ metadata, data }) => [metadata.name, `${metadata.uid} ${data?.v}`]));
    stop.abort();
  });
});
