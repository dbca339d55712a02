import {
  configPath,
  electionPath,
  instanceConfigPath,
  instancePath,
  pipelinePath,
  pipelinesPath,
  sourcePath,
  statusPath,
  workersPath,
  type InstanceRef,
} from './paths.ts';
import type { ZkSession } from './session.ts';
import { readZnode, removeZnodes } from './znode.ts';

/**
 * Removes a pipeline: first its configuration, upon which workers drain it and leave the election, then what is left. False
 * while candidates are still there: call it again. Nothing happens to the target. @throws ZkError
 */
export function removePipeline(session: ZkSession, ref: InstanceRef, pipeline: string): Promise<boolean> {
  return removeZnodes(session, [configPath(ref, pipeline), ...belowPipeline(ref, pipeline)]);
}

/** Removes what a pipeline without a configuration has left, as a worker does that leaves it last. @throws ZkError */
export async function sweepPipeline(session: ZkSession, ref: InstanceRef, pipeline: string): Promise<void> {
  if ((await readZnode(session, configPath(ref, pipeline))) === null) await removeZnodes(session, belowPipeline(ref, pipeline));
}

/** Removes an instance without pipelines. False while pipelines or workers are still there: call it again. @throws ZkError */
export function removeInstance(session: ZkSession, ref: InstanceRef): Promise<boolean> {
  const paths = [instanceConfigPath(ref), sourcePath(ref), pipelinesPath(ref), workersPath(ref), instancePath(ref)];
  return removeZnodes(session, paths);
}

function belowPipeline(ref: InstanceRef, pipeline: string): string[] {
  return [statusPath(ref, pipeline), electionPath(ref, pipeline), pipelinePath(ref, pipeline)];
}
