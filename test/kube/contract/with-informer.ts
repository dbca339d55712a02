import { createLogger } from '../../../common/log.ts';
import { Informer, type KubeObject, type Resource } from '../../../operator/kube/index.ts';
import type { ContractServer } from './context.ts';

/** An informer at work, with what it told, for as long as `use` takes. */
export async function withInformer<T extends KubeObject, R>(
  { client, namespace }: ContractServer,
  resource: Resource<T>,
  labels: Record<string, string>,
  use: (informer: Informer<T>, told: string[]) => Promise<R>,
): Promise<R> {
  const stop = new AbortController();
  const informer = new Informer(resource, { namespaces: [namespace], labels }, { client, log: createLogger('silent') });
  const told: string[] = [];
  informer.onChange((change) => {
    const object = change.kind === 'deleted' ? change.before : change.now;
    told.push(`${change.kind} ${object.metadata.name}`);
  });
  const running = informer.run(stop.signal);
  await informer.whenSynced;
  try {
    return await use(informer, told);
  } finally {
    stop.abort();
    await running;
  }
}
