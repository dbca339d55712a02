import { messageOf } from '../../common/errors.ts';
import {
  configPath,
  namespacePath,
  pipelinesPath,
  rootPath,
  sourcePath,
  statusPath,
  workerPath,
  workersPath,
  type InstanceRef,
} from '../../common/zookeeper/paths.ts';
import type { ZkSession } from '../../common/zookeeper/session.ts';
import { isZkError } from '../../common/zookeeper/zk-error.ts';
import { readZnode } from '../../common/zookeeper/znode.ts';
import { decodeConfig } from '../../crds/config-codec.ts';
import { pipelineReportSchema, type PipelineReport } from '../../crds/pipeline-report.ts';
import { readReport } from '../../crds/read-report.ts';
import { sourceReportSchema, type SourceReport } from '../../crds/source-report.ts';
import { workerInfoSchema, type WorkerInfo } from '../../crds/worker-info.ts';

/** An instance as ZooKeeper shows it. */
export interface InstanceView extends InstanceRef {
  readonly source: SourceReport | null;
  readonly workers: readonly (WorkerInfo & { readonly id: string })[];
  readonly pipelines: readonly PipelineView[];
}

export interface PipelineView {
  readonly name: string;
  /** The configuration that the operator wants; null where there is none of use. */
  readonly wanted: {
    readonly generation: number;
    readonly state: 'Running' | 'Paused' | 'Stopped';
    readonly region: string;
  } | null;
  /** Why `wanted` is null: what is wrong with the configuration; null also where there is none at all. */
  readonly configFault: string | null;
  /** The live worker that leads. */
  readonly leader: string | null;
  readonly report: PipelineReport | null;
}

/** The instances that are wanted, by name. @throws ZkError */
export async function readInstances(session: ZkSession, wanted: (ref: InstanceRef) => boolean): Promise<InstanceView[]> {
  const refs: InstanceRef[] = [];
  for (const namespace of await childrenOf(session, rootPath)) {
    for (const instance of await childrenOf(session, namespacePath(namespace))) refs.push({ namespace, instance });
  }
  return Promise.all(refs.filter(wanted).map((ref) => readInstance(session, ref)));
}

async function readInstance(session: ZkSession, ref: InstanceRef): Promise<InstanceView> {
  const ids = await childrenOf(session, workersPath(ref));
  const infos = await Promise.all(
    ids.map(async (id) => ({ id, info: readReport(workerInfoSchema, await readZnode(session, workerPath(ref, id))) })),
  );
  const workers = infos.flatMap(({ id, info }) => (info === null ? [] : [{ id, ...info }]));
  const names = await childrenOf(session, pipelinesPath(ref));
  const leaders = new Map(workers.flatMap(({ id, pipelines }) => pipelines.map((name) => [name, id] as const)));
  return {
    ...ref,
    source: readReport(sourceReportSchema, await readZnode(session, sourcePath(ref))),
    workers,
    pipelines: await Promise.all(names.map((name) => readPipeline(session, ref, name, leaders.get(name) ?? null))),
  };
}

async function readPipeline(session: ZkSession, ref: InstanceRef, name: string, leader: string | null): Promise<PipelineView> {
  const text = await readZnode(session, configPath(ref, name));
  const report = readReport(pipelineReportSchema, await readZnode(session, statusPath(ref, name)));
  if (text === null) return { name, wanted: null, configFault: null, leader, report };
  try {
    const { generation, pipeline } = decodeConfig(text, name);
    return { name, wanted: { generation, state: pipeline.state, region: pipeline.region }, configFault: null, leader, report };
  } catch (error) {
    return { name, wanted: null, configFault: messageOf(error), leader, report };
  }
}

/** Sorted; none where the node does not exist. */
async function childrenOf(session: ZkSession, path: string): Promise<string[]> {
  try {
    return (await session.children(path)).sort();
  } catch (error) {
    if (isZkError(error, 'no-node')) return [];
    throw error;
  }
}
