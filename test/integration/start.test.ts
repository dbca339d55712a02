import { pino } from 'pino';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { loadManifests } from '../../crds/manifest.ts';
import { compileAll } from '../../worker/cli/run.ts';
import { WorkerMetrics } from '../../worker/metrics.ts';
import { PipelineBoard } from '../../worker/pipeline/pipeline-board.ts';
import { Router } from '../../worker/pipeline/router.ts';
import { findStart } from '../../worker/pipeline/start.ts';
import { Checkpoint } from '../../worker/target/checkpoint.ts';
import { startMysql, type DbServer } from '../servers/index.ts';
import { instanceDocuments, pipelineDocuments, writeManifest } from '../support/manifests.ts';
import { lead, openTarget } from './snapshot-helpers.ts';
import { endpointOf } from './source-helpers.ts';

let source: DbServer;
let target: DbServer;

beforeAll(async () => {
  [source, target] = await Promise.all([startMysql({ name: 'source' }), startMysql({ name: 'target' })]);
});
afterAll(async () => {
  await Promise.all([source?.kill9(), target?.kill9()]);
});

it('is refused as an old leader’s where another took over before the first position was stored', async () => {
  const [config] = compileAll(
    loadManifests([
      writeManifest(
        instanceDocuments({ source, serverId: 1 }),
        pipelineDocuments({ name: 'p', target, spec: { initialLoad: { mode: 'Never' } } }),
      ),
    ]),
  );
  await lead(target, 'default/p');
  const session = await openTarget(target);
  const { checkpoint, stored } = await Checkpoint.takeOver(session, 'default/p', 'old');
  await lead(target, 'default/p');
  const start = findStart({
    config: config!,
    session,
    checkpoint,
    stored,
    sources: { master: endpointOf(source), standby: null },
    openTarget: () => openTarget(target),
    router: new Router(config!, { lowerCaseNames: false }),
    board: new PipelineBoard({
      namespace: 'default',
      name: 'p',
      worker: 'w',
      region: null,
      metrics: new WorkerMetrics(),
      lagLimitSeconds: () => 30,
      now: Date.now,
    }),
    log: pino({ level: 'silent' }),
    signal: new AbortController().signal,
    failpoint: () => undefined,
  });
  await expect(start).rejects.toMatchObject({ code: 'LK1401' });
  const [row] = await target.query("SELECT journal FROM lockkeeper.checkpoint WHERE pipeline='default/p'");
  expect(row!['journal']).toBeNull();
  session.destroy();
});
