import type { FieldProblem } from '../status.ts';
import { fields, invalidValue, list, required, withDefaults, type Fields } from './problems.ts';
import { canonicalQuantities } from './quantity.ts';

const PROBE = { timeoutSeconds: 1, periodSeconds: 10, successThreshold: 1, failureThreshold: 3 };

/** A pod's spec as the API server stores it. */
export function defaultedPodSpec(spec: Fields): Fields {
  const containersOf = (value: unknown) => list(value).map(defaultedContainer);
  return withDefaults(
    {
      ...spec,
      ...(spec.containers === undefined ? {} : { containers: containersOf(spec.containers) }),
      ...(spec.initContainers === undefined ? {} : { initContainers: containersOf(spec.initContainers) }),
      ...(spec.volumes === undefined ? {} : { volumes: list(spec.volumes).map(defaultedVolume) }),
    },
    {
      restartPolicy: 'Always',
      terminationGracePeriodSeconds: 30,
      dnsPolicy: 'ClusterFirst',
      schedulerName: 'default-scheduler',
      securityContext: {},
    },
  );
}

function defaultedContainer(container: Fields): Fields {
  const image = typeof container.image === 'string' ? container.image : '';
  const latest = !/[:@][^/]*$/.test(image) || image.endsWith(':latest');
  const probes = ['livenessProbe', 'readinessProbe', 'startupProbe'].filter((name) => container[name] !== undefined);
  return withDefaults(
    {
      ...container,
      ...(container.ports === undefined
        ? {}
        : { ports: list(container.ports).map((port) => withDefaults(port, { protocol: 'TCP' })) }),
      ...Object.fromEntries(probes.map((name) => [name, defaultedProbe(fields(container[name]))])),
      ...(container.env === undefined ? {} : { env: list(container.env).map(defaultedVariable) }),
      ...(container.resources === undefined
        ? {}
        : { resources: canonicalQuantities(fields(container.resources), ['limits', 'requests']) }),
    },
    {
      imagePullPolicy: latest ? 'Always' : 'IfNotPresent',
      resources: {},
      terminationMessagePath: '/dev/termination-log',
      terminationMessagePolicy: 'File',
    },
  );
}

function defaultedProbe(probe: Fields): Fields {
  const http = probe.httpGet === undefined ? {} : { httpGet: withDefaults(fields(probe.httpGet), { path: '/', scheme: 'HTTP' }) };
  return withDefaults({ ...probe, ...http }, PROBE);
}

function defaultedVariable({ value, ...rest }: Fields): Fields {
  // What is empty is not stored.
  const variable = value === undefined || value === '' ? rest : { ...rest, value };
  const from = fields(variable.valueFrom);
  if (from.fieldRef === undefined) return variable;
  return { ...variable, valueFrom: { ...from, fieldRef: withDefaults(fields(from.fieldRef), { apiVersion: 'v1' }) } };
}

function defaultedVolume(volume: Fields): Fields {
  const mode = { defaultMode: 0o644 };
  const result: Record<string, unknown> = { ...volume };
  for (const source of ['configMap', 'secret', 'projected', 'downwardAPI']) {
    if (volume[source] !== undefined) result[source] = withDefaults(fields(volume[source]), mode);
  }
  const sources = Object.keys(volume).filter((key) => key !== 'name');
  return sources.length === 0 ? { ...result, emptyDir: {} } : result;
}

/** What is wrong with a pod's spec; `claims` are the names of a StatefulSet's volume claims. */
export function podSpecProblems(spec: Fields, path: string, claims: readonly string[] = []): FieldProblem[] {
  const problems: FieldProblem[] = [];
  const containers = list(spec.containers);
  if (containers.length === 0) problems.push(required(`${path}.containers`));
  const volumes = new Set([...list(spec.volumes).map((volume) => volume.name), ...claims]);
  duplicates(list(spec.volumes), 'name', `${path}.volumes`, problems);
  for (const group of ['containers', 'initContainers']) {
    duplicates(list(spec[group]), 'name', `${path}.${group}`, problems);
    for (const [index, container] of list(spec[group]).entries()) {
      const at = `${path}.${group}[${index}]`;
      if (!isLabel(container.name))
        problems.push(
          container.name === undefined ? required(`${at}.name`) : invalidValue(`${at}.name`, container.name, LABEL_RULE),
        );
      if ((container.image ?? '') === '') problems.push(required(`${at}.image`));
      for (const [mountIndex, mount] of list(container.volumeMounts).entries()) {
        const mountAt = `${at}.volumeMounts[${mountIndex}]`;
        if ((mount.mountPath ?? '') === '') problems.push(required(`${mountAt}.mountPath`));
        if (!volumes.has(mount.name)) {
          problems.push({
            field: `${mountAt}.name`,
            message: `Not found: ${JSON.stringify(mount.name)}`,
            reason: 'FieldValueNotFound',
          });
        }
      }
      duplicates(list(container.volumeMounts), 'mountPath', `${at}.volumeMounts`, problems);
    }
  }
  return problems;
}

const LABEL_RULE =
  "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character";

function isLabel(name: unknown): boolean {
  return typeof name === 'string' && name.length <= 63 && /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/.test(name);
}

function duplicates(items: readonly Fields[], key: string, path: string, problems: FieldProblem[]): void {
  const seen = new Set<unknown>();
  for (const [index, item] of items.entries()) {
    if (seen.has(item[key])) {
      problems.push({
        field: `${path}[${index}].${key}`,
        message: `Duplicate value: ${JSON.stringify(item[key])}`,
        reason: 'FieldValueDuplicate',
      });
    }
    seen.add(item[key]);
  }
}
