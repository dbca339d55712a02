import { LockkeeperError } from '../common/errors.ts';
import { NamePattern } from './name-pattern.ts';

/** Longest identifier of MySQL and MariaDB, in characters. */
const maxIdentifier = 64;
/** Most tables that the ranges of one rule may stand for. */
export const maxShards = 100_000;

export interface TableName {
  readonly schema: string;
  readonly table: string;
}

/** A schema's or a table's name: fixed, or otter's shards `prefix[from-to]suffix`, zero-padded to `width` digits unless that is 0. */
export type NamePart =
  | { readonly kind: 'fixed'; readonly text: string }
  | {
      readonly kind: 'range';
      readonly prefix: string;
      readonly from: number;
      readonly to: number;
      readonly width: number;
      readonly suffix: string;
    };

/** What a rule's target says about one part, the source's value or shard number being known. */
type TargetPart =
  | { readonly kind: 'same' }
  | { readonly kind: 'fixed'; readonly text: string }
  | { readonly kind: 'shard'; readonly by: 'schema' | 'table'; readonly range: Extract<NamePart, { kind: 'range' }> }
  | { readonly kind: 'template'; readonly pieces: readonly (string | number)[] };

export type TableSource =
  | { readonly kind: 'name'; readonly schema: NamePart; readonly table: NamePart }
  | { readonly kind: 'pattern'; readonly pattern: NamePattern };

/** One entry of spec.tables, parsed. */
export interface MappingRule {
  readonly field: string;
  readonly sourceText: string;
  /** null: same name. */
  readonly targetText: string | null;
  readonly source: TableSource;
  readonly schema: TargetPart;
  readonly table: TargetPart;
}

/**
 * Parses one rule of spec.tables. A name is `schema.table`; parts with unusual characters go in backquotes, where everything
 * is literal. Either part may have one range of shards. `/.../` is a pattern, whose target may use $1, $2 ... ($$ is a dollar).
 * @throws LockkeeperError LK1007 (bad pattern) or LK1010 (any other fault), naming the field
 */
export function parseMappingRule(
  rule: { readonly source: string; readonly target: string | null },
  field: string,
  ignoreCase = false,
): MappingRule {
  const source = parseSource(rule.source, `${field}.source`, ignoreCase);
  const base = { field, sourceText: rule.source, targetText: rule.target, source };
  if (rule.target === null) return { ...base, schema: { kind: 'same' }, table: { kind: 'same' } };
  const path = `${field}.target`;
  if (source.kind === 'pattern') {
    const [schema, table] = splitName(rule.target, path);
    return {
      ...base,
      schema: template(schema, source.pattern, rule.target, path),
      table: template(table, source.pattern, rule.target, path),
    };
  }
  const [schema, table] = splitName(rule.target, path).map((part) => parsePart(part, rule.target ?? '', path)) as [
    NamePart,
    NamePart,
  ];
  for (const part of splitName(rule.target, path)) {
    if (!part.quoted && /\$\d/.test(part.text)) {
      throw fault(
        path,
        rule.target,
        `$1 stands for a group, which only a /pattern/ has; the source is ${rule.source}. Put a name with a dollar in backquotes`,
      );
    }
  }
  return {
    ...base,
    schema: shardTarget(schema, 'schema', source, rule, path),
    table: shardTarget(table, 'table', source, rule, path),
  };
}

/** @throws LockkeeperError LK1007 or LK1010 */
export function parseSource(text: string, field: string, ignoreCase = false): TableSource {
  if (text.startsWith('/')) {
    if (text.length < 2 || !text.endsWith('/')) throw fault(field, text, 'a pattern ends with a slash as it begins: /shop\\..*/');
    return { kind: 'pattern', pattern: new NamePattern(text.slice(1, -1), field, ignoreCase) };
  }
  const parts = splitName(text, field);
  const schema = parsePart(parts[0], text, field);
  const table = parsePart(parts[1], text, field);
  const shards = sizeOf(schema) * sizeOf(table);
  if (shards > maxShards) throw fault(field, text, `its ranges stand for ${shards} tables, at most ${maxShards} are allowed`);
  return { kind: 'name', schema, table };
}

/**
 * Where a rule sends a table of the source, or null if it is not the rule's.
 * @throws LockkeeperError LK1010 if a pattern's groups make a name that is empty or too long
 */
export function applyRule(rule: MappingRule, schema: string, table: string, ignoreCase = false): TableName | null {
  const { source } = rule;
  if (source.kind === 'pattern') {
    const groups = source.pattern.match(schema, table);
    if (groups === null) return null;
    const name = { schema: render(rule.schema, schema, groups, 0, 0), table: render(rule.table, table, groups, 0, 0) };
    for (const [part, text] of Object.entries(name)) {
      if (text === '' || text.length > maxIdentifier) {
        const reason =
          text === '' ? `an empty ${part} name` : `a ${part} name of ${text.length} characters (at most ${maxIdentifier})`;
        throw new LockkeeperError(
          'LK1010',
          `${rule.field}.target: ${rule.targetText ?? ''} makes ${reason} for ${schema}.${table}`,
          {
            found: `${schema}.${table}`,
            details: { field: `${rule.field}.target`, schema, table },
          },
        );
      }
    }
    return name;
  }
  const schemaIndex = indexIn(source.schema, schema, ignoreCase);
  const tableIndex = schemaIndex < 0 ? -1 : indexIn(source.table, table, ignoreCase);
  if (tableIndex < 0) return null;
  return {
    schema: render(rule.schema, schema, [], schemaIndex, tableIndex),
    table: render(rule.table, table, [], schemaIndex, tableIndex),
  };
}

