import { isReplaced, TARGET_ENGINE } from '../../target/engines.ts';
import type { Range, Token } from './lexer.ts';
import type { NameRole, Substitute, TableChange } from './statement.ts';
import { isIdentifier, type NameRef, type TokenReader } from './token-reader.ts';

type TableBody = Pick<TableChange, 'others' | 'qualifiers' | 'cuts' | 'substitutes' | 'exchange' | 'numbersRows'>;

/** Functions whose value for an existing row cannot be the same at two servers. */
const UNDETERMINED = new Set([
  'UUID',
  'UUID_SHORT',
  'UUID_V4',
  'UUID_V7',
  'RAND',
  'RANDOM_BYTES',
  'SYS_GUID',
  'SYSDATE',
  'CONNECTION_ID',
  'LAST_INSERT_ID',
  'NEXTVAL',
  'USER',
  'SESSION_USER',
  'SYSTEM_USER',
  'LOAD_FILE',
]);

/** Engines without transactions, for the spelling without an equals sign: ENGINE may also be a column's name. */
const UNTRANSACTIONAL = new Set(['MYISAM', 'ARIA', 'MARIA', 'MEMORY', 'HEAP', 'CSV', 'ARCHIVE', 'BLACKHOLE', 'FEDERATED']);
/** Before these words ENGINE is no option. */
const BEFORE_COLUMN = new Set(['CHANGE', 'COLUMN', 'EXISTS']);

/**
 * Finds the names of tables in what follows the name in CREATE TABLE or ALTER TABLE, by the reserved words before them: no
 * full grammar, but nothing else in either statement can hold a table's name.
 * Returns why the statement cannot be applied, as text, where it cannot.
 */
export function scanTableBody(reader: TokenReader, table: NameRef, alter: boolean): TableBody | string {
  return new TableBodyScanner(reader, table, alter).run();
}

class TableBodyScanner {
  readonly #reader: TokenReader;
  readonly #table: NameRef;
  readonly #alter: boolean;
  readonly #others: { role: NameRole; name: NameRef }[] = [];
  readonly #qualifiers: Range[] = [];
  readonly #cuts: Range[] = [];
  readonly #substitutes: Substitute[] = [];
  #depth = 0;
  /** Behind the word PARTITION: what stands in parentheses may have options too. */
  #partitions = false;
  #exchange = false;
  #numbersRows = false;
  /** Within ADD of an ALTER TABLE. */
  #adding = false;
  #problem: string | null = null;

  constructor(reader: TokenReader, table: NameRef, alter: boolean) {
    this.#reader = reader;
    this.#table = table;
    this.#alter = alter;
  }

