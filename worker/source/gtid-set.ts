import { ByteReader } from './bytes.ts';
import { HEADER_LENGTH } from './event-header.ts';

/** `uuid` or `uuid:tag`, lower case. */
type Origin = string;

const UUID = /^[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}$/;
const TAG = /^[a-z_][a-z0-9_]{0,31}$/;
const INTERVAL = /^([0-9]+)(?:-([0-9]+))?$/;

/**
 * A MySQL GTID set: per origin the intervals of transaction numbers, sorted, disjoint and not adjacent.
 *
 * Numbers are doubles: the server allows up to 2^63 - 2, and RangeError is thrown from 2^53 on (a server that commits a
 * million transactions a second needs 285 years to get there).
 * Source: MySQL manual, "GTID Format and Storage".
 */
export class GtidSet {
  /** Per origin flat [first, last, first, last, ...], both inclusive. */
  readonly #intervals = new Map<Origin, number[]>();
  /** Origin of the last `add` with its colon, and its intervals: most transactions come from one origin. */
  #lastPrefix = '';
  #last: number[] = [];

  /**
   * Reads the form that the server prints, `uuid:1-5:7,uuid:tag:1-3`; white space and upper case are allowed.
   * Throws RangeError with the part that cannot be read.
   */
  static parse(text: string): GtidSet {
    const set = new GtidSet();
    for (const part of text.replace(/\s/g, '').toLowerCase().split(',')) {
      if (part !== '') set.#parseUuidSet(part);
    }
    return set;
  }

  get isEmpty(): boolean {
    return this.#intervals.size === 0;
  }

