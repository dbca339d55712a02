import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { formatError, LockkeeperError, messageOf } from '../../common/errors.ts';
import { ensureCluster, regions, type Cluster, type Region } from '../cluster/cluster.ts';
import { Layout } from '../cluster/local/layout.ts';
import { expectSameData } from '../servers/index.ts';
import { ClusterDatabase } from '../support/kubernetes/database.ts';
import { condition, isReady, Objects } from '../support/kubernetes/objects.ts';
import { installRelease, loadLockkeeper, releaseName, releaseNamespace, removeRelease } from '../support/kubernetes/release.ts';
import { bar, count, Narrator } from './narrator.ts';
import { createShop, Shoppers, transactionsIn } from './shop.ts';

/**
 * `make demo`: a Kubernetes of three regions, the operator by Helm, one source in region home, and pipelines to the regions east and
 * west by kubectl; the leading worker of one is killed, both copies are compared, and everything is removed.
 */
const NAMESPACE = 'shop';
const FOLLOW_SECONDS = 8;
const AFTER_TAKEOVER_SECONDS = 4;
const TRANSACTIONS_PER_SECOND = 40;
const examples = join(import.meta.dirname, '../../docs/examples');

const tell = new Narrator();

type Databases = Readonly<Record<Region, ClusterDatabase>>;

interface Stage {
  readonly cluster: Cluster;
  readonly objects: Objects;
  readonly databases: Databases;
}

async function play(): Promise<void> {
  tell.title(
    'Lockkeeper on Kubernetes: a source in region home, copies in the regions east and west',
    'About five minutes once the cluster is built, which takes 20 minutes the first time. All of it is removed at the end.',
  );
  const { cluster, wasThere } = await findCluster();
  const objects = new Objects(cluster, NAMESPACE);
  await installOperator(cluster);
  const databases = await startDatabases(cluster, objects);
  const stage = { cluster, objects, databases };
  await formEnsemble(stage);
  const shoppers = new Shoppers(databases.home, TRANSACTIONS_PER_SECOND);
  await firstCopies(stage, shoppers);
  await follow(stage, shoppers);
  const takeover = await killLeader(stage, shoppers);
  await showEnsemble(stage);
  const rows = await compare(stage, shoppers);
  await cleanUp(stage, wasThere);
  tell.line();
  tell.line(
    tell.strong(
      `${count(shoppers.committed)} transactions, ${count(rows)} rows equal in two regions, leader killed and replaced in ` +
        `${takeover.toFixed(1)} s, nothing lost, nothing doubled.`,
    ),
  );
  tell.line('Next: charts/lockkeeper/README.md installs it into your cluster; docs/examples has the manifests of this demo.');
  tell.line();
}

async function findCluster(): Promise<{ cluster: Cluster; wasThere: boolean }> {
  tell.step(
    'Find or make a Kubernetes with nodes in three regions',
    'KUBECONFIG’s if that is set, else one of kind, else a real one made on this machine: API server, etcd and three nodes with kubelet and containerd.',
  );
  const wasThere = existsSync(new Layout().complete);
  const cluster = await ensureCluster();
  tell.table([['node', 'region'], ...cluster.nodes.map(({ name, region }) => [name, region])]);
  return { cluster, wasThere: wasThere || cluster.kind !== 'local' };
}

async function installOperator(cluster: Cluster): Promise<void> {
  tell.step(
    'Install the operator with Helm',
    'One image for operator and workers. Two operators; one leads, the other stands by. Their rights are the verbs that they use, no wildcard.',
  );
  const image = await loadLockkeeper(cluster);
  tell.line(tell.strong(`helm upgrade --install ${releaseName} charts/lockkeeper --namespace ${releaseNamespace} --wait`));
  await installRelease(cluster, image);
  const system = new Objects(cluster, releaseNamespace);
  const lease = await system.until('lease', releaseName, ({ spec }) => (spec?.holderIdentity ?? '') !== '');
  for (const line of (await system.kubectl(['get', 'pods', '--output=wide'])).trim().split('\n')) tell.line(line.slice(0, 110));
  tell.good(`${lease.spec!.holderIdentity!.split('_')[0]} leads`);
}

async function startDatabases(cluster: Cluster, objects: Objects): Promise<Databases> {
  tell.step(
    'Start a MySQL server in each region and fill the one at home',
    'Three servers in pods. The one at home gets a shop: customers, products, orders with foreign keys, JSON and names in many scripts.',
  );
  tell.moving('starting...');
  await objects.removeNamespace();
  const [home, east, west] = await Promise.all(regions.map((region) => ClusterDatabase.start(cluster, NAMESPACE, region)));
  const databases = { home: home!, east: east!, west: west! };
  await Promise.all(Object.values(databases).map((each) => each.addAccount('lockkeeper', 'change-me')));
  tell.moving('creating a shop at the source...');
  await createShop(databases.home);
  const [row] = await databases.home.query('SELECT (SELECT COUNT(*) FROM shop.orders) AS orders, @@version AS version');
  tell.good(
    `three servers of MySQL ${row!['version']}; ${count(Number(row!['orders']))} orders at home, nothing in east and west`,
  );
  return databases;
}

