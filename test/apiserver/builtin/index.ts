import type { Admission } from '../kinds.ts';
import { admitConfigMap, admitSecret } from './data.ts';
import { admitPodDisruptionBudget } from './disruption.ts';
import { admitPod } from './pod.ts';
import { admitService } from './service.ts';
import { admitPersistentVolumeClaim } from './volume.ts';
import { admitDeployment, admitStatefulSet } from './workload.ts';
import { admitLease } from './lease.ts';

const admissions: Readonly<Record<string, Admission>> = {
  ConfigMap: admitConfigMap,
  Deployment: admitDeployment,
  Lease: admitLease,
  PersistentVolumeClaim: admitPersistentVolumeClaim,
  Pod: admitPod,
  PodDisruptionBudget: admitPodDisruptionBudget,
  Secret: admitSecret,
  Service: admitService,
  StatefulSet: admitStatefulSet,
};

/** Defaults and rules of the kinds that the operator writes, as far as they can trip it up. */
export function builtinAdmission(kind: string): Admission {
  return admissions[kind] ?? ((object) => ({ object }));
}
