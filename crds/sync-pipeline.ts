import { z } from 'zod';
import { LockkeeperError } from '../common/errors.ts';
import {
  apiVersion,
  host,
  immutable,
  keyedBy,
  mapOf,
  metadata,
  nameRef,
  port,
  regionName,
  setOf,
  statusFields,
  timestamp,
  tls,
  withRules,
  type TransitionRule,
} from './common-fields.ts';
import { parseMappingRule } from './table-name.ts';

const columnName = z.string().min(1).max(64);
/** Most columns that one entry of tables may name; with 1000 entries more would exceed what rules may cost. */
const maxColumns = 256;

const columns = withRules(
  z.strictObject({
    include: setOf(columnName, maxColumns)
      .default([])
      .describe('Only these columns travel; empty means all. Key columns must be among them.'),
    exclude: setOf(columnName, maxColumns)
      .default([])
      .describe('These columns do not travel. Key columns must not be among them.'),
    rename: mapOf(columnName, columnName, maxColumns)
      .default({})
      .describe('Column names at the target, by their names at the source.'),
  }),
  [
    {
      cel: 'self.include.size() == 0 || self.exclude.size() == 0',
      message: 'columns takes either include or exclude, not both',
      path: ['exclude'],
      holds: ({ include, exclude }) => include.length === 0 || exclude.length === 0,
    },
    {
      // Through the lists and not through the map, for looking up a key of a map costs least.
      cel: '!self.exclude.exists(c, c in self.rename) && (self.include.size() == 0 || self.include.filter(c, c in self.rename).size() == self.rename.size())',
      message: 'columns.rename names a column that include or exclude leaves out; remove it from one of the two',
      path: ['rename'],
      holds: ({ include, exclude, rename }) =>
        Object.keys(rename).every((column) => !exclude.includes(column) && (include.length === 0 || include.includes(column))),
    },
    {
      // Turning the map round fails at the second of two equal names, in one pass: comparing each with each would cost too much.
      cel: 'self.rename.transformMapEntry(from, to, {to: from}).size() == self.rename.size()',
      message: 'columns.rename gives two columns the same name at the target',
      path: ['rename'],
      holds: ({ rename }) => new Set(Object.values(rename)).size === Object.keys(rename).length,
    },
  ],
);

/** What the API server can see of table-name.ts: the commonest fault, a name without its schema. */
const nameOrPattern = "self.startsWith('/') ? self.size() > 1 && self.endsWith('/') : self.contains('.')";
const nameMessage = 'expected schema.table with one dot, such as shop.orders, or a pattern between slashes, such as /shop\\..*/';

const tableRule = z
  .strictObject({
    source: z
      .string()
      .min(1)
      .max(600)
      .meta({ 'x-kubernetes-validations': [{ rule: nameOrPattern, message: nameMessage }] })
      .describe(
        'Tables of the source: a name (shop.orders), shards (shop[1-64].orders, shop[01-32].orders), or a /pattern/ with groups, its dot escaped.',
      ),
    target: z
      .string()
      .min(1)
      .max(300)
      .meta({ 'x-kubernetes-validations': [{ rule: "self.contains('.')", message: 'expected schema.table with one dot' }] })
      .nullable()
      .default(null)
      .describe(
        'Where their rows go: one table, as many shards, or a name with $1 for the pattern’s groups. Not set: the same name.',
      ),
    columns: columns.prefault({}).describe('Which columns travel, and their names.'),
    rowFilter: z
      .string()
      .min(1)
      .max(4096)
      .nullable()
      .default(null)
      .describe('Expression over columns and op; only rows for which it is true travel.'),
    weight: z
      .int()
      .min(-1_000_000)
      .max(1_000_000)
      .default(0)
      .describe('otter’s pushWeight: within a batch, tables of lower weight are written first.'),
  })
  .superRefine(({ source, target }, context) => {
    try {
      parseMappingRule({ source, target }, '');
    } catch (thrown) {
      if (!(thrown instanceof LockkeeperError)) throw thrown;
      const field = String(thrown.details?.field).replace(/^\./, '');
      context.addIssue({
        code: 'custom',
        path: [field],
        message: String(thrown.details?.reason),
        params: { code: thrown.code, found: thrown.found },
      });
    }
  });

const twoWay = z.strictObject({
  group: z.string().min(1).max(63).describe('Name shared by the pipelines of both directions.'),
  home: z
    .boolean()
    .default(false)
    .describe('Whether this pipeline’s source is the home site, whose order of changes wins; one in each group.'),
  conflicts: withRules(
    z.strictObject({
      policy: z
        .enum(['Home', 'Source', 'Target', 'LatestBy'])
        .default('Home')
        .describe(
          'Whose row stays when both sides changed it: the home site’s, the source’s, the target’s, or that with the greater value of a column.',
        ),
      column: columnName.nullable().default(null).describe('The column that LatestBy compares.'),
      deltaColumns: z
        .array(columnName)
        .max(256)
        .default([])
        .describe('Numeric columns whose differences are added up in a conflict, such as stocks.'),
    }),
    [
      {
        cel: "(self.policy == 'LatestBy') == has(self.column)",
        message: 'conflicts.column is for policy LatestBy, which needs it; set both or neither',
        path: ['column'],
        holds: ({ policy, column }) => (policy === 'LatestBy') === (column !== null),
      },
    ],
  )
    .prefault({})
    .describe('How concurrent changes of one row are settled.'),
});

