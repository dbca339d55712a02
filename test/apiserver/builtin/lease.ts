import type { KubeObject } from '../../../operator/kube/objects.ts';
import type { Admission } from '../kinds.ts';
import { Refusal } from '../status.ts';
import { fields, invalidValue, type Fields } from './problems.ts';

const MICRO_TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}(Z|[+-]\d\d:\d\d)$/;

export const admitLease: Admission = (object) => {
  const spec = fields((object as KubeObject & { spec?: Fields }).spec);
  for (const name of ['acquireTime', 'renewTime']) {
    const time = spec[name];
    if (typeof time === 'string' && !MICRO_TIME.test(time)) {
      throw new Refusal(
        400,
        'BadRequest',
        `Lease in version "v1" cannot be handled as a Lease: parsing time "${time}" as "2006-01-02T15:04:05.000000Z07:00": cannot parse "${time}"`,
      );
    }
  }
  const seconds = spec.leaseDurationSeconds;
  if (typeof seconds === 'number' && seconds <= 0) {
    return { problems: [invalidValue('spec.leaseDurationSeconds', seconds, 'must be greater than 0')] };
  }
  return { object };
};
