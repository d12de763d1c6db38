/**
 * Those of some things that no other is as good as in everything and better than in something: their Pareto front. Things
 * that are alike are all on it.
 * @param worth figures of a thing, of which more is better, as many for each; null for one that cannot be on the front
 */
export function paretoFront<T>(things: readonly T[], worth: (thing: T) => readonly number[] | null): ReadonlySet<T> {
  const known = things.flatMap((thing) => {
    const figures = worth(thing);
    return figures === null || figures.some(Number.isNaN) ? [] : [{ thing, figures }];
  });
  const beaten = (figures: readonly number[]): boolean =>
    known.some(
      (other) =>
        other.figures.every((figure, i) => figure >= figures[i]!) && other.figures.some((x, i) => x > figures[i]!),
    );
  return new Set(known.filter(({ figures }) => !beaten(figures)).map(({ thing }) => thing));
}
