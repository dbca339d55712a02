import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { commonConfig, DbServer, type DbServerOptions } from './db-server.ts';
import { findTool } from './process.ts';
import { prepareFolder } from './template.ts';

const run = promisify(execFile);

/** A fresh MySQL server with GTIDs and a full-metadata row binlog. */
export async function startMysql(options: DbServerOptions = {}): Promise<DbServer> {
  const command = findTool('mysqld');
  const config = {
    ...commonConfig(options.durable ?? false),
    gtid_mode: true,
    enforce_gtid_consistency: true,
    mysqlx: false,
    ...options.config,
  };
  return DbServer.launch(await prepareFolder('mysql', command, await versionOf(command), config, options.name ?? 'mysql'));
}

/** Runs MySQL's mysqlbinlog against a server (`--read-from-remote-server` and credentials are given) and returns what it prints. */
export async function mysqlbinlog(server: DbServer, args: readonly string[]): Promise<string> {
  const credentials = [
    `--host=${server.host}`,
    `--port=${server.port}`,
    `--user=${server.user}`,
    `--password=${server.password}`,
  ];
  const { stdout } = await run(findTool('mysqlbinlog'), ['--no-defaults', '--read-from-remote-server', ...credentials, ...args], {
    maxBuffer: 1 << 30,
  });
  return stdout;
}

/** `9.7.4` of `mysqld  Ver 9.7.4-2 for Linux ...`. */
export async function versionOf(command: string): Promise<string> {
  const { stdout } = await run(command, ['--no-defaults', '--version']);
  const version = /Ver (\d+\.\d+\.\d+)/.exec(stdout)?.[1];
  if (version === undefined) throw new Error(`${command} --version names no version: ${stdout}`);
  return version;
}