async function formEnsemble({ objects }: Stage): Promise<void> {
  tell.step(
    'Apply a ZkEnsemble',
    'Three voters at home, an observer in east and in west. The operator makes passwords, volumes, Services, a PodDisruptionBudget and a NetworkPolicy, and forms the ensemble.',
  );
  tell.line(tell.strong('kubectl apply -f docs/examples/ensemble.yaml'));
  await objects.kubectl(['apply', '-f', join(examples, 'ensemble.yaml')]);
  const begun = performance.now();
  await objects.until(
    'zkensemble',
    'main',
    (ensemble) => {
      tell.moving(`${seconds(begun)}  ${condition(ensemble, 'Ready')?.message ?? 'waiting for the operator'}`);
      return isReady(ensemble) && condition(ensemble, 'ObserversSynced')?.status === 'True';
    },
    300,
  );
  tell.good(`ready after ${seconds(begun)}`);
  await showMembers(objects);
}

async function showMembers(objects: Objects): Promise<void> {
  const { status } = await objects.get('zkensemble', 'main');
  const members = (status?.members ?? []).map(({ id, pod = '', region = '', role, mode = '' }) => [
    String(id),
    pod,
    region,
    role,
    mode,
  ]);
  tell.table([['id', 'pod', 'region', 'role', 'mode'], ...members]);
}

async function firstCopies({ objects, databases }: Stage, shoppers: Shoppers): Promise<void> {
  tell.step(
    'Apply a source and two pipelines; customers shop meanwhile',
    'A CanalInstance makes workers in each region; each SyncPipeline copies the tables in chunks and then follows the binlog. Logins are in Secrets, which are mounted into the workers.',
  );
  tell.line(tell.strong('kubectl apply -f docs/examples/shop.yaml'));
  const begun = performance.now();
  await objects.kubectl(['apply', '-f', join(examples, 'shop.yaml')]);
  shoppers.start();
  const copies = new Map<string, string>();
  for (const name of ['shop-to-east', 'shop-to-west']) {
    await objects.until(
      'syncpipeline',
      name,
      (pipeline) => {
        const { rowsDone = 0, rowsEstimated = 0, state = 'Pending' } = pipeline.status?.initialLoad ?? {};
        const share = rowsEstimated > 0 ? rowsDone / rowsEstimated : 0;
        copies.set(name, `${name} ${bar(share, 16)} ${count(rowsDone)} rows`);
        tell.moving(
          state === 'Running' || rowsDone > 0
            ? [...copies.values()].join('   ')
            : `${seconds(begun)}  ${condition(pipeline, 'Ready')?.message ?? 'waiting for the operator'}`,
        );
        return isReady(pipeline);
      },
      300,
    );
    tell.good(`${name} is ready after ${seconds(begun)}`);
  }
  for (const target of [databases.east, databases.west])
    await until(`${target.name} has caught up`, async () => (await ledgerOf(target)) > shoppers.committed * 0.95);
  tell.good(`both have caught up with the ${count(shoppers.committed)} transactions that were written during the copy`);
  for (const line of (await objects.kubectl(['get', 'lockkeeper'])).trim().split('\n')) tell.line(line.slice(0, 130));
}

async function follow({ databases }: Stage, shoppers: Shoppers): Promise<void> {
  tell.step(
    'Follow the source live',
    `Up to ${TRANSACTIONS_PER_SECOND} transactions a second. The copies are in other regions, each written by a worker beside it.`,
  );
  const columns = ['second', 'committed at home', 'in east', 'in west', 'behind'];
  const line = (cells: readonly string[]) =>
    tell.line(
      cells
        .map((cell, i) => cell.padEnd(columns[i]!.length + 4))
        .join('')
        .trimEnd(),
    );
  line(columns);
  for (let second = 1; second <= FOLLOW_SECONDS; second++) {
    await sleep(1000);
    const { committed } = shoppers;
    const arrived = await Promise.all([databases.east, databases.west].map(ledgerOf));
    const behind = Math.max(0, ...arrived.map((each) => committed - each));
    line([String(second), count(committed), ...arrived.map(count), `${count(behind)} transactions`]);
  }
}

