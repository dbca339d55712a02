import { ByteReader } from './bytes.ts';
import { HEADER_LENGTH } from './event-header.ts';
import { xidText } from './statement-kind.ts';

/**
 * An XA_PREPARE event (no checksum): one phase(1) format(4) gtrid length(4) bqual length(4) gtrid bqual.
 * `onePhase` is XA COMMIT ... ONE PHASE: the transaction is committed, not prepared. Source: MySQL XA_prepare_event.
 */
export function readXaPrepare(event: Buffer): { readonly xid: string; readonly onePhase: boolean } {
  const reader = new ByteReader(event, HEADER_LENGTH);
  const onePhase = reader.u8() !== 0;
  const format = reader.u32();
  const gtridLength = reader.u32();
  const bqualLength = reader.u32();
  return { xid: xidText(reader.bytes(gtridLength), reader.bytes(bqualLength), format), onePhase };
}
