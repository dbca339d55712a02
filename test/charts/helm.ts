import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import type { ChartValuesInput } from '../../charts/values.ts';
import { findTool, runFolder } from '../servers/process.ts';

export const chartFolder = join(import.meta.dirname, '../../charts/lockkeeper');
export const releaseNamespace = 'lockkeeper-system';

/** A rendered object; tests look at its parts as they are. */
export interface Rendered {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly labels: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  readonly [key: string]: any;
}

export interface CommandResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs Helm, to whatever end, with nothing of the user's own settings. */
export function helm(args: readonly string[], kubeconfig = ''): Promise<CommandResult> {
  home ??= runFolder('helm');
  const env = { ...process.env, HELM_CACHE_HOME: home, HELM_CONFIG_HOME: home, HELM_DATA_HOME: home, KUBECONFIG: kubeconfig };
  return new Promise((resolve) => {
    execFile(findTool('helm'), args, { env, maxBuffer: 1 << 26 }, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code ?? 1), stdout, stderr });
    });
  });
}

let home: string | undefined;

/** A file of values, some of them wrong on purpose. */
export function valuesFile(values: unknown): string {
  const path = join(runFolder('values'), 'values.json');
  writeFileSync(path, JSON.stringify(values));
  return path;
}

export function template(values: unknown, ...args: readonly string[]): Promise<CommandResult> {
  return helm(['template', 'main', chartFolder, '--namespace', releaseNamespace, '--values', valuesFile(values), ...args]);
}

/** What the chart makes of values; fails with Helm's words when it makes nothing. */
export function render(values: ChartValuesInput = {}): Promise<readonly Rendered[]> {
  const key = JSON.stringify(values);
  const known = rendered.get(key) ?? renderAnew(values);
  rendered.set(key, known);
  return known;
}

const rendered = new Map<string, Promise<readonly Rendered[]>>();

async function renderAnew(values: ChartValuesInput): Promise<readonly Rendered[]> {
  const { code, stdout, stderr } = await template(values);
  if (code !== 0) throw new Error(stderr);
  return parseAllDocuments(stdout, { uniqueKeys: true })
    .map((document) => {
      if ('errors' in document && document.errors.length > 0) throw document.errors[0]!;
      return document.toJS() as Rendered | null;
    })
    .filter((object) => object !== null);
}

/** The only object of that kind, or the one of that name among them. */
export function only(objects: readonly Rendered[], kind: string, name?: string): Rendered {
  const found = objects.filter((object) => object.kind === kind && (name === undefined || object.metadata.name === name));
  if (found.length !== 1) throw new Error(`${found.length} objects are ${kind} ${name ?? ''}`);
  return found[0]!;
}
