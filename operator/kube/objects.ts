import type {
  CoreV1Event,
  V1ConfigMap,
  V1CustomResourceDefinition,
  V1Deployment,
  V1Lease,
  V1NetworkPolicy,
  V1PersistentVolumeClaim,
  V1Pod,
  V1PodDisruptionBudget,
  V1Secret,
  V1Service,
  V1ServiceAccount,
  V1StatefulSet,
  V1StorageClass,
} from '@kubernetes/client-node';
import type { CanalInstanceStatus, Condition, SyncPipelineStatus, ZkEnsembleStatus } from '../../crds/index.ts';

/**
 * A client-node model as it is in JSON. Nothing of it is ever run: its (de)serialisers lose fields that they do not know, and the
 * package takes 90 MB of memory. Times are strings, names that its generator escapes (`_from`) are themselves, all is read-only.
 */
export type Json<T> = T extends Date
  ? string
  : T extends readonly (infer E)[]
    ? readonly Json<E>[]
    : T extends object
      ? { readonly [K in keyof T as K extends `_${infer Name}` ? Name : K]: Json<T[K]> }
      : T;

export interface OwnerReference {
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
  readonly uid: string;
  readonly controller?: boolean;
  readonly blockOwnerDeletion?: boolean;
}

export interface ManagedFields {
  readonly manager: string;
  readonly operation: 'Apply' | 'Update';
  readonly apiVersion: string;
  readonly time?: string;
  readonly fieldsType?: string;
  readonly fieldsV1?: object;
  readonly subresource?: string;
}

export interface ObjectMeta {
  readonly name: string;
  readonly namespace?: string;
  readonly generateName?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly finalizers?: readonly string[];
  readonly ownerReferences?: readonly OwnerReference[];
  readonly uid?: string;
  readonly resourceVersion?: string;
  readonly generation?: number;
  readonly creationTimestamp?: string;
  readonly deletionTimestamp?: string;
  readonly deletionGracePeriodSeconds?: number;
  readonly managedFields?: readonly ManagedFields[];
}

/** Any object, wanted or live. */
export interface KubeObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: ObjectMeta;
}

/** An object as the API server has it. */
export type Live<T extends KubeObject = KubeObject> = T & {
  readonly metadata: { readonly uid: string; readonly resourceVersion: string; readonly creationTimestamp: string };
};

type Typed<Model> = KubeObject & Omit<Json<Model>, 'apiVersion' | 'kind' | 'metadata'>;

export type StatefulSet = Typed<V1StatefulSet>;
export type Deployment = Typed<V1Deployment>;
export type Service = Typed<V1Service>;
export type KubeSecret = Typed<V1Secret>;
export type ConfigMap = Typed<V1ConfigMap>;
export type Pod = Typed<V1Pod>;
export type PersistentVolumeClaim = Typed<V1PersistentVolumeClaim>;
export type ServiceAccount = Typed<V1ServiceAccount>;
export type KubeEvent = Typed<CoreV1Event>;
export type PodDisruptionBudget = Typed<V1PodDisruptionBudget>;
export type NetworkPolicy = Typed<V1NetworkPolicy>;
export type Lease = Typed<V1Lease>;
export type StorageClass = Typed<V1StorageClass>;
export type CustomResourceDefinition = Typed<V1CustomResourceDefinition>;

export interface CommonStatus {
  readonly observedGeneration?: number | undefined;
  readonly conditions?: readonly Condition[] | undefined;
}

/** One of our three kinds as stored: the spec is yet to be parsed by its schema. */
export type CustomResource<Status extends CommonStatus = CommonStatus> = KubeObject & {
  readonly spec?: unknown;
  readonly status?: Status;
};

export type ZkEnsembleResource = CustomResource<ZkEnsembleStatus>;
export type CanalInstanceResource = CustomResource<CanalInstanceStatus>;
export type SyncPipelineResource = CustomResource<SyncPipelineStatus>;

export interface ObjectRef {
  /** Absent for kinds without namespace. */
  readonly namespace?: string | undefined;
  readonly name: string;
}

/** `namespace/name`, or `name` for kinds without namespace: what queues and caches are keyed by. */
export type ObjectKey = string;

export function keyOf(object: KubeObject | ObjectRef): ObjectKey {
  const { namespace, name } = 'metadata' in object ? object.metadata : object;
  return namespace === undefined ? name : `${namespace}/${name}`;
}

export function refOf(object: KubeObject | ObjectKey): ObjectRef & { readonly name: string } {
  if (typeof object !== 'string') return { namespace: object.metadata.namespace, name: object.metadata.name };
  const slash = object.indexOf('/');
  return slash < 0 ? { name: object } : { namespace: object.slice(0, slash), name: object.slice(slash + 1) };
}

/** `Kind namespace/name`, for messages. */
export function describe(object: KubeObject): string {
  return `${object.kind} ${keyOf(object)}`;
}
