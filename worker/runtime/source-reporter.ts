import { setTimeout as sleep } from 'node:timers/promises';
import { asLockkeeperError, messageOf } from '../../common/errors.ts';
import type { Logger } from '../../common/log.ts';
import type { ZkClient } from '../../common/zookeeper/client.ts';
import { watchOne } from '../../common/zookeeper/following.ts';
import { instanceConfigPath, pipelinesPath, sourcePath, statusPath, type InstanceRef } from '../../common/zookeeper/paths.ts';
import type { ZkSession } from '../../common/zookeeper/session.ts';
import { isZkError } from '../../common/zookeeper/zk-error.ts';
import { readZnode, reportZnode } from '../../common/zookeeper/znode.ts';
import { decodeInstanceConfig } from '../../crds/config-codec.ts';
import type { InstanceConfig } from '../../crds/instance-config.ts';
import type { PipelineConfig } from '../../crds/pipeline-config.ts';
import { pipelineReportSchema, type PipelineReport } from '../../crds/pipeline-report.ts';
import { preflightReport } from '../../crds/preflight-report.ts';
import { readReport } from '../../crds/read-report.ts';
import type { SourceReport } from '../../crds/source-report.ts';
import { checkSources } from '../pipeline/preflight.ts';
import type { SecretStore } from '../pipeline/secrets.ts';
import { lookAtSource, type SourceLook } from '../pipeline/source-look.ts';
import { replicaNameOf } from '../source/register-replica.ts';
import { currentSourceOf, retentionOf } from './source-facts.ts';

export interface SourceReporterOptions {
  readonly client: ZkClient;
  readonly instance: InstanceRef;
  readonly worker: { readonly id: string; readonly region: string };
  readonly secrets: SecretStore;
  readonly log: Logger;
  /** Of the pipelines that this worker knows. */
  readonly configs: () => readonly PipelineConfig[];
  /** Whether this is the worker that looks; for a moment there may be none or two, which harms nobody. */
  readonly isChosen: () => boolean;
}

const EVERY_MS = 30_000;
const NOT_CHOSEN_MS = 1_000;

/**
 * Looks at the source of the instance from time to time and reports it in the instance's source znode. Needs no pipeline: what is
 * wrong with a source shows as soon as its instance is there.
 */
export class SourceReporter {
  readonly #options: SourceReporterOptions;
  readonly #stop = new AbortController();
  readonly #unsubscribe: (() => void)[] = [];
  #config: InstanceConfig | null = null;
  #before: SourceLook | null = null;
  #wake: () => void = () => undefined;

  constructor(options: SourceReporterOptions) {
    this.#options = options;
  }

  start(): void {
    const { client, instance, secrets, log } = this.#options;
    const failed = (error: unknown) =>
      log.error({ err: asLockkeeperError(error, 'LK1703').toJSON() }, 'the configuration of the instance cannot be used');
    const told = (text: string | null) => {
      try {
        this.#config = text === null ? null : decodeInstanceConfig(text, instance.instance);
        this.#wake();
      } catch (error) {
        failed(error);
      }
    };
    this.#unsubscribe.push(watchOne(client, instanceConfigPath(instance), { told, failed }));
    const unsubscribe = secrets.onChange?.(() => this.#wake());
    if (unsubscribe !== undefined) this.#unsubscribe.push(unsubscribe);
    void this.#run();
  }

  stop(): void {
    this.#stop.abort();
    for (const unsubscribe of this.#unsubscribe) unsubscribe();
  }

  async #run(): Promise<void> {
    const { client, log, isChosen } = this.#options;
    while (!this.#stop.signal.aborted) {
      const woken = new AbortController();
      this.#wake = () => woken.abort();
      const config = this.#config;
      const looks = config !== null && isChosen() && client.session.state.kind === 'connected';
      if (looks) {
        await this.#report(config, client.session).catch((error: unknown) => {
          log.warn({ error: messageOf(error) }, 'cannot report on the source');
        });
      }
      const either = AbortSignal.any([this.#stop.signal, woken.signal]);
      await sleep(looks ? EVERY_MS : NOT_CHOSEN_MS, null, { signal: either }).catch(() => undefined);
    }
  }

  async #report(config: InstanceConfig, session: ZkSession): Promise<void> {
    const { instance, worker, secrets, configs } = this.#options;
    const pipelines = configs();
    const findings = await checkSources(config, secrets, {
      serverId: config.source.serverId,
      gtid: config.source.standby !== null,
      replicaNames: pipelines.map(({ namespace, name }) => replicaNameOf(`${namespace}/${name}`)),
      firstCopy: pipelines.length === 0 || pipelines.some(({ pipeline }) => pipeline.initialLoad.mode !== 'Never'),
      now: Date.now(),
    });
    const reports = await this.#reports(session);
    const read = currentSourceOf(reports);
    // Where nobody answers the findings tell why.
    const look = await lookAtSource(config, secrets, read, this.#before).catch(() => null);
    this.#before = look ?? this.#before;
    const at = new Date().toISOString();
    const report: SourceReport = {
      ...instance,
      at,
      generation: config.generation,
      worker: worker.id,
      region: worker.region,
      currentSource: read ?? look?.server ?? null,
      serverUuid: look?.facts.serverUuid ?? null,
      flavor: look?.facts.flavor ?? null,
      version: look?.facts.version ?? null,
      binlogRetention: look?.retention == null ? null : retentionOf(look.retention, reports),
      preflight: preflightReport(findings, at),
    };
    if (!this.#stop.signal.aborted) await reportZnode(session, sourcePath(instance), JSON.stringify(report));
  }

  /** What the leaders of all pipelines say of them. */
  async #reports(session: ZkSession): Promise<PipelineReport[]> {
    const { instance } = this.#options;
    const names = await session.children(pipelinesPath(instance)).catch((error: unknown) => {
      if (isZkError(error, 'no-node')) return [];
      throw error;
    });
    const texts = await Promise.all(names.sort().map((name) => readZnode(session, statusPath(instance, name))));
    return texts.flatMap((text) => readReport(pipelineReportSchema, text) ?? []);
  }
}
