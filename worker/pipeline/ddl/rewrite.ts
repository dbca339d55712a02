import { LockkeeperError, type ErrorCode } from '../../../common/errors.ts';
import { isSystemSchema } from '../../../crds/system-schemas.ts';
import type { Range } from './lexer.ts';
import type {
  DropTables,
  NameRef,
  NameRole,
  ParsedStatement,
  RenameTables,
  SchemaChange,
  Statement,
  TableChange,
} from './statement.ts';

export interface TableName {
  readonly schema: string;
  readonly table: string;
}

/** A name that a statement changes; `table` is null for a schema with all that is in it. */
export interface AffectedName {
  readonly schema: string;
  readonly table: string | null;
}

export interface NameMapping {
  /** The target of a source table, null when it does not travel. */
  mapTable(schema: string, table: string): TableName | null;
  /** The one target of a source schema, null when it has none or several. */
  mapSchema(schema: string): string | null;
  /** Whether every table of the schema travels: only then may the target's schema be dropped. All do where it is left out. */
  coversSchema?(schema: string): boolean;
  /** Whether other source tables flow into the same target table. None do where it is left out. */
  isMerged?(schema: string, table: string): boolean;
}

/** How a new worker finds out whether a statement that was interrupted took effect: see recovery.ts. */
export type RecoveryPlan =
  /** Running it again, in this form, changes nothing that it has done already. */
  | { readonly kind: 'repeat'; readonly sql: string }
  /** It shows in existence or definition of what it affects. */
  | { readonly kind: 'compare' }
  /** Names move; tables may look the same before and after. */
  | { readonly kind: 'moves'; readonly moves: readonly { readonly from: TableName; readonly to: TableName }[] }
  /** It shows in the identity of tables only. */
  | { readonly kind: 'identity' };

/** What a statement does to a schema of the target. */
export interface SchemaEffect {
  readonly verb: SchemaChange['verb'];
  readonly schema: string;
  /** The statement in a form that takes it well when its work is done already. */
  readonly again: Pick<ExecuteStatement, 'sql' | 'recovery'>;
}

export interface ExecuteStatement {
  readonly kind: 'execute';
  /** Bytes to send, one character each, in the character set of the source's session. Every name in it is qualified. */
  readonly sql: string;
  readonly affects: readonly AffectedName[];
  /** The tables of the source among them; none where a whole schema is changed. */
  readonly sourceAffects: readonly TableName[];
  readonly schemaChange: SchemaEffect | null;
  readonly recovery: RecoveryPlan;
  /** A target table whose rows get numbers in the order in which they are read, null when there is none. */
  readonly numbersRows: TableName | null;
}

export type RewrittenStatement = ExecuteStatement | { readonly kind: 'ignore'; readonly reason: string } | RefusedStatement;

export interface RefusedStatement {
  readonly kind: 'refuse';
  readonly error: LockkeeperError;
  /** The tables of the source that it would change, of those that travel. */
  readonly sourceAffects: readonly TableName[];
  /** It would change a whole schema. */
  readonly wholeSchema: boolean;
}

interface Edit extends Range {
  readonly text: string;
}

/** Thrown within this module: the statement is refused. */
class Refusal extends Error {
  readonly remedy: string | undefined;
  readonly code: ErrorCode;

  constructor(reason: string, remedy?: string, code: ErrorCode = 'LK1502') {
    super(reason);
    this.remedy = remedy;
    this.code = code;
  }
}

/**
 * Turns a source statement into what the target is to run: names mapped and fully qualified (so no default schema matters),
 * lists reduced to what travels, marks of executable comments taken off (both servers shall read the same text).
 * Pure; never throws for what a statement says.
 */
