import { z } from 'zod';
import {
  apiVersion,
  host,
  immutable,
  keyedBy,
  mapOf,
  metadata,
  port,
  regionName,
  regionsAreUnique,
  statusFields,
  withRules,
  type TransitionRule,
} from './common-fields.ts';
import { podFields } from './pod-fields.ts';
import { bytesOf, quantity } from './quantity.ts';

const volume = z.strictObject({
  size: quantity.default('10Gi').describe('Size of the volume; it may grow, never shrink.'),
  storageClassName: z
    .string()
    .min(1)
    .max(253)
    .nullable()
    .default(null)
    .describe('Storage class of the volume. Not set: the cluster’s default.'),
});

type Volume = z.output<typeof volume>;

const externalMember = z.strictObject({
  id: z.int().min(1).max(255).describe('The server’s myid, unique in the ensemble.'),
  host,
  quorumPort: port.default(2888).describe('Port on which servers follow the leader.'),
  electionPort: port.default(3888).describe('Port on which servers elect the leader.'),
  clientPort: port.default(2181).describe('Port for clients.'),
  role: z.enum(['voter', 'observer']).default('observer').describe('Whether the server counts for quorum.'),
});

/** Settings of zoo.cfg that the operator writes itself. */
export const managedSettings = [
  'tickTime',
  'initLimit',
  'syncLimit',
  'maxClientCnxns',
  'autopurge.purgeInterval',
  'dataDir',
  'dataLogDir',
  'clientPort',
  'clientPortAddress',
  'dynamicConfigFile',
  'reconfigEnabled',
  'standaloneEnabled',
  'peerType',
  'skipACL',
] as const;

const config = withRules(
  z.strictObject({
    tickTime: z
      .int()
      .min(100)
      .max(60_000)
      .default(2000)
      .describe('ZooKeeper’s unit of time in milliseconds; the shortest session is two ticks.'),
    initLimit: z
      .int()
      .min(1)
      .max(1000)
      .default(10)
      .describe('Ticks that a follower may take to connect to the leader and load its state.'),
    syncLimit: z
      .int()
      .min(1)
      .max(1000)
      .default(5)
      .describe('Ticks that a follower may lag behind the leader before it is dropped.'),
    maxClientCnxns: z
      .int()
      .min(0)
      .max(100_000)
      .default(60)
      .describe('Connections admitted from one client address; 0 is no limit.'),
    autopurgeHours: z
      .int()
      .min(0)
      .max(8760)
      .default(6)
      .describe('Hours between removals of old snapshots and logs; 0 never removes any.'),
    extra: mapOf(z.string().min(1).max(256), z.string().max(4096), 200)
      .default({})
      .describe('More lines of zoo.cfg as they are, key to value; settings that the operator manages are refused.'),
  }),
  [
    {
      cel: `self.extra.all(k, !k.startsWith('server.') && !(k in [${managedSettings.map((key) => `'${key}'`).join(', ')}]))`,
      message: `config.extra holds a setting that the operator manages (${managedSettings.join(', ')}, server.N); use its own field where there is one`,
      path: ['extra'],
      holds: ({ extra }) =>
        Object.keys(extra).every((key) => !key.startsWith('server.') && !(managedSettings as readonly string[]).includes(key)),
    },
  ],
);

const storage = withRules(
  z.strictObject({
    data: volume.prefault({}).describe('Volume for snapshots, and for the transaction log unless dataLog is set.'),
    dataLog: volume
      .nullable()
      .default(null)
      .describe('A volume of its own for the transaction log: lower latency where disks are slow.'),
    ephemeral: z
      .boolean()
      .default(false)
      .describe(
        'Keep data in the pod only. A restarted server copies everything from the others; losing a majority at once loses all.',
      ),
    reclaimPolicy: z
      .enum(['Retain', 'Delete'])
      .default('Retain')
      .describe('What happens to the volumes when a server or the ensemble is removed.'),
  }),
  [
    {
      cel: '!self.ephemeral || !has(self.dataLog)',
      message: 'storage.dataLog is a volume, but storage.ephemeral keeps data in the pod; remove one of the two',
      path: ['dataLog'],
      holds: ({ ephemeral, dataLog }) => !ephemeral || dataLog === null,
    },
  ],
);

