import type { ApiServer, Connection, Fault } from '../apiserver/index.ts';

/** What can come of a request, in turn. */
export const faults: readonly Fault[] = [
  { kind: 'refuse', status: 409, reason: 'Conflict' },
  { kind: 'refuse', status: 422, reason: 'Invalid' },
  { kind: 'refuse', status: 429, reason: 'TooManyRequests', retryAfterSeconds: 1 },
  { kind: 'refuse', status: 500 },
  { kind: 'refuse', status: 403, reason: 'Forbidden' },
  { kind: 'lose' },
  { kind: 'lose answer' },
  { kind: 'hang' },
];

interface Site {
  readonly server: ApiServer;
}

interface Operator {
  readonly connection: Connection;
}

/** What befalls an operator's way to the API server in every round. */
interface During {
  during(site: Site, operator: Operator, round: number): void;
}

/** One write fails: of those from now on the one of this number, from 1. */
export function failWrite(connection: Connection, count: number, fault: Fault): void {
  const first = connection.writeRequests;
  connection.fault = ({ writeNumber }) => (writeNumber === first + count ? fault : undefined);
}

/** So many requests fail, after some that do not; watches go on. `still`: none once this holds no more. */
export function failRequests(
  connection: Connection,
  { after, count }: { after: number; count: number },
  fault: Fault,
  still: () => boolean = () => true,
): void {
  const first = connection.requests.length + after;
  connection.fault = ({ number, watch }) => (!watch && number > first && number <= first + count && still() ? fault : undefined);
}

/** From a round on, for twelve rounds, the cluster looks as it did so many changes before. */
export function pastView(back: number, after: number): During {
  let late: Operator | undefined;
  return {
    during(site, operator, round) {
      if (round === after && late === undefined) {
        operator.connection.freezeAt(Math.max(1, site.server.store.revision - back));
        operator.connection.cutWatches();
        late = operator;
      }
      if (round === after + 12) late?.connection.catchUp();
    },
  };
}

/** Changes are told late, but for each round of a number that `every + 1` divides and those from `end` on. */
export function lateView(every: number, end = Infinity): During {
  return {
    during(_site, { connection }, round) {
      if (round % (every + 1) !== 0 && round < end) connection.lagBy(7);
      else connection.catchUp();
    },
  };
}

/** Watches break, and the server forgets what they would need to go on. */
export function brokenWatches(every: number): During {
  return {
    during(site, { connection }, round) {
      if (round % every !== 0) return;
      site.server.compact();
      connection.cutWatches();
    },
  };
}
