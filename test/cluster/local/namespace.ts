import { spawn } from 'node:child_process';
import { closeSync, existsSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { run } from '../run.ts';
import { joinFiles } from './cgroup.ts';
import { gateway, services, type Layout } from './layout.ts';

/** Becomes a process of the cluster's control group, then the command that follows. $1: how many files to join. */
const joining = 'n=$1; shift; while [ "$n" -gt 0 ]; do echo $$ >"$1"; shift; n=$((n - 1)); done; exec "$@"';

/** In the background, an orphan whom the first process of the namespaces adopts. */
const inBackground = 'log=$1; shift; setsid "$@" >>"$log" 2>&1 </dev/null &';

export const script = (name: string): string => join(import.meta.dirname, name);

/** Starts the first process of the cluster's namespaces and waits until they are laid out. */
export async function startHolder(layout: Layout): Promise<void> {
  const log = join(layout.logs, 'holder.log');
  const out = openSync(log, 'a');
  const unshare = ['unshare', '--fork', '--pid', '--mount', '--net', '--uts', '--ipc'];
  const [command, ...args] = member(layout, [...unshare, 'sh', script('holder.sh'), layout.state]);
  const env = environment({ STAGE: join(layout.state, 'stage') });
  const child = spawn(command!, args, { detached: true, stdio: ['ignore', out, out], env });
  closeSync(out);
  child.unref();
  for (let wait = 0; !existsSync(layout.holder); wait++) {
    if (child.exitCode !== null || wait > 300) {
      const said = readFileSync(log, 'utf8').trim().slice(-2000);
      throw new Error(
        `The cluster's namespaces could not be made, which takes root on a machine that allows namespaces and mounts (${log}):\n${said}`,
      );
    }
    await sleep(100);
  }
}

/** The process id of the namespaces' first process, or undefined if it does not run. */
export function holderPid(layout: Layout): number | undefined {
  if (!existsSync(layout.holder)) return undefined;
  const pid = Number(readFileSync(layout.holder, 'utf8'));
  try {
    // A process id is used again some day; membership of the group is not.
    return readFileSync(`/proc/${pid}/cgroup`, 'utf8').includes(`/${layout.cgroup}/`) ? pid : undefined;
  } catch {
    return undefined;
  }
}

/** Runs a command inside the cluster's namespaces, on its router, and returns what it prints. */
export function inside(layout: Layout, command: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<string> {
  const [program, ...args] = member(layout, enter(layout, command));
  return run(program!, args, { env: environment(env), name: command.join(' ') });
}

/** Starts a process inside the cluster's namespaces that lives as long as they do; `fd` becomes its file 3. */
export async function startInside(
  layout: Layout,
  log: string,
  command: readonly string[],
  options: { readonly env?: Readonly<Record<string, string>>; readonly fd?: number } = {},
): Promise<void> {
  const [program, ...args] = member(
    layout,
    enter(layout, ['sh', '-c', inBackground, 'sh', `/run/cluster/state/log/${log}`, ...command]),
  );
  const child = spawn(program!, args, {
    stdio: ['ignore', 'ignore', 'inherit', options.fd ?? 'ignore'],
    env: environment(options.env),
  });
  const code = await new Promise<number | null>((resolve, reject) => child.once('error', reject).once('exit', resolve));
  if (code !== 0) throw new Error(`${command.join(' ')} could not be started in the cluster's namespaces (exit code ${code})`);
}

function enter(layout: Layout, command: readonly string[]): string[] {
  const pid = holderPid(layout);
  if (pid === undefined) throw new Error('The local cluster does not run: start it with make cluster.');
  return ['nsenter', `--target=${pid}`, '--pid', '--mount', '--net', '--uts', '--ipc', ...command];
}

function member(layout: Layout, command: readonly string[]): string[] {
  const files = joinFiles(layout.cgroup);
  return ['sh', '-c', joining, 'sh', String(files.length), ...files, ...command];
}

/** Nothing of the caller's own environment gets in. */
function environment(more: Readonly<Record<string, string>> = {}): NodeJS.ProcessEnv {
  return {
    PATH: '/run/cluster/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
    HOME: '/root',
    LANG: 'C.UTF-8',
    GATEWAY: gateway,
    SERVICES: services,
    LOGS: '/run/cluster/state/log',
    STAGE: '/run/cluster/state/stage',
    ...more,
  };
}
