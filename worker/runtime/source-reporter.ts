import { setTimeout as sleep } from 'node:timers/promises';
import { asLockkeeperError, messageOf } from '../../common/errors.ts';
import type { Logger } from '../../common/log.ts';
import { nameOf, type MysqlEndpoint } from '../../common/mysql-endpoint.ts';
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
import type { WorkerMetrics } from '../metrics.ts';
import { checkSources } from '../pipeline/preflight.ts';
import { sourceEndpoints, type SecretStore } from '../pipeline/secrets.ts';
import { FileBegins, inspectSource, type SourceInspection } from '../source/inspection.ts';
import { headroomSeconds } from '../source/retention.ts';
import { mostCommon } from './most-common.ts';

export interface SourceReporterOptions {
  readonly client: ZkClient;
  readonly instance: InstanceRef;
  readonly worker: { readonly id: string; readonly region: string };
  readonly secrets: SecretStore;
  readonly metrics: WorkerMetrics;
  readonly log: Logger;
  /** Of the pipelines that this worker knows. */
  readonly configs: () => readonly PipelineConfig[];
  /** Whether this is the worker that looks; for a moment there may be none or two, which harms nobody. */
  readonly isChosen: () => boolean;
}

const EVERY_MS = 30_000;
const NOT_CHOSEN_MS = 1_000;

/**
 * Looks at the source of the instance and at how long it keeps what pipelines need, and reports it in the instance's source
 * znode. Needs no pipeline: what is wrong with a source shows as soon as its instance is there.
 */
export class SourceReporter {
  readonly #options: SourceReporterOptions;
  readonly #begins: FileBegins;
  readonly #stop = new AbortController();
  readonly #unsubscribe: (() => void)[] = [];
  #config: InstanceConfig | null = null;
  #wake: () => void = () => undefined;

  constructor(options: SourceReporterOptions) {
    this.#options = options;
    this.#begins = new FileBegins(`${options.instance.namespace}/${options.instance.instance} source`);
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
    const { client, metrics, log, isChosen } = this.#options;
    while (!this.#stop.signal.aborted) {
      const woken = new AbortController();
      this.#wake = () => woken.abort();
      const config = this.#config;
      const looks = config !== null && isChosen() && client.session.state.kind === 'connected';
      if (looks) {
        await this.#look(config, client.session).catch((error: unknown) => {
          log.warn({ error: messageOf(error) }, 'cannot report on the source');
        });
      } else metrics.retentionHeadroom.reset();
      const either = AbortSignal.any([this.#stop.signal, woken.signal]);
      await sleep(looks ? EVERY_MS : NOT_CHOSEN_MS, null, { signal: either }).catch(() => undefined);
    }
  }

  async #look(config: InstanceConfig, session: ZkSession): Promise<void> {
    const { instance, worker, secrets, configs } = this.#options;
    const { standby, serverId } = config.source;
    const firstCopy = configs().length === 0 || configs().some(({ pipeline }) => pipeline.initialLoad.mode !== 'Never');
    const needs = { serverId, gtid: standby !== null, firstCopy, now: Date.now() };
    const findings = await checkSources(config, secrets, needs);
    const reports = await this.#reports(session);
    const read = mostCommon(reports.flatMap(({ currentSource }) => currentSource ?? []));
    const seen = await this.#inspect(config, read);
    const report: SourceReport = {
      ...instance,
      at: new Date().toISOString(),
      generation: config.generation,
      worker: worker.id,
      region: worker.region,
      currentSource: read ?? seen?.name ?? null,
      serverUuid: seen?.facts.serverUuid ?? null,
      flavor: seen?.facts.flavor ?? null,
      version: seen?.facts.version ?? null,
      binlogRetention: seen === null ? null : await this.#retention(seen, reports),
      preflight: preflightReport(findings, new Date().toISOString()),
    };
    if (this.#stop.signal.aborted) return;
    await reportZnode(session, sourcePath(instance), JSON.stringify(report));
  }

  /** The server that is read, else the first that answers; null where none does, which the findings tell. */
  async #inspect(config: InstanceConfig, read: string | null): Promise<(SourceInspection & { readonly name: string }) | null> {
    const { secrets } = this.#options;
    let servers: MysqlEndpoint[];
    try {
      const { master, standby } = sourceEndpoints(config, secrets);
      servers = standby === null ? [master] : [master, standby];
    } catch {
      return null;
    }
    for (const server of servers.sort((a, b) => Number(nameOf(b) === read) - Number(nameOf(a) === read))) {
      try {
        return { ...(await inspectSource(server, this.#begins)), name: nameOf(server) };
      } catch {
        // The next one.
      }
    }
    return null;
  }

  async #retention(
    { retention }: SourceInspection,
    reports: readonly PipelineReport[],
  ): Promise<SourceReport['binlogRetention']> {
    const { metrics, instance } = this.#options;
    const [oldest] = retention.files;
    if (oldest === undefined) return null;
    let slowest: { readonly name: string; readonly seconds: number } | null = null;
    metrics.retentionHeadroom.reset();
    for (const { name, position } of reports) {
      const seconds = position === null ? null : await headroomSeconds(position, retention).catch(() => null);
      if (seconds === null) continue;
      metrics.retentionHeadroom.set({ namespace: instance.namespace, pipeline: name }, seconds);
      if (slowest === null || seconds < slowest.seconds) slowest = { name, seconds };
    }
    const begun = await retention.begunAt(oldest.journal).catch(() => null);
    return {
      oldestJournal: oldest.journal,
      oldestTimestamp: begun === null ? null : new Date(begun * 1000).toISOString(),
      expireSeconds: retention.expireSeconds,
      headroomSeconds: slowest?.seconds ?? null,
      slowestPipeline: slowest?.name ?? null,
    };
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
