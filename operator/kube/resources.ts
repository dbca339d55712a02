import { apiVersion as lockkeeperVersion } from '../../crds/index.ts';
import type {
  CanalInstanceResource,
  ConfigMap,
  CustomResourceDefinition,
  Deployment,
  KubeEvent,
  KubeObject,
  KubeSecret,
  Lease,
  NetworkPolicy,
  ObjectRef,
  PersistentVolumeClaim,
  Pod,
  PodDisruptionBudget,
  Service,
  ServiceAccount,
  StatefulSet,
  StorageClass,
  SyncPipelineResource,
  ZkEnsembleResource,
} from './objects.ts';

declare const objectType: unique symbol;

/** A kind and where it is found; `T` is what its objects look like. */
export interface Resource<T extends KubeObject = KubeObject> {
  readonly apiVersion: string;
  readonly kind: string;
  readonly plural: string;
  readonly namespaced: boolean;
  /** Exists only in the type. */
  readonly [objectType]?: T;
}

function resource<T extends KubeObject>(apiVersion: string, kind: string, plural: string, namespaced = true): Resource<T> {
  return { apiVersion, kind, plural, namespaced };
}

/** The kinds that we read or own. A map of our own, since discovery costs requests and can be stale. */
export const resources = {
  StatefulSet: resource<StatefulSet>('apps/v1', 'StatefulSet', 'statefulsets'),
  Deployment: resource<Deployment>('apps/v1', 'Deployment', 'deployments'),
  Service: resource<Service>('v1', 'Service', 'services'),
  Secret: resource<KubeSecret>('v1', 'Secret', 'secrets'),
  ConfigMap: resource<ConfigMap>('v1', 'ConfigMap', 'configmaps'),
  Pod: resource<Pod>('v1', 'Pod', 'pods'),
  PersistentVolumeClaim: resource<PersistentVolumeClaim>('v1', 'PersistentVolumeClaim', 'persistentvolumeclaims'),
  ServiceAccount: resource<ServiceAccount>('v1', 'ServiceAccount', 'serviceaccounts'),
  Event: resource<KubeEvent>('v1', 'Event', 'events'),
  PodDisruptionBudget: resource<PodDisruptionBudget>('policy/v1', 'PodDisruptionBudget', 'poddisruptionbudgets'),
  NetworkPolicy: resource<NetworkPolicy>('networking.k8s.io/v1', 'NetworkPolicy', 'networkpolicies'),
  Lease: resource<Lease>('coordination.k8s.io/v1', 'Lease', 'leases'),
  StorageClass: resource<StorageClass>('storage.k8s.io/v1', 'StorageClass', 'storageclasses', false),
  CustomResourceDefinition: resource<CustomResourceDefinition>(
    'apiextensions.k8s.io/v1',
    'CustomResourceDefinition',
    'customresourcedefinitions',
    false,
  ),
  ZkEnsemble: resource<ZkEnsembleResource>(lockkeeperVersion, 'ZkEnsemble', 'zkensembles'),
  CanalInstance: resource<CanalInstanceResource>(lockkeeperVersion, 'CanalInstance', 'canalinstances'),
  SyncPipeline: resource<SyncPipelineResource>(lockkeeperVersion, 'SyncPipeline', 'syncpipelines'),
} as const;

const byKind = new Map<string, Resource>(Object.values(resources).map((each) => [`${each.apiVersion} ${each.kind}`, each]));

/** @throws Error for a kind that is not in `resources`: a mistake in our code */
export function resourceOf<T extends KubeObject>(object: T): Resource<T> {
  const found = byKind.get(`${object.apiVersion} ${object.kind}`);
  if (found === undefined) throw new Error(`no path is known for kind ${object.kind} of ${object.apiVersion}`);
  return found as Resource<T>;
}

/** API group of an apiVersion; '' for the core group. */
export function groupOf(apiVersion: string): string {
  return apiVersion.includes('/') ? apiVersion.slice(0, apiVersion.indexOf('/')) : '';
}

/** Path of a collection; of all namespaces without `namespace`. */
export function collectionPath(resource: Resource, namespace?: string): string {
  const root = groupOf(resource.apiVersion) === '' ? '/api' : '/apis';
  const scope = namespace === undefined || !resource.namespaced ? '' : `/namespaces/${encodeURIComponent(namespace)}`;
  return `${root}/${resource.apiVersion}${scope}/${resource.plural}`;
}

/** @throws Error for an object of a namespaced kind without namespace: a mistake in our code */
export function objectPath(resource: Resource, ref: ObjectRef, subresource?: string): string {
  if (resource.namespaced && ref.namespace === undefined) throw new Error(`${resource.kind} ${ref.name} has no namespace`);
  const path = `${collectionPath(resource, ref.namespace)}/${encodeURIComponent(ref.name)}`;
  return subresource === undefined ? path : `${path}/${subresource}`;
}
