import { describe, expect, it } from 'vitest';
import { EventType } from './event-types.ts';
import { LogPosition } from './log-position.ts';

const GIB4 = 0x1_0000_0000;

function header(type: number, length: number, end: number, flags = 0): Buffer {
  const event = Buffer.alloc(length);
  event[4] = type;
  event.writeUInt32LE(length, 9);
  event.writeUInt32LE(end % GIB4, 13);
  event.writeUInt16LE(flags, 17);
  return event;
}

describe('LogPosition', () => {
  it('counts on past 4 GiB', () => {
    const position = new LogPosition({ journal: 'b.1', offset: GIB4 - 60 });
    position.advance(header(EventType.XID, 40, GIB4 - 20));
    position.advance(header(EventType.XID, 40, GIB4 + 20));
    expect(position.offset).toBe(GIB4 + 20);
    position.advance(header(EventType.XID, 40, GIB4 + 60));
    expect(position.offset).toBe(GIB4 + 60);
  });

  it('follows the source over events that it leaves out, also across 4 GiB', () => {
    const position = new LogPosition({ journal: 'b.1', offset: 4 });
    position.advance(header(EventType.XID, 40, 1000));
    expect(position.offset).toBe(1000);
    position.offset = GIB4 - 1000;
    position.advance(header(EventType.XID, 40, GIB4 + 5000));
    expect(position.offset).toBe(GIB4 + 5000);
  });

  it('does not go back', () => {
    const position = new LogPosition({ journal: 'b.1', offset: 5000 });
    expect(() => position.advance(header(EventType.XID, 40, 4000))).toThrow('lies before');
  });

  it('adds up lengths where the source gives no position', () => {
    const position = new LogPosition({ journal: 'b.1', offset: 5000 });
    position.advance(header(EventType.TABLE_MAP, 40, 0));
    expect(position.offset).toBe(5040);
  });

  it('stays where it is at events that are not in the file', () => {
    const position = new LogPosition({ journal: 'b.1', offset: 5000 });
    position.advance(header(EventType.FORMAT_DESCRIPTION, 120, 0));
    position.advance(header(EventType.ROTATE, 40, 0, 0x20));
    expect(position.offset).toBe(5000);
  });
});