export function rewriteStatement(parsed: ParsedStatement, mapping: NameMapping): RewrittenStatement {
  const { statement } = parsed;
  try {
    switch (statement.kind) {
      case 'table':
        return rewriteTableChange(parsed, statement, mapping);
      case 'drop-tables':
        return rewriteDrop(parsed, statement, mapping);
      case 'rename-tables':
        return rewriteRename(parsed, statement, mapping);
      case 'schema':
        return rewriteSchema(parsed, statement, mapping);
      case 'temporary':
        return { kind: 'ignore', reason: 'temporary tables are seen by their own session alone' };
      case 'other':
        return { kind: 'ignore', reason: `${statement.verb} of ${ignored[statement.object]}` };
      case 'rows':
        throw new Refusal(`${statement.verb} was logged as a statement, not as rows`, undefined, 'LK1205');
      case 'unknown':
        throw new Refusal(`the statement cannot be applied: ${statement.reason}`);
      default:
        return statement satisfies never;
    }
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    return {
      kind: 'refuse',
      error: new LockkeeperError(error.code, error.message, { found: excerpt(parsed), remedy: error.remedy }),
      sourceAffects: distinct(
        changedNames(statement)
          .filter((name) => travels(mapping, name))
          .map(plain),
      ),
      wholeSchema: statement.kind === 'schema',
    };
  }
}

function changedNames(statement: Statement): readonly NameRef[] {
  if (statement.kind === 'table') return [statement.table, ...changedOthers(statement)];
  if (statement.kind === 'drop-tables') return statement.tables;
  return statement.kind === 'rename-tables' ? statement.pairs.flatMap(({ from, to }) => [from, to]) : [];
}

function changedOthers({ others }: TableChange): NameRef[] {
  return others.filter(({ role }) => role === 'renamed' || role === 'partner').map(({ name }) => name);
}

function travels(mapping: NameMapping, { schema, table }: NameRef): boolean {
  return schema !== '' && !isSystemSchema(schema) && mapping.mapTable(schema, table) !== null;
}

const ignored = {
  view: 'a view: views hold no rows and are left to each side',
  trigger: 'a trigger: what it does arrives as rows',
  routine: 'a stored routine: what it does arrives as rows',
  event: 'an event: what it does arrives as rows',
  account: 'accounts and privileges: each side has its own',
  'server object': 'a server object: each side has its own',
  administration: 'administration: it changes no rows',
} as const;

const roles: Record<NameRole, string> = {
  renamed: 'its new name',
  parent: 'the parent of its foreign key',
  template: 'the table that it is made like',
  partner: 'the table that it exchanges rows with',
  sequence: 'the sequence of a default value',
};

function rewriteTableChange(parsed: ParsedStatement, change: TableChange, mapping: NameMapping): RewrittenStatement {
  const subject = route(mapping, change.table);
  const mapped = change.others.map(({ role, name }) => ({ role, name, target: route(mapping, name) }));
  if (subject === null) {
    const crossing = mapped.find(({ role, target }) => target !== null && (role === 'renamed' || role === 'partner'));
    if (crossing === undefined) return { kind: 'ignore', reason: `${label(change.table)} does not travel` };
    throw boundary(change.table, crossing.name);
  }
  for (const { role, name, target } of mapped) {
    if (target !== null) continue;
    if (role === 'renamed' || role === 'partner') throw boundary(name, change.table);
    throw new Refusal(
      `${label(change.table)} travels but ${label(name)}, ${roles[role]}, does not`,
      `Let ${label(name)} travel too (spec.filter of the instance, spec.tables of the pipeline), or make the change at the target by hand without it and mark the statement as done.`,
    );
  }
  const affected = [change.table, ...changedOthers(change)];
  for (const name of affected) forbidMerged(mapping, name);
  const edits: Edit[] = [
    replaceName(parsed, change.table, subject),
    ...mapped.map(({ name, target }) => replaceName(parsed, name, target!)),
    ...change.qualifiers.map(({ start, end }) => ({ start, end, text: quoteName(parsed, subject) })),
    ...change.cuts.map(({ start, end }) => ({ start, end, text: '' })),
    ...change.substitutes,
  ];
  const sql = edited(parsed, edits);
  return {
    kind: 'execute',
    sql,
    affects: affected.map((name) => route(mapping, name)!),
    sourceAffects: affected.map(plain),
    schemaChange: null,
    recovery: change.repeatable ? { kind: 'repeat', sql } : { kind: change.exchange ? 'identity' : 'compare' },
    numbersRows: change.numbersRows ? subject : null,
  };
}

