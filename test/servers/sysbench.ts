import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { DbServer } from './db-server.ts';
import { findTool } from './process.ts';

const run = promisify(execFile);

/**
 * Runs sysbench against a server, `sysbench(server, ['oltp_write_only', '--tables=4', '--db-ps-mode=disable', 'run'])`, in the
 * schema `sbtest`, which is created; returns what sysbench prints.
 */
export async function sysbench(server: DbServer, args: readonly string[]): Promise<string> {
  await server.query('CREATE DATABASE IF NOT EXISTS sbtest');
  // Over the socket, which counts as secure, so that caching_sha2_password needs no TLS.
  const where = [
    `--mysql-socket=${server.socketPath}`,
    `--mysql-user=${server.user}`,
    `--mysql-password=${server.password}`,
    '--mysql-db=sbtest',
  ];
  try {
    const { stdout } = await run(findTool('sysbench'), [...where, ...args], { maxBuffer: 1 << 26 });
    return stdout;
  } catch (error) {
    const { stdout = '', stderr = '' } = error as { stdout?: string; stderr?: string };
    throw new Error(`sysbench ${args.join(' ')} failed:\n${stdout}${stderr}`, { cause: error });
  }
}