/**
 * The target schema that a rule gives to tables of a source schema: `null` if the rule has none of them, `undefined` if that
 * depends on the table or cannot be told from the schema alone.
 */
export function targetSchemaOf(rule: MappingRule, schema: string, ignoreCase = false): string | null | undefined {
  const { source, schema: target } = rule;
  if (source.kind === 'name') {
    const index = indexIn(source.schema, schema, ignoreCase);
    if (index < 0) return null;
    if (target.kind === 'shard' && target.by === 'table') return undefined;
    return render(target, schema, [], index, 0);
  }
  if (!source.pattern.mayMatchSchema(schema)) return null;
  const groups = source.pattern.matchSchema(schema);
  if (target.kind !== 'template') return groups === null ? undefined : render(target, schema, [], 0, 0);
  const highest = Math.max(0, ...target.pieces.filter((piece) => typeof piece === 'number'));
  if (groups === null || highest > groups.length) return undefined;
  return render(target, schema, groups, 0, 0);
}

/** Whether the rule takes every table of a schema, those to come included. */
export function coversSchema(rule: MappingRule, schema: string): boolean {
  return rule.source.kind === 'pattern' && rule.source.pattern.coversSchema(schema);
}

/** All tables that a source without a pattern names; null for a pattern. */
export function namesOf(source: TableSource): TableName[] | null {
  if (source.kind === 'pattern') return null;
  return valuesOf(source.schema).flatMap((schema) => valuesOf(source.table).map((table) => ({ schema, table })));
}

/** The one target of a rule whose target does not depend on the table, else null. */
export function fixedTarget(rule: MappingRule): TableName | null {
  const schema = constantOf(rule.schema);
  const table = constantOf(rule.table);
  return schema === null || table === null ? null : { schema, table };
}

function constantOf(part: TargetPart): string | null {
  if (part.kind === 'fixed') return part.text;
  return part.kind === 'template' && part.pieces.every((piece) => typeof piece === 'string') ? part.pieces.join('') : null;
}

interface RawPart {
  readonly text: string;
  readonly quoted: boolean;
}

function splitName(text: string, field: string): [RawPart, RawPart] {
  const match = /^(`(?:[^`]|``)+`|[^`.]+)\.(`(?:[^`]|``)+`|[^`.]+)$/.exec(text);
  const [, schema, table] = match ?? [];
  if (schema === undefined || table === undefined) {
    throw fault(
      field,
      text,
      `expected schema.table with one dot, such as shop.orders${text.includes('.') ? '; a part that itself has a dot goes in backquotes, a pattern between slashes' : ''}`,
    );
  }
  return [rawPart(schema), rawPart(table)];
}

function rawPart(text: string): RawPart {
  return text.startsWith('`') ? { text: text.slice(1, -1).replaceAll('``', '`'), quoted: true } : { text, quoted: false };
}

function parsePart(part: RawPart, whole: string, field: string): NamePart {
  if (part.quoted) return { kind: 'fixed', text: sized(part.text, whole, field) };
  if (part.text !== part.text.trim()) throw fault(field, whole, 'there is a space beside a name');
  const range = /^([^[\]]*)\[(\d+)-(\d+)\]([^[\]]*)$/.exec(part.text);
  const plain = range === null ? part.text : `${range[1]}${range[4]}`;
  const odd = /[*?+|(){}^\\/[\]]/.exec(plain);
  if (odd !== null) {
    const hint =
      odd[0] === '[' || odd[0] === ']'
        ? 'a range is written [1-64] or [01-32], one in each part'
        : 'a pattern stands between slashes with its dot escaped, such as /shop\\..*/';
    throw fault(field, whole, `${odd[0]} is not part of a plain name; ${hint}, and an unusual name goes in backquotes`);
  }
  if (range === null) return { kind: 'fixed', text: sized(part.text, whole, field) };
  const [, prefix = '', low = '', high = '', suffix = ''] = range;
  const padded = low.length > 1 && low.startsWith('0');
  const [from, to] = [Number(low), Number(high)];
  if (low.length > 9 || high.length > 9) throw fault(field, whole, `the range [${low}-${high}] is too large`);
  if (from > to) throw fault(field, whole, `the range [${low}-${high}] runs backwards`);
  if ((padded || (high.length > 1 && high.startsWith('0'))) && low.length !== high.length) {
    throw fault(field, whole, `the bounds of the zero-padded range [${low}-${high}] must have equally many digits`);
  }
  sized(`${prefix}${high}${suffix}`, whole, field);
  return { kind: 'range', prefix, from, to, width: padded ? low.length : 0, suffix };
}