  run(): TableBody | string {
    const reader = this.#reader;
    let specBegins = this.#alter;
    while (!reader.atEnd && this.#problem === null) {
      if (this.#depth === 0 && this.#alter && specBegins) {
        this.#adding = reader.is('ADD');
        specBegins = false;
        if (this.#alterSpec()) continue;
      }
      if (this.#depth === 0 && this.#topLevel()) continue;
      if (this.#anyLevel()) continue;
      const { keyword } = reader.next()!;
      if (keyword === '(') this.#depth++;
      else if (keyword === ')') this.#depth--;
      else if (keyword === ',' && this.#depth === 0) specBegins = true;
    }
    if (this.#problem === null && this.#depth !== 0) this.#problem = 'its parentheses do not match';
    return (
      this.#problem ?? {
        others: this.#others,
        qualifiers: this.#qualifiers,
        cuts: this.#cuts,
        substitutes: this.#substitutes,
        exchange: this.#exchange,
        numbersRows: this.#numbersRows,
      }
    );
  }

  /** Takes what begins a part of an ALTER TABLE, if it names a table. */
  #alterSpec(): boolean {
    const reader = this.#reader;
    if (reader.is('RENAME')) {
      const what = reader.peek(1)?.keyword ?? '';
      if (what === 'COLUMN' || what === 'INDEX' || what === 'KEY') return false;
      reader.next();
      if (!reader.accept('TO')) reader.acceptAny('AS', '=');
      return this.#name('renamed');
    }
    if (reader.accept('EXCHANGE', 'PARTITION')) {
      reader.next();
      if (!reader.accept('WITH', 'TABLE')) return this.#fail('EXCHANGE PARTITION without WITH TABLE');
      this.#exchange = true;
      return this.#name('partner');
    }
    if (reader.accept('CONVERT', 'PARTITION')) {
      reader.next();
      if (!reader.accept('TO', 'TABLE')) return this.#fail('CONVERT PARTITION without TO TABLE');
      return this.#name('partner');
    }
    if (reader.accept('CONVERT', 'TABLE')) return this.#name('partner');
    if (reader.is('IMPORT') || reader.is('DISCARD')) {
      const next = reader.peek(1)?.keyword;
      if (next === 'TABLESPACE' || next === 'PARTITION') {
        return this.#fail(`${reader.peek()!.keyword} TABLESPACE moves rows in files that the binlog does not hold`);
      }
    }
    return false;
  }

  #topLevel(): boolean {
    const reader = this.#reader;
    if (reader.is('START', 'TRANSACTION')) {
      const start = reader.offset;
      reader.index += 2;
      if (!reader.atEnd) return this.#fail('START TRANSACTION stands not at its end');
      this.#cuts.push({ start, end: reader.peek(-1)!.end });
      return true;
    }
    if (reader.is('UNION', '(') || reader.is('UNION', '=', '(')) {
      reader.accept('UNION');
      reader.accept('=');
      do {
        reader.next();
        if (reader.is(')')) break;
        this.#name('partner');
      } while (reader.is(',') && this.#problem === null);
      return reader.accept(')') || this.#fail('UNION of a MERGE table cannot be read');
    }
    if (!this.#alter && (reader.is('TABLE') || reader.is('VALUES') || reader.is('AS'))) {
      return this.#fail('its rows come from a query');
    }
    return false;
  }

  #anyLevel(): boolean {
    const reader = this.#reader;
    const before = reader.peek(-1)?.keyword;
    if (before !== '.') {
      if (this.#depth === 0 && reader.is('PARTITION')) this.#partitions = true;
      if ((this.#depth === 0 || this.#partitions) && this.#option(before)) return true;
      if (reader.is('SELECT')) return this.#fail('it holds a query');
      // A parent without a schema is in the schema of the child, not in the session's.
      if (reader.accept('REFERENCES')) return this.#name('parent', this.#table.schema);
      if (this.#isSequenceCall()) return this.#name('sequence');
      this.#noteHazards();
      if (this.#qualifier()) return true;
    }
    return false;
  }

  /** Takes an option whose value the target must not have. */
  #option(before: string | undefined): boolean {
    const reader = this.#reader;
    const option = reader.peek()!.keyword;
    if ((option !== 'ENGINE' && option !== 'ROW_FORMAT') || BEFORE_COLUMN.has(before ?? '')) return false;
    const assigned = reader.peek(1)?.keyword === '=';
    const value = reader.peek(assigned ? 2 : 1);
    if (value === undefined) return false;
    const text = option === 'ENGINE' ? engineFor(value, assigned) : rowFormatFor(value);
    if (text === null) return false;
    this.#substitutes.push({ start: value.start, end: value.end, text });
    reader.index += assigned ? 3 : 2;
    return true;
  }

  /** MariaDB: NEXTVAL(name), NEXT VALUE FOR name and their like. Takes what stands before the name. */
  #isSequenceCall(): boolean {
    const reader = this.#reader;
    if (reader.is('NEXT', 'VALUE', 'FOR') || reader.is('PREVIOUS', 'VALUE', 'FOR')) {
      if (this.#adding && reader.is('NEXT')) this.#undetermined('NEXT VALUE FOR');
      reader.index += 3;
      return true;
    }
    for (const name of ['NEXTVAL', 'LASTVAL', 'SETVAL']) {
      if (!reader.is(name, '(') || !isIdentifier(reader.peek(2))) continue;
      if (this.#adding) this.#undetermined(name);
      reader.index += 2;
      this.#depth++;
      return true;
    }
    return false;
  }

  #noteHazards(): void {
    if (!this.#alter) return;
    const reader = this.#reader;
    const { keyword } = reader.peek()!;
    const after = reader.peek(1);
    if (keyword === 'AUTO_INCREMENT' && after?.keyword !== '=' && after?.kind !== 'number') this.#numbersRows = true;
    else if (this.#adding && keyword === 'SERIAL') this.#numbersRows = true;
    else if (this.#adding && UNDETERMINED.has(keyword) && after?.keyword === '(') this.#undetermined(keyword);
  }

  #undetermined(name: string): void {
    this.#problem ??= `${name} would give existing rows other values than at the source; add the column at the target and copy the table anew`;
  }

  /** Columns in expressions may be qualified with their own table: `t.a`, `s.t.a`. */
  #qualifier(): boolean {
    const reader = this.#reader;
    if (!isIdentifier(reader.peek()) || reader.peek(1)?.keyword !== '.' || !isIdentifier(reader.peek(2))) return false;
    const [first, second] = [reader.peek()!, reader.peek(2)!];
    const three = reader.peek(3)?.keyword === '.' && isIdentifier(reader.peek(4));
    if (!three) {
      if (reader.textOf(first) === this.#table.table) this.#qualifiers.push({ start: first.start, end: first.end });
      reader.index += 3;
      return true;
    }
    if (reader.textOf(first) === this.#table.schema && reader.textOf(second) === this.#table.table) {
      this.#qualifiers.push({ start: first.start, end: second.end });
    }
    reader.index += 5;
    return true;
  }

  #name(role: NameRole, defaultSchema?: string): boolean {
    const name = this.#reader.name(defaultSchema);
    if (name === null) return this.#fail(`there is no name at offset ${this.#reader.offset}`);
    this.#others.push({ role, name });
    return true;
  }

  #fail(problem: string): true {
    this.#problem ??= problem;
    return true;
  }
}

/** What stands in place of an engine without transactions; null for other values, and where none may be meant. */
function engineFor({ kind, value }: Token, assigned: boolean): string | null {
  const named = kind === 'word' || kind === 'quoted' || kind === 'string';
  if (!named || !isReplaced(value)) return null;
  return assigned || UNTRANSACTIONAL.has(value.toUpperCase()) ? TARGET_ENGINE : null;
}

/** Row formats of engines without transactions. */
function rowFormatFor({ keyword }: Token): string | null {
  return keyword === 'FIXED' || keyword === 'PAGE' ? 'DEFAULT' : null;
}
