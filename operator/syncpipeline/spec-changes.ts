import type { Change, Informer, KubeObject, Live, ObjectKey, Source } from '../kube/index.ts';

/** Whether there is more to a change than status and metadata. */
export function isOfSpec<T extends KubeObject>(change: Change<T>): boolean {
  if (change.kind !== 'updated') return true;
  const [before, now] = [change.before.metadata, change.now.metadata];
  return before.generation !== now.generation || before.deletionTimestamp !== now.deletionTimestamp;
}

/** As `mapped`, for objects whose status changes all the time and concerns nobody else. */
export function specChanges<T extends KubeObject>(
  informer: Informer<T>,
  keys: (object: Live<T>) => readonly ObjectKey[],
): Source {
  return {
    listen: (add) =>
      informer.onChange((change) => {
        if (!isOfSpec(change)) return;
        for (const object of statesOf(change)) for (const key of keys(object)) add(key);
      }),
    resync: () => [],
  };
}

function statesOf<T extends KubeObject>(change: Change<T>): readonly Live<T>[] {
  if (change.kind === 'added') return [change.now];
  return change.kind === 'deleted' ? [change.before] : [change.before, change.now];
}
