import { spawn } from 'node:child_process';
import { createWriteStream } from 'node:fs';

export interface RunOptions {
  readonly input?: string;
  readonly cwd?: string;
  /** Replaces the whole environment. */
  readonly env?: NodeJS.ProcessEnv;
  /** File to which all output is appended; an error names it. */
  readonly log?: string;
  readonly timeoutSeconds?: number;
  /** What an error calls the command, where the whole of it would say less. */
  readonly name?: string;
}

/** Runs a command to its end and returns its standard output; throws, with the end of what it said, if it fails. */
export async function run(command: string, args: readonly string[], options: RunOptions = {}): Promise<string> {
  const { input = '', cwd, env, log, timeoutSeconds, name = [command, ...args].join(' ') } = options;
  const child = spawn(command, args, {
    ...(cwd === undefined ? {} : { cwd }),
    ...(env === undefined ? {} : { env }),
    ...(timeoutSeconds === undefined ? {} : { timeout: timeoutSeconds * 1000, killSignal: 'SIGKILL' }),
  });
  const file = log === undefined ? undefined : createWriteStream(log, { flags: 'a' });
  let stdout = '';
  let all = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
    all = tail(all + text);
    file?.write(text);
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    all = tail(all + text);
    file?.write(text);
  });
  child.stdin.on('error', () => {}); // it ended without reading; its exit code tells
  child.stdin.end(input);
  const outcome = await new Promise<string | number>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => resolve(signal ?? code ?? 0));
  });
  file?.end();
  if (outcome === 0) return stdout;
  const where = log === undefined ? '' : ` (all of it in ${log})`;
  throw new Error(`${name.slice(0, 300)} ended with ${outcome}${where}:\n${all.trim().split('\n').slice(-20).join('\n')}`);
}

function tail(text: string): string {
  return text.length > 6000 ? text.slice(-4000) : text;
}

/** Is there such a program in PATH? */
export async function has(command: string): Promise<boolean> {
  return run('sh', ['-c', 'command -v "$1"', 'sh', command]).then(
    () => true,
    () => false,
  );
}
