/**
 * How the API server merges what is inside the kinds that we own, as its OpenAPI says (x-kubernetes-list-type and so on). Fields are
 * known by their names alone: among these kinds no name is merged in two ways that matter here.
 */

/** Lists that are merged item by item, with the fields that name an item. */
const KEYED_LISTS: Readonly<Record<string, readonly string[]>> = {
  conditions: ['type'],
  containers: ['name'],
  env: ['name'],
  ephemeralContainers: ['name'],
  hostAliases: ['ip'],
  imagePullSecrets: ['name'],
  initContainers: ['name'],
  observers: ['region'],
  ownerReferences: ['uid'],
  topologySpreadConstraints: ['topologyKey', 'whenUnsatisfiable'],
  volumeDevices: ['devicePath'],
  volumeMounts: ['mountPath'],
  volumes: ['name'],
};

/** Maps and structures that are replaced as a whole. */
const ATOMIC_MAPS = new Set([
  'claimRef',
  'configMapKeyRef',
  'dataSource',
  'fieldRef',
  'labelSelector',
  'namespaceSelector',
  'nodeSelector',
  'podSelector',
  'resourceFieldRef',
  'secretKeyRef',
  'selector',
]);

/** Parts of a name that the server fills in. */
const KEY_DEFAULTS: Readonly<Record<string, unknown>> = { protocol: 'TCP' };

/** The fields that name an item of the list `field`; undefined for a list that is replaced as a whole. */
export function itemKeys(field: string, items: readonly unknown[]): readonly string[] | undefined {
  if (field === 'ports')
    return isObject(items[0]) && 'containerPort' in items[0] ? ['containerPort', 'protocol'] : ['port', 'protocol'];
  return Object.hasOwn(KEYED_LISTS, field) ? KEYED_LISTS[field] : undefined;
}

export function isSet(field: string): boolean {
  return field === 'finalizers';
}

export function isAtomicMap(field: string): boolean {
  return ATOMIC_MAPS.has(field);
}

/** An item's name within its list, as FieldsV1 writes it after `k:`. */
export function itemKey(item: unknown, keys: readonly string[]): string {
  const fields = (isObject(item) ? item : {}) as Record<string, unknown>;
  return JSON.stringify(Object.fromEntries(keys.map((key) => [key, fields[key] ?? KEY_DEFAULTS[key]])));
}

export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
