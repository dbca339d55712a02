import type { z } from 'zod';
import { canalInstanceSchema, canalInstanceTransitions } from '../canal-instance.ts';
import type { TransitionRule } from '../common-fields.ts';
import { syncPipelineSchema, syncPipelineTransitions } from '../sync-pipeline.ts';
import { zkEnsembleSchema, zkEnsembleTransitions } from '../zk-ensemble.ts';

/** A column of `kubectl get`. */
export interface Column {
  readonly name: string;
  readonly type: 'string' | 'integer' | 'number' | 'date';
  readonly jsonPath: string;
  readonly description: string;
  /** Shown only by `kubectl get -o wide`. */
  readonly wide?: true;
}

/** What Kubernetes must know of a kind besides its schema. */
export interface ResourceKind {
  readonly kind: string;
  readonly plural: string;
  readonly shortName: string;
  readonly schema: z.ZodObject<{ metadata: z.ZodObject<{ name: z.ZodType }>; spec: z.ZodType; status: z.ZodType }>;
  readonly transitions: readonly TransitionRule[];
  readonly columns: readonly Column[];
}

/* The columns answer: is it well, if not why, who leads, how far behind; with -o wide also what it is made of. */

const ready: Column = {
  name: 'Ready',
  type: 'string',
  jsonPath: '.status.conditions[?(@.type=="Ready")].status',
  description: 'Whether it is well.',
};
const reason: Column = {
  name: 'Reason',
  type: 'string',
  jsonPath: '.status.conditions[?(@.type=="Ready")].reason',
  description: 'Why it is well or not, in one word.',
};
const message: Column = {
  name: 'Message',
  type: 'string',
  jsonPath: '.status.conditions[?(@.type=="Ready")].message',
  description: 'Why it is well or not, with what to do.',
  wide: true,
};
const age: Column = {
  name: 'Age',
  type: 'date',
  jsonPath: '.metadata.creationTimestamp',
  description: 'Time since it was made.',
};

export const resourceKinds: readonly ResourceKind[] = [
  {
    kind: 'ZkEnsemble',
    plural: 'zkensembles',
    shortName: 'zke',
    schema: zkEnsembleSchema,
    transitions: zkEnsembleTransitions,
    columns: [
      ready,
      reason,
      {
        name: 'Leader',
        type: 'string',
        jsonPath: '.status.members[?(@.mode=="leader")].pod',
        description: 'Pod of the server that leads.',
      },
      { name: 'Voters', type: 'integer', jsonPath: '.spec.voters.replicas', description: 'Servers in this cluster that vote.' },
      age,
      { name: 'Region', type: 'string', jsonPath: '.spec.voters.region', description: 'Region of the voters.', wide: true },
      { name: 'Image', type: 'string', jsonPath: '.spec.image', description: 'Container image of the servers.', wide: true },
      message,
    ],
  },
  {
    kind: 'CanalInstance',
    plural: 'canalinstances',
    shortName: 'ci',
    schema: canalInstanceSchema,
    transitions: canalInstanceTransitions,
    columns: [
      ready,
      reason,
      { name: 'Source', type: 'string', jsonPath: '.status.currentSource', description: 'Server that is being read.' },
      { name: 'Pipelines', type: 'integer', jsonPath: '.status.pipelines', description: 'Pipelines that read it.' },
      age,
      { name: 'Ensemble', type: 'string', jsonPath: '.spec.zkEnsembleRef.name', description: 'Its ZkEnsemble.', wide: true },
      { name: 'Version', type: 'string', jsonPath: '.status.version', description: 'Version of the source.', wide: true },
      {
        name: 'Headroom(s)',
        type: 'number',
        jsonPath: '.status.binlogRetention.headroomSeconds',
        description: 'How far the slowest pipeline is ahead of the deletion of binlog files, in seconds.',
        wide: true,
      },
      message,
    ],
  },
  {
    kind: 'SyncPipeline',
    plural: 'syncpipelines',
    shortName: 'sp',
    schema: syncPipelineSchema,
    transitions: syncPipelineTransitions,
    columns: [
      { name: 'State', type: 'string', jsonPath: '.spec.state', description: 'What it is told to do.' },
      ready,
      reason,
      {
        name: 'Lag(s)',
        type: 'number',
        jsonPath: '.status.lag.applySeconds',
        description: 'How far the target is behind, in seconds.',
      },
      { name: 'Leader', type: 'string', jsonPath: '.status.leader.worker', description: 'The worker that writes.' },
      age,
      {
        name: 'Instance',
        type: 'string',
        jsonPath: '.spec.canalInstanceRef.name',
        description: 'Its CanalInstance.',
        wide: true,
      },
      { name: 'Region', type: 'string', jsonPath: '.spec.region', description: 'Region whose workers lead it.', wide: true },
      { name: 'Target', type: 'string', jsonPath: '.spec.target.host', description: 'Server that is written.', wide: true },
      { name: 'Error', type: 'string', jsonPath: '.status.lastError.code', description: 'Code of the last error.', wide: true },
      message,
    ],
  },
];
