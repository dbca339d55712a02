/** What was read is not the newest: nothing was written, and it is looked at again. */
export class Stale extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'Stale';
  }
}
