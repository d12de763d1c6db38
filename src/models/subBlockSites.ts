import { buildLossGraph } from './lossGraph.ts';
import type { Model } from './model.ts';
import type { SubBlockSite } from './sites.ts';

/** Where a sub-block ends, without what belongs to one graph. */
export type SubBlockPlace = Omit<SubBlockSite, 'postNorm' | 'outputNorm'>;

/** By model, like `linearSites`. */
const known = new WeakMap<Model, readonly SubBlockPlace[]>();

/**
 * The ends of a model's sub-blocks in the order in which they run, an encoder's before its decoder's; found by building its
 * graph once, so that no family lists them a second time.
 */
export function subBlockSites(model: Model): readonly SubBlockPlace[] {
  let sites = known.get(model);
  if (sites === undefined) {
    sites = recorded(model);
    known.set(model, sites);
  }
  return sites;
}

function recorded(model: Model): readonly SubBlockPlace[] {
  const found = new Map<string, SubBlockPlace>();
  const untrained = new Map(model.untrained.map(({ name, shape }) => [name, shape] as const));
  buildLossGraph(
    model,
    {
      trainables: [],
      hooks: (_trained, b) => ({
        weight: (name) => (untrained.has(name) ? b.graph.input(name, 'float32', untrained.get(name)!) : undefined),
        subBlock: (_b, { layer, kind, path }, _residual, output, end) => {
          found.set(path, { layer, kind, path });
          return end(output);
        },
      }),
    },
    false,
  );
  return [...found.values()];
}
