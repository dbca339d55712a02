import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { resources, type Lease } from '../../operator/kube/index.ts';
import { ApiSite } from '../support/api-site.ts';
import { lockkeeper, type LockkeeperProcess } from '../support/lockkeeper-process.ts';

/* `lockkeeper operator` as a process, with an API server of this one. */

let site: ApiSite;

beforeEach(async () => {
  site = await ApiSite.start();
});
afterEach(() => site.stop());

const ensemble = (name: string, namespace: string, spec: object = {}) =>
  site.user.apply(resources.ZkEnsemble, {
    ...{ apiVersion: 'lockkeeper.io/v1alpha1', kind: 'ZkEnsemble', metadata: { name, namespace } },
    spec,
  } as Parameters<typeof site.user.apply>[1]);
const conditionsOf = async (name: string, namespace: string) =>
  (await site.user.get(resources.ZkEnsemble, { name, namespace })).status?.conditions?.map(({ type }) => type) ?? [];
const holder = () =>
  (site.server.store.get('coordination.k8s.io/v1/leases', 'system/main-lockkeeper') as Lease | undefined)?.spec?.holderIdentity;
const leads = (operator: LockkeeperProcess) =>
  operator.metric('lockkeeper_operator_leader').then(
    (value) => value === 1,
    () => false,
  );
const until = (holds: () => Promise<boolean>, seconds = 20) =>
  expect.poll(holds, { timeout: seconds * 1000, interval: 50 }).toBe(true);
const ready = async (operator: LockkeeperProcess) => (await operator.get('/readyz').catch(() => ({ code: 0 }))).code === 200;

describe('lockkeeper operator', () => {
  it('leads, reconciles, tells about itself, and gives the lease back at SIGTERM', async () => {
    const operator = await site.startOperator('operator-0');
    await until(() => leads(operator));
    expect(holder()).toMatch(/^operator-0_[0-9a-f-]{36}$/);
    await ensemble('main', 'shop');
    await until(async () => (await conditionsOf('main', 'shop')).includes('Ready'));
    await until(
      async () => (await site.user.find(resources.StatefulSet, { name: 'main-voters', namespace: 'shop' })) !== undefined,
    );

    expect([await operator.get('/readyz'), await operator.get('/healthz')]).toEqual([
      { code: 200, body: 'ok\n' },
      { code: 200, body: 'ok\n' },
    ]);
    const status = JSON.parse((await operator.get('/status')).body) as unknown;
    expect(status).toMatchObject({ operator: 'operator-0', leading: true, leader: holder(), unsynced: [] });
    const { body: metrics } = await operator.get('/metrics');
    for (const line of [
      'lockkeeper_operator_leader 1',
      'lockkeeper_condition{kind="ZkEnsemble",namespace="shop",name="main",type="Ready",status="False"} 1',
      'lockkeeper_condition{kind="ZkEnsemble",namespace="shop",name="main",type="Ready",status="True"} 0',
      'lockkeeper_ensemble_has_leader{namespace="shop",name="main"} 0',
      'lockkeeper_operator_cache_objects{kind="ZkEnsemble"} 1',
    ])
      expect(metrics).toContain(line);
    expect(await operator.metric('lockkeeper_operator_api_requests_total', { kind: 'Lease' })).toBeGreaterThan(0);

    const asked = performance.now();
    expect(await operator.stop()).toBe(0);
    expect(performance.now() - asked).toBeLessThan(5_000);
    expect(holder()).toBeUndefined();
  });

  it('stands by while another leads, and takes over', async () => {
    const first = await site.startOperator('operator-0');
    await until(() => leads(first));
    const [second, third] = [await site.startOperator('operator-1'), await site.startOperator('operator-2')];
    await until(async () => (await ready(second)) && (await ready(third)));
    await ensemble('main', 'shop');
    await until(async () => (await conditionsOf('main', 'shop')).includes('Ready'));
    expect([await leads(second), await leads(third)]).toEqual([false, false]);
    expect(await second.metric('lockkeeper_condition')).toBe(0);

    await first.stop();
    await until(async () => (await leads(second)) || (await leads(third)), 5);
    const [leader, other] = (await leads(second)) ? [second, third] : [third, second];
    await leader.kill9();
    await until(() => leads(other), 25);
    await ensemble('other', 'shop');
    await until(async () => (await conditionsOf('other', 'shop')).includes('Ready'));
  });

  it('goes on after the API server was away, and ends when it was away for longer than its lease', async () => {
    const operator = await site.startOperator('operator-0');
    await until(() => leads(operator));
    await site.line.cut();
    await ensemble('main', 'shop');
    await sleep(4_000);
    await site.line.restore();
    await until(async () => (await conditionsOf('main', 'shop')).includes('Ready'));
    expect(await leads(operator)).toBe(true);

    await site.line.cut();
    expect(await operator.ended).toBe(1);
    expect(operator.stderr()).toContain('leadership was lost');
  });

  it('waits for an API server that is not there yet, and says so', async () => {
    await site.line.cut();
    const operator = await site.startOperator('operator-0');
    await until(async () => (await operator.get('/healthz').catch(() => ({ code: 0 }))).code === 200);
    expect(await operator.get('/readyz')).toEqual({
      code: 503,
      body: expect.stringMatching(/^the API server has not listed yet: ZkEnsemble, /) as string,
    });
    await site.line.restore();
    await until(async () => (await ready(operator)) && leads(operator), 40);
  });

  it('looks after the namespaces it is given', async () => {
    await Promise.all(['shop', 'billing', 'other'].map((namespace) => ensemble('main', namespace)));
    const operator = await site.startOperator('operator-0', { LOCKKEEPER_WATCH_NAMESPACES: 'shop,billing' });
    await until(async () => (await conditionsOf('main', 'shop')).includes('Ready'));
    await until(async () => (await conditionsOf('main', 'billing')).includes('Ready'));
    expect(await conditionsOf('main', 'other')).toEqual([]);
    expect(await operator.metric('lockkeeper_operator_cache_objects', { kind: 'ZkEnsemble' })).toBe(2);
    expect(await operator.stop()).toBe(0);
  });
});

