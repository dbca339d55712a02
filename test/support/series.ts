export interface SeriesSite<S> {
  /** Asks for a spec. */
  readonly apply: (spec: S) => Promise<unknown>;
  /** Lets some time pass, in which not everything can be done. */
  readonly moment: () => Promise<unknown>;
  readonly settle: () => Promise<unknown>;
  /** Called when all has come to rest. */
  readonly check: (spec: S, index: number) => void;
}

/** Asks for one spec after the other, then for the third and the first again. Some of the changes do not wait for the one before. */
export async function changeInSeries<S>(specs: readonly S[], random: () => number, site: SeriesSite<S>): Promise<void> {
  const series = [...specs, specs[2]!, specs[0]!];
  for (const [index, spec] of series.entries()) {
    await site.apply(spec);
    if (random() < 0.2 && index < series.length - 1) {
      await site.moment();
      continue;
    }
    await site.settle();
    site.check(spec, index);
  }
}