  /** Adds one transaction, `uuid:gno` or `uuid:tag:gno` in lower case as the event reader writes it. */
  add(gtid: string): void {
    const prefixLength = this.#lastPrefix.length;
    if (prefixLength === 0 || !gtid.startsWith(this.#lastPrefix) || gtid.indexOf(':', prefixLength) !== -1) {
      this.#select(gtid.slice(0, gtid.lastIndexOf(':') + 1));
    }
    const number = toNumber(gtid.slice(this.#lastPrefix.length));
    const intervals = this.#last;
    const end = intervals.length - 1;
    if (end > 0 && intervals[end] === number - 1) intervals[end] = number;
    else insert(intervals, number, number);
  }

  contains(gtid: string): boolean {
    const colon = gtid.lastIndexOf(':');
    const intervals = this.#intervals.get(canonicalOrigin(gtid.slice(0, colon)));
    const number = toNumber(gtid.slice(colon + 1));
    return intervals !== undefined && covers(intervals, number, number);
  }

  containsSet(other: GtidSet): boolean {
    for (const [origin, theirs] of other.#intervals) {
      const ours = this.#intervals.get(origin);
      if (ours === undefined) return false;
      for (let i = 0; i < theirs.length; i += 2) if (!covers(ours, theirs[i]!, theirs[i + 1]!)) return false;
    }
    return true;
  }

  /** What is in this set and not in `other`. */
  subtract(other: GtidSet): GtidSet {
    const result = new GtidSet();
    for (const [origin, ours] of this.#intervals) {
      const left = difference(ours, other.#intervals.get(origin) ?? []);
      if (left.length > 0) result.#intervals.set(origin, left);
    }
    return result;
  }

  union(other: GtidSet): GtidSet {
    const result = this.clone();
    for (const [origin, theirs] of other.#intervals) {
      const intervals = result.#of(origin);
      for (let i = 0; i < theirs.length; i += 2) insert(intervals, theirs[i]!, theirs[i + 1]!);
    }
    return result;
  }

  clone(): GtidSet {
    const copy = new GtidSet();
    for (const [origin, intervals] of this.#intervals) copy.#intervals.set(origin, [...intervals]);
    return copy;
  }

  equals(other: GtidSet): boolean {
    return this.containsSet(other) && other.containsSet(this);
  }

  /** How many transactions the set holds. */
  get count(): number {
    let count = 0;
    for (const intervals of this.#intervals.values()) {
      for (let i = 0; i < intervals.length; i += 2) count += intervals[i + 1]! - intervals[i]! + 1;
    }
    return count;
  }

  /** As the server prints it, in one line: origins sorted, the tags of a UUID behind it. */
  toString(): string {
    const byUuid = new Map<string, string>();
    for (const origin of [...this.#intervals.keys()].sort()) {
      const colon = origin.indexOf(':');
      const uuid = colon === -1 ? origin : origin.slice(0, colon);
      const text = (colon === -1 ? '' : origin.slice(colon)) + intervalText(this.#intervals.get(origin)!);
      byUuid.set(uuid, (byUuid.get(uuid) ?? uuid) + text);
    }
    return [...byUuid.values()].join(',');
  }

  /** Adds numbers `first` to `last` of an origin. */
  addInterval(origin: Origin, first: number, last: number): void {
    insert(this.#of(canonicalOrigin(origin)), first, last);
  }

  #of(origin: Origin): number[] {
    let intervals = this.#intervals.get(origin);
    if (intervals === undefined) {
      intervals = [];
      this.#intervals.set(origin, intervals);
    }
    return intervals;
  }

  #select(prefix: string): void {
    this.#last = this.#of(canonicalOrigin(prefix.slice(0, -1)));
    this.#lastPrefix = prefix;
  }

  #parseUuidSet(part: string): void {
    const [uuid, ...rest] = part.split(':');
    let origin = canonicalOrigin(uuid!);
    let expectsInterval = true;
    for (const piece of rest) {
      const interval = INTERVAL.exec(piece);
      if (interval !== null) {
        const first = toNumber(interval[1]!);
        const last = interval[2] === undefined ? first : toNumber(interval[2]);
        if (first < 1 || last < first) throw new RangeError(`${JSON.stringify(piece)} is no interval of a GTID set`);
        insert(this.#of(origin), first, last);
        expectsInterval = false;
      } else {
        origin = canonicalOrigin(`${uuid}:${piece}`);
        expectsInterval = true;
      }
    }
    if (expectsInterval) throw new RangeError(`${JSON.stringify(part)} ends without an interval`);
  }
}

/**
 * The set in a PREVIOUS_GTIDS event (no checksum): all transactions in the files before this one.
 * Source: MySQL Gtid_set::encode: count(8), then uuid(16) [tag] intervals(8) {first(8) end(8)}. The tagged form has 1 in the
 * count's highest byte, the count in the six bytes before that, and a tag of length-in-varint and characters.
 */
export function parsePreviousGtids(event: Buffer): GtidSet {
  const set = new GtidSet();
  const reader = new ByteReader(event, HEADER_LENGTH);
  const tagged = event[HEADER_LENGTH + 7] === 1;
  let origins: number;
  if (tagged) {
    reader.skip(1);
    origins = reader.uint(6);
    reader.skip(1);
  } else {
    origins = reader.u64();
  }
  for (let i = 0; i < origins; i++) {
    let origin = uuidText(reader.bytes(16));
    if (tagged) {
      const length = reader.u8() >> 1; // at most 32, so the varint has one byte
      if (length > 0) origin += `:${reader.text(length)}`;
    }
    const intervals = reader.u64();
    for (let k = 0; k < intervals; k++) {
      const first = reader.u64();
      set.addInterval(origin, first, reader.u64() - 1);
    }
  }
  return set;
}

/** 16 bytes as `3e11fa47-71ca-11e1-9e33-c80aa9429562`. */
export function uuidText(bytes: Buffer): string {
  const hex = bytes.toString('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20, 32)}`;
}

function canonicalOrigin(text: string): Origin {
  const [uuid, tag, ...more] = text.toLowerCase().split(':');
  if (!UUID.test(uuid!)) throw new RangeError(`${JSON.stringify(text)} begins with no UUID`);
  if (more.length > 0 || (tag !== undefined && !TAG.test(tag)))
    throw new RangeError(`${JSON.stringify(text)} has no valid GTID tag`);
  const dashed = uuidText(Buffer.from(uuid!.replaceAll('-', ''), 'hex'));
  return tag === undefined ? dashed : `${dashed}:${tag}`;
}

function toNumber(digits: string): number {
  const number = Number(digits);
  if (!Number.isSafeInteger(number) || digits === '')
    throw new RangeError(`transaction number ${JSON.stringify(digits)} is none, or over 2^53`);
  return number;
}

function intervalText(intervals: readonly number[]): string {
  let text = '';
  for (let i = 0; i < intervals.length; i += 2) {
    text += intervals[i] === intervals[i + 1] ? `:${intervals[i]}` : `:${intervals[i]}-${intervals[i + 1]}`;
  }
  return text;
}

/** Index (even) of the first interval that ends at or after `number`; the list's length when there is none. */
function find(intervals: readonly number[], number: number): number {
  let low = 0;
  let high = intervals.length / 2;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (intervals[middle * 2 + 1]! < number) low = middle + 1;
    else high = middle;
  }
  return low * 2;
}

function covers(intervals: readonly number[], first: number, last: number): boolean {
  const at = find(intervals, first);
  return at < intervals.length && intervals[at]! <= first && intervals[at + 1]! >= last;
}

/** Adds first to last, joining whatever it touches. */
function insert(intervals: number[], first: number, last: number): void {
  const from = find(intervals, first - 1);
  let to = from;
  let low = first;
  let high = last;
  while (to < intervals.length && intervals[to]! <= last + 1) {
    low = Math.min(low, intervals[to]!);
    high = Math.max(high, intervals[to + 1]!);
    to += 2;
  }
  intervals.splice(from, to - from, low, high);
}

function difference(ours: readonly number[], theirs: readonly number[]): number[] {
  const left: number[] = [];
  for (let i = 0; i < ours.length; i += 2) {
    let first = ours[i]!;
    const last = ours[i + 1]!;
    for (let k = find(theirs, first); k < theirs.length && theirs[k]! <= last; k += 2) {
      if (theirs[k]! > first) left.push(first, theirs[k]! - 1);
      first = theirs[k + 1]! + 1;
    }
    if (first <= last) left.push(first, last);
  }
  return left;
}
