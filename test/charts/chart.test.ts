import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { chartValues } from '../../charts/values.ts';
import { canalInstanceSchema, syncPipelineSchema, zkEnsembleSchema } from '../../crds/index.ts';
import packageJson from '../../package.json' with { type: 'json' };
import { chartFolder, helm, only, releaseNamespace, render, template, valuesFile, type Rendered } from './helm.ts';
import { valueCases, wrongValues } from './value-cases.ts';

interface Rule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly verbs: readonly string[];
}

const kindsOf = (objects: readonly Rendered[]) => [...new Set(objects.map(({ kind }) => kind))].sort();

interface PodSpec {
  readonly containers: readonly {
    readonly image: string;
    readonly env: readonly { readonly name: string; readonly value?: string }[];
  }[];
  readonly volumes: readonly object[];
}

const container = (deployment: Rendered) => (deployment['spec'].template.spec as PodSpec).containers[0]!;
const environment = (deployment: Rendered): Record<string, string | undefined> =>
  Object.fromEntries(container(deployment).env.map(({ name, value }) => [name, value]));

it('passes helm lint without a warning', async () => {
  const { code, stdout } = await helm(['lint', '--strict', chartFolder, '--values', valuesFile(valueCases['everything on'])]);
  expect(stdout).toContain('0 chart(s) failed');
  expect(stdout).not.toMatch(/\[(WARNING|ERROR)\]/);
  expect(code).toBe(0);
});

describe.each(Object.entries(valueCases))('with %s', (_name, values) => {
  it('makes objects with the standard labels, each once and in its place', async () => {
    expect(chartValues.safeParse(values).error).toBeUndefined();
    const objects = await render(values);
    const keys = objects.map(({ apiVersion, kind, metadata }) => `${apiVersion} ${kind} ${metadata.namespace} ${metadata.name}`);
    expect([...new Set(keys)]).toEqual(keys);
    const clusterWide = /^(ClusterRole|ClusterRoleBinding|CustomResourceDefinition)$/;
    for (const { kind, metadata } of objects) {
      expect(metadata.namespace === undefined, `${kind} ${metadata.name}`).toBe(clusterWide.test(kind));
      expect(metadata.labels, `${kind} ${metadata.name}`).toMatchObject({
        ...values.commonLabels,
        'app.kubernetes.io/name': values.nameOverride ?? 'lockkeeper',
        'app.kubernetes.io/instance': 'main',
        'app.kubernetes.io/component': 'operator',
        'app.kubernetes.io/part-of': 'lockkeeper',
        'app.kubernetes.io/managed-by': 'Helm',
        'app.kubernetes.io/version': packageJson.version,
        'helm.sh/chart': `lockkeeper-${packageJson.version}`,
      });
    }
    expect(only(objects, 'Service').metadata.name.length).toBeLessThanOrEqual(63);
    for (const { metadata } of objects.filter(({ kind }) => kind !== 'CustomResourceDefinition'))
      for (const value of Object.values(metadata.labels))
        expect(value).toMatch(/^[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$/);
  });

  it('makes an operator that PodSecurity restricted admits and that its Service and policies select', async () => {
    const objects = await render(values);
    const deployment = only(objects, 'Deployment');
    const { metadata, spec } = deployment['spec'].template;
    const [operator] = spec.containers;
    expect(spec.containers).toHaveLength(1);
    expect(spec.initContainers).toBeUndefined();
    expect(spec.securityContext).toEqual({ runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } });
    expect(operator.securityContext).toEqual({
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    });
    expect((spec as PodSpec).volumes.every((volume) => 'emptyDir' in volume)).toBe(true);
    expect(operator.ports).toEqual([{ name: 'http', containerPort: 9190 }]);
    for (const object of [deployment, ...objects.filter(({ kind }) => /Budget|NetworkPolicy|ServiceMonitor/.test(kind))]) {
      const selector = object['spec'].selector ?? object['spec'].podSelector;
      expect(metadata.labels, object.kind).toMatchObject(selector.matchLabels);
      expect(Object.keys(selector.matchLabels)).toHaveLength(3);
    }
    expect(metadata.labels).toMatchObject(only(objects, 'Service')['spec'].selector);
    // A selector can never be changed, so what changes with a release must not be in it.
    expect(Object.keys(deployment['spec'].selector.matchLabels)).not.toContain('app.kubernetes.io/version');
  });

  it('gives no wildcard, and all rights to the operator’s own ServiceAccount', async () => {
    const objects = await render(values);
    const account = only(objects, 'Deployment')['spec'].template.spec.serviceAccountName as string;
    const roles = objects.filter(({ kind }) => /^(Cluster)?Role$/.test(kind));
    for (const { rules } of roles as unknown as { rules: Rule[] }[])
      for (const { apiGroups, resources, verbs } of rules) {
        expect([...apiGroups, ...resources, ...verbs]).not.toContain('*');
        expect([...apiGroups, ...resources, ...verbs].length).toBeGreaterThan(2);
      }
    const bindings = objects.filter(({ kind }) => /RoleBinding$/.test(kind));
    for (const { kind, metadata, roleRef, subjects } of bindings) {
      expect(subjects).toEqual([{ kind: 'ServiceAccount', name: account, namespace: releaseNamespace }]);
      const beside = objects.filter((object) => object.metadata.namespace === metadata.namespace);
      const role = only(beside, roleRef.kind as string, roleRef.name as string);
      expect(kind).toBe(`${role.kind}Binding`);
    }
    const accounts = objects.filter(({ kind }) => kind === 'ServiceAccount');
    for (const each of accounts) expect([each.metadata.name, each['automountServiceAccountToken']]).toEqual([account, false]);
  });
});

