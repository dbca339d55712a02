import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ChartValuesInput } from '../../charts/values.ts';
import { runFolder, startKubeApiServer, type KubeApiServer } from '../servers/index.ts';
import { findTool } from '../servers/process.ts';
import { chartFolder, helm, only, releaseNamespace, render, valuesFile, type CommandResult, type Rendered } from './helm.ts';
import { valueCases } from './value-cases.ts';

/* The chart at a real API server. */

let server: KubeApiServer;
const watched = ['shop', 'billing'];

beforeAll(async () => {
  server = await startKubeApiServer();
  await apply(['grafana', ...watched].map(namespace));
  // Pods of the operator's own namespace must keep to the strictest standard.
  const labels = { 'pod-security.kubernetes.io/enforce': 'restricted', 'pod-security.kubernetes.io/enforce-version': 'latest' };
  await apply([{ ...namespace(releaseNamespace), metadata: { name: releaseNamespace, labels } }]);
  await kubectl(['apply', '--server-side', '-f', findTool('prometheus-crds')]);
  await kubectl(['wait', '--for=condition=Established', 'crd', '--all', '--timeout=60s']);
});
afterAll(() => server?.[Symbol.asyncDispose]());

const namespace = (name: string) => ({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } });

async function kubectl(args: readonly string[], input = ''): Promise<string> {
  const { code, stdout, stderr } = await server.kubectl(args, input);
  if (code !== 0) throw new Error(stderr);
  return stdout;
}

function apply(objects: readonly object[], ...options: readonly string[]): Promise<string> {
  const args = ['apply', '--server-side', '--validate=strict', ...options, '-f', '-'];
  return kubectl(args, JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects }));
}

async function release(...args: readonly string[]): Promise<CommandResult> {
  const done = await helm([...args, '--namespace', releaseNamespace], server.kubeconfig);
  if (done.code !== 0) throw new Error(done.stderr);
  return done;
}

const install = (values: ChartValuesInput, chart = chartFolder) =>
  release('upgrade', '--install', 'main', chart, '--values', valuesFile(values));

async function read(kind: string, name: string): Promise<Rendered> {
  return JSON.parse(await kubectl(['get', kind, name, '--namespace', releaseNamespace, '--output=json'])) as Rendered;
}

describe('the API server', () => {
  it.each(Object.entries(valueCases))('takes what the chart makes with %s', async (_name, values) => {
    const objects = await render(values);
    const answer = await apply(objects, '--dry-run=server');
    expect(answer.trim().split('\n')).toHaveLength(objects.length);
  });

  it('would say so if it did not', async () => {
    const deployment = only(await render(), 'Deployment');
    const wrong = { ...deployment, spec: { ...deployment['spec'], replica: 2 } };
    await expect(apply([wrong], '--dry-run=server')).rejects.toThrow(
      /unknown field "(spec\.)?replica"|field not declared in schema/,
    );
    const rule = only(await render(valueCases['everything on']), 'PrometheusRule');
    await expect(apply([{ ...rule, spec: { groups: [{ name: 'x', rules: [{}] }] } }], '--dry-run=server')).rejects.toThrow(
      /expr/,
    );
  });
});