const apply = z.strictObject({
  mode: z
    .enum(['Auto', 'Raw', 'Sql'])
    .default('Auto')
    .describe(
      'Raw replays row events through BINLOG and is the fastest; Sql writes statements and works everywhere; Auto takes Raw where it is possible.',
    ),
  lanes: z.int().min(1).max(64).default(1).describe('Connections that apply independent transactions side by side.'),
  maxBatchRows: z
    .int()
    .min(1)
    .max(1_000_000)
    .default(8000)
    .describe('Most rows that several source transactions joined into one may have.'),
  maxBatchDelayMs: z
    .int()
    .min(0)
    .max(60_000)
    .default(5)
    .describe('Longest wait for more transactions to join, in milliseconds; only while work is waiting.'),
  ordered: z.boolean().default(true).describe('Commit in the order of the source, also with several lanes.'),
});

const initialLoad = z.strictObject({
  mode: z
    .enum(['WhenNew', 'Never', 'Always'])
    .default('WhenNew')
    .describe(
      'WhenNew copies the tables when the pipeline has no stored position; Never only follows changes; Always also copies anew where one is stored, once: to ask again run it with another value in between. Tables that a copy made are made anew, others emptied; those without a source stay and are logged.',
    ),
  chunkRows: z
    .int()
    .min(100)
    .max(10_000_000)
    .default(50_000)
    .describe('Rows copied at a time; a copy that is interrupted goes on with the next chunk.'),
  parallelism: z.int().min(1).max(64).default(4).describe('Chunks copied at the same time.'),
});

export const syncPipelineSpec = withRules(
  z.strictObject({
    canalInstanceRef: nameRef('The CanalInstance whose source is copied.'),
    region: regionName
      .default('home')
      .describe('Workers of this region lead the pipeline; those of another take over when none is left.'),
    state: z
      .enum(['Running', 'Paused', 'Stopped'])
      .default('Running')
      .describe(
        'Running copies; Paused keeps its leader but writes nothing; Stopped gives everything up but the stored position.',
      ),
    target: z
      .strictObject({
        host,
        port: port.default(3306).describe('TCP port of the server.'),
        credentialsSecretRef: nameRef('Secret with keys username and password of the account at the target.'),
        tls,
      })
      .describe('The MySQL or MariaDB server to write.'),
    tables: z
      .array(tableRule)
      .max(1000)
      .meta(keyedBy('source'))
      .default([])
      .describe(
        'Which tables go where; the first entry that matches counts. Empty: everything the instance’s filter lets through, under the same names.',
      ),
    initialLoad: initialLoad.prefault({}).describe('The first copy of the rows that are already there.'),
    apply: apply.prefault({}).describe('How changes are written.'),
    divergence: z
      .enum(['Repair', 'Stop', 'Ignore'])
      .default('Repair')
      .describe(
        'What to do when a row to change is missing or one to insert exists: write the source’s row, stop, or leave the target’s. Always counted and shown.',
      ),
    ddl: z
      .strictObject({
        mode: z
          .enum(['Apply', 'Ignore', 'Stop'])
          .default('Apply')
          .describe('Whether schema changes are made at the target, left out, or stop the pipeline.'),
      })
      .prefault({})
      .describe('What to do with schema changes.'),
    twoWay: twoWay.nullable().default(null).describe('Set on both pipelines that copy between two sites which are both written.'),
    verify: z
      .strictObject({
        intervalHours: z
          .number()
          .min(0)
          .max(8760)
          .default(24)
          .describe('Hours in which all tables are compared once; 0 never compares.'),
        chunkRows: z.int().min(100).max(10_000_000).default(20_000).describe('Rows compared at a time.'),
        repair: z.boolean().default(false).describe('Whether rows that differ are written anew from the source.'),
      })
      .prefault({})
      .describe('Continuous comparison of both sides.'),
    onError: z
      .strictObject({
        retries: z.int().min(0).max(1_000_000).default(10).describe('How often an error that may pass is tried again.'),
        maxBackoffSeconds: z.number().min(0).max(86_400).default(60).describe('Longest pause between two tries.'),
        then: z
          .enum(['Suspend', 'DeadLetter'])
          .default('Suspend')
          .describe(
            'Suspend stops the pipeline with the error shown; DeadLetter stores the transaction aside in the target and goes on.',
          ),
      })
      .prefault({})
      .describe('What to do when writing fails.'),
    alerts: z
      .strictObject({
        lagSeconds: z.number().min(0).max(31_536_000).default(30).describe('Lag from which the pipeline counts as lagging.'),
      })
      .prefault({})
      .describe('When somebody is to be told.'),
    files: z
      .looseObject({})
      .nullable()
      .default(null)
      .describe('Files named by a column that travel with the row; for a later release.')
      .meta({ 'x-kubernetes-preserve-unknown-fields': true }),
  }),
  [
    {
      cel: "self.apply.mode != 'Raw' || self.tables.all(t, t.weight == 0 && !has(t.rowFilter) && t.columns.include.size() == 0 && t.columns.exclude.size() == 0 && t.columns.rename.size() == 0)",
      message:
        'apply.mode Raw replays whole rows in order, so it cannot change columns, filter rows or weigh tables; use Auto or Sql, or remove columns, rowFilter and weight from tables',
      path: ['apply', 'mode'],
      holds: ({ apply: { mode }, tables }) =>
        mode !== 'Raw' ||
        tables.every(
          ({ weight, rowFilter, columns: { include, exclude, rename } }) =>
            weight === 0 &&
            rowFilter === null &&
            include.length === 0 &&
            exclude.length === 0 &&
            Object.keys(rename).length === 0,
        ),
    },
    {
      cel: null,
      message: 'tables has the same source twice; only the first entry would ever count. Remove one',
      path: ['tables'],
      holds: ({ tables }) => new Set(tables.map((table) => table.source)).size === tables.length,
    },
  ],
).describe('The way of a source’s tables to one target.');

