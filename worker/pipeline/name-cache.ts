/** Most names remembered. A source that makes tables without end (one for each gh-ost run, say) must not fill the memory. */
const maxNames = 100_000;

/** Remembers an answer for each (schema, table) without building a key for each question. */
export class NameCache<T> {
  readonly #compute: (schema: string, table: string) => T;
  readonly #answers = new Map<string, Map<string, T>>();
  #names = 0;

  constructor(compute: (schema: string, table: string) => T) {
    this.#compute = compute;
  }

  get(schema: string, table: string): T {
    const known = this.#answers.get(schema)?.get(table);
    // An answer may itself be undefined only if `compute` gives that, and then it is computed again, which does no harm.
    if (known !== undefined) return known;
    const answer = this.#compute(schema, table);
    if (++this.#names > maxNames) {
      this.#answers.clear();
      this.#names = 1;
    }
    let tables = this.#answers.get(schema);
    if (tables === undefined) this.#answers.set(schema, (tables = new Map<string, T>()));
    tables.set(table, answer);
    return answer;
  }
}
