import { addressOf, formatMember } from './members.ts';
import type { Published } from './plan/view.ts';
import type { Server } from './servers.ts';

/** The lists that start.sh reads, by file name. */
export function startingLists(published: Published, servers: readonly Server[]): Record<string, string> {
  const text = (lines: readonly string[]) => lines.map((line) => `${line}\n`).join('');
  return {
    members: text(published.members.map(formatMember)),
    'may-vote': text(published.mayVote.map(String)),
    servers: text(servers.map((server) => `${server.pod} ${server.id} ${addressOf(server)} ${server.clientAddress}`)),
  };
}