const count = z.int().min(0);

export const syncPipelineStatus = z
  .strictObject({
    ...statusFields,
    leader: z
      .strictObject({
        worker: z.string().describe('Id of the worker.'),
        region: z.string().describe('Its region.'),
        epoch: count.describe('Number of the leadership; the target refuses writes of a lower one.'),
        since: timestamp.describe('When it began.'),
      })
      .optional()
      .describe('The worker that writes.'),
    position: z
      .strictObject({
        gtid: z.string().nullable().optional().describe('GTIDs done.'),
        journal: z.string().optional().describe('Binlog file.'),
        offset: count.optional().describe('Byte in that file.'),
        timestamp: timestamp.optional().describe('When the last transaction done was committed at the source.'),
      })
      .optional()
      .describe('How far the target is; a copy for people, the truth is in the target.'),
    lag: z
      .strictObject({
        applySeconds: z.number().optional().describe('Age of the last transaction written, while more are waiting.'),
        heartbeatSeconds: z.number().optional().describe('Time since the source last gave a sign of life.'),
        bytes: count.optional().describe('Binlog bytes still to read.'),
      })
      .optional()
      .describe('How far behind the target is.'),
    rows: z
      .strictObject({
        inserted: count.describe('Rows inserted.'),
        updated: count.describe('Rows updated.'),
        deleted: count.describe('Rows deleted.'),
      })
      .optional()
      .describe('Rows written since the pipeline began.'),
    initialLoad: z
      .strictObject({
        state: z.enum(['Pending', 'Running', 'Done', 'Failed']).describe('How far the first copy is.'),
        tablesDone: count.optional().describe('Tables copied.'),
        tablesTotal: count.optional().describe('Tables to copy.'),
        rowsDone: count.optional().describe('Rows copied.'),
        rowsEstimated: count.optional().describe('Rows to copy, by the source’s own estimate.'),
      })
      .optional()
      .describe('The first copy.'),
    verify: z
      .strictObject({
        finishedAt: timestamp.optional().describe('When all tables were last compared.'),
        tables: count.optional().describe('Tables compared.'),
        differences: count.optional().describe('Rows that differ.'),
      })
      .optional()
      .describe('The last comparison.'),
    divergence: z
      .strictObject({
        missing: count.describe('Changes whose row was missing in the target.'),
        existing: count.describe('Inserts whose row existed in the target.'),
        repaired: count.describe('Of these, rows written from the source.'),
      })
      .optional()
      .describe('Rows found to differ while writing.'),
    lastError: z
      .strictObject({
        code: z.string().describe('Stable code, explained in docs/errors.md.'),
        message: z.string().describe('What happened.'),
        remedy: z.string().describe('What to do.'),
        at: timestamp.describe('When it happened.'),
      })
      .optional()
      .describe('The last error, kept after it has passed.'),
  })
  .describe('What the leading worker reported.');

export const syncPipelineSchema = z.strictObject({
  apiVersion: z.literal(apiVersion),
  kind: z.literal('SyncPipeline'),
  metadata: metadata(63),
  spec: syncPipelineSpec,
  status: syncPipelineStatus.optional(),
});

export const syncPipelineTransitions: readonly TransitionRule[] = [
  immutable('spec.canalInstanceRef', 'the stored position belongs to the old source; make a new pipeline'),
];

export type SyncPipeline = z.output<typeof syncPipelineSchema>;
export type SyncPipelineInput = z.input<typeof syncPipelineSchema>;
export type SyncPipelineStatus = z.output<typeof syncPipelineStatus>;
