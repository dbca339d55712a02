/** A candidate's node in a pipeline's election: `<guid>-<worker>-<number>`. */
export interface QueuedCandidate {
  readonly node: string;
  readonly worker: string;
}

/** The candidates among the names of an election's children, the leader first. Other names are passed over. */
export function parseQueue(names: readonly string[]): QueuedCandidate[] {
  return names
    .flatMap((node) => {
      const match = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}-(.+)-(-?\d{10,})$/.exec(node);
      return match === null ? [] : [{ node, worker: match[1]!, number: Number(match[2]) }];
    })
    .sort((a, b) => a.number - b.number)
    .map(({ node, worker }) => ({ node, worker }));
}
