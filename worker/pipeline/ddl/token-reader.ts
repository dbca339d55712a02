import type { Range, Token } from './lexer.ts';

/** A table's name in the text, resolved. */
export interface NameRef extends Range {
  readonly schema: string;
  readonly table: string;
  /** The parts as they are written, quotes included; null where the schema is left out. */
  readonly schemaRange: Range | null;
  readonly tableRange: Range;
}

/** A name whose bytes are not valid in the statement's character set. */
export class UnreadableName extends Error {}

export interface NameContext {
  readonly defaultSchema: string;
  readonly decode: (bytes: string) => string | null;
  readonly lowerCase: boolean;
  /** Length of the text. */
  readonly length: number;
}

/** A cursor over tokens. */
export class TokenReader {
  readonly #tokens: readonly Token[];
  readonly #context: NameContext;
  index = 0;

  constructor(tokens: readonly Token[], context: NameContext) {
    // Terminators at the end are none of the statement.
    let length = tokens.length;
    while (length > 0 && tokens[length - 1]!.keyword === ';') length--;
    this.#tokens = tokens.slice(0, length);
    this.#context = context;
  }

  get atEnd(): boolean {
    return this.index >= this.#tokens.length;
  }

  get defaultSchema(): string {
    return this.#context.defaultSchema;
  }

  /** Offset of the next token, or the end of the text. */
  get offset(): number {
    return this.peek()?.start ?? this.#context.length;
  }

  peek(ahead = 0): Token | undefined {
    return this.#tokens[this.index + ahead];
  }

  next(): Token | undefined {
    return this.#tokens[this.index++];
  }

  /** Whether the next tokens are these keywords or symbols. */
  is(...keywords: readonly string[]): boolean {
    return keywords.every((keyword, ahead) => this.peek(ahead)?.keyword === keyword);
  }

  /** Takes the next tokens if they are these. */
  accept(...keywords: readonly string[]): boolean {
    if (!this.is(...keywords)) return false;
    this.index += keywords.length;
    return true;
  }

  acceptAny(...keywords: readonly string[]): boolean {
    return keywords.some((keyword) => this.accept(keyword));
  }

  /** Takes one token, or all to the closing parenthesis where it opens one. */
  skipGroup(): void {
    let depth = 0;
    do {
      const { keyword } = this.next() ?? { keyword: '' };
      if (keyword === '(') depth++;
      else if (keyword === ')') depth--;
    } while (depth > 0 && !this.atEnd);
  }

  /**
   * Takes `table`, `schema.table` or `.table`; null (and nothing taken) if no name stands here.
   * @param defaultSchema - what a name without schema belongs to, if not to the statement's default schema
   */
  name(defaultSchema = this.#context.defaultSchema): NameRef | null {
    const start = this.index;
    const dot = this.is('.') ? this.next()! : null;
    const first = this.next();
    if (!isIdentifier(first)) {
      this.index = start;
      return null;
    }
    if (dot !== null || !this.is('.') || !isIdentifier(this.peek(1))) return this.#resolve(defaultSchema, null, first, dot);
    this.index++;
    return this.#resolve(this.#text(first), first, this.next()!, null);
  }

  /** Takes the name of a schema. */
  schemaName(): { readonly schema: string; readonly range: Range } | null {
    const token = this.peek();
    if (!isIdentifier(token)) return null;
    this.index++;
    return { schema: this.#fold(this.#text(token)), range: token };
  }

  /** The text of an identifier token. */
  textOf(token: Token): string {
    return this.#fold(this.#text(token));
  }

  #resolve(schema: string, schemaRange: Range | null, table: Token, dot: Token | null): NameRef {
    return {
      schema: this.#fold(schema),
      table: this.#fold(this.#text(table)),
      start: (dot ?? schemaRange ?? table).start,
      end: table.end,
      schemaRange,
      tableRange: table,
    };
  }

  #text(token: Token): string {
    const text = this.#context.decode(token.value);
    if (text === null) throw new UnreadableName('a name in it is not valid in the character set of its session');
    return text;
  }

  #fold(name: string): string {
    return this.#context.lowerCase ? name.toLowerCase() : name;
  }
}

export function isIdentifier(token: Token | undefined): token is Token {
  return token !== undefined && (token.kind === 'word' || token.kind === 'quoted') && token.value !== '';
}