function sized(name: string, whole: string, field: string): string {
  if (name.length > maxIdentifier)
    throw fault(field, whole, `a name has at most ${maxIdentifier} characters, this one ${name.length}`);
  if (name.endsWith(' ')) throw fault(field, whole, 'MySQL names do not end with a space');
  return name;
}

function sizeOf(part: NamePart): number {
  return part.kind === 'range' ? part.to - part.from + 1 : 1;
}

function shardName(range: Extract<NamePart, { kind: 'range' }>, index: number): string {
  return `${range.prefix}${String(range.from + index).padStart(range.width, '0')}${range.suffix}`;
}

function valuesOf(part: NamePart): string[] {
  return part.kind === 'fixed' ? [part.text] : Array.from({ length: sizeOf(part) }, (_, index) => shardName(part, index));
}

/** The shard's number from 0, 0 for a fixed name that is equal, -1 if the name is not meant. */
function indexIn(part: NamePart, name: string, ignoreCase: boolean): number {
  const same = (a: string, b: string) => a === b || (ignoreCase && a.toLowerCase() === b.toLowerCase());
  if (part.kind === 'fixed') return same(part.text, name) ? 0 : -1;
  const digits = name.slice(part.prefix.length, name.length - part.suffix.length);
  if (!/^\d{1,9}$/.test(digits)) return -1;
  const index = Number(digits) - part.from;
  // Comparing with the name that this shard must have also refuses wrong padding ("07" in [1-64]).
  return index >= 0 && index < sizeOf(part) && same(shardName(part, index), name) ? index : -1;
}

/** otter's rules: many to one, or shard to shard by index; one to many is refused. A range may also follow the other part's shards. */
function shardTarget(
  part: NamePart,
  which: 'schema' | 'table',
  source: Extract<TableSource, { kind: 'name' }>,
  rule: { readonly source: string; readonly target: string | null },
  field: string,
): TargetPart {
  if (part.kind === 'fixed') return part;
  const by = source[which].kind === 'range' ? which : which === 'schema' ? 'table' : 'schema';
  const from = source[by];
  if (from.kind !== 'range') {
    throw fault(
      field,
      rule.target ?? '',
      `one table (${rule.source}) cannot go to many; give the source a range of the same size, or the target one name`,
    );
  }
  if (sizeOf(from) !== sizeOf(part)) {
    throw fault(
      field,
      rule.target ?? '',
      `its range has ${sizeOf(part)} shards, that of the source ${rule.source} has ${sizeOf(from)}`,
    );
  }
  return { kind: 'shard', by, range: part };
}

function template(part: RawPart, pattern: NamePattern, whole: string, field: string): TargetPart {
  if (part.quoted) return { kind: 'fixed', text: sized(part.text, whole, field) };
  if (/[*?+|(){}^\\/[\]]/.test(part.text)) {
    throw fault(field, whole, 'the target of a pattern is a name with $1, $2 ... for the groups, not a pattern or a range');
  }
  const pieces: (string | number)[] = [];
  let rest = 0;
  for (const found of part.text.matchAll(/\$(\$|\d{1,2})/g)) {
    pieces.push(part.text.slice(rest, found.index));
    rest = found.index + found[0].length;
    const digits = found[1] ?? '';
    if (digits === '$') {
      pieces.push('$');
      continue;
    }
    // As in JavaScript: $10 is the tenth group where there is one, else the first followed by a 0.
    const two = digits.length === 2 && (Number(digits) > pattern.groups || Number(digits) === 0) ? digits.slice(0, 1) : digits;
    const group = Number(two);
    if (group < 1 || group > pattern.groups) {
      throw fault(
        field,
        whole,
        `it uses $${two}, but the pattern /${pattern.text}/ has ${pattern.groups === 0 ? 'no group' : `groups $1${pattern.groups === 1 ? ' only' : ` to $${pattern.groups}`}`}`,
      );
    }
    pieces.push(group, digits.slice(two.length));
  }
  pieces.push(part.text.slice(rest));
  const kept = pieces.filter((piece) => piece !== '');
  if (kept.every((piece) => typeof piece === 'string')) return { kind: 'fixed', text: sized(kept.join(''), whole, field) };
  return { kind: 'template', pieces: kept };
}

function render(part: TargetPart, same: string, groups: readonly string[], schemaIndex: number, tableIndex: number): string {
  switch (part.kind) {
    case 'same':
      return same;
    case 'fixed':
      return part.text;
    case 'shard':
      return shardName(part.range, part.by === 'schema' ? schemaIndex : tableIndex);
    case 'template':
      return part.pieces.map((piece) => (typeof piece === 'string' ? piece : (groups[piece - 1] ?? ''))).join('');
    default:
      return part satisfies never;
  }
}

function fault(field: string, text: string, reason: string): LockkeeperError {
  return new LockkeeperError('LK1010', `${field}: ${text === '' ? '(empty)' : text}: ${reason}`, {
    found: text,
    remedy: `Correct ${field}: ${reason}.`,
    details: { field, reason },
  });
}
