import { commonConfig, DbServer, type DbServerOptions } from './db-server.ts';
import { versionOf } from './mysql.ts';
import { findTool } from './process.ts';
import { prepareFolder } from './template.ts';

/** A fresh MariaDB server with a full-metadata row binlog. */
export async function startMariadb(options: DbServerOptions = {}): Promise<DbServer> {
  const command = findTool('mariadbd');
  const config = { ...commonConfig(options.durable ?? false), binlog_format: 'ROW', ...options.config };
  return DbServer.launch(await prepareFolder('mariadb', command, await versionOf(command), config, options.name ?? 'mariadb'));
}
