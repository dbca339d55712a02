import type { TableRoute } from '../source/table-map.ts';
import { isReplaced, TARGET_ENGINE } from '../target/engines.ts';
import type { Flavors, SnapshotTable } from './types.ts';

/** A piece of SQL text: `name` and `text` tokens keep their quotes. */
interface Token {
  readonly kind: 'name' | 'text' | 'comment' | 'other';
  readonly sql: string;
}

/** Cuts SQL into quoted names, string literals, comments that a server does not execute, and the rest. */
export function tokens(sql: string): Token[] {
  const found: Token[] = [];
  const pattern = /`(?:[^`]|``)*`|'(?:[^'\\]|''|\\.)*'|"(?:[^"\\]|""|\\.)*"|\/\*(?!M?!).*?\*\//gs;
  let at = 0;
  for (const match of sql.matchAll(pattern)) {
    if (match.index > at) found.push({ kind: 'other', sql: sql.slice(at, match.index) });
    const first = match[0][0];
    found.push({ kind: first === '`' ? 'name' : first === '/' ? 'comment' : 'text', sql: match[0] });
    at = match.index + match[0].length;
  }
  if (at < sql.length) found.push({ kind: 'other', sql: sql.slice(at) });
  return found;
}

function unquoted(name: string): string {
  return name.slice(1, -1).replaceAll('``', '`');
}

function quoted(name: string): string {
  return `\`${name.replaceAll('`', '``')}\``;
}

export interface TargetDefinition {
  /** CREATE TABLE for the target, without the indexes of `laterIndexes`. Ordinary text. */
  readonly sql: string;
  /** Index definitions for `ALTER TABLE ... ADD`. */
  readonly laterIndexes: readonly string[];
  /** The source's engine, where it has no transactions and the target's table gets another; else null. */
  readonly replacedEngine: string | null;
}

export interface TargetDefinitionRequest {
  /** Answer of SHOW CREATE TABLE, ordinary text. */
  readonly createTable: string;
  readonly table: SnapshotTable;
  readonly flavors: Flavors;
  /** Where a referenced table goes; null: its foreign key is left out. */
  readonly referenced: (parent: TableRoute) => TableRoute | null;
  /** Leave plain secondary indexes for later: building them in one go is much faster than row by row. */
  readonly deferIndexes: boolean;
}

