import { execFile } from 'node:child_process';
import { createHash, randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { optionList, type DbLaunch, type Flavor, type ServerConfig } from './db-server.ts';
import { cacheFolder, runFolder } from './process.ts';

const run = promisify(execFile);

/** Variables that are fixed when a data folder is made. */
const initialisationOptions = ['innodb_page_size', 'lower_case_table_names', 'innodb_data_file_path', 'innodb_undo_directory'];

/** Starts with FLUSH PRIVILEGES because MariaDB's bootstrap mode runs without grant tables. */
const users = `
FLUSH PRIVILEGES;
DROP USER IF EXISTS 'root'@'127.0.0.1', 'root'@'::1', ''@'localhost';
ALTER USER 'root'@'localhost' IDENTIFIED BY 'root';
CREATE USER 'root'@'%' IDENTIFIED BY 'root';
GRANT ALL ON *.* TO 'root'@'%' WITH GRANT OPTION;
`;

/** A fresh folder with its own copy of an initialised, empty data folder (made once for each version and set of options). */
export async function prepareFolder(
  flavor: Flavor,
  command: string,
  version: string,
  config: ServerConfig,
  name: string,
): Promise<DbLaunch> {
  const fixed = Object.fromEntries(Object.entries(config).filter(([key]) => initialisationOptions.includes(key)));
  const hash = createHash('sha256')
    .update(JSON.stringify([fixed, users]))
    .digest('hex')
    .slice(0, 8);
  const template = join(cacheFolder, 'templates', `${flavor}-${version}-${hash}`);
  if (!existsSync(template)) await makeTemplate(flavor, command, fixed, template);
  const dir = runFolder(name);
  await run('cp', ['-a', '--reflink=auto', template, join(dir, 'data')]);
  return { flavor, command, version, dir, config };
}

async function makeTemplate(flavor: Flavor, command: string, fixed: ServerConfig, template: string): Promise<void> {
  const stage = `${template}.${randomUUID()}`; // several may be at it, in this process too
  mkdirSync(stage, { recursive: true });
  const data = join(stage, 'data');
  const asRoot = process.getuid?.() === 0 ? ['--user=root'] : [];
  if (flavor === 'mysql') {
    const userFile = join(stage, 'users.sql');
    writeFileSync(userFile, users);
    const small = { innodb_redo_log_capacity: '16M', innodb_doublewrite: false }; // files that each copy would carry
    const options = optionList({ ...fixed, ...small, datadir: data, init_file: userFile, secure_file_priv: '' });
    await run(command, ['--no-defaults', '--initialize-insecure', ...asRoot, ...options]);
  } else {
    const basedir = dirname(dirname(command));
    const installer = [join(basedir, 'bin/mariadb-install-db'), join(basedir, 'scripts/mariadb-install-db')].find(existsSync);
    const options = optionList({ ...fixed, datadir: data, basedir });
    const how = ['--no-defaults', '--auth-root-authentication-method=normal', '--skip-test-db', '--skip-name-resolve'];
    await run(installer ?? '/usr/bin/mariadb-install-db', [...how, ...asRoot, ...options]);
    // Not by the installer's --extra-file, which was seen to have no effect in 10.11.18.
    const bootstrap = run(command, ['--no-defaults', '--bootstrap', ...asRoot, ...options]);
    bootstrap.child.stdin?.end(users);
    await bootstrap;
  }
  rmSync(join(data, 'auto.cnf'), { force: true }); // each copy gets a server UUID of its own
  try {
    renameSync(data, template);
  } catch (error) {
    if (!existsSync(template)) throw error; // another process was first: its template is as good
  }
  rmSync(stage, { recursive: true, force: true });
}
