import { createHash } from 'node:crypto';
import type { KubeObject } from '../../../operator/kube/objects.ts';
import type { Admission } from '../kinds.ts';
import type { FieldProblem } from '../status.ts';
import { fields, invalidValue, list, required, withDefaults, type Fields } from './problems.ts';

interface Service extends KubeObject {
  readonly spec?: Fields;
}

export const admitService: Admission = (object, before) => {
  const given = fields((object as Service).spec);
  const old = fields((before as Service | undefined)?.spec);
  const clusterIP = given.clusterIP ?? old.clusterIP ?? address(object);
  const spec: Fields = withDefaults(
    {
      ...given,
      ...(given.ports === undefined
        ? {}
        : { ports: list(given.ports).map((port) => withDefaults(port, { protocol: 'TCP', targetPort: port.port })) }),
    },
    {
      type: 'ClusterIP',
      sessionAffinity: 'None',
      internalTrafficPolicy: 'Cluster',
      ipFamilies: ['IPv4'],
      ipFamilyPolicy: 'SingleStack',
      clusterIP,
      clusterIPs: [clusterIP],
    },
  );
  const problems = serviceProblems(object, spec);
  if (before !== undefined && old.clusterIP !== spec.clusterIP) {
    problems.push(invalidValue('spec.clusterIPs[0]', spec.clusterIP, 'may not change once set'));
  }
  return problems.length > 0 ? { problems } : { object: { ...object, spec } as KubeObject };
};

function serviceProblems({ metadata }: KubeObject, spec: Fields): FieldProblem[] {
  const problems: FieldProblem[] = [];
  if (!/^[a-z]([-a-z0-9]*[a-z0-9])?$/.test(metadata.name) || metadata.name.length > 63) {
    problems.push(
      invalidValue('metadata.name', metadata.name, 'a DNS-1035 label must consist of lower case alphanumeric characters'),
    );
  }
  const ports = list(spec.ports);
  if (ports.length === 0 && spec.clusterIP !== 'None') problems.push(required('spec.ports'));
  for (const [index, port] of ports.entries()) {
    if (ports.length > 1 && (port.name ?? '') === '') problems.push(required(`spec.ports[${index}].name`));
    if (typeof port.port !== 'number' || port.port < 1 || port.port > 65535) {
      problems.push(invalidValue(`spec.ports[${index}].port`, port.port, 'must be between 1 and 65535, inclusive'));
    }
  }
  return problems;
}

/** An address that depends on the name alone, so that runs are alike. */
function address({ metadata }: KubeObject): string {
  const [a = 0, b = 0] = createHash('sha256').update(`${metadata.namespace}/${metadata.name}`).digest();
  return `10.96.${a}.${b}`;
}
