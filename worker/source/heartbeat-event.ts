import { ByteReader } from './bytes.ts';
import { eventEndPosition, HEADER_LENGTH } from './event-header.ts';
import { EventType } from './event-types.ts';
import type { PositionMark } from './stream-item.ts';

/** Fields of HEARTBEAT_V2. Source: mysql-server libs/mysql/binlog/event/codecs/binary.cpp. */
const Field = { END: 0, FILE_NAME: 1, POSITION: 2 } as const;

/**
 * Where the source stands, from a heartbeat (no checksum). The first form has the file name as body and the position in the
 * header (MariaDB: past 4 GiB as 8 bytes before the name); the second has fields of type, length, value.
 */
export function readHeartbeat(event: Buffer, type: number): PositionMark {
  const reader = new ByteReader(event, HEADER_LENGTH);
  if (type === EventType.HEARTBEAT) {
    const offset = eventEndPosition(event) || reader.u64();
    return { journal: reader.text(reader.left), offset };
  }
  let journal = '';
  let offset = 0;
  while (reader.left > 0) {
    const field = reader.lengthEncoded();
    if (field === Field.END) break;
    const length = reader.lengthEncoded();
    if (field === Field.FILE_NAME) journal = reader.text(length);
    else if (field === Field.POSITION) offset = new ByteReader(event, reader.skip(length)).lengthEncoded();
    else reader.skip(length);
  }
  if (journal === '' || offset === 0) throw new RangeError('no file name or no position');
  return { journal, offset };
}
