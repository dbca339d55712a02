import { createHash } from 'node:crypto';
import type { RowDataPacket } from 'mysql2';
import { serverErrno } from '../../../common/mysql-errors.ts';
import type { Flavor } from '../../source/position.ts';
import { quote, type SqlRunner } from '../../target/session.ts';
import type { AffectedName } from './rewrite.ts';

/** What a table or schema of the target looks like, short enough to be stored. Two equal ones were not told apart. */
export interface Fingerprint {
  readonly schema: string;
  /** Null: the schema itself. */
  readonly table: string | null;
  readonly exists: boolean;
  /** Hash of the definition, without the AUTO_INCREMENT counter. */
  readonly definition: string;
  /** Hash of the definition without its own name and those of its constraints: what a renamed table keeps. */
  readonly shape: string;
  /** The engine's numbers of the table and its partitions, which tell equal tables apart; null where they cannot be read. */
  readonly identity: string | null;
}

const UNKNOWN_SCHEMA = 1049;
const NO_SUCH_TABLE = 1146;

/** Reads the fingerprints of target names. */
export async function takeFingerprints(
  runner: SqlRunner,
  flavor: Flavor,
  names: readonly AffectedName[],
): Promise<Fingerprint[]> {
  const fingerprints: Fingerprint[] = [];
  for (const { schema, table } of names) {
    fingerprints.push(
      table === null ? await schemaFingerprint(runner, schema) : await tableFingerprint(runner, flavor, schema, table),
    );
  }
  return fingerprints;
}

async function schemaFingerprint(runner: SqlRunner, schema: string): Promise<Fingerprint> {
  const [row] = await runner.query<RowDataPacket[]>(
    'SELECT DEFAULT_CHARACTER_SET_NAME AS charset, DEFAULT_COLLATION_NAME AS collation FROM information_schema.SCHEMATA ' +
      `WHERE SCHEMA_NAME=${quote(schema)}`,
  );
  const definition = row === undefined ? '' : hash(`${text(row['charset'])} ${text(row['collation'])}`);
  return { schema, table: null, exists: row !== undefined, definition, shape: definition, identity: null };
}

async function tableFingerprint(runner: SqlRunner, flavor: Flavor, schema: string, table: string): Promise<Fingerprint> {
  const create = await showCreate(runner, schema, table);
  if (create === null) return { schema, table, exists: false, definition: '', shape: '', identity: null };
  const definition = create.replace(/ AUTO_INCREMENT=\d+/, '');
  const shape = definition.replace(/^CREATE TABLE `(?:[^`]|``)*`/, '').replace(/CONSTRAINT `(?:[^`]|``)*`/g, 'CONSTRAINT');
  return {
    schema,
    table,
    exists: true,
    definition: hash(definition),
    shape: hash(shape),
    identity: await tableIdentity(runner, flavor, schema, table),
  };
}

async function showCreate(runner: SqlRunner, schema: string, table: string): Promise<string | null> {
  try {
    const [row] = await runner.query<RowDataPacket[]>(`SHOW CREATE TABLE ${quotedName(schema)}.${quotedName(table)}`);
    return text(Object.values(row!)[1]);
  } catch (error) {
    const errno = serverErrno(error);
    if (errno === NO_SUCH_TABLE || errno === UNKNOWN_SCHEMA) return null;
    throw error;
  }
}

/** InnoDB's table ids, which need the privilege PROCESS. They move with a table's name and change when it is made anew. */
async function tableIdentity(runner: SqlRunner, flavor: Flavor, schema: string, table: string): Promise<string | null> {
  const [schemaPart, tablePart] = [fileName(schema), fileName(table)];
  if (schemaPart === null || tablePart === null) return null;
  const path = `${schemaPart}/${tablePart}`;
  const view = flavor === 'mysql' ? 'INNODB_TABLES' : 'INNODB_SYS_TABLES';
  const partitions = quote(`${path.replace(/[_%]/g, '\\$&')}#%`);
  try {
    const rows = await runner.query<RowDataPacket[]>(
      `SELECT NAME AS name, TABLE_ID AS id FROM information_schema.${view} WHERE NAME=${quote(path)} OR NAME LIKE ${partitions}`,
    );
    // Without the table's own name, so that it stays the same when the table is renamed.
    const ids = rows.map((row) => `${text(row['name']).slice(path.length)}=${text(row['id'])}`).sort();
    return ids.length === 0 ? null : ids.join(' ');
  } catch (error) {
    if (serverErrno(error) === undefined) throw error;
    return null;
  }
}

/**
 * A name as InnoDB writes it in file names, or null for letters whose code is not worth a table here.
 * Source: MySQL Reference Manual, "Mapping of Identifiers to File Names".
 */
function fileName(name: string): string | null {
  let out = '';
  for (const character of name) {
    const code = character.charCodeAt(0);
    if (/[0-9A-Za-z_]/.test(character)) out += character;
    else if (code < 0x80 || (code >= 0x2500 && code < 0xff00)) out += `@${code.toString(16).padStart(4, '0')}`;
    else return null;
  }
  return out;
}

export function encodeFingerprints(fingerprints: readonly Fingerprint[]): string {
  return JSON.stringify(fingerprints);
}

/** Null for text that this release does not read. */
export function decodeFingerprints(json: string | null): Fingerprint[] | null {
  if (json === null) return null;
  try {
    const value = JSON.parse(json) as unknown;
    return Array.isArray(value) ? (value as Fingerprint[]) : null;
  } catch {
    return null;
  }
}

/** A backtick-quoted name in the bytes that a session of the target takes. */
export function quotedName(name: string): string {
  return `\`${Buffer.from(name.replaceAll('`', '``'), 'utf8').toString('latin1')}\``;
}

function hash(value: string): string {
  return createHash('sha256').update(value).digest('hex').slice(0, 32);
}

/** Under `SET NAMES binary` character columns may arrive as Buffers. */
function text(value: unknown): string {
  return Buffer.isBuffer(value) ? value.toString('utf8') : String(value);
}
