import { LockkeeperError, messageOf } from '../common/errors.ts';

/** Characters a single pattern may have. Names have at most 64 + 1 + 64, so a longer pattern is a list that wants to be several entries. */
export const maxPatternLength = 512;

/** How many ways of matching a pattern may have to try, as a power of two; an unbounded quantifier over a name counts 7. */
const maxSearchBits = 42;

/**
 * One regular expression on `schema.table`, matched whole, as canal writes them.
 *
 * The syntax is JavaScript's, which for table names is what canal's Perl 5 engine takes. A run of backslashes counts as one,
 * since patterns copied from canal's properties files have theirs doubled (`shop\\..*`); a backslash inside a name can be
 * matched as \x5c. `.` matches every character.
 */
export class NamePattern {
  /** As the user wrote it. */
  readonly text: string;
  /** Number of capturing groups. */
  readonly groups: number;
  readonly #whole: RegExp;
  /** The pattern cut at its dot, where that is possible; decides questions about a schema without knowing its tables. */
  readonly #split: { readonly schema: RegExp; readonly table: RegExp; readonly anyTable: boolean } | null;

  /**
   * @param field path of the manifest field, for the error
   * @param ignoreCase canal's filters ignore case; mappings only where the source does (lower_case_table_names)
   * @throws LockkeeperError LK1007 naming field, pattern and reason
   */
  constructor(text: string, field: string, ignoreCase: boolean) {
    const source = unescapeCanal(text);
    const flags = ignoreCase ? 'is' : 's';
    const scan = check(text, source, field);
    this.text = text;
    this.#whole = new RegExp(`^(?:${source})$`, flags);
    this.groups = (new RegExp(`${source}|`).exec('')?.length ?? 1) - 1;
    this.#split = null;
    if (scan.dot >= 0) {
      const table = source.slice(scan.dot + 2);
      this.#split = {
        schema: new RegExp(`^(?:${source.slice(0, scan.dot)})$`, flags),
        table: new RegExp(`^(?:${table})$`, flags),
        anyTable: /^\(?\.[*+]\)?$/.test(table),
      };
    }
  }

  test(qualifiedName: string): boolean {
    return this.#whole.test(qualifiedName);
  }

  /** The groups' texts ('' for one that took no part), or null. Schema and table are matched apart where the pattern allows, so dots inside names do no harm. */
  match(schema: string, table: string): string[] | null {
    if (this.#split === null) return groupsOf(this.#whole.exec(`${schema}.${table}`));
    const inSchema = groupsOf(this.#split.schema.exec(schema));
    const inTable = inSchema && groupsOf(this.#split.table.exec(table));
    return inSchema && inTable && [...inSchema, ...inTable];
  }

  /** The groups that the schema alone decides, or null where it does not match or cannot be judged alone. */
  matchSchema(schema: string): string[] | null {
    return this.#split === null ? null : groupsOf(this.#split.schema.exec(schema));
  }

  /** False only if no table of the schema can match. */
  mayMatchSchema(schema: string): boolean {
    return this.#split === null || this.#split.schema.test(schema);
  }

  /** True only if every table of the schema matches. */
  coversSchema(schema: string): boolean {
    return this.#split !== null && this.#split.anyTable && this.#split.schema.test(schema);
  }
}

/**
 * The patterns of a filter list. As in canal an entry may hold several, separated by commas; a comma inside brackets
 * (`{1,3}`, `[,]`, `(a,b)`) separates nothing, where canal would cut the pattern in two.
 * @throws LockkeeperError LK1007
 */
export function parseNamePatterns(entries: readonly string[], field: string): NamePattern[] {
  return entries.flatMap((entry, index) =>
    splitAtCommas(entry).map((text) => {
      const path = `${field}[${index}]`;
      if (text === '')
        throw badPattern(entry, path, 'a pattern is empty: it has two commas in a row, or one at its start or end');
      return new NamePattern(text, path, true);
    }),
  );
}

export function splitAtCommas(entry: string): string[] {
  const parts: string[] = [];
  let depth = 0;
  let start = 0;
  let inClass = false;
  for (let i = 0; i < entry.length; i++) {
    const c = entry[i];
    if (c === '\\') {
      while (entry[i + 1] === '\\') i++;
      i++;
    } else if (inClass) inClass = c !== ']';
    else if (c === '[') inClass = true;
    else if (c === '(' || c === '{') depth++;
    else if (c === ')' || c === '}') depth--;
    else if (c === ',' && depth <= 0) {
      parts.push(entry.slice(start, i).trim());
      start = i + 1;
    }
  }
  parts.push(entry.slice(start).trim());
  return parts;
}

/** The `schema.table` that a pattern without any metacharacter but an escaped dot stands for, else null. */
export function literalName(text: string): string | null {
  const match = /^([\w-]+)\\\.([\w-]+)$/.exec(unescapeCanal(text));
  return match === null ? null : `${match[1]}.${match[2]}`;
}

/** A pattern as JavaScript takes it: canal's doubled backslashes become single. */
export function unescapeCanal(text: string): string {
  return text.replace(/\\+/g, '\\');
}

function groupsOf(match: RegExpExecArray | null): string[] | null {
  return match && Array.from(match, (group: string | undefined) => group ?? '').slice(1);
}

function badPattern(text: string, field: string, reason: string, cause?: unknown): LockkeeperError {
  const shown = text.length > 80 ? `${text.slice(0, 77)}...` : text;
  return new LockkeeperError('LK1007', `${field}: bad regular expression ${shown}: ${reason}`, {
    found: shown,
    details: { field, pattern: shown, reason },
    cause,
  });
}

function check(text: string, source: string, field: string): Scan {
  if (text.length > maxPatternLength) {
    throw badPattern(
      text,
      field,
      `it has ${text.length} characters, at most ${maxPatternLength} are allowed; split it into several entries`,
    );
  }
  try {
    new RegExp(source, 's');
  } catch (cause) {
    // V8's message is "Invalid regular expression: /.../s: reason".
    throw badPattern(
      text,
      field,
      messageOf(cause)
        .replace(/^.*\/[a-z]*: /s, '')
        .toLowerCase(),
      cause,
    );
  }
  const scan = scanPattern(source);
  if (scan.reason !== null) throw badPattern(text, field, scan.reason);
  if (!/\.|\[\^|\\[WDSxu]/.test(source)) {
    throw badPattern(
      text,
      field,
      'it has no dot, so it can never match schema.table; write for instance ' + (text === '' ? 'shop' : text) + '\\..*',
    );
  }
  return scan;
}

interface Scan {
  readonly reason: string | null;
  /** Where the only `\.` between schema and table is, or -1. */
  readonly dot: number;
}

interface Frame {
  /** Search bits of the alternative being read, and of the worst one before. */
  bits: number;
  worst: number;
  /** Whether one text may be matched by it in several ways. */
  variable: boolean;
}

/**
 * Reads a valid pattern once: refuses what could take exponential time (a repeated group that varies inside, or too many
 * varying parts) or would silently never match (escapes and classes of other regex languages), and finds the dot.
 */
function scanPattern(source: string): Scan {
  const stack: Frame[] = [{ bits: 0, worst: 0, variable: false }];
  let atom: Frame | null = null; // the group that a quantifier would repeat; null for a single character
  let dots = 0;
  let dot = -1;
  let splittable = true;
  const refuse = (reason: string): Scan => ({ reason, dot: -1 });

  for (let i = 0; i < source.length;) {
    const top = stack.at(-1);
    if (top === undefined) return refuse('unbalanced parentheses');
    const c = source[i];
    const quantifier = /^(?:[*+?]|\{(\d+)(?:(,)(\d*))?\})\??/.exec(source.slice(i));
    if (quantifier) {
      const bits = searchBits(quantifier);
      if (atom?.variable && quantifier[0][0] !== '?')
        return refuse(
          `it repeats a group that itself varies (${quantifier[0]} at character ${i + 1}), which can take exponential time`,
        );
      top.bits += bits + (atom?.worst ?? 0);
      top.variable ||= bits > 0;
      if (dot >= 0 && i === dot + 2) splittable = false;
      atom = null;
      i += quantifier[0].length;
      continue;
    }
    if (atom) top.bits += atom.worst;
    if (atom?.variable) top.variable = true;
    atom = null;
    if (c === '\\') {
      const next = source[i + 1] ?? '';
      if (/[a-zA-Z]/.test(next) && !/[dDwWsSbBxuk]/.test(next))
        return refuse(`it has the escape \\${next}, which means nothing here`);
      if (/[1-9k]/.test(next)) splittable = false;
      if (next === '.' && stack.length === 1 && dots++ === 0) dot = i;
      i += 2;
    } else if (c === '[') {
      let end = i + 1;
      while (end < source.length && source[end] !== ']') end += source[end] === '\\' ? 2 : 1;
      if (source.slice(i, end).includes('[:'))
        return refuse('it has a POSIX class such as [:alpha:], which means nothing here; write [a-zA-Z]');
      i = end + 1;
    } else if (c === '(') {
      const special = /^\(\?(?:[=!]|<[=!])/.test(source.slice(i));
      if (special) splittable = false;
      stack.push({ bits: 0, worst: 0, variable: special });
      i += /^\((?:\?(?:[:=!]|<[=!]|<[^>]*>))?/.exec(source.slice(i))?.[0].length ?? 1;
    } else if (c === ')') {
      stack.pop();
      top.worst = Math.max(top.worst, top.bits);
      atom = top;
      i++;
    } else {
      if (c === '|') {
        top.worst = Math.max(top.worst, top.bits);
        top.bits = 0;
        top.variable = true;
        if (stack.length === 1) splittable = false;
      }
      i++;
    }
  }
  const all = stack[0] ?? { bits: 0, worst: 0, variable: false };
  if (Math.max(all.worst, all.bits + (atom?.worst ?? 0)) > maxSearchBits) {
    return refuse(`it has too many parts that vary (more than ${maxSearchBits / 7} of * or +), which can take very long`);
  }
  return { reason: null, dot: splittable && dots === 1 ? dot : -1 };
}

function searchBits(quantifier: RegExpExecArray): number {
  const [text, from, comma, to] = quantifier;
  if (text[0] === '?') return 1;
  if (from === undefined) return 7;
  if (comma === undefined) return 0;
  return to === '' || to === undefined ? 7 : Math.min(7, Math.log2(Number(to) - Number(from) + 1));
}