async function killLeader({ objects, databases }: Stage, shoppers: Shoppers): Promise<number> {
  const { status } = await objects.until('syncpipeline', 'shop-to-east', ({ status: told }) => told?.leader !== undefined);
  const { worker, epoch } = status!.leader!;
  tell.step(
    `Kill the worker that leads shop-to-east: kill -9 in pod ${worker}`,
    'No goodbye: a transaction may be half written. The database rolls that back; rows and position commit together, so the next leader goes on exactly behind the last commit.',
  );
  const killed = performance.now();
  await objects.kill(worker);
  const before = await ledgerOf(databases.east);
  const written = shoppers.committed;
  await until('rows flow again', async () => {
    const ledger = await ledgerOf(databases.east);
    tell.moving(`${seconds(killed)}  east has ${count(ledger)} of ${count(shoppers.committed)} transactions`);
    return ledger > Math.max(before, written);
  });
  const flowing = (performance.now() - killed) / 1000;
  const after = await objects.until('syncpipeline', 'shop-to-east', ({ status: told }) => (told?.leader?.epoch ?? 0) > epoch);
  const { leader } = after.status!;
  tell.line(`${leader!.worker} leads, epoch ${leader!.epoch}: any write of epoch ${epoch} is now refused by the target itself`);
  tell.good(`rows flow again after ${flowing.toFixed(1)} s (goal: under 10 s)`);
  await sleep(AFTER_TAKEOVER_SECONDS * 1000);
  return flowing;
}

async function showEnsemble({ objects }: Stage): Promise<void> {
  tell.step('Look at the ensemble', 'It has not noticed more than an ended session.');
  await objects.untilReady('zkensemble', 'main');
  await showMembers(objects);
  const { status } = await objects.get('zkensemble', 'main');
  for (const { region, servers } of status?.connectStrings ?? [])
    tell.line(`workers in ${region.padEnd(4)} connect to ${servers.split(',')[0]!.split('.')[0]} first`);
  tell.good('healthy');
}

async function compare({ databases }: Stage, shoppers: Shoppers): Promise<number> {
  tell.step(
    'Stop the customers and compare all three',
    'Every row of every table, byte by byte. Each source transaction also wrote its own number and added one to a counter, so that a lost or doubled one would show.',
  );
  await shoppers.stop();
  let rows = 0;
  const table = [['', 'tables', 'rows equal', 'numbers written', 'counter']];
  for (const target of [databases.east, databases.west]) {
    await until(`${target.name} has everything`, async () => (await ledgerOf(target)) === shoppers.committed);
    tell.moving(`comparing ${target.name}...`);
    const compared = await expectSameData(databases.home, target, { schemaMap: { shop: 'shop' } });
    const { ledger, counter } = await transactionsIn(target);
    if (ledger !== shoppers.committed || counter !== shoppers.committed)
      throw new Error(`the source committed ${shoppers.committed} transactions; ${target.name} has ${ledger} and ${counter}`);
    table.push([target.name, String(compared.tables), count(compared.rows), count(ledger), count(counter)]);
    rows = compared.rows;
  }
  tell.table(table);
  tell.good(`equal to the byte, and each of ${count(shoppers.committed)} transactions arrived exactly once`);
  return rows;
}

async function cleanUp({ cluster, objects, databases }: Stage, wasThere: boolean): Promise<void> {
  tell.step(
    'Clean up',
    'Deleting the objects leaves the copies as they are, and nothing else: workers, servers, volumes and passwords go with them.',
  );
  tell.moving('deleting pipelines, instance and ensemble...');
  for (const kinds of ['syncpipelines,canalinstances', 'zkensembles'])
    await objects.kubectl(['delete', kinds, '--all', '--timeout=120s']);
  await until('their pods and volumes are gone', async () => {
    const [pods, claims] = await Promise.all([
      objects.list('pod', 'app.kubernetes.io/managed-by=lockkeeper'),
      objects.list('persistentvolumeclaim'),
    ]);
    return pods.length + claims.length === 0;
  });
  tell.good(`all that the operator had made is gone; ${count(await ledgerOf(databases.west))} transactions are still in west`);
  await Promise.all(Object.values(databases).map((each) => each.stop()));
  await objects.removeNamespace();
  await removeRelease(cluster);
  tell.good('release and servers removed');
  if (wasThere) return tell.line('The cluster was there before and stays.');
  await cluster.down();
  tell.good('cluster removed; what was built for it stays in the cache');
}

async function ledgerOf(database: ClusterDatabase): Promise<number> {
  return (await transactionsIn(database).catch(() => ({ ledger: 0 }))).ledger;
}

async function until(what: string, holds: () => Promise<boolean>, limit = 120): Promise<void> {
  const deadline = performance.now() + limit * 1000;
  while (!(await holds())) {
    if (performance.now() > deadline) throw new Error(`waited ${limit} s in vain until ${what}`);
    await sleep(100);
  }
}

function seconds(since: number): string {
  return `${((performance.now() - since) / 1000).toFixed(1)} s`;
}

for (const [signal, code] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
  ['SIGHUP', 129],
] as const) {
  process.on(signal, () => {
    tell.settle();
    tell.bad(`stopped by ${signal}; what is in the cluster stays: make cluster-down removes one that was made here`);
    process.exit(code);
  });
}

try {
  await play();
  process.exit(0);
} catch (error) {
  const said = error instanceof Error ? (error.stack ?? error.message) : messageOf(error);
  tell.bad(error instanceof LockkeeperError ? formatError(error) : said);
  process.exit(1);
}
