import { CASCADES_LOGGED, NO_FOREIGN_KEY_CHECKS } from '../row-flags.ts';
import type { RowRun } from '../row-run.ts';
import { rawTable } from './raw-table.ts';

const HEADER = 19;
const POST_HEADER = 8;
const STMT_END = 1;

/** Rows events are cut at about this size; a single larger buffer of images stays whole. */
const EVENT_BYTES = 1024 * 1024;

/** A rows event of the statement: `count` buffers of a run's images from `first` on. */
interface Piece {
  readonly run: RowRun;
  readonly first: number;
  readonly count: number;
  readonly bytes: number;
}

/**
 * Encodes runs as one event stream for BINLOG '<base64>': the table maps of the statement, then its rows events, of which
 * only the last ends the statement (measured: one large statement is 1.5 times faster than one per source statement).
 * Runs whose session flags differ become statements of their own, since the server reads the flags once per statement.
 */
export function encodeRuns(runs: readonly RowRun[]): Buffer {
  const statements = splitByFlags(runs).map((part) => ({ pieces: cut(part), maps: tablesOf(part) }));
  let size = 0;
  for (const { pieces, maps } of statements) {
    for (const map of maps) size += rawTable(map).mapEvent.length;
    for (const piece of pieces) size += HEADER + POST_HEADER + piece.run.head.length + piece.bytes;
  }
  const out = Buffer.allocUnsafe(size);
  let at = 0;
  for (const { pieces, maps } of statements) {
    for (const map of maps) at += rawTable(map).mapEvent.copy(out, at);
    for (let i = 0; i < pieces.length; i++) at = writeRows(out, at, pieces[i]!, i === pieces.length - 1);
  }
  return out;
}

/** The most bytes that a run's own table map and event headers add to its images. */
export function overheadOf(run: RowRun): number {
  const events = Math.min(run.images.length, 1 + Math.floor((2 * run.bytes) / EVENT_BYTES));
  return rawTable(run.table).mapEvent.length + events * (HEADER + POST_HEADER + run.head.length);
}

function splitByFlags(runs: readonly RowRun[]): RowRun[][] {
  const parts: RowRun[][] = [];
  for (const run of runs) {
    const last = parts.at(-1);
    if (last !== undefined && last[0]!.flags === run.flags) last.push(run);
    else parts.push([run]);
  }
  return parts;
}

function tablesOf(runs: readonly RowRun[]): Set<RowRun['table']> {
  return new Set(runs.map((run) => run.table));
}

function cut(runs: readonly RowRun[]): Piece[] {
  const pieces: Piece[] = [];
  for (const run of runs) {
    let first = 0;
    while (first < run.images.length) {
      let bytes = run.images[first]!.length;
      let next = first + 1;
      while (next < run.images.length && bytes + run.images[next]!.length <= EVENT_BYTES) bytes += run.images[next++]!.length;
      pieces.push({ run, first, count: next - first, bytes });
      first = next;
    }
  }
  return pieces;
}

function writeRows(out: Buffer, start: number, piece: Piece, ends: boolean): number {
  const { run } = piece;
  const length = HEADER + POST_HEADER + run.head.length + piece.bytes;
  // Time and server id of the source, as its table map has them.
  run.table.raw.copy(out, start, 0, 9);
  out[start + 4] = run.type;
  out.writeUInt32LE(length, start + 9);
  out.writeUInt32LE(0, start + 13);
  out.writeUInt16LE(0, start + 17);
  let at = start + HEADER;
  at += rawTable(run.table).id.copy(out, at);
  at = out.writeUInt16LE(targetFlags(run.flags) | (ends ? STMT_END : 0), at);
  at += run.head.copy(out, at);
  for (let i = piece.first; i < piece.first + piece.count; i++) at += run.images[i]!.copy(out, at);
  return at;
}

/**
 * A source that carries out foreign keys above its storage engine logs what a cascade does to each child, so the target's own
 * cascades would do it twice, and would do too much after REPLACE, which at such a source leaves the children alone (seen with
 * MySQL 9.7, whose own replicas lose them).
 */
function targetFlags(flags: number): number {
  return (flags & CASCADES_LOGGED) === 0 ? flags : flags | NO_FOREIGN_KEY_CHECKS;
}
