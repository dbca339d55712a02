/** The API of Lockkeeper: schemas, types and manifests. */
export { apiGroup, apiVersion, brokenTransitions, type Condition, type Rule, type TransitionRule } from './common-fields.ts';
export {
  canalInstanceSchema,
  canalInstanceTransitions,
  startPointOf,
  type CanalInstance,
  type CanalInstanceInput,
  type CanalInstanceStatus,
  type StartPoint,
} from './canal-instance.ts';
export {
  syncPipelineSchema,
  syncPipelineTransitions,
  type SyncPipeline,
  type SyncPipelineInput,
  type SyncPipelineStatus,
} from './sync-pipeline.ts';
export {
  zkEnsembleSchema,
  zkEnsembleTransitions,
  type ZkEnsemble,
  type ZkEnsembleInput,
  type ZkEnsembleStatus,
} from './zk-ensemble.ts';
export { loadManifests, ManifestError, parseManifests, type Manifests } from './manifest.ts';
export { serverIdRange } from './manifest-checks.ts';
export { caKey, credentialsOf, Secret, type Credentials } from './secret.ts';
export { serverKey } from './table-flow.ts';
export { Disturbances, findOverlaps } from './target-overlap.ts';
export { refuseUnavailable } from './unavailable.ts';
export { isSystemSchema, systemSchemas } from './system-schemas.ts';
