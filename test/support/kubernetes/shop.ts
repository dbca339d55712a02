import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { ensureCluster, regions, type Cluster, type Region } from '../../cluster/cluster.ts';
import { expectSameData } from '../../servers/index.ts';
import { ClusterDatabase } from './database.ts';
import { arrived, flowsAgain, Ledger } from './ledger.ts';
import { Objects } from './objects.ts';
import { installRelease, loadLockkeeper, releaseName, releaseNamespace, removeRelease } from './release.ts';

const examples = join(import.meta.dirname, '../../../docs/examples');

/** The objects of a file in docs/examples. */
export function exampleObjects(file: string): object[] {
  return parseAllDocuments(readFileSync(join(examples, file), 'utf8')).map((document) => document.toJS() as object);
}

/** Longest time that it takes to open one: all of Kubernetes may have to be built. */
export const OPENING_MS = 5_400_000;

/**
 * The shop of docs/examples on a cluster of three regions: the operator as its chart installs it, with the rights that the chart gives it,
 * a source at home, targets in east and west, and customers who write all the while.
 */
export class Shop {
  readonly cluster: Cluster;
  readonly image: string;
  readonly objects: Objects;
  /** The operator's namespace. */
  readonly system: Objects;
  readonly home: ClusterDatabase;
  readonly east: ClusterDatabase;
  readonly west: ClusterDatabase;
  readonly ledger: Ledger;

  private constructor(cluster: Cluster, image: string, objects: Objects, databases: Readonly<Record<Region, ClusterDatabase>>) {
    this.cluster = cluster;
    this.image = image;
    this.objects = objects;
    this.system = new Objects(cluster, releaseNamespace);
    ({ home: this.home, east: this.east, west: this.west } = databases);
    this.ledger = new Ledger(this.home);
  }

  /** In a namespace that is made anew. */
  static async open(namespace: string): Promise<Shop> {
    const cluster = await ensureCluster();
    const image = await loadLockkeeper(cluster);
    await installRelease(cluster, image);
    const objects = new Objects(cluster, namespace);
    await removeAll(objects);
    const [home, east, west] = await Promise.all(
      regions.map(async (region) => {
        const database = await ClusterDatabase.start(cluster, namespace, region);
        await database.addAccount('lockkeeper', 'change-me');
        return database;
      }),
    );
    const shop = new Shop(cluster, image, objects, { home: home!, east: east!, west: west! });
    await shop.ledger.create();
    shop.ledger.start();
    return shop;
  }

  /** Removes everything but the cluster, unless LOCKKEEPER_KEEP is set. */
  async close(): Promise<void> {
    await this.ledger.stop().catch(() => undefined);
    if (process.env['LOCKKEEPER_KEEP']) return;
    await removeAll(this.objects);
    await removeRelease(this.cluster);
    await Promise.all([this.home, this.east, this.west].map((database) => database.stop()));
  }

  /** The ensemble and all else of the examples, Ready. */
  async fill(): Promise<void> {
    await this.objects.apply(...exampleObjects('ensemble.yaml'), ...exampleObjects('shop.yaml'));
    await this.objects.untilReady('zkensemble', 'main', 300);
    await this.pipelinesReady();
  }

  async pipelinesReady(): Promise<void> {
    for (const pipeline of ['shop-to-east', 'shop-to-west']) await this.objects.untilReady('syncpipeline', pipeline, 180);
  }

  async leaderOf(pipeline: string): Promise<{ readonly worker: string; readonly region: string | null; readonly epoch: number }> {
    const { status } = await this.objects.until('syncpipeline', pipeline, (object) => object.status?.leader !== undefined);
    const { worker, region = null, epoch } = status!.leader!;
    return { worker, region, epoch };
  }

  /** Seconds until what is committed from now on is in both targets. */
  async flows(limit = 60): Promise<number> {
    const [toEast, toWest] = await Promise.all([
      flowsAgain(this.ledger, this.east, limit),
      flowsAgain(this.ledger, this.west, limit),
    ]);
    return Math.max(toEast, toWest);
  }

  /** Waits until one of the operators that are there now leads; the lease of one that was here before is held until it runs out. */
  async operatorLeads(): Promise<void> {
    const pods = (await this.system.list('pod')).map(({ metadata }) => metadata.name);
    await this.system.until('lease', releaseName, ({ spec }) => pods.includes(spec?.holderIdentity?.split('_')[0] ?? ''));
  }

  /** Uid and restarts of each worker. */
  async workers(): Promise<string[]> {
    return (await this.objects.list('pod', 'app.kubernetes.io/name=worker'))
      .map(({ metadata, status }) => `${metadata.uid} ${status?.containerStatuses?.[0]?.restartCount ?? 0}`)
      .sort();
  }

  /** Waits until no Deployment of workers is being rolled. */
  async workersSettle(): Promise<void> {
    await this.objects.kubectl(['rollout', 'status', 'deployment', '--selector=app.kubernetes.io/name=worker', '--timeout=180s']);
  }

  /** Stops the customers, compares all sides, and lets them go on. */
  async expectEqual(): Promise<void> {
    await this.ledger.stop();
    for (const target of [this.east, this.west]) {
      await expect.poll(() => arrived(target), { timeout: 60_000 }).toBe(this.ledger.committed);
      await expectSameData(this.home, target, { schemaMap: { shop: 'shop' } });
      expect(Number((await target.query('SELECT n FROM shop.counter'))[0]?.['n'])).toBe(this.ledger.committed);
    }
    this.ledger.start();
  }

  /** What the operators were not allowed to do, in their own words. */
  async refusals(): Promise<string[]> {
    const pods = await this.system.list('pod');
    const logs = await Promise.all(pods.map(({ metadata }) => this.system.kubectl(['logs', metadata.name, '--tail=-1'])));
    return logs.flatMap((log) => log.split('\n').filter((line) => /forbidden/i.test(line)));
  }
}

async function removeAll(objects: Objects): Promise<void> {
  for (const kinds of ['syncpipelines,canalinstances', 'zkensembles'])
    await objects.kubectl(['delete', kinds, '--all', '--ignore-not-found', '--timeout=180s']);
  await objects.removeNamespace();
}
