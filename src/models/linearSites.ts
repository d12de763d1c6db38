import type { Builder } from '../onnx/builder.ts';
import { buildLossGraph } from './lossGraph.ts';
import type { Model } from './model.ts';
import type { Hooks, LinearSite } from './sites.ts';

/** A model's linear layers, in the order in which they run. */
export interface LinearSites {
  readonly inLayers: readonly LinearSite[];
  /** The output head, where it is a module of its own, or the classifier. */
  readonly inHead: readonly LinearSite[];
  /** Embedding tables, as the linear layers of one-hot vectors that they are. */
  readonly embeddings: readonly LinearSite[];
}

/** By model: an adapter is configured at every swap, and building a graph may take longer than the rest of it. */
const known = new WeakMap<Model, LinearSites>();

/** The modules after the layers that turn hidden states into logits. */
function headModules({ architecture, classifier }: Model): readonly string[] {
  if (classifier !== null) return classifier.modules;
  return architecture.kind === 'encoder' ? [] : [architecture.headModule];
}

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
  const embeddings = new Map<string, LinearSite>();
  const untrained = new Map(model.untrained.map(({ name, shape }) => [name, shape] as const));
  const head = headModules(model);
  const recording = (b: Builder): Hooks => ({
    weight: (name) => (untrained.has(name) ? b.graph.input(name, 'float32', untrained.get(name)!) : undefined),
    linearInput: (_b, site, x) => {
      found.set(site.path, site);
      return x;
    },
    embedding: (_b, site, _ids, y) => {
      embeddings.set(site.path, site);
      return y;
    },
  });
  buildLossGraph(model, { trainables: [], hooks: (_trained, b) => recording(b) }, false);
  const isHead = (site: LinearSite) =>
    head.some((module) => site.path === module || site.path.startsWith(`${module}.`));
  const sites = [...found.values()];
  return {
    inLayers: sites.filter((site) => !isHead(site)),
    inHead: sites.filter(isHead),
    embeddings: [...embeddings.values()],
  };
}
