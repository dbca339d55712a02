import { join } from 'node:path';
import type { ChartValuesInput } from '../../../charts/values.ts';
import type { Cluster } from '../../cluster/cluster.ts';
import { loadProductImage } from '../../cluster/images/product.ts';

const checkout = join(import.meta.dirname, '../../..');
export const releaseNamespace = 'lockkeeper-system';
export const releaseName = 'lockkeeper';

const product = {
  name: 'localhost/lockkeeper',
  context: checkout,
  inputs: ['bin', 'common', 'crds', 'operator', 'worker', 'package.json', 'package-lock.json'],
};

/** Builds the image where it has changed and brings it to the nodes; its name and tag. */
export function loadLockkeeper(cluster: Cluster): Promise<string> {
  return loadProductImage(cluster, product);
}

/** Installs the chart, or brings it to other values, and waits until its operators are ready. */
export async function installRelease(cluster: Cluster, image: string, values: ChartValuesInput = {}): Promise<void> {
  const colon = image.lastIndexOf(':');
  const all: ChartValuesInput = {
    ...values,
    image: { repository: image.slice(0, colon), tag: image.slice(colon + 1), ...values.image },
  };
  const place = ['--namespace', releaseNamespace, '--create-namespace'];
  const chart = join(checkout, 'charts/lockkeeper');
  await cluster.helm(['upgrade', '--install', releaseName, chart, ...place, '--values', '-', '--wait', '--timeout=180s'], {
    input: JSON.stringify(all),
    timeoutSeconds: 240,
  });
}

export async function removeRelease(cluster: Cluster): Promise<void> {
  await cluster.helm([
    'uninstall',
    releaseName,
    '--namespace',
    releaseNamespace,
    '--ignore-not-found',
    '--wait',
    '--timeout=120s',
  ]);
}
