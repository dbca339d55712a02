const GTID = /^([0-9]+)-([0-9]+)-([0-9]+)$/;
const MAX_32 = 0xffff_ffff;

/**
 * A MariaDB replica position: the last transaction per replication domain. All transactions of a domain up to that one count
 * as done, whichever server wrote them.
 *
 * Sequence numbers are doubles; RangeError is thrown from 2^53 on.
 * Source: MariaDB Knowledge Base, "Global Transaction ID".
 */
export class MariadbPosition {
  readonly #last = new Map<number, { server: number; sequence: number }>();

  /** Reads `0-1-17,5-2-3`; RangeError names the part that is no GTID, or a domain that comes twice. */
  static parse(text: string): MariadbPosition {
    const position = new MariadbPosition();
    for (const part of text.replace(/\s/g, '').split(',')) {
      if (part === '') continue;
      const { domain, server, sequence } = parseMariadbGtid(part);
      if (position.#last.has(domain)) throw new RangeError(`domain ${domain} comes twice`);
      position.#last.set(domain, { server, sequence });
    }
    return position;
  }

  get isEmpty(): boolean {
    return this.#last.size === 0;
  }

  /** Moves the GTID's domain on to it. Servers write each domain in order, so the last one is the position even if its number is smaller. */
  add(gtid: string): void {
    const { domain, server, sequence } = parseMariadbGtid(gtid);
    const last = this.#last.get(domain);
    if (last === undefined) {
      this.#last.set(domain, { server, sequence });
    } else {
      last.server = server;
      last.sequence = sequence;
    }
  }

  /** Whether the transaction is at or before this position in its domain. */
  contains(gtid: string): boolean {
    const { domain, sequence } = parseMariadbGtid(gtid);
    return (this.#last.get(domain)?.sequence ?? 0) >= sequence;
  }

  containsSet(other: MariadbPosition): boolean {
    for (const [domain, { sequence }] of other.#last) if ((this.#last.get(domain)?.sequence ?? 0) < sequence) return false;
    return true;
  }

  clone(): MariadbPosition {
    const copy = new MariadbPosition();
    for (const [domain, { server, sequence }] of this.#last) copy.#last.set(domain, { server, sequence });
    return copy;
  }

  equals(other: MariadbPosition): boolean {
    return this.toString() === other.toString();
  }

  /** As @@gtid_slave_pos prints it, domains sorted. */
  toString(): string {
    return [...this.#last]
      .sort(([a], [b]) => a - b)
      .map(([domain, { server, sequence }]) => `${domain}-${server}-${sequence}`)
      .join(',');
  }
}

/** RangeError when the text is not `domain-server-sequence` with 32, 32 and 53 bits. */
export function parseMariadbGtid(text: string): { domain: number; server: number; sequence: number } {
  const match = GTID.exec(text);
  const domain = Number(match?.[1]);
  const server = Number(match?.[2]);
  const sequence = Number(match?.[3]);
  if (!(domain <= MAX_32 && server <= MAX_32 && Number.isSafeInteger(sequence))) {
    throw new RangeError(`${JSON.stringify(text)} is no MariaDB GTID`);
  }
  return { domain, server, sequence };
}