export const zkEnsembleSpec = withRules(
  z.strictObject({
    image: z
      .string()
      .min(1)
      .max(512)
      .default('zookeeper:3.9')
      .describe('Container image, laid out like the official zookeeper image.'),
    voters: z
      .strictObject({
        region: regionName.default('home'),
        replicas: z
          .int()
          .min(0)
          .max(9)
          .default(3)
          .describe('Servers that vote. With the external voters an odd number: 3 survive the loss of one, 5 of two.'),
      })
      .prefault({})
      .describe('The servers that form the quorum; all in one region, near the sources.'),
    observers: z
      .array(
        z.strictObject({
          region: regionName,
          replicas: z.int().min(1).max(20).default(2).describe('Observers in this region.'),
        }),
      )
      .max(30)
      .meta(keyedBy('region'))
      .default([])
      .describe('Servers that follow without voting, one group for each region, so that its workers have a server nearby.'),
    externalMembers: z
      .array(externalMember)
      .max(50)
      .meta(keyedBy('id'))
      .default([])
      .describe('Servers of the same ensemble that run outside of this cluster.'),
    config: config.prefault({}).describe('Settings of the servers.'),
    storage: storage.prefault({}).describe('Where the servers keep their data.'),
    pod: podFields({ who: 'server', requests: {} }).prefault({}).describe('How the servers’ pods are made and placed.'),
    paused: z.boolean().default(false).describe('The operator leaves the ensemble as it is; for maintenance by hand.'),
  }),
  [
    {
      cel: "(self.voters.replicas + self.externalMembers.filter(m, m.role == 'voter').size()) % 2 == 1",
      message:
        'the number of voters (voters.replicas and external members of role voter) must be odd, such as 1, 3 or 5: an even one more server survives no further loss',
      path: ['voters', 'replicas'],
      holds: ({ voters, externalMembers }) =>
        (voters.replicas + externalMembers.filter((member) => member.role === 'voter').length) % 2 === 1,
    },
    {
      cel: 'self.observers.all(o, self.observers.exists_one(p, p.region == o.region))',
      message: 'observers names a region twice; give it one entry with the sum of the replicas',
      path: ['observers'],
      holds: ({ observers }) => regionsAreUnique(observers),
    },
    {
      cel: 'self.externalMembers.all(m, self.externalMembers.exists_one(n, n.id == m.id))',
      message: 'externalMembers has an id twice; each server’s myid is its own',
      path: ['externalMembers'],
      holds: ({ externalMembers }) => new Set(externalMembers.map((member) => member.id)).size === externalMembers.length,
    },
  ],
).describe('A ZooKeeper ensemble: voters in one region, observers in others.');

export const zkEnsembleStatus = z
  .strictObject({
    ...statusFields,
    members: z
      .array(
        z.strictObject({
          id: z.int().describe('The server’s myid.'),
          pod: z.string().optional().describe('Its pod; none for an external member.'),
          region: z.string().optional().describe('Its region.'),
          role: z.enum(['voter', 'observer']).describe('Its role in the ensemble’s configuration.'),
          mode: z
            .string()
            .optional()
            .describe('What it says it is: leader, follower, observer, or none when it does not answer.'),
          ready: z.boolean().describe('Whether it serves clients.'),
          zxid: z.string().optional().describe('The last transaction it has seen.'),
        }),
      )
      .optional()
      .describe('The servers one by one.'),
    connectStrings: z
      .array(
        z.strictObject({
          region: z.string().describe('Where the client runs.'),
          servers: z.string().describe('host:port list, the nearest servers first.'),
        }),
      )
      .optional()
      .describe('What clients in each region connect to.'),
  })
  .describe('What the operator observed.');

export const zkEnsembleSchema = z.strictObject({
  apiVersion: z.literal(apiVersion),
  kind: z.literal('ZkEnsemble'),
  // Names of pods carry the name, the group, the region and an ordinal, and a label holds 63 characters.
  metadata: metadata(26),
  spec: zkEnsembleSpec.prefault({}),
  status: zkEnsembleStatus.optional(),
});

export const zkEnsembleTransitions: readonly TransitionRule[] = [
  immutable('spec.voters.region', 'a quorum cannot move; make a new ensemble there'),
  immutable('spec.storage.ephemeral', 'volumes of a running server cannot be replaced; make a new ensemble'),
  keepsClass('spec.storage.data'),
  keepsClass('spec.storage.dataLog'),
  {
    path: 'spec.storage',
    cel: 'has(self.dataLog) == has(oldSelf.dataLog)',
    message:
      'spec.storage.dataLog cannot be added or removed: volumes of a running server cannot be replaced; make a new ensemble',
    holds: (old, now) =>
      ((old as ZkEnsemble['spec']['storage']).dataLog === null) === ((now as ZkEnsemble['spec']['storage']).dataLog === null),
  },
  volumeGrows('spec.storage.data.size'),
  volumeGrows('spec.storage.dataLog.size'),
];

function keepsClass(path: string): TransitionRule {
  return {
    path,
    // The rule stands on the volume, since one on an optional field is not asked when the field comes or goes.
    cel: 'has(self.storageClassName) == has(oldSelf.storageClassName) && (!has(self.storageClassName) || self.storageClassName == oldSelf.storageClassName)',
    message: `${path}.storageClassName cannot be changed: a volume keeps its class; make a new ensemble`,
    holds: (old, now) => (old as Volume).storageClassName === (now as Volume).storageClassName,
  };
}

function volumeGrows(path: string): TransitionRule {
  return {
    path,
    cel: 'quantity(self).compareTo(quantity(oldSelf)) >= 0',
    message: `${path} cannot shrink: a volume only grows`,
    holds: (old, now) => typeof old !== 'string' || typeof now !== 'string' || bytesOf(now) >= bytesOf(old),
  };
}

export type ZkEnsemble = z.output<typeof zkEnsembleSchema>;
export type ZkEnsembleInput = z.input<typeof zkEnsembleSchema>;
export type ZkEnsembleStatus = z.output<typeof zkEnsembleStatus>;