describe('what the values switch', () => {
  it('is all there by default but what needs another operator', async () => {
    expect(kindsOf(await render())).toEqual(
      'ClusterRole ClusterRoleBinding CustomResourceDefinition Deployment NetworkPolicy PodDisruptionBudget Role RoleBinding Service ServiceAccount'.split(
        ' ',
      ),
    );
  });

  it('can all be switched on', async () => {
    expect(kindsOf(await render(valueCases['everything on']))).toEqual(
      'ClusterRole ClusterRoleBinding ConfigMap CustomResourceDefinition Deployment NetworkPolicy PodDisruptionBudget PodMonitor PrometheusRule Role RoleBinding Service ServiceAccount ServiceMonitor'.split(
        ' ',
      ),
    );
  });

  it('can all be switched off', async () => {
    expect(kindsOf(await render(valueCases['everything off']))).toEqual(['Deployment', 'Service']);
  });

  it('are values from values.ts: defaults are the same with none and with all of them given', async () => {
    const [none, all] = [await template({}), await template(chartValues.parse({}))];
    expect(all.stdout).toBe(none.stdout);
  });
});

describe('the values schema', () => {
  it.each(wrongValues)('refuses %s and names it', async (_what, values, named) => {
    expect(chartValues.safeParse(values).success).toBe(false);
    const { code, stderr, stdout } = await template(values);
    expect(code, stdout.slice(0, 300)).not.toBe(0);
    expect(stderr).toMatch(named);
  });

  it('refuses to leave out an alert that there is not', async () => {
    const { code, stderr } = await template({ prometheusRule: { enabled: true, disabled: ['LockkeeperLagHihg'] } });
    expect(code).not.toBe(0);
    expect(stderr).toContain('there is no alert LockkeeperLagHihg; there are');
    expect(stderr).toContain('LockkeeperLagHigh');
  });
});

describe('the CRDs', () => {
  const folder = join(import.meta.dirname, '../../crds');

  it('are those that are generated, with labels, and kept when the release goes', async () => {
    const objects = (await render({ commonLabels: { team: 'storage' } })).filter(
      ({ kind }) => kind === 'CustomResourceDefinition',
    );
    expect(objects).toHaveLength(3);
    for (const { metadata, ...rest } of objects) {
      const generated = parse(readFileSync(join(folder, `${metadata.name}.yaml`), 'utf8')) as Rendered;
      const { metadata: generatedMetadata, ...generatedRest } = generated;
      expect(rest).toEqual(generatedRest);
      expect(metadata.labels).toMatchObject(generatedMetadata.labels);
      expect(metadata.annotations).toEqual({ ...generatedMetadata.annotations, 'helm.sh/resource-policy': 'keep' });
    }
  });

  it('go with the release where that is asked for', async () => {
    const objects = (await render({ crds: { keep: false } })).filter(({ kind }) => kind === 'CustomResourceDefinition');
    expect(objects.map(({ metadata }) => metadata.annotations)).toEqual([undefined, undefined, undefined]);
  });
});