describe('what is wrong with its options', () => {
  const run = (env: Record<string, string>) => lockkeeper(['operator'], 60, { ...site.environment('operator-0'), ...env });

  it.each([
    ['POD_NAME', 'Operator_0', 'lower-case letters, digits, hyphens and dots'],
    ['POD_NAMESPACE', 'a.b', 'at most 63 lower-case letters'],
    ['LOCKKEEPER_LEASE_NAME', '', 'lower-case letters, digits, hyphens and dots'],
    ['LOCKKEEPER_LOG_LEVEL', 'loud', 'Allowed choices are trace, debug, info'],
    ['LOCKKEEPER_WATCH_NAMESPACES', 'shop,Billing', 'at most 63 lower-case letters'],
    ['LOCKKEEPER_CLUSTER_DOMAIN', 'cluster..local', 'It takes a DNS name'],
    ['LOCKKEEPER_WORKER_IMAGE', 'lock keeper', 'It takes a reference of an image'],
    ['LOCKKEEPER_IMAGE_PULL_POLICY', 'Sometimes', 'Allowed choices are Always, IfNotPresent, Never'],
    ['LOCKKEEPER_IMAGE_PULL_SECRETS', 'login,?', 'lower-case letters, digits, hyphens and dots'],
    ['LOCKKEEPER_HTTP', '9190', 'It takes host:port'],
  ])('%s=%s', async (variable, value, hint) => {
    const { code, stderr } = await run({ [variable]: value });
    expect([code, stderr]).toEqual([2, expect.stringContaining(hint)]);
    expect(stderr).toContain(variable);
  });

  it('no image for workers', async () => {
    const { LOCKKEEPER_WORKER_IMAGE: _image, ...env } = site.environment('operator-0');
    const { code, stderr } = await lockkeeper(['operator'], 60, env);
    expect([code, stderr]).toEqual([2, expect.stringContaining("required option '--worker-image <image>' not specified")]);
  });

  it('no access to an API server', async () => {
    for (const env of [{ KUBECONFIG: '/nowhere/config' }, {}]) {
      const { code, stderr } = await run(env);
      expect([code, stderr]).toEqual([1, expect.stringContaining('LK1801')]);
    }
  });
});
