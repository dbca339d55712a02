import { afterAll, beforeAll, expect, test } from 'vitest';
import { OPENING_MS, Shop } from '../support/kubernetes/shop.ts';

let shop: Shop;

beforeAll(async () => {
  shop = await Shop.open('e2e-deletion');
}, OPENING_MS);
afterAll(() => shop?.close(), 600_000);

const kinds = ['syncpipeline', 'canalinstance', 'zkensemble'] as const;
const orders = kinds.flatMap((first) =>
  kinds
    .filter((kind) => kind !== first)
    .map((second) => [first, second, kinds.find((kind) => kind !== first && kind !== second)!] as const),
);

/** What Lockkeeper has made and is still there. */
async function left(): Promise<string[]> {
  const selector = 'app.kubernetes.io/managed-by=lockkeeper';
  const lists = await Promise.all(
    (['pod', 'deployment', 'statefulset', 'service', 'configmap', 'secret', 'persistentvolumeclaim'] as const).map((kind) =>
      shop.objects.list(kind, selector),
    ),
  );
  return lists.flat().map(({ kind, metadata }) => `${kind} ${metadata.name}`);
}

test.each(orders)(
  'everything deleted in the order %s, %s, %s leaves nothing behind, and the targets keep their rows',
  async (...order) => {
    const { objects, ledger, east } = shop;
    await shop.fill();
    await shop.flows();
    const rows = async () => Number((await east.query('SELECT COUNT(*) AS n FROM shop.ledger'))[0]!['n']);
    for (const kind of order) await objects.kubectl(['delete', kind, '--all', '--wait=false']);
    for (const kind of kinds)
      await expect.poll(async () => (await objects.list(kind)).length, { timeout: 180_000, interval: 500 }).toBe(0);
    await expect.poll(left, { timeout: 120_000, interval: 1_000 }).toEqual([]);
    expect(await rows()).toBeGreaterThan(0);
    expect(await shop.refusals()).toEqual([]);
    expect(ledger.committed).toBeGreaterThanOrEqual(await rows());
  },
);