describe('the operator’s environment', () => {
  it('names the image for workers, which follows the operator’s until it is told otherwise', async () => {
    const images = async (name: string) => {
      const deployment = only(await render(valueCases[name]), 'Deployment');
      return [container(deployment).image, environment(deployment)['LOCKKEEPER_WORKER_IMAGE']];
    };
    const digest = valueCases['a digest']!.image!.digest!;
    const version = packageJson.version;
    expect(await images('nothing but defaults')).toEqual([`lockkeeper:${version}`, `lockkeeper:${version}`]);
    expect(await images('a tag')).toEqual(['lockkeeper:1.2.3', 'lockkeeper:1.2.3']);
    expect(await images('a digest')).toEqual([`lockkeeper@${digest}`, `lockkeeper@${digest}`]);
    expect(await images('workers of another repository')).toEqual([`lockkeeper@${digest}`, 'mirror/lockkeeper:1.2.3']);
    expect(await images('workers at a digest')).toEqual(['lockkeeper:1.2.3', `lockkeeper@${digest}`]);
    expect(await images('everything on')).toEqual([
      `registry.example:5000/db/lockkeeper@${digest}`,
      'registry.example:5000/db/lockkeeper:0.0.9',
    ]);
  });

  it('shapes workers by the image alone, so that no other change of values restarts them', async () => {
    const shape = async (values: object) => {
      const all = environment(only(await render(values), 'Deployment'));
      return Object.fromEntries(Object.entries(all).filter(([name]) => /WORKER|IMAGE/.test(name)));
    };
    const { image: _image, workerImage: _workerImage, ...others } = valueCases['everything on']!;
    expect(await shape(others)).toEqual(await shape({}));
    expect(Object.keys(await shape({}))).toEqual(['LOCKKEEPER_WORKER_IMAGE', 'LOCKKEEPER_IMAGE_PULL_POLICY']);
    expect(await shape(valueCases['everything on']!)).toMatchObject({
      LOCKKEEPER_IMAGE_PULL_POLICY: 'Always',
      LOCKKEEPER_IMAGE_PULL_SECRETS: 'login',
    });
  });

  it('tells what to watch, and the Lease that the Role admits', async () => {
    const objects = await render(valueCases['two namespaces']);
    const variables = environment(only(objects, 'Deployment'));
    expect(variables).toMatchObject({ LOCKKEEPER_WATCH_NAMESPACES: 'shop,billing', LOCKKEEPER_LOG_LEVEL: 'info' });
    const rules = only(objects, 'Role', 'main-lockkeeper')['rules'] as { resourceNames?: string[] }[];
    expect(rules[1]!.resourceNames).toEqual([variables['LOCKKEEPER_LEASE_NAME']]);
    expect(environment(only(await render(), 'Deployment'))['LOCKKEEPER_WATCH_NAMESPACES']).toBe('');
  });
});

describe('rights', () => {
  const namespaced = (rules: readonly Rule[]) => rules.filter(({ apiGroups }) => !apiGroups.includes('storage.k8s.io'));

  it('are the same in a few namespaces as in all, and there nowhere else', async () => {
    const everywhere = only(await render(), 'ClusterRole')['rules'] as Rule[];
    const objects = await render(valueCases['two namespaces']);
    for (const namespace of ['shop', 'billing']) {
      const role = objects.find(({ kind, metadata }) => kind === 'Role' && metadata.namespace === namespace)!;
      expect(role['rules']).toEqual(namespaced(everywhere));
    }
    expect(namespaced(only(objects, 'ClusterRole')['rules'] as Rule[])).toEqual([]);
    const none = await render(valueCases['namespaces only, with no cluster role']);
    expect(kindsOf(none).filter((kind) => kind.startsWith('Cluster'))).toEqual([]);
  });

  it('of two releases of one name in different namespaces do not collide', async () => {
    const names = async (namespace: string) => {
      const { stdout } = await helm(['template', 'main', chartFolder, '--namespace', namespace]);
      return [...stdout.matchAll(/^kind: (ClusterRole\w*)\nmetadata:\n {2}name: (.*)$/gm)].map(
        ([, kind, name]) => `${kind} ${name}`,
      );
    };
    const [here, there] = [await names('one'), await names('two')];
    expect(here).toHaveLength(2);
    expect(here.filter((name) => there.includes(name))).toEqual([]);
  });
});

