import { beforeEach, describe, expect, it } from 'vitest';
import { fault, fine, type Finding } from '../../common/finding.ts';
import { createLogger } from '../../common/log.ts';
import type { PipelineConfig } from '../../crds/pipeline-config.ts';
import type { PreflightReport } from '../../crds/preflight-report.ts';
import type { PipelineHost } from './pipeline-host.ts';
import { PipelineInspector } from './pipeline-inspector.ts';

const configOf = (state: string) => ({ pipeline: { state } }) as PipelineConfig;

let now: number;
let config: PipelineConfig;
let shown: (PreflightReport | null)[];
let looks: number;
let findings: Finding[] | Error;
let inspector: PipelineInspector;
let release: (() => void) | null;

beforeEach(() => {
  now = 0;
  config = configOf('Running');
  shown = [];
  looks = 0;
  findings = [fine('login', 'as root')];
  release = null;
  const host = {
    get config() {
      return config;
    },
    inspected: (report: PreflightReport | null) => shown.push(report),
  } as unknown as PipelineHost;
  inspector = new PipelineInspector({
    host,
    log: createLogger('silent'),
    now: () => now,
    check: async () => {
      looks++;
      if (release !== null) await new Promise<void>((resolve) => (release = resolve));
      if (findings instanceof Error) throw findings;
      return findings;
    },
  });
});

/** Lets so many seconds pass, with a tick in each. */
async function pass(seconds: number): Promise<void> {
  for (let i = 0; i < seconds; i++) {
    inspector.tick();
    await new Promise((resolve) => setImmediate(resolve));
    now += 1000;
  }
}

describe('the inspector', () => {
  it('looks a few seconds after a configuration, then every ten minutes', async () => {
    await pass(5);
    expect(looks).toBe(0);
    await pass(1);
    expect([looks, shown.length]).toEqual([1, 1]);
    expect(shown[0]).toMatchObject({ passed: 1, findings: [] });
    await pass(600);
    expect(looks).toBe(2);
    config = configOf('Running');
    await pass(6);
    expect(looks).toBe(3);
  });

  it.each([
    ['errors are found', [fault('LK1304', 'writable', 'no')]],
    ['looking fails', new Error('no')],
  ])('looks every minute while %s', async (_, what) => {
    findings = what;
    await pass(6 + 60);
    expect(looks).toBe(2);
  });

  it('drops what was found for a configuration that has changed meanwhile, and looks again', async () => {
    release = () => undefined;
    await pass(10);
    expect([looks, shown.length]).toEqual([1, 0]);
    config = configOf('Running');
    await pass(10);
    expect(looks).toBe(1); // never two at once
    const finish = release;
    release = null;
    finish();
    await pass(2);
    expect([looks, shown.length]).toEqual([2, 1]);
  });

  it('leaves the target of a stopped pipeline alone', async () => {
    config = configOf('Stopped');
    await pass(700);
    expect([looks, shown.at(-1)]).toEqual([0, null]);
    config = configOf('Running');
    await pass(6);
    expect(looks).toBe(1);
  });
});
