/**
 * The answers that one connection owes. mysql2 leaves statements without an answer when their connection is cut on our side; here
 * they are rejected.
 */
export class Answers {
  readonly #owed = new Set<(error: Error) => void>();
  #broken: Error | null = null;

  /** Runs what `begin` hands to the driver. Rejects with the driver's error, or with what the connection ended with. */
  async to<T>(begin: (done: (error: Error | null, result: T) => void) => void): Promise<T> {
    if (this.#broken !== null) throw this.#broken;
    return new Promise<T>((resolve, reject) => {
      this.#owed.add(reject);
      begin((error, result) => {
        this.#owed.delete(reject);
        if (error) reject(error);
        else resolve(result);
      });
    });
  }

  /** No answer comes any more, for this reason. The first reason stays. */
  fail(error: Error): void {
    this.#broken ??= error;
    for (const reject of this.#owed) reject(this.#broken);
    this.#owed.clear();
  }
}
