import { afterEach, describe, expect, test } from 'vitest';
import { resources } from '../../operator/kube/index.ts';
import { InstanceSite, name, namespace, type Operator } from '../support/instance-site.ts';

let site: InstanceSite;
let operator: Operator;

afterEach(() => site.stop());

async function begun(): Promise<void> {
  site = new InstanceSite();
  await site.prepare();
  operator = site.startOperator();
}

async function made(spec: Parameters<InstanceSite['apply']>[0] = {}): Promise<void> {
  await begun();
  await site.apply(spec);
  await site.applyPipeline('p');
  await site.settle();
}

const names = (resource: Parameters<InstanceSite['list']>[0]) => site.list(resource).map(({ metadata }) => metadata.name);

test('makes what an instance needs', async () => {
  await made();
  console.log(JSON.stringify(site.object()!.status, null, 1), site.events(), site.zookeeper.paths);
  expect(names(resources.Deployment)).toEqual(['orders-worker-home']);
  expect(site.condition('Ready')).toMatchObject({ status: 'True' });
  void [describe, name, namespace, operator];
});