describe('monitors', () => {
  it('scrape operator and workers, and keep the objects’ own namespaces', async () => {
    const objects = await render(valueCases['everything on']);
    const endpoint = { port: 'http', path: '/metrics', interval: '10s', honorLabels: true };
    const service = only(objects, 'ServiceMonitor')['spec'];
    expect(service.endpoints).toEqual([endpoint]);
    expect(only(objects, 'Service').metadata.labels).toMatchObject(service.selector.matchLabels);
    expect(only(objects, 'Service')['spec'].ports[0].name).toBe('http');
    const pods = only(objects, 'PodMonitor')['spec'];
    expect(pods.podMetricsEndpoints).toEqual([endpoint]);
    expect(pods.namespaceSelector).toEqual({ any: true });
    const few = only(await render(valueCases['two namespaces']), 'PodMonitor')['spec'];
    expect(few.namespaceSelector).toEqual({ matchNames: ['shop', 'billing'] });
  });

  it('leave out the alerts that are not wanted, and label the others', async () => {
    const rule = only(await render(valueCases['everything on']), 'PrometheusRule');
    expect(rule.metadata.labels['release']).toBe('monitoring');
    const alerts = (rule['spec'].groups as { rules: { alert: string; labels: object }[] }[]).flatMap(({ rules }) => rules);
    expect(alerts.length).toBeGreaterThan(15);
    expect(alerts.map(({ alert }) => alert)).not.toContain('LockkeeperTwoLeaders');
    for (const { labels } of alerts) expect(labels).toMatchObject({ team: 'storage' });
  });
});

describe('NOTES.txt', () => {
  const notes = async (values: object) => {
    const { stdout, stderr } = await helm([
      ...['install', 'main', chartFolder, '--namespace', releaseNamespace],
      ...['--dry-run=client', '--values', valuesFile(values)],
    ]);
    const begin = stdout.indexOf('\nNOTES:\n');
    if (begin < 0) throw new Error(stderr);
    return stdout.slice(begin);
  };

  it('says what to do next', async () => {
    const text = await notes({});
    expect(text).toContain(`kubectl rollout status deployment/main-lockkeeper -n ${releaseNamespace}`);
    for (const kind of ['ZkEnsemble', 'CanalInstance', 'SyncPipeline']) expect(text).toContain(`kind: ${kind}`);
    expect(text).toContain('kubectl get lockkeeper -A');
    expect(text).toContain('nobody is told when a pipeline stops');
  });

  it('shows manifests that the schemas take', async () => {
    const schemas = { ZkEnsemble: zkEnsembleSchema, CanalInstance: canalInstanceSchema, SyncPipeline: syncPipelineSchema };
    const text = (await notes({})).replaceAll(/^ {5}/gm, '');
    const yaml = text.slice(text.indexOf('\napiVersion: '), text.indexOf('\n4. '));
    const manifests = parseAllDocuments(yaml).map((document) => document.toJS() as { kind: keyof typeof schemas });
    for (const manifest of manifests) expect(schemas[manifest.kind].safeParse(manifest).error).toBeUndefined();
    expect(manifests.map(({ kind }) => kind)).toEqual(Object.keys(schemas));
  });

  it('speaks of what was chosen only', async () => {
    const text = await notes({ ...valueCases['everything on'], watchNamespaces: ['shop', 'billing'], crds: { install: false } });
    expect(text).toContain('the namespaces shop, billing');
    expect(text).toContain('kubectl get lockkeeper -n shop');
    expect(text).toContain('crds.install is false');
    expect(text).toContain('prometheusRule.runbookBaseUrl');
    expect(text).not.toContain('nobody is told');
  });
});