function rewriteDrop(parsed: ParsedStatement, drop: DropTables, mapping: NameMapping): RewrittenStatement {
  const routed = drop.tables.map((name) => ({ name, target: route(mapping, name) }));
  const kept = routed.filter(({ target }) => target !== null);
  if (kept.length === 0) return { kind: 'ignore', reason: `${drop.tables.map(label).join(', ')} do not travel` };
  for (const { name } of kept) forbidMerged(mapping, name);
  const edits = [
    ...kept.map(({ name, target }) => replaceName(parsed, name, target!)),
    ...reduceList(routed.map(({ name, target }) => ({ start: name.start, end: name.end, keep: target !== null }))),
  ];
  const ifExists = drop.ifExists ? [] : [{ start: drop.namesAt, end: drop.namesAt, text: 'IF EXISTS ' }];
  return {
    kind: 'execute',
    sql: edited(parsed, edits),
    affects: kept.map(({ target }) => target!),
    sourceAffects: kept.map(({ name }) => plain(name)),
    schemaChange: null,
    recovery: { kind: 'repeat', sql: edited(parsed, [...ifExists, ...edits]) },
    numbersRows: null,
  };
}

function rewriteRename(parsed: ParsedStatement, rename: RenameTables, mapping: NameMapping): RewrittenStatement {
  const pairs = rename.pairs.map(({ from, to }) => ({ from, to, source: route(mapping, from), target: route(mapping, to) }));
  for (const { from, to, source, target } of pairs) {
    if ((source === null) !== (target === null)) throw source === null ? boundary(from, to) : boundary(to, from);
  }
  const kept = pairs.filter(({ source }) => source !== null);
  if (kept.length === 0) return { kind: 'ignore', reason: `${pairs.map(({ from }) => label(from)).join(', ')} do not travel` };
  const names = kept.flatMap(({ from, to }) => [from, to]);
  for (const name of names) forbidMerged(mapping, name);
  const edits = [
    ...kept.flatMap(({ from, to, source, target }) => [replaceName(parsed, from, source!), replaceName(parsed, to, target!)]),
    ...reduceList(pairs.map(({ from, to, source }) => ({ start: from.start, end: to.end, keep: source !== null }))),
  ];
  return {
    kind: 'execute',
    sql: edited(parsed, edits),
    affects: distinct(kept.flatMap(({ source, target }) => [source!, target!])),
    sourceAffects: distinct(names.map(plain)),
    schemaChange: null,
    recovery: { kind: 'moves', moves: kept.map(({ source, target }) => ({ from: source!, to: target! })) },
    numbersRows: null,
  };
}

function rewriteSchema(parsed: ParsedStatement, change: SchemaChange, mapping: NameMapping): RewrittenStatement {
  const { schema, verb, range } = change;
  const target = isSystemSchema(schema) ? null : mapping.mapSchema(schema);
  if (target === null) return { kind: 'ignore', reason: `schema ${schema} does not travel as a whole` };
  if (isSystemSchema(target)) throw new Refusal(`schema ${target} of the target is not Lockkeeper's to change`);
  if (verb === 'drop' && mapping.coversSchema?.(schema) === false) {
    throw new Refusal(
      `schema ${schema} was dropped, but only some of its tables travel, so schema ${target} cannot be dropped`,
      'Drop the tables that travelled at the target by hand, if they are to go; then mark the statement as done.',
    );
  }
  const name = quotePart(parsed, target);
  const separator = range.start === range.end ? ' ' : '';
  const edit = { ...range, text: `${separator}${name}${separator}` };
  const sql = edited(parsed, [edit]);
  const guard =
    verb === 'drop' && !change.ifExists ? 'IF EXISTS ' : verb === 'create' && !change.repeatable ? 'IF NOT EXISTS ' : '';
  const guarded = guard === '' ? sql : edited(parsed, [{ ...edit, text: guard + edit.text }]);
  const repeat = { kind: 'repeat', sql: guarded } as const;
  return {
    kind: 'execute',
    sql,
    affects: [{ schema: target, table: null }],
    sourceAffects: [],
    schemaChange: { verb, schema: target, again: { sql: guarded, recovery: repeat } },
    recovery: change.repeatable ? repeat : { kind: 'compare' },
    numbersRows: null,
  };
}

