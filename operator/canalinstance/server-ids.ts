import { serverKey } from '../../crds/index.ts';
import { keyOf, type CanalInstanceResource, type Live, type Problem } from '../kube/index.ts';

const LARGEST_ID = 4_294_967_295;

/** An instance and the number of its pipelines, each of which takes a server id from spec.serverId upwards. */
export interface Replica {
  readonly instance: Live<CanalInstanceResource>;
  readonly pipelines: number;
}

interface Endpoint {
  readonly host?: unknown;
  readonly port?: unknown;
}

interface Stored {
  readonly serverId?: unknown;
  readonly master?: Endpoint;
  readonly standby?: Endpoint | null;
}

/** The servers that an instance reads, as stored: those of an instance with a fault elsewhere, too. */
export function sourcesOf({ spec }: Live<CanalInstanceResource>): string[] {
  const { master, standby } = (spec ?? {}) as Stored;
  return [master, standby].flatMap((endpoint) =>
    typeof endpoint?.host === 'string' ? serverKey({ host: endpoint.host, port: Number(endpoint.port ?? 3306) }) : [],
  );
}

/**
 * What is wrong with an instance's server ids. A source throws a replica out when another comes with its id; so of two instances whose
 * ids meet the younger has to give way.
 */
export function serverIdProblems(own: Replica, others: readonly Replica[]): Problem[] {
  const ids = idsOf(own);
  const found = `${ids.first} to ${ids.last}`;
  if (ids.last > LARGEST_ID) {
    return [
      {
        reason: 'ServerIdsExhausted',
        message: `spec.serverId: the ids of its ${own.pipelines} pipelines are ${found} and exceed ${LARGEST_ID}; choose a smaller one`,
      },
    ];
  }
  const sources = sourcesOf(own.instance);
  return others
    .filter((other) => isOlder(other.instance, own.instance))
    .flatMap((other) => {
      const theirs = idsOf(other);
      const source = sourcesOf(other.instance).find((key) => sources.includes(key));
      if (source === undefined || ids.first > theirs.last || theirs.first > ids.last) return [];
      const message = `spec.serverId: the ids ${found} meet those of CanalInstance ${keyOf(other.instance)}, ${theirs.first} to ${theirs.last}, on the same source ${source}, which admits each id once; start at ${theirs.last + 1} or higher, with room for more pipelines`;
      return [{ reason: 'ServerIdsMeet', message }];
    });
}

function idsOf({ instance, pipelines }: Replica): { first: number; last: number } {
  const first = Number(((instance.spec ?? {}) as Stored).serverId);
  return { first, last: first + Math.max(1, pipelines) - 1 };
}

function isOlder(a: Live, b: Live): boolean {
  const [x, y] = [a, b].map(({ metadata }) => `${metadata.creationTimestamp} ${metadata.uid}`);
  return x! < y!;
}