describe('a release', () => {
  const crd = 'syncpipelines.lockkeeper.io';
  /** The chart of a former version: one column of a CRD less. */
  function formerChart(): string {
    const folder = join(runFolder('chart'), 'lockkeeper');
    cpSync(chartFolder, folder, { recursive: true });
    const file = join(folder, 'files/crds', `${crd}.yaml`);
    const text = readFileSync(file, 'utf8');
    const former = text.replace(/ +- name: Lag\(s\)\n(?: +(?!- name).*\n)+?(?= +- name)/, '');
    expect(former.length).toBeLessThan(text.length);
    writeFileSync(file, former);
    return folder;
  }
  const columns = async (): Promise<string[]> =>
    ((await read('crd', crd))['spec'].versions[0].additionalPrinterColumns as { name: string }[]).map(({ name }) => name);
  const workerVariables = async () =>
    (
      (await read('deployment', 'main-lockkeeper'))['spec'].template.spec.containers[0].env as { name: string; value?: string }[]
    ).filter(({ name }) => /WORKER|IMAGE/.test(name));

  it('is installed, its pods are admitted, and an upgrade brings the CRDs up to date', async () => {
    await install({}, formerChart());
    expect(await columns()).not.toContain('Lag(s)');
    await install({});
    expect(await columns()).toContain('Lag(s)');
    const { spec, metadata } = (await read('deployment', 'main-lockkeeper'))['spec'].template;
    const pod = { apiVersion: 'v1', kind: 'Pod', metadata: { ...metadata, name: 'operator', namespace: releaseNamespace }, spec };
    expect(await apply([pod], '--dry-run=server')).toContain('pod/operator serverside-applied');
    const root = { ...spec, securityContext: { ...spec.securityContext, runAsNonRoot: false } };
    await expect(apply([{ ...pod, spec: root }], '--dry-run=server')).rejects.toThrow(/violates PodSecurity "restricted/);
  });

  it('gives workers nothing new when other values change', async () => {
    const before = await workerVariables();
    await install({ logLevel: 'debug', replicas: 3, podLabels: { tier: 'control' }, watchNamespaces: watched });
    expect(await workerVariables()).toEqual(before);
    await install({ image: { tag: '9.9.9' } });
    expect(await workerVariables()).toContainEqual({ name: 'LOCKKEEPER_WORKER_IMAGE', value: 'lockkeeper:9.9.9' });
  });

  it('leaves CRDs and objects when it goes, and takes them over when it comes back', async () => {
    const ensemble = {
      apiVersion: 'lockkeeper.io/v1alpha1',
      kind: 'ZkEnsemble',
      metadata: { name: 'main', namespace: 'shop' },
      spec: {},
    };
    await apply([ensemble]);
    await release('uninstall', 'main');
    await expect(read('deployment', 'main-lockkeeper')).rejects.toThrow(/not found/);
    expect(await kubectl(['get', 'zkensemble', 'main', '--namespace=shop', '--output=name'])).toContain('main');
    await install({});
    expect(await kubectl(['get', 'lockkeeper', '--all-namespaces', '--output=name'])).toContain('zkensemble.lockkeeper.io/main');
  });
});

describe('the operator may do', () => {
  type Right = readonly [verb: string, resource: string, namespace?: string, name?: string];

  async function may([verb, path, namespace = '', name = '']: Right): Promise<boolean> {
    const [resource, subresource] = path.split('.')[0]!.split('/');
    const group = path.slice(path.indexOf('.') + 1);
    const attributes = { verb, resource, subresource, group: path.includes('.') ? group : '', namespace, name };
    const { body } = await server.request('/apis/authorization.k8s.io/v1/subjectaccessreviews', {
      method: 'POST',
      body: {
        apiVersion: 'authorization.k8s.io/v1',
        kind: 'SubjectAccessReview',
        spec: { user: `system:serviceaccount:${releaseNamespace}:main-lockkeeper`, resourceAttributes: attributes },
      },
    });
    return (body as { status: { allowed: boolean } }).status.allowed;
  }

  const inNamespace: readonly Right[] = [
    ...['zkensembles', 'canalinstances', 'syncpipelines'].flatMap((plural): Right[] => [
      ...['get', 'list', 'watch', 'patch'].map((verb): Right => [verb, `${plural}.lockkeeper.io`]),
      ['patch', `${plural}/status.lockkeeper.io`],
      ['update', `${plural}/finalizers.lockkeeper.io`],
    ]),
    ...['statefulsets.apps', 'deployments.apps', 'services', 'poddisruptionbudgets.policy'].flatMap((resource) =>
      ['get', 'list', 'watch', 'create', 'patch', 'delete'].map((verb): Right => [verb, resource]),
    ),
    ...['secrets', 'configmaps', 'networkpolicies.networking.k8s.io'].flatMap((resource) =>
      ['get', 'list', 'watch', 'create', 'patch'].map((verb): Right => [verb, resource]),
    ),
    ...['get', 'list', 'watch', 'delete'].map((verb): Right => [verb, 'pods']),
    ...['get', 'list', 'watch', 'patch', 'delete'].map((verb): Right => [verb, 'persistentvolumeclaims']),
    ...['create', 'patch'].map((verb): Right => [verb, 'events']),
  ];
  const never: readonly Right[] = [
    ['create', 'pods', 'shop'],
    ['patch', 'pods', 'shop'],
    ['create', 'pods/exec', 'shop'],
    ...['secrets', 'configmaps', 'networkpolicies.networking.k8s.io'].map((each): Right => ['delete', each, 'shop']),
    ['get', 'serviceaccounts', 'shop'],
    ['deletecollection', 'pods', 'shop'],
    ['update', 'syncpipelines.lockkeeper.io', 'shop'],
    ['delete', 'syncpipelines.lockkeeper.io', 'shop'],
    ['update', 'leases.coordination.k8s.io', releaseNamespace, 'other'],
    ['update', 'leases.coordination.k8s.io', 'shop', 'main-lockkeeper'],
    ['list', 'nodes'],
    ['list', 'namespaces'],
    ['update', 'customresourcedefinitions.apiextensions.k8s.io'],
    ['escalate', 'roles.rbac.authorization.k8s.io', 'shop'],
    ['impersonate', 'users'],
  ];
  const always: readonly Right[] = [
    ['create', 'leases.coordination.k8s.io', releaseNamespace],
    ['get', 'leases.coordination.k8s.io', releaseNamespace, 'main-lockkeeper'],
    ['update', 'leases.coordination.k8s.io', releaseNamespace, 'main-lockkeeper'],
    ['get', 'storageclasses.storage.k8s.io'],
  ];
  const placed = (name: string) => inNamespace.map(([verb, resource]): Right => [verb, resource, name]);
  const granted = async (rights: readonly Right[]) => {
    const answers = await Promise.all(rights.map(may));
    return rights.filter((_, index) => answers[index]).map((right) => right.join(' '));
  };

  it('in every namespace what it does, and nothing else', async () => {
    await install({});
    const wanted = [...always, ...placed('shop'), ...placed('default')];
    expect(await granted([...wanted, ...never])).toEqual(wanted.map((right) => right.join(' ')));
  });

  it('the same in watched namespaces only', async () => {
    await install({ watchNamespaces: watched });
    const wanted = [...always, ...placed('shop'), ...placed('billing')];
    expect(await granted([...wanted, ...never, ...placed('default'), ...placed(releaseNamespace)])).toEqual(
      wanted.map((right) => right.join(' ')),
    );
  });
});
