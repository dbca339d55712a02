import { bytesOf } from '../../crds/quantity.ts';
import {
  ownerReference,
  type Live,
  type PersistentVolumeClaim,
  type StatefulSet,
  type Step,
  type ZkEnsembleResource,
} from '../kube/index.ts';
import { groupLabels, HOLDS_DATA, MEMBER_ID } from './objects/labels.ts';
import { claimName, templateSizes, volumesOf } from './objects/stateful-set.ts';
import type { Observed } from './observed.ts';
import type { Server, ZkSpec } from './servers.ts';

type Claim = Live<PersistentVolumeClaim>;

/** Volumes say whose data they hold, and belong to the ensemble if they shall go with it. They grow where their class lets them. */
export function volumeSteps(owner: Live<ZkEnsembleResource>, spec: ZkSpec, observed: Observed): Step[] {
  const growing = new Map(growingClaims(spec, observed).map(({ claim, size }) => [claim.metadata.name, size]));
  return observed.view.servers.flatMap(({ server }) =>
    claimsOf(observed, server).map((claim) => claimStep(owner, spec, observed, server, claim, growing.get(claim.metadata.name))),
  );
}

function claimsOf(observed: Observed, server: Server): Claim[] {
  const found = ['data', 'datalog'].map((volume) => observed.claims.get(claimName(volume, server.pod)));
  return found.filter((claim) => claim !== undefined && claim.metadata.deletionTimestamp === undefined) as Claim[];
}

function claimStep(
  owner: Live<ZkEnsembleResource>,
  spec: ZkSpec,
  observed: Observed,
  server: Server,
  claim: Claim,
  size: string | undefined,
): Step {
  const { name, uid, annotations } = claim.metadata;
  const grows = size !== undefined && mayGrow(observed, claim.spec?.storageClassName);
  const remembered = observed.step.kind === 'remember' && observed.step.servers.some(({ id }) => id === server.id);
  const holds = remembered || annotations?.[HOLDS_DATA] === 'true';
  const { controller: _controller, ...owned } = ownerReference(owner);
  const object = {
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: {
      ...{ name, uid, namespace: observed.names.namespace },
      // As the set's template made them; by them the claim is found in the cache.
      labels: groupLabels(observed.names, server),
      annotations: { [MEMBER_ID]: annotations?.[MEMBER_ID] ?? String(server.id), ...(holds ? { [HOLDS_DATA]: 'true' } : {}) },
      ...(spec.storage.reclaimPolicy === 'Delete' ? { ownerReferences: [{ ...owned, blockOwnerDeletion: false }] } : {}),
    },
    spec: { resources: { requests: { storage: grows ? size : claim.spec?.resources?.requests?.['storage'] } } },
  };
  const announced = grows ? { reason: 'VolumeGrows', note: `Volume ${name} grows to ${size}` } : {};
  return { kind: 'apply', object, unless: (live) => (live === undefined ? 'it is gone' : undefined), ...announced };
}

function mayGrow(observed: Observed, storageClass: string | undefined): boolean {
  return observed.expandable.get(storageClass ?? '') ?? true;
}

/** Claims of servers that the sets run which are smaller than the spec asks for. One kept of a former server grows when it is used again. */
export function growingClaims(
  spec: ZkSpec,
  { view, claims }: Pick<Observed, 'view' | 'claims'>,
): { claim: Claim; size: string }[] {
  const running = view.servers.filter(({ server }) => server.ordinal < (view.sets.get(server.group) ?? 0));
  return running.flatMap(({ server }) =>
    volumesOf(spec).flatMap(({ name, size }) => {
      const claim = claims.get(claimName(name, server.pod));
      const asked = claim?.spec?.resources?.requests?.['storage'] ?? '0';
      return claim !== undefined && bytesOf(asked) < bytesOf(size) ? [{ claim, size }] : [];
    }),
  );
}

/** Sets whose claims have all grown and whose template still makes small ones. */
export function outgrownSets(spec: ZkSpec, observed: Observed): Live<StatefulSet>[] {
  if (growingClaims(spec, observed).length > 0) return [];
  const wanted = new Map(volumesOf(spec).map(({ name, size }) => [name, bytesOf(size)]));
  return [...observed.sets.values()].filter((set) =>
    [...templateSizes(set)].some(([volume, size]) => bytesOf(size) < (wanted.get(volume) ?? 0)),
  );
}
