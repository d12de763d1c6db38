import { ModelConfig } from '../checkpoint/config.ts';
import type { JsonObject } from '../checkpoint/json.ts';
import type { Random } from '../foundation/random.ts';
import type { TrainableSpec } from '../models/attachment.ts';
import { classNames } from '../models/classHead.ts';
import type { Model } from '../models/model.ts';
import type { SubBlockSite } from '../models/sites.ts';
import { subBlockSites } from '../models/subBlockSites.ts';
import type { Builder } from '../onnx/builder.ts';
import type { Value } from '../onnx/dims.ts';
import { type BottleneckConfig, bottleneckConfig } from './bottleneckConfig.ts';
import { bottleneckKeys } from './bottleneckPresets.ts';
import type { Method, MethodFactory } from './method.ts';
import { firstValues, inPlace, savedModules } from './savedModules.ts';

/** The layer norms that an adapter brings are torch's, with its default. */
const epsilon = 1e-5;

/** Names of an adapter's tensors at one site; those of parts that it does not have are absent. */
interface Names {
  readonly down: Affine;
  readonly up: Affine;
  readonly normBefore?: Affine;
  readonly normAfter?: Affine;
  readonly scaling?: string;
}

interface Affine {
  readonly weight: string;
  readonly bias: string;
}

/** An adapter at one site. */
interface Bottleneck {
  readonly names: Names;
  readonly trainables: readonly TrainableSpec[];
}

/**
 * Bottleneck adapters as AdapterHub's `adapters` builds them: a narrow network with a residual path of its own at the end of
 * sub-blocks, after them (Houlsby et al. 2019, Pfeiffer et al. 2020) or beside them (He et al. 2021). Layers are numbered
 * through, a decoder's after its encoder's. Where attention and MLP run side by side (Phi, GPT-NeoX), the MLP's end comes
 * after the attention's and its residual input is what that gave, as in AdapterHub's GPT-J. A norm of the model's is taken
 * along with its residual sum whether it follows the sum (BERT) or only the sub-block's output (Gemma 2).
 */
export const bottleneck: MethodFactory = (config, model, source): Method => {
  const settings = bottleneckConfig(config, model, source);
  const { hidden } = model.architecture.sizes;
  const adapters = placed(settings, model, hidden);
  if (adapters.size === 0) {
    throw new ModelConfig(source, config).invalid('leave_out', 'names every layer; there is nothing to train');
  }
  const saved = savedModules(new ModelConfig(source, {}), model, '');
  const specs = [...adapters.values()].flatMap(({ trainables }) => trainables);
  return {
    peftType: 'BOTTLENECK',
    structure: `BOTTLENECK ${JSON.stringify({ steps: settings.steps, specs, saved: saved.map(({ name }) => name) })}`,
    virtualTokens: 0,
    virtualHidden: false,
    virtualOnly: false,
    trainables: [...specs, ...saved.map(({ name, dims }) => ({ name, dims }))],
    wholeWeights: saved,
    hooks: (trained) => ({
      weight: inPlace(saved, trained),
      subBlock: (b, site, residual, output, end) => {
        const adapter = adapters.get(site.path);
        if (adapter === undefined) return end(output);
        return applied(b, settings, adapter.names, trained, { site, stream: residual, output, end });
      },
    }),
    merged: 'what it computes beside the layers has a non-linearity, which no change of their weights can stand for',
    config: fileConfig(config, settings, model),
    ...(saved.length > 0 && { head: { names: saved.map(({ name }) => name), config: headConfig(config, model) } }),
    initialise: async ({ random }) => {
      const first = new Map<string, Float32Array>();
      for (const { names, trainables } of adapters.values()) {
        for (const [name, values] of firstTensors(settings, names, trainables, random)) first.set(name, values);
      }
      return new Map([...first, ...(await firstValues(saved, { model, random }))]);
    },
  };
};

/** The adapters that a configuration places, by their sites' paths. */
function placed(settings: BottleneckConfig, model: Model, hidden: number): ReadonlyMap<string, Bottleneck> {
  let layer = -1;
  const adapters = new Map<string, Bottleneck>();
  for (const site of subBlockSites(model)) {
    if (site.kind === 'attention') layer++;
    if (!settings.after[site.kind] || settings.leaveOut.has(layer)) continue;
    const width = settings.widthOf(layer, hidden);
    adapters.set(site.path, bottleneckAt(settings, site.path, hidden, width));
  }
  return adapters;
}

function bottleneckAt({ name, steps }: BottleneckConfig, path: string, hidden: number, width: number): Bottleneck {
  const at = `${path}.adapters.${name}`;
  const { normBefore, normAfter, scaling } = steps;
  const affine = (part: string): Affine => ({ weight: `${at}.${part}.weight`, bias: `${at}.${part}.bias` });
  const names: Names = {
    // A list of modules, of which a norm is the first.
    down: affine(`adapter_down.${normBefore ? 1 : 0}`),
    up: affine('adapter_up'),
    ...(normBefore && { normBefore: affine('adapter_norm_before') }),
    ...(normAfter && { normAfter: affine('adapter_norm_after') }),
    ...(typeof scaling === 'string' && { scaling: `${at}.scaling` }),
  };
  const spec = ({ weight, bias }: Affine, dims: readonly number[]): readonly TrainableSpec[] => [
    { name: weight, dims },
    { name: bias, dims: [dims[0]!] },
  ];
  const trainables = [
    ...(names.normBefore === undefined ? [] : spec(names.normBefore, [hidden])),
    ...spec(names.down, [width, hidden]),
    ...spec(names.up, [hidden, width]),
    ...(names.scaling === undefined ? [] : [{ name: names.scaling, dims: [scaling === 'channel' ? hidden : 1] }]),
    ...(names.normAfter === undefined ? [] : spec(names.normAfter, [hidden])),
  ];
  return { names, trainables };
}