/** Rewrites a source table's definition for the target: names, foreign keys, and what the other family spells differently. */
export function targetDefinition(request: TargetDefinitionRequest): TargetDefinition {
  const { table, flavors } = request;
  const { head, items, tail: sourceTail } = splitDefinition(request.createTable);
  const { tail, replacedEngine } = withTransactions(sourceTail);
  const kept: string[] = [];
  const later: string[] = [];
  const foreign = items.some(isForeignKey);
  const needed = foreign ? null : autoIncrementColumn(items);
  for (const item of items) {
    if (isForeignKey(item)) {
      const rewritten = rewriteForeignKey(item, table, request.referenced);
      if (rewritten !== null) kept.push(rewritten);
      // An index that a foreign key or the AUTO_INCREMENT column rests on must be there from the start.
    } else if (request.deferIndexes && !foreign && /^KEY /.test(item) && !startsWithColumn(item, needed)) {
      later.push(item);
    } else {
      kept.push(item);
    }
  }
  const name = `${quoted(table.target.schema)}.${quoted(table.target.table)}`;
  const first = head.replace(/^CREATE TABLE `(?:[^`]|``)*`/, () => `CREATE TABLE IF NOT EXISTS ${name}`);
  const sql = `${first}\n  ${kept.join(',\n  ')}\n${tail}`;
  if (flavors.source === flavors.target) return { sql, laterIndexes: later, replacedEngine };
  const translate = flavors.target === 'mariadb' ? toMariadb : toMysql;
  return { sql: translate(sql), laterIndexes: later.map(translate), replacedEngine };
}

/** `CREATE TABLE name (`, the column and key definitions, `) ENGINE...`. */
function splitDefinition(sql: string): { head: string; items: string[]; tail: string } {
  const items: string[] = [];
  let [head, item, depth] = ['', '', 0];
  const all = tokens(sql);
  for (const [index, token] of all.entries()) {
    if (token.kind !== 'other') {
      if (depth === 0) head += token.sql;
      else item += token.sql;
      continue;
    }
    for (let at = 0; at < token.sql.length; at++) {
      const char = token.sql[at]!;
      if (depth === 0) {
        head += char;
        if (char === '(') depth = 1;
        continue;
      }
      if (char === '(') depth++;
      if (char === ')' && --depth === 0) {
        items.push(item.trim());
        const rest = all.slice(index + 1).map((next) => next.sql);
        return { head, items, tail: token.sql.slice(at) + rest.join('') };
      }
      if (char === ',' && depth === 1) {
        items.push(item.trim());
        item = '';
      } else {
        item += char;
      }
    }
  }
  throw new Error(`not a table definition: ${sql.slice(0, 100)}`);
}

/** The target's table must have transactions; options that only engines without them know go with the engine. */
function withTransactions(tail: string): { tail: string; replacedEngine: string | null } {
  let replacedEngine: string | null = null;
  const engines = inCode(tail, (code) =>
    code.replace(/\b(ENGINE ?= ?)(\w+)/g, (whole, option: string, engine: string) => {
      if (!isReplaced(engine)) return whole;
      replacedEngine = engine;
      return option + TARGET_ENGINE;
    }),
  );
  if (replacedEngine === null) return { tail, replacedEngine };
  return {
    tail: inCode(engines, (code) => code.replace(/ (?:ROW_FORMAT=(?:FIXED|PAGE)|PAGE_CHECKSUM=\d|TRANSACTIONAL=\d)\b/g, '')),
    replacedEngine,
  };
}

function isForeignKey(item: string): boolean {
  return tokens(item).some((token) => token.kind === 'other' && /\bFOREIGN KEY\b/.test(token.sql));
}

function autoIncrementColumn(items: readonly string[]): string | null {
  for (const item of items) {
    const parts = tokens(item);
    if (parts[0]?.kind === 'name' && parts.some((token) => token.kind === 'other' && /\bAUTO_INCREMENT\b/.test(token.sql)))
      return parts[0].sql;
  }
  return null;
}

/** Whether `KEY name (column...` begins with that column. */
function startsWithColumn(item: string, column: string | null): boolean {
  return column !== null && tokens(item).filter((token) => token.kind === 'name')[1]?.sql === column;
}

function rewriteForeignKey(item: string, table: SnapshotTable, referenced: TargetDefinitionRequest['referenced']): string | null {
  const parts = tokens(item);
  const at = parts.findIndex((token) => token.kind === 'other' && /\bREFERENCES\s*$/.test(token.sql));
  const first = parts[at + 1]!;
  const withSchema = parts[at + 2]?.sql === '.';
  const parent = withSchema
    ? { schema: unquoted(first.sql), table: unquoted(parts[at + 3]!.sql) }
    : { schema: table.source.schema, table: unquoted(first.sql) };
  const target = referenced(parent);
  if (target === null) return null;
  const name = `${target.schema === table.target.schema ? '' : `${quoted(target.schema)}.`}${quoted(target.table)}`;
  return [
    ...parts.slice(0, at + 1).map((token) => token.sql),
    name,
    ...parts.slice(at + (withSchema ? 4 : 2)).map((token) => token.sql),
  ].join('');
}

function inCode(sql: string, change: (code: string) => string): string {
  return tokens(sql)
    .map((token) => (token.kind === 'other' ? change(token.sql) : token.sql))
    .join('');
}

/** MySQL's collations of UCA 9.0 compare without padding; MariaDB's nearest are UCA 14.0 without padding (10.10 and later). */
const MARIADB_COLLATIONS: Readonly<Record<string, string>> = {
  utf8mb4_0900_ai_ci: 'utf8mb4_uca1400_nopad_ai_ci',
  utf8mb4_0900_as_ci: 'utf8mb4_uca1400_nopad_as_ci',
  utf8mb4_0900_as_cs: 'utf8mb4_uca1400_nopad_as_cs',
  utf8mb4_0900_bin: 'utf8mb4_nopad_bin',
};

export function collationFor(target: Flavors['target'], collation: string): string {
  if (target === 'mariadb') return MARIADB_COLLATIONS[collation] ?? collation;
  if (/uca1400_nopad_(\w+)$/.test(collation)) return collation.replace(/^.*uca1400_nopad_(\w+)$/, 'utf8mb4_0900_$1');
  if (/uca1400_ai_ci$/.test(collation)) return collation.startsWith('utf8mb3') ? 'utf8mb3_unicode_ci' : 'utf8mb4_unicode_520_ci';
  return collation;
}

function toMariadb(sql: string): string {
  return inCode(sql, (code) =>
    code
      .replace(/\/\*!80023 INVISIBLE \*\//g, 'INVISIBLE')
      .replace(/\/\*!80000 INVISIBLE \*\//g, 'IGNORED')
      .replace(/\/\*!80003 SRID \d+ \*\//g, '')
      .replace(/\bgeomcollection\b/g, 'geometrycollection')
      .replace(/\butf8mb4_\w+/g, (collation) => collationFor('mariadb', collation)),
  );
}

function toMysql(sql: string): string {
  return inCode(sql, (code) =>
    code
      .replace(/\bIGNORED\b/g, 'INVISIBLE')
      .replace(/ PAGE_CHECKSUM=[01]| TRANSACTIONAL=[01]/g, '')
      .replace(/\b(?:utf8mb[34]_)?uca1400_\w+/g, (collation) => collationFor('mysql', collation)),
  );
}
