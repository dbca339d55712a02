/** Ids that an instance may use at most, counted from its spec.serverId. */
const SPAN = 10_000;
const MAX_ID = 4_294_967_295;

/**
 * The id by which a pipeline is known to its source as a replica: the one it has, if the instance still begins at or below it and no
 * other pipeline has it, else the smallest that is free. So it outlives restarts, and others coming and going. Null where none is left.
 * @param base spec.serverId of the instance
 * @param own as last published
 * @param taken by the instance's other pipelines
 */
export function serverIdFor(base: number, own: number | null, taken: ReadonlySet<number>): number | null {
  const last = Math.min(base + SPAN - 1, MAX_ID);
  if (own !== null && own >= base && own <= last && !taken.has(own)) return own;
  for (let id = base; id <= last; id++) if (!taken.has(id)) return id;
  return null;
}
