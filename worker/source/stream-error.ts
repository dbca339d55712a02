import { LockkeeperError, type ErrorCode } from '../../common/errors.ts';

/** What an event parser throws: it knows what is wrong, the event reader adds where. */
export class EventFault extends Error {
  readonly code: ErrorCode;
  readonly facts: Record<string, unknown>;
  readonly remedy: string | undefined;

  constructor(code: ErrorCode, message: string, facts: Record<string, unknown> = {}, remedy?: string) {
    super(message);
    this.code = code;
    this.facts = facts;
    this.remedy = remedy;
  }
}

/** Bytes that are not what the event's type promises (LK1203). */
export function undecodable(message: string, facts: Record<string, unknown> = {}): EventFault {
  return new EventFault('LK1203', message, facts);
}

export interface EventPlace {
  readonly journal: string;
  readonly offset: number;
  readonly eventType: number;
  readonly event: string;
}

/** The error that stops the stream, with the place of the event in message and details. */
export function streamError(thrown: unknown, place: EventPlace): LockkeeperError {
  if (thrown instanceof LockkeeperError) return thrown;
  const where = `${place.event} event at ${place.journal || 'unknown file'}:${place.offset}`;
  if (thrown instanceof EventFault) {
    return new LockkeeperError(thrown.code, `${where}: ${thrown.message}`, {
      details: { ...place, ...thrown.facts },
      remedy: thrown.remedy,
    });
  }
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  return new LockkeeperError('LK1203', `${where}: ${message}`, { details: { ...place }, cause: thrown });
}