function route(mapping: NameMapping, name: NameRef): TableName | null {
  if (isSystemSchema(name.schema)) return null;
  if (name.schema === '') throw new Refusal(`table ${name.table} is named without a schema, and the session had none`);
  const target = mapping.mapTable(name.schema, name.table);
  if (target !== null && isSystemSchema(target.schema)) {
    throw new Refusal(`schema ${target.schema} of the target is not Lockkeeper's to change`);
  }
  return target;
}

function boundary(outside: NameRef, inside: NameRef): Refusal {
  return new Refusal(
    `rows move between ${label(inside)}, which travels, and ${label(outside)}, which does not`,
    `Let ${label(outside)} travel too: online schema changes need their helper tables (gh-ost: _table_gho, _table_ghc, _table_del; ` +
      'pt-online-schema-change: _table_new, _table_old) in spec.filter and spec.tables. For this statement, bring the target’s ' +
      'table to the source’s state by hand and mark the statement as done.',
  );
}

function forbidMerged(mapping: NameMapping, name: NameRef): void {
  if (mapping.isMerged?.(name.schema, name.table) !== true) return;
  const target = mapping.mapTable(name.schema, name.table)!;
  throw new Refusal(
    `${label(name)} is one of several tables that flow into ${target.schema}.${target.table}, so its DDL cannot be applied there`,
    'When all source tables have changed, make the change at the target once by hand; mark each of the statements as done.',
  );
}

/** Cuts the items of a list that are not kept, each with one of the commas beside it. */
function reduceList(items: readonly (Range & { readonly keep: boolean })[]): Edit[] {
  const edits: Edit[] = [];
  let kept = false;
  items.forEach((item, index) => {
    if (item.keep) kept = true;
    else if (kept) edits.push({ start: items[index - 1]!.end, end: item.end, text: '' });
    else edits.push({ start: item.start, end: items[index + 1]!.start, text: '' });
  });
  return edits;
}

function replaceName(parsed: ParsedStatement, name: NameRef, target: TableName): Edit {
  return { start: name.start, end: name.end, text: quoteName(parsed, target) };
}

function quoteName(parsed: ParsedStatement, name: TableName): string {
  return `${quotePart(parsed, name.schema)}.${quotePart(parsed, name.table)}`;
}

function quotePart(parsed: ParsedStatement, text: string): string {
  // Doubling works on characters: in some charsets a backtick is also the second byte of another one.
  const bytes = parsed.charset.encode(text.replaceAll('`', '``'));
  if (bytes === null)
    throw new Refusal(`name ${text} cannot be written in ${parsed.charset.name}, the statement's character set`);
  return `\`${bytes}\``;
}

/** Applies edits that do not overlap; marks of executable comments become blanks. */
function edited(parsed: ParsedStatement, edits: readonly Edit[]): string {
  const blanks = parsed.marks.map(({ start, end }) => ({ start, end, text: ' ' }));
  let sql = '';
  let at = 0;
  for (const edit of [...edits, ...blanks].sort((a, b) => a.start - b.start || a.end - b.end)) {
    if (edit.start < at) continue; // a mark within a piece that was cut
    sql += parsed.text.slice(at, edit.start) + edit.text;
    at = edit.end;
  }
  return (sql + parsed.text.slice(at)).replace(/[ \t\r\n\f\v;]+$/, '');
}

function plain({ schema, table }: NameRef): TableName {
  return { schema, table };
}

function distinct(names: readonly TableName[]): TableName[] {
  return names.filter((name, index) => names.findIndex((n) => n.schema === name.schema && n.table === name.table) === index);
}

function label(name: TableName): string {
  return `${name.schema}.${name.table}`;
}

function excerpt(parsed: ParsedStatement): string {
  const text = (parsed.charset.decode(parsed.text) ?? parsed.text).replace(/\s+/g, ' ').trim();
  return text.length > 300 ? `${text.slice(0, 300)}…` : text;
}
