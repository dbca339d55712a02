import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ZkClient } from '../../common/zookeeper/client.ts';
import { configPath, statusPath, workerPath, workersPath } from '../../common/zookeeper/paths.ts';
import { readZnode, writeZnode } from '../../common/zookeeper/znode.ts';
import { decodeConfig } from '../../crds/config-codec.ts';
import { resources, type KubeObject, type Live, type SyncPipelineResource } from '../../operator/kube/index.ts';
import { workerAuth } from '../../operator/zkensemble/credentials.ts';
import { startZookeeper, type ZkCluster } from '../servers/index.ts';
import { ApiSite } from '../support/api-site.ts';
import type { LockkeeperProcess } from '../support/lockkeeper-process.ts';
import { pipelineReport, workerInfo } from '../support/reports.ts';

/* An operator with 500 pipelines of ten sources, as a process of its own, so that its memory is its own. */

const namespace = 'shop';
const INSTANCES = 10;
const PIPELINES = 50;
/** Bytes. */
const MOST_MEMORY = 200_000_000;

const credentials = { superPassword: 'super', workerPassword: 'working' };

let zookeeper: ZkCluster;
let worker: ZkClient;
let site: ApiSite;
let operator: LockkeeperProcess;
let reporting: NodeJS.Timeout | undefined;

const all = Array.from({ length: INSTANCES }, (_, i) =>
  Array.from({ length: PIPELINES }, (_, p) => ({ instance: `source-${i}`, name: `pipeline-${i}-${p}` })),
).flat();

beforeAll(async () => {
  zookeeper = await startZookeeper({ voters: 1 });
  worker = new ZkClient({ servers: zookeeper.connectString, digestAuth: workerAuth(credentials) });
  site = await ApiSite.start();
});
afterAll(async () => {
  clearInterval(reporting);
  await site.stop();
  await worker.close();
  await zookeeper.stop();
});

const custom = (kind: 'ZkEnsemble' | 'CanalInstance' | 'SyncPipeline', name: string, spec: object) =>
  site.user.apply(resources[kind], {
    ...{ apiVersion: 'lockkeeper.io/v1alpha1', kind, metadata: { name, namespace } },
    spec,
  } as KubeObject);
const stored = (name: string) =>
  site.server.store.get('lockkeeper.io/v1alpha1/syncpipelines', `${namespace}/${name}`) as Live<SyncPipelineResource>;
const conditionOf = (name: string, type: string) => stored(name).status?.conditions?.find((each) => each.type === type);
const report = async ({ instance, name }: (typeof all)[number], turn: number) => {
  const { generation } = stored(name).metadata;
  const fields = { namespace, instance, name, generation: generation ?? 1, worker: `${instance}-worker`, transactions: turn };
  await writeZnode(worker.session, statusPath({ namespace, instance }, name), JSON.stringify(pipelineReport(fields)));
};

/** What the kernel says that the process has of memory, in bytes: now, and at most so far. */
function memoryOf(pid: number): { readonly now: number; readonly most: number } {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const bytes = (key: string) => Number(new RegExp(`^${key}:\\s+(\\d+) kB`, 'm').exec(status)?.[1]) * 1024;
  return { now: bytes('VmRSS'), most: bytes('VmHWM') };
}

test('500 pipelines take less than 200 MB, and a change to one is with its workers in under a second', async () => {
  const data = {
    'super-password': Buffer.from(credentials.superPassword).toString('base64'),
    'worker-password': Buffer.from(credentials.workerPassword).toString('base64'),
  };
  for (const name of ['main-zookeeper-auth', 'login'])
    await site.user.apply(resources.Secret, {
      ...{ apiVersion: 'v1', kind: 'Secret', metadata: { name, namespace } },
      data: name === 'login' ? { username: 'dQ==', password: 'cA==' } : data,
    });
  // All of the ensemble runs outside of the cluster, on this machine, and is left as it is.
  const [member] = zookeeper.members;
  const external = { id: member!.id, host: member!.host, clientPort: member!.port, role: 'voter' };
  await custom('ZkEnsemble', 'main', { voters: { replicas: 0 }, externalMembers: [external], paused: true });
  for (let i = 0; i < INSTANCES; i++) {
    await custom('CanalInstance', `source-${i}`, {
      zkEnsembleRef: { name: 'main' },
      master: { host: `mysql-${i}` },
      credentialsSecretRef: { name: 'login' },
      serverId: 1000 * (i + 1),
    });
  }
  for (const { instance, name } of all) {
    await custom('SyncPipeline', name, {
      canalInstanceRef: { name: instance },
      target: { host: `target-of-${name}`, credentialsSecretRef: { name: 'login' } },
      tables: [{ source: 'shop.orders', target: 'dr.orders' }, { source: 'shop.items' }],
    });
  }

  const begun = performance.now();
  operator = await site.startOperator('operator-0', { LOCKKEEPER_LOG_LEVEL: 'warn' });
  const published = () => all.filter(({ name }) => conditionOf(name, 'Published')?.status === 'True').length;
  await expect.poll(published, { timeout: 150_000, interval: 200 }).toBe(all.length);
  const startSeconds = (performance.now() - begun) / 1000;

  for (let i = 0; i < INSTANCES; i++) {
    const instance = `source-${i}`;
    const info = workerInfo({ pipelines: all.filter((each) => each.instance === instance).map(({ name }) => name) });
    await worker.session.ensurePath(workersPath({ namespace, instance }));
    await worker.session.create(workerPath({ namespace, instance }, `${instance}-worker`), JSON.stringify(info), {
      ephemeral: true,
    });
  }
  for (const each of all) await report(each, 0);
  const ready = () => all.filter(({ name }) => conditionOf(name, 'Ready')?.status === 'True').length;
  await expect.poll(ready, { timeout: 120_000, interval: 200 }).toBe(all.length);

  // All leaders go on reporting, each every five seconds.
  let turn = 0;
  reporting = setInterval(() => void report(all[turn++ % all.length]!, turn).catch(() => undefined), 10);
  const seconds: number[] = [];
  for (let i = 0; i < 20; i++) {
    await sleep(500);
    const { instance, name } = all[(i * 37) % all.length]!;
    const spec = { alerts: { lagSeconds: 100 + i } };
    const changedAt = performance.now();
    const { metadata } = await site.user.patch(resources.SyncPipeline, { name, namespace }, { type: 'merge', body: { spec } });
    for (;;) {
      const text = await readZnode(worker.session, configPath({ namespace, instance }, name));
      if (text !== null && decodeConfig(text, name).generation === metadata.generation) break;
      await sleep(5);
    }
    seconds.push((performance.now() - changedAt) / 1000);
    await expect.poll(() => stored(name).status?.observedGeneration, { timeout: 5_000 }).toBe(metadata.generation);
  }
  seconds.sort((a, b) => a - b);
  const memory = memoryOf(operator.pid);
  console.log(
    `all published ${startSeconds.toFixed(1)} s after the start; a change is with the workers after ` +
      `${(seconds.at(-1)! * 1000).toFixed(0)} ms at most; ${Math.round(memory.now / 1e6)} MB, ${Math.round(memory.most / 1e6)} at most`,
  );
  expect(seconds.at(-3)).toBeLessThan(1); // the machine may have held up one or two
  expect(memory.most).toBeLessThan(MOST_MEMORY);
  const scraped = await operator.get('/metrics');
  expect(scraped.body.match(/^lockkeeper_pipeline_state\{/gm)).toHaveLength(3 * all.length);
});
