import { isDeepStrictEqual } from 'node:util';
import { bytesOf } from '../../../crds/quantity.ts';
import type { KubeObject } from '../../../operator/kube/objects.ts';
import type { Admission } from '../kinds.ts';
import { fields, notAllowed, required, list, withDefaults, type Fields } from './problems.ts';
import { canonicalQuantities } from './quantity.ts';

interface Claim extends KubeObject {
  readonly spec?: Fields;
  readonly status?: Fields;
}

export function defaultedClaimSpec(spec: Fields): Fields {
  return withDefaults(
    spec.resources === undefined
      ? spec
      : { ...spec, resources: canonicalQuantities(fields(spec.resources), ['requests', 'limits']) },
    { volumeMode: 'Filesystem' },
  );
}

export const admitPersistentVolumeClaim: Admission = (object, before) => {
  const spec = defaultedClaimSpec(fields((object as Claim).spec));
  const size = sizeOf(spec);
  if (list(spec.accessModes).length === 0)
    return { problems: [required('spec.accessModes', 'at least 1 access mode is required')] };
  if (size === undefined) return { problems: [required('spec.resources[storage]')] };
  if (before !== undefined) {
    const old = fields((before as Claim).spec);
    const fixed = (value: Fields) => ({ ...value, resources: undefined, volumeName: undefined });
    const shrinks = bytesOf(size) < bytesOf(sizeOf(old) ?? '0');
    if (!isDeepStrictEqual(fixed(spec), fixed(old)) || shrinks) {
      const why = shrinks
        ? 'field can not be less than status.capacity'
        : 'spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims';
      return { problems: [notAllowed(shrinks ? 'spec.resources.requests.storage' : 'spec', why)] };
    }
  }
  const status = withDefaults(fields((object as Claim).status), { phase: 'Pending' });
  return { object: { ...object, spec, status } as KubeObject };
};

function sizeOf(spec: Fields): string | undefined {
  const size = fields(fields(spec.resources).requests).storage;
  return typeof size === 'string' || typeof size === 'number' ? String(size) : undefined;
}
