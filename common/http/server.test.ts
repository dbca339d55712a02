import { afterEach, describe, expect, it } from 'vitest';
import { Gauge, Registry } from 'prom-client';
import { serveHttp, type HttpProbes } from './server.ts';

const open: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const server of open.splice(0)) await server.close();
});

async function serve(probes: Partial<HttpProbes> = {}) {
  const registry = new Registry();
  const gauge = new Gauge({ name: 'lockkeeper_test', help: 'a test', registers: [registry] });
  const server = await serveHttp({
    host: '127.0.0.1',
    port: 0,
    registry,
    probes: {
      unhealthy: () => null,
      unready: () => null,
      status: () => ({ pipelines: [] }),
      beforeScrape: () => gauge.set(42),
      ...probes,
    },
  });
  open.push(server);
  return (path: string) => fetch(`http://127.0.0.1:${server.port}${path}`);
}

describe('HTTP', () => {
  it('brings gauges up to date for each scrape', async () => {
    const response = await (await serve())('/metrics');
    expect(response.headers.get('content-type')).toContain('text/plain');
    expect(await response.text()).toContain('lockkeeper_test 42');
  });

  it('says why it is not ready', async () => {
    const get = await serve({ unready: () => 'ZooKeeper session is suspended' });
    expect((await get('/healthz')).status).toBe(200);
    const ready = await get('/readyz');
    expect([ready.status, await ready.text()]).toEqual([503, 'ZooKeeper session is suspended\n']);
  });

  it('serves status as JSON, and nothing else', async () => {
    const get = await serve();
    expect(await (await get('/status')).json()).toEqual({ pipelines: [] });
    expect((await get('/')).status).toBe(404);
  });
});
