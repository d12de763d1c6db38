import { buildVirtualGraph } from './decodeGraph.ts';
import { buildLossGraph } from './lossGraph.ts';
import type { Model } from './model.ts';
import type { Hooks, LinearSite } from './sites.ts';

/** A model's linear layers, in the order in which they run. */
export interface LinearSites {
  readonly inLayers: readonly LinearSite[];
  /** After the layers: the output head, where it is a module of its own. */
  readonly inHead: readonly LinearSite[];
}

/** By model: an adapter is configured at every swap, and building a graph may take longer than the rest of it. */
const known = new WeakMap<Model, LinearSites>();

/** The linear layers of a model, found by building its graph once, so that no family lists them a second time. */
export function linearSites(model: Model): LinearSites {
  let sites = known.get(model);
  if (sites === undefined) {
    sites = recorded(model);
    known.set(model, sites);
  }
  return sites;
}

function recorded(model: Model): LinearSites {
  const found = new Map<string, LinearSite>();
  const recording: Hooks = {
    virtualTokens: (b) => b.graph.input('virtual', 'float32', ['virtual', model.architecture.tokenEmbedding.width]),
    linearInput: (_b, site, x) => {
      found.set(site.path, site);
      return x;
    },
  };
  const attachment = { trainables: [], hooks: () => recording };
  buildVirtualGraph(model, attachment);
  const inLayers = [...found.values()];
  buildLossGraph(model, attachment, false);
  return { inLayers, inHead: [...found.values()].slice(inLayers.length) };
}
