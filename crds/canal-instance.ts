import { z } from 'zod';
import { LockkeeperError } from '../common/errors.ts';
import {
  apiVersion,
  endpoint,
  immutable,
  keyedBy,
  metadata,
  nameRef,
  regionName,
  regionsAreUnique,
  statusFields,
  timestamp,
  tls,
  withRules,
  type TransitionRule,
} from './common-fields.ts';
import { parseNamePatterns } from './name-pattern.ts';
import { podFields } from './pod-fields.ts';

/** Longest entry of a filter list; each pattern in it has a limit of its own. A longer list goes into several entries. */
const maxFilterEntry = 16_384;

/** What the API server can see of name-pattern.ts: the commonest fault, a bare name. */
const dotRule = {
  'x-kubernetes-validations': [
    {
      rule: "self.contains('.') || self.contains('[^') || self.contains('\\\\')",
      message: 'has no dot, so it can never match schema.table; write for instance shop\\..* for the tables of schema shop',
    },
  ],
};

function filterList(field: string) {
  return z
    .array(z.string().min(1).max(maxFilterEntry).meta(dotRule))
    .max(500)
    .superRefine((entries, context) => {
      for (const [index, entry] of entries.entries()) {
        try {
          parseNamePatterns([entry], field);
        } catch (thrown) {
          if (!(thrown instanceof LockkeeperError)) throw thrown;
          const reason = String(thrown.details?.reason);
          context.addIssue({ code: 'custom', path: [index], message: reason, params: { code: 'LK1007', found: thrown.found } });
        }
      }
    });
}

const filter = z.strictObject({
  include: filterList('spec.filter.include')
    .min(1)
    .default(['.*\\..*'])
    .describe(
      'Tables to read: canal’s regular expressions on schema.table, matched whole, ignoring case; several in one entry are separated by commas.',
    ),
  exclude: filterList('spec.filter.exclude')
    .default([])
    .describe('Tables to leave out of those included, written the same way. System schemas are always left out.'),
});

/** What a worker needs at least. There is no limit by default: one that is killed for it comes back to the same rows. */
const pod = podFields({ who: 'worker', requests: { cpu: '100m', memory: '256Mi' } });

const gtidSpace = '[ \\t\\r\\n]*';
const gtidOfUuid = `[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}(${gtidSpace}:${gtidSpace}([a-zA-Z_]\\w{0,31}|\\d+(-\\d+)?))+`;
const gtidOfDomain = '\\d+-\\d+-\\d+';

function commaList(entry: string): string {
  return `${entry}(${gtidSpace},${gtidSpace}${entry})*`;
}

/**
 * A GTID set of MySQL (uuid, optional tag, intervals) or a position of MariaDB (domain-server-sequence). A plain pattern, not
 * `formed`: as a rule the search of a long set would exceed what the API server lets a rule cost.
 */
const gtidSet = z
  .string()
  .min(1)
  .max(1_048_576)
  .regex(
    new RegExp(`^${gtidSpace}${commaList(gtidOfUuid)}${gtidSpace}$|^${commaList(gtidOfDomain)}$`),
    'a GTID set of MySQL such as 3e11fa47-71ca-11e1-9e33-c80aa9429562:1-77, or a GTID position of MariaDB such as 0-1-270',
  );

const start = withRules(
  z.strictObject({
    latest: z.literal(true).optional().describe('Start at the end of the binlog.'),
    journal: z
      .strictObject({
        name: z.string().min(1).max(512).describe('Name of the binlog file, such as binlog.000042.'),
        position: z.int().min(4).default(4).describe('Byte at which an event begins in it; 4 is the first.'),
      })
      .optional()
      .describe('Start at a file and position.'),
    timestamp: timestamp.optional().describe('Start with the first transaction committed at or after this moment (RFC 3339).'),
    gtid: gtidSet.optional().describe('Start after these transactions.'),
  }),
  [
    {
      cel: '[has(self.latest), has(self.journal), has(self.timestamp), has(self.gtid)].filter(x, x).size() == 1',
      message: 'start takes exactly one of latest: true, journal, timestamp, gtid',
      holds: (value) => Object.values(value).filter((choice) => choice !== undefined).length === 1,
    },
  ],
);

