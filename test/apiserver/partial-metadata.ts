import type { Live } from '../../operator/kube/objects.ts';
import type { TransportRequest } from '../../operator/kube/transport.ts';

/** Whether the client asks for metadata alone, as the API server gives it of any kind. */
export function wantsMetadata({ accept = '' }: TransportRequest): boolean {
  return /;as=PartialObjectMetadata(List)?;/.test(accept);
}

export function onlyMetadata({ metadata }: Live): Live {
  return { apiVersion: 'meta.k8s.io/v1', kind: 'PartialObjectMetadata', metadata };
}
