import { u64 } from './bytes.ts';
import { eventEndPosition, eventFlags, eventLength, eventType, FLAG_ARTIFICIAL, HEADER_LENGTH } from './event-header.ts';
import { EventType } from './event-types.ts';
import { undecodable } from './stream-error.ts';
import type { PositionMark } from './stream-item.ts';

const WRAP = 0x1_0000_0000;
const POSITION_LENGTH = 8;

/** Where the reader stands in the source's binlog. Offsets go past 4 GiB, which headers cannot say. */
export class LogPosition {
  journal: string;
  /** Byte after the last event read. */
  offset: number;

  constructor(start: PositionMark) {
    this.journal = start.journal;
    this.offset = start.offset;
  }

  mark(): PositionMark {
    return { journal: this.journal, offset: this.offset };
  }

  /** Moves behind an event that is in the file. */
  advance(event: Buffer): void {
    if ((eventFlags(event) & FLAG_ARTIFICIAL) !== 0) return;
    const end = eventEndPosition(event);
    if (end !== 0) this.offset = this.#unwrap(end, eventLength(event));
    // The description sent when reading starts within a file stands at that file's begin and has no position here.
    else if (eventType(event) !== EventType.FORMAT_DESCRIPTION) this.offset += eventLength(event);
  }

  /** Takes a ROTATE event without checksum: position(8) name. */
  rotate(event: Buffer): void {
    const journal = event.toString('utf8', HEADER_LENGTH + POSITION_LENGTH);
    if (journal === '') throw undecodable('no file name');
    this.offset = u64(event, HEADER_LENGTH);
    this.journal = journal;
  }

  /** Moves to where the source says that it has read (heartbeats); an earlier point of the same file changes nothing. */
  reach(journal: string, offset: number): void {
    if (journal !== this.journal) {
      this.journal = journal;
      this.offset = offset;
    } else if (offset > this.offset) {
      this.offset = offset;
    }
  }

  /** Events may be left out by the source (GTIDs we have), so the end position counts and not the sum of lengths. */
  #unwrap(end: number, length: number): number {
    const next = this.offset + length;
    if (next % WRAP === end) return next;
    const base = this.offset - (this.offset % WRAP);
    if (base + end >= this.offset) return base + end;
    if (base + WRAP + end - this.offset < WRAP / 2) return base + WRAP + end;
    throw undecodable(`its end position ${end} lies before its begin ${this.offset}`, { endPosition: end });
  }
}
