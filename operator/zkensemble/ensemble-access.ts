import type { Member, MemberConfig } from './members.ts';
import type { ServerSays } from './plan/view.ts';

/** What the operator asks and tells an ensemble over the network, through the first of `servers` that serves. */
export interface EnsembleAccess {
  /** What each server says of itself: null where it does not serve. Never throws. */
  ask(server: Member): Promise<ServerSays | null>;
  /** The configuration, not older than this moment; null while it cannot be had. */
  config(servers: readonly Member[]): Promise<MemberConfig | null>;
  /** @throws ZkError as ZkSession.reconfigure */
  reconfigure(
    servers: readonly Member[],
    change: { readonly joining: readonly Member[]; readonly leaving: readonly number[]; readonly fromVersion: string },
  ): Promise<void>;
  /** Whether /lockkeeper is the operator's and the workers' alone; null while that cannot be known. */
  isSecured(servers: readonly Member[]): Promise<boolean | null>;
  /** Keeps /lockkeeper for operator and workers; answers whether anything had to be done. @throws ZkError */
  secure(servers: readonly Member[]): Promise<boolean>;
  /** Writes something, which a quorum of the present members has then accepted. @throws ZkError */
  writeBarrier(servers: readonly Member[]): Promise<void>;
  close(): Promise<void>;
}
