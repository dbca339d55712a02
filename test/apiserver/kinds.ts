import type { KubeObject, Live } from '../../operator/kube/objects.ts';
import { resources, type Resource } from '../../operator/kube/resources.ts';
import { builtinAdmission } from './builtin/index.ts';
import type { FieldProblem } from './status.ts';

export type Admitted =
  | { readonly object: KubeObject }
  | { readonly problems: readonly FieldProblem[] }
  | { readonly unknownFields: readonly string[] };

/** Fills in defaults and judges. `before` is absent for a create. */
export type Admission = (object: KubeObject, before: Live | undefined) => Admitted;

/** What the server knows of a kind. */
export interface Kind {
  readonly resource: Resource;
  /** Status is written through its subresource only. */
  readonly status: boolean;
  /** metadata.generation counts changes of anything but metadata and status. */
  readonly generation: boolean;
  /** A replace needs a resourceVersion. */
  readonly versioned: boolean;
  /** A replace of what is not there creates it. */
  readonly createdByReplace: boolean;
  /** Finalizers that each object gets when it is made. */
  readonly finalizers: readonly string[];
  readonly admit: Admission;
  /** Whether a change of status alone is judged as well. */
  readonly judgesStatus: boolean;
}

export const admitAll: Admission = (object) => ({ object });

const WITH_STATUS = new Set(['StatefulSet', 'Deployment', 'Pod', 'PersistentVolumeClaim', 'PodDisruptionBudget', 'Service']);
const WITH_GENERATION = new Set(['StatefulSet', 'Deployment', 'PodDisruptionBudget', 'NetworkPolicy', 'Pod']);

/** The kinds of Kubernetes itself among our resources. */
export function builtinKinds(): Kind[] {
  return Object.values(resources as Readonly<Record<string, Resource>>)
    .filter(({ apiVersion }) => !apiVersion.startsWith('lockkeeper.io/'))
    .map((resource) => ({
      resource,
      status: WITH_STATUS.has(resource.kind),
      generation: WITH_GENERATION.has(resource.kind),
      versioned: resource.kind === 'Lease',
      createdByReplace: resource.kind === 'Lease',
      finalizers: resource.kind === 'PersistentVolumeClaim' ? ['kubernetes.io/pvc-protection'] : [],
      admit: builtinAdmission(resource.kind),
      judgesStatus: false,
    }));
}

/** A kind that a CRD with status subresource defines. */
export function customKind(resource: Resource, admit: Admission = admitAll): Kind {
  return {
    resource,
    status: true,
    generation: true,
    versioned: true,
    createdByReplace: false,
    finalizers: [],
    admit,
    judgesStatus: true,
  };
}
