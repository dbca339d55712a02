import type { Live, PersistentVolumeClaim } from '../kube/index.ts';
import { HOLDS_DATA } from './objects/labels.ts';
import type { ServerView } from './plan/view.ts';

/**
 * What a server has on its volumes, of which there should be `volumes`. Snapshots without their log lack what was acknowledged since,
 * and a log without its snapshots what was before: only all of them together hold data.
 */
export function volumeState(claims: readonly Live<PersistentVolumeClaim>[], volumes: number): ServerView['volume'] {
  if (claims.length === 0) return 'none';
  if (claims.some(({ metadata }) => metadata.deletionTimestamp !== undefined)) return 'leaving';
  const holding = claims.filter(({ metadata }) => metadata.annotations?.[HOLDS_DATA] === 'true');
  if (holding.length === 0) return 'fresh';
  return holding.length >= volumes ? 'used' : 'torn';
}
