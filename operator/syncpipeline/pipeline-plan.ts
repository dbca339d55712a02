import type { InstanceRef } from '../../common/zookeeper/paths.ts';
import type { ZkSession } from '../../common/zookeeper/session.ts';
import type { SyncPipeline } from '../../crds/index.ts';
import type { Plan } from '../kube/index.ts';
import type { Observed } from './observed.ts';

/** Puts the configuration where workers find it. */
export interface Publish {
  readonly kind: 'publish';
  readonly session: ZkSession;
  readonly ref: InstanceRef;
  /** Of the pipeline. */
  readonly name: string;
  readonly text: string;
}

/** A configuration is published where it differs from what stands there. */
export function planPipeline({ metadata: { namespace, name }, spec }: SyncPipeline, observed: Observed): Plan<Publish> {
  const { wanted, published, channel } = observed;
  if (wanted.kind !== 'text' || channel.kind !== 'open' || published?.text === wanted.text) return { steps: [] };
  const ref = { namespace, instance: spec.canalInstanceRef.name };
  return { steps: [{ kind: 'publish', session: channel.session, ref, name, text: wanted.text }] };
}
