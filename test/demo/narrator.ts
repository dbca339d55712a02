/** Tells a person what happens: numbered steps, each with a reason; a line that moves on a terminal, plain lines elsewhere. */
export class Narrator {
  readonly #out: NodeJS.WriteStream;
  readonly #colors: boolean;
  #step = 0;
  /** A moving line stands on the screen and will be drawn over. */
  #moving = false;
  #movedAt = -Infinity;

  constructor(out: NodeJS.WriteStream = process.stdout) {
    this.#out = out;
    this.#colors = out.isTTY && process.env['NO_COLOR'] === undefined;
  }

  title(text: string, below: string): void {
    this.#write(`\n${this.#paint('1', text)}\n${this.#paint('2', below)}\n`);
  }

  /** `why`: what it shows, or why it matters. */
  step(what: string, why: string): void {
    this.#write(`\n${this.#paint('1;36', `${++this.#step}. ${what}`)}\n`);
    this.#movedAt = performance.now();
    for (const line of wrap(why, Math.min(110, this.#width - 4))) this.#write(`   ${this.#paint('2', line)}\n`);
  }

  line(text = ''): void {
    this.#write(text === '' ? '\n' : `   ${text}\n`);
  }

  /** Lines of a table, their columns below each other. */
  table(rows: readonly (readonly string[])[]): void {
    const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
    for (const row of rows)
      this.line(
        row
          .map((cell, column) => cell.padEnd(widths[column]!))
          .join('   ')
          .trimEnd(),
      );
  }

  good(text: string): void {
    this.line(`${this.#paint('1;32', 'ok')}  ${text}`);
  }

  bad(text: string): void {
    this.#write(`\n   ${this.#paint('1;31', 'FAILED')}  ${text}\n`);
  }

  strong(text: string): string {
    return this.#paint('1', text);
  }

  /** Draws over the last moving line; without a terminal a line every two seconds. */
  moving(text: string): void {
    if (!this.#out.isTTY) {
      if (performance.now() - this.#movedAt < 2000) return;
      this.#movedAt = performance.now();
      this.line(text);
      return;
    }
    this.#out.write(`\r\x1b[2K   ${text.slice(0, this.#width - 4)}`);
    this.#moving = true;
  }

  /** Removes the moving line. */
  settle(): void {
    if (this.#moving) this.#out.write('\r\x1b[2K');
    this.#moving = false;
  }

  get #width(): number {
    return this.#out.columns ?? 120;
  }

  #write(text: string): void {
    this.settle();
    this.#out.write(text);
  }

  #paint(code: string, text: string): string {
    return this.#colors ? `\x1b[${code}m${text}\x1b[0m` : text;
  }
}

function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else {
      line = line === '' ? word : `${line} ${word}`;
    }
  }
  return [...lines, line];
}

/** 1234567 as `1,234,567`. */
export function count(value: number): string {
  return Math.round(value).toLocaleString('en-US');
}

export function bar(share: number, width = 30): string {
  const filled = Math.round(Math.min(1, share) * width);
  return `[${'#'.repeat(filled)}${'.'.repeat(width - filled)}]`;
}
