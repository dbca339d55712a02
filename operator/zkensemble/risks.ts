import { groupsOf, type ZkSpec } from './servers.ts';
import { zooSettings } from './zoo-config.ts';

export interface Risk {
  readonly reason: string;
  readonly message: string;
}

/** What is allowed and may hurt all the same. @param sharedNode a node that runs more than one voter, if there is one */
export function risksOf(spec: ZkSpec, sharedNode: string | null): Risk[] {
  const risks: Risk[] = [];
  const externals = spec.externalMembers.filter(({ role }) => role === 'voter').length;
  const voters = spec.voters.replicas + externals;
  const { storage, config } = spec;
  if (voters === 1) {
    const message =
      'spec.voters.replicas is 1: each restart of this server stops the ensemble for a while; 3 survive the loss of one';
    risks.push({ reason: 'SingleVoter', message });
  }
  if (storage.ephemeral) {
    const message =
      'spec.storage.ephemeral is true: when a majority of the voters is restarted at once, as by a power cut, everything is lost';
    risks.push({ reason: 'EphemeralStorage', message });
  }
  if (sharedNode !== null && voters > 1) {
    const message = `node ${sharedNode} runs more than one voter: losing it may lose the quorum; give region ${spec.voters.region} at least ${spec.voters.replicas} nodes`;
    risks.push({ reason: 'VotersShareNode', message });
  }
  if (config.autopurgeHours === 0) {
    const message = 'spec.config.autopurgeHours is 0: old snapshots and logs are never removed and fill the volume in the end';
    risks.push({ reason: 'NoAutopurge', message });
  }
  const settings = zooSettings(spec);
  if (settings.get('forceSync') === 'no') {
    const message = 'spec.config.extra.forceSync is no: acknowledged writes are lost when a majority of the machines loses power';
    risks.push({ reason: 'NoForceSync', message });
  }
  if (settings.get('db.autocreate') !== 'false') {
    const message =
      'spec.config.extra.db.autocreate lets servers vote that have lost their data: two of three such forget every write';
    risks.push({ reason: 'EmptyServersVote', message });
  }
  if (voters > 0 && !groupsOf(spec).some(({ replicas }) => replicas > 0)) {
    risks.push({ reason: 'NoOwnServers', message: 'the spec runs no server in this cluster: all members are external' });
  }
  return risks;
}