/** The end of a sub-block in a graph, as the hook gets it. */
interface SubBlockEnd {
  readonly site: SubBlockSite;
  readonly stream: Value;
  readonly output: Value;
  readonly end: (output: Value) => Value;
}

/** The residual stream `[tokens, hidden]` after a sub-block with an adapter. */
function applied(
  b: Builder,
  { steps, activation }: BottleneckConfig,
  names: Names,
  trained: ReadonlyMap<string, Value>,
  { site, stream, output, end }: SubBlockEnd,
): Value {
  const { parallel, residual, residualBeforeNorm, originalNormBefore, originalNormAfter, scaling } = steps;
  const sum = parallel || !originalNormBefore ? output : b.add(output, stream);
  const norm = site.postNorm ?? site.outputNorm;
  const input = parallel ? stream : originalNormBefore ? (norm?.(sum) ?? sum) : output;
  const around = { output, sum, input }[residual];
  const normed = (own: Affine | undefined, x: Value) =>
    own === undefined ? x : b.layerNorm(x, trained.get(own.weight)!, trained.get(own.bias)!, epsilon);
  const through = ({ weight, bias }: Affine, x: Value) =>
    b.gemm(x, trained.get(weight)!, { transB: 1 }, trained.get(bias)!);

  const inside = activation(b, through(names.down, normed(names.normBefore, input)));
  const up = through(names.up, inside);
  const scaled = typeof scaling === 'number' ? b.scale(up, scaling) : b.mul(up, trained.get(names.scaling!)!);
  const withinNorm = residualBeforeNorm && !parallel;
  const narrow = normed(names.normAfter, withinNorm ? b.add(scaled, around) : scaled);
  const result = withinNorm ? narrow : b.add(narrow, around);
  return originalNormAfter ? end(result) : result;
}

/** First values of one adapter's tensors, as AdapterHub draws them. */
function firstTensors(
  { init }: BottleneckConfig,
  { down, up }: Names,
  trainables: readonly TrainableSpec[],
  random: Random,
): readonly (readonly [string, Float32Array])[] {
  return trainables.map(({ name, dims }) => {
    const length = dims.reduce((n, size) => n * size, 1);
    const draw = (next: () => number) => [name, Float32Array.from({ length }, next)] as const;
    if (name === down.weight || name === up.weight) {
      if (init === 'bert') return draw(() => 0.02 * random.normal());
      if (init === 'houlsby') return draw(() => 0.01 * truncatedNormal(random));
      // torch's kaiming_uniform_ with a = sqrt 5.
      const bound = name === down.weight ? 1 / Math.sqrt(dims[1]!) : 0;
      return draw(() => bound * (2 * random.uniform() - 1));
    }
    return draw(() => (name.endsWith('.bias') ? 0 : 1));
  });
}

/** A standard normal number within two deviations. */
function truncatedNormal(random: Random): number {
  for (;;) {
    const x = random.normal();
    if (Math.abs(x) <= 2) return x;
  }
}

/** AdapterHub's adapter_config.json. */
function fileConfig(given: JsonObject, settings: BottleneckConfig, model: Model): JsonObject {
  const others = Object.entries(given).filter(([key]) => key !== 'peft_type' && !bottleneckKeys.includes(key));
  return { ...aboutModel(given, model), name: settings.name, ...Object.fromEntries(others), config: settings.json };
}

/** AdapterHub's head_config.json for a classifier of transformers' own. */
function headConfig(given: JsonObject, model: Model): JsonObject {
  const { config, classifier } = model;
  const classes = classifier?.classes ?? 0;
  const names = classNames(config, classes).map((name) => (/^\d+$/.test(name) ? `LABEL_${name}` : name));
  const own = config.optionalObject('label2id')?.json;
  return {
    ...aboutModel(given, model),
    config: null,
    label2id: own ?? Object.fromEntries(names.map((name, id) => [name, id])),
    name: null,
    num_labels: classes,
  };
}

/** What AdapterHub says of the model, and the version of its format: of the file that was read, where one was. */
function aboutModel(given: JsonObject, { architecture, config, dir, modelType, task }: Model): JsonObject {
  const saved = config.optionalStrings('architectures')?.[0] ?? null;
  const forClasses = 'ForSequenceClassification';
  const stem = saved?.replace(/(For[A-Z]\w*|LMHeadModel|DoubleHeadsModel|Model)$/, '');
  const asClassifier = stem === undefined ? null : stem + forClasses;
  return {
    hidden_size: architecture.sizes.hidden,
    model_class: given.model_class ?? (task === 'seq_cls' ? asClassifier : saved),
    model_name: given.model_name ?? dir,
    model_type: modelType,
    version: given.version ?? 'adapters.1.2.0',
  };
}
