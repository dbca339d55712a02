import packageJson from '../../package.json' with { type: 'json' };
import type { HttpProbes } from '../../common/http/server.ts';
import type { LeaderElection, Manager } from '../kube/index.ts';

/** A watch that has heard nothing for so long, though it begins anew again and again, is perhaps the process's own fault. */
const BLIND_MS = 600_000;

/** What an operator tells about itself over HTTP. One that stands by is ready, too. */
export function probesOf(operator: string, manager: Manager, election: LeaderElection): HttpProbes {
  return {
    unhealthy: () => {
      const { silentMs } = manager;
      return silentMs < BLIND_MS ? null : `the API server has said nothing for ${Math.round(silentMs / 1000)} s`;
    },
    unready: () => {
      const { unsynced } = manager;
      return unsynced.length === 0 ? null : `the API server has not listed yet: ${unsynced.join(', ')}`;
    },
    status: () => ({
      operator,
      version: packageJson.version,
      leading: election.leading,
      leader: election.leader ?? null,
      unsynced: manager.unsynced,
      silentSeconds: Math.round(manager.silentMs / 1000),
    }),
  };
}
