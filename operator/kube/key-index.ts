/** Which keys have a value. */
export class KeyIndex {
  readonly #keys = new Map<string, Set<string>>();

  /** The key had the values `before`, and has `now`. */
  move(key: string, before: readonly string[], now: readonly string[]): void {
    for (const value of before) {
      const keys = this.#keys.get(value);
      keys?.delete(key);
      if (keys?.size === 0) this.#keys.delete(value);
    }
    for (const value of now) {
      const keys = this.#keys.get(value);
      if (keys === undefined) this.#keys.set(value, new Set([key]));
      else keys.add(key);
    }
  }

  keys(value: string): string[] {
    return [...(this.#keys.get(value) ?? [])];
  }
}