export const canalInstanceSpec = withRules(
  z.strictObject({
    zkEnsembleRef: nameRef('The ZkEnsemble through which the workers coordinate.'),
    master: endpoint.describe('The MySQL or MariaDB server to read.'),
    standby: endpoint
      .nullable()
      .default(null)
      .describe('A replica of the master, read when that does not answer; nobody writes to it while the master lives.'),
    credentialsSecretRef: nameRef('Secret with keys username and password of the account at master and standby.'),
    tls,
    start: start.default({ latest: true }).describe('Where a pipeline begins that has no stored position; ignored ever after.'),
    filter: filter.prefault({}).describe('Which tables are read.'),
    serverId: z
      .int()
      .min(1)
      .max(4_294_967_295)
      .describe(
        'Server id as a replica, canal’s slaveId. Each pipeline takes one, from here upwards; no other replica of the source may use them.',
      ),
    heartbeat: z
      .strictObject({
        intervalSeconds: z
          .number()
          .min(0.1)
          .max(3600)
          .default(3)
          .describe('How often the source sends a sign of life while nothing is written.'),
        failoverAfterMisses: z
          .int()
          .min(1)
          .max(1000)
          .default(3)
          .describe('Signs missed before the connection is given up and the standby tried.'),
      })
      .prefault({})
      .describe('How a dead source is noticed.'),
    workers: z
      .array(
        z.strictObject({
          region: regionName,
          replicas: z.int().min(0).max(100).default(2).describe('Workers in this region.'),
        }),
      )
      .min(1)
      .max(30)
      .meta(keyedBy('region'))
      .default([{ region: 'home', replicas: 2 }])
      .describe('Worker processes by region; the pipelines spread over them.'),
    pod: pod.prefault({}).describe('How the workers’ pods are made and placed.'),
  }),
  [
    {
      cel: '!has(self.standby) || self.standby.host != self.master.host || self.standby.port != self.master.port',
      message: 'standby is the same server as master; name another one or remove standby',
      path: ['standby'],
      holds: ({ master, standby }) => standby === null || standby.host !== master.host || standby.port !== master.port,
    },
    {
      cel: 'self.workers.all(w, self.workers.exists_one(v, v.region == w.region))',
      message: 'workers names a region twice; give it one entry with the sum of the replicas',
      path: ['workers'],
      holds: ({ workers }) => regionsAreUnique(workers),
    },
  ],
).describe('One MySQL source and the workers that read its binlog.');

const workerStatus = z.strictObject({
  region: z.string().describe('Region of the workers.'),
  ready: z.int().describe('Workers that are registered and healthy.'),
  desired: z.int().describe('Workers that the spec asks for.'),
});

export const canalInstanceStatus = z
  .strictObject({
    ...statusFields,
    currentSource: z.string().optional().describe('host:port that is being read: master or standby.'),
    serverUuid: z.string().optional().describe('Identity of that server.'),
    flavor: z.enum(['mysql', 'mariadb']).optional().describe('Kind of that server.'),
    version: z.string().optional().describe('Version of that server.'),
    workers: z.array(workerStatus).optional().describe('Workers by region.'),
    pipelines: z.int().optional().describe('Number of pipelines that read this source.'),
    binlogRetention: z
      .strictObject({
        oldestJournal: z.string().optional().describe('The oldest binlog file that the source still has.'),
        oldestTimestamp: timestamp.optional().describe('When that file began.'),
        headroomSeconds: z.number().optional().describe('How far the slowest pipeline is ahead of the deletion of files.'),
      })
      .optional()
      .describe('How long the source keeps what pipelines still need.'),
  })
  .describe('What operator and workers observed.');

export const canalInstanceSchema = z.strictObject({
  apiVersion: z.literal(apiVersion),
  kind: z.literal('CanalInstance'),
  metadata: metadata(63),
  spec: canalInstanceSpec,
  status: canalInstanceStatus.optional(),
});

export const canalInstanceTransitions: readonly TransitionRule[] = [
  immutable('spec.zkEnsembleRef', 'workers of the old and the new ensemble would not know of each other; make a new instance'),
];

/** The spec as workers get it. They need not know how their pods are made, where names may look like those of secrets. */
export function specForWorkers(spec: CanalInstance['spec']): CanalInstance['spec'] {
  return { ...spec, pod: pod.parse({}) };
}

export type CanalInstance = z.output<typeof canalInstanceSchema>;
export type CanalInstanceInput = z.input<typeof canalInstanceSchema>;
export type CanalInstanceStatus = z.output<typeof canalInstanceStatus>;

/** Where a pipeline without a stored position begins, as the one choice that the schema has checked there is. */
export type StartPoint =
  | { readonly kind: 'latest' }
  | { readonly kind: 'journal'; readonly name: string; readonly position: number }
  | { readonly kind: 'timestamp'; readonly at: Date }
  | { readonly kind: 'gtid'; readonly gtid: string };

export function startPointOf(instance: Pick<CanalInstance, 'spec'>): StartPoint {
  const { journal, timestamp, gtid } = instance.spec.start;
  if (journal !== undefined) return { kind: 'journal', ...journal };
  if (timestamp !== undefined) return { kind: 'timestamp', at: new Date(timestamp) };
  if (gtid !== undefined) return { kind: 'gtid', gtid: gtid.replaceAll(/\s/g, '') };
  return { kind: 'latest' };
}
