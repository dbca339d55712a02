import { Gauge, type Registry } from 'prom-client';
import { keyOf, type ObjectKey, type ObjectRef } from '../kube/index.ts';
import type { Observed } from './observed.ts';
import { wantedServers } from './plan/view.ts';

const EXTERNAL = 'external';

interface Sample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** What alerts and dashboard know of ensembles, as of the last reconcile. Only the operator that leads shows any. */
export class EnsembleMetrics {
  readonly #shown = new Map<ObjectKey, Observed>();

  constructor(registry: Registry) {
    this.#gauge(
      registry,
      'lockkeeper_ensemble_members',
      'Servers of a ZkEnsemble by role, voter or observer; external ones have the region external',
      ['namespace', 'name', 'region', 'role', 'ready'],
      members,
    );
    this.#gauge(
      registry,
      'lockkeeper_ensemble_members_wanted',
      'Servers that the spec asks for, external ones too',
      ['namespace', 'name', 'region', 'role'],
      membersWanted,
    );
    this.#gauge(
      registry,
      'lockkeeper_ensemble_has_leader',
      '1 while a server says that it leads',
      ['namespace', 'name'],
      hasLeader,
    );
  }

  show(observed: Observed): void {
    this.#shown.set(keyOf({ namespace: observed.names.namespace, name: observed.names.ensemble }), observed);
  }

  forget(ref: ObjectRef): void {
    this.#shown.delete(keyOf(ref));
  }

  #gauge(
    registry: Registry,
    name: string,
    help: string,
    labelNames: string[],
    samples: (observed: Observed) => readonly Sample[],
  ): void {
    const gauge: Gauge = new Gauge({
      ...{ name, help, labelNames, registers: [registry] },
      collect: () => {
        gauge.reset();
        for (const observed of this.#shown.values()) {
          for (const { labels, value } of samples(observed)) gauge.inc(labels, value);
        }
      },
    });
  }
}

function ensemble({ names }: Observed): { namespace: string; name: string } {
  return { namespace: names.namespace, name: names.ensemble };
}

function asked({ wanted }: Observed): { id: number; region: string; role: string }[] {
  return [...wantedServers(wanted), ...wanted.externals.map((member) => ({ ...member, region: EXTERNAL }))];
}

/** A server that the spec does not ask for any more counts for as long as it is a member. */
function members(observed: Observed): Sample[] {
  const { view, answers } = observed;
  const wanted = asked(observed);
  const leaving = view.servers
    .map(({ server }) => server)
    .filter(({ id }) => !wanted.some((server) => server.id === id) && view.config?.members.some((member) => member.id === id));
  const labels = ({ region, role }: { region: string; role: string }, ready: boolean) => {
    return { ...ensemble(observed), region, role, ready: String(ready) };
  };
  return [
    ...wanted.flatMap((server) => [true, false].map((ready) => ({ labels: labels(server, ready), value: 0 }))),
    ...[...wanted, ...leaving].map((server) => ({ labels: labels(server, answers.says.has(server.id)), value: 1 })),
  ];
}

function membersWanted(observed: Observed): Sample[] {
  return asked(observed).map(({ region, role }) => ({ labels: { ...ensemble(observed), region, role }, value: 1 }));
}

function hasLeader(observed: Observed): Sample[] {
  const leads = [...observed.answers.says.values()].some(({ mode }) => mode === 'leader');
  return [{ labels: ensemble(observed), value: leads ? 1 : 0 }];
}
