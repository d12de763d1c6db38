import { ModelConfig } from '../checkpoint/config.ts';
import { linearSites } from '../models/linearSites.ts';
import { peftTaskTypes } from '../models/task.ts';
import type { Builder } from '../onnx/builder.ts';
import type { Value } from '../onnx/dims.ts';
import { rowLengths, withMagnitude } from './dora.ts';
import { loraDefaults, loraTargets, refuseUnsupported } from './loraConfig.ts';
import { firstFactors, loraInit, uniform } from './loraInits.ts';
import { mergedPath, mergedPathBias } from './lowRankMerge.ts';
import { type LowRankPath, lowRankPath } from './lowRankPath.ts';
import { type FactorPair, type MergedTensor, type Method, type MethodFactory, noPositions } from './method.ts';
import { doubledConfig, pissa, pissaInit } from './pissa.ts';
import { baseTensor, firstValues, inPlace, mergedInPlace, savedModules } from './savedModules.ts';
import { storedTables } from './storedTables.ts';
import { targetsOf } from './targets.ts';
import { trainedBiases } from './trainedBiases.ts';

/**
 * Low-rank adaptation, Hu et al., https://arxiv.org/abs/2106.09685: y = W x + s B A x with s = alpha / r, or alpha /
 * sqrt(r) (rsLoRA, https://arxiv.org/abs/2312.03732); with `use_dora` also a trained length of each row (dora.ts), with
 * `lora_bias` a bias beside B A x. An embedding table is the W of one-hot vectors.
 */
export const lora: MethodFactory = (config, model, source): Method => {
  const options = new ModelConfig(source, config);
  const principal = pissaInit(options);
  if (principal === null) return plainLora(config, model, source);
  const { sites, embeddings } = targetsOf(options, model, loraTargets, true);
  if (embeddings.length > 0) throw options.invalid('init_lora_weights', 'is PiSSA, which goes with linear layers only');
  const plain = plainLora({ ...config, init_lora_weights: true }, model, source);
  const doubled = plainLora(doubledConfig(options, config), model, source);
  const paths = sites.map((site) => lowRankPath(options, site));
  return pissa(plain, doubled, paths, principal);
};

const plainLora: MethodFactory = (config, model, source): Method => {
  const options = new ModelConfig(source, config);
  refuseUnsupported(options);
  const { sites, embeddings, pattern } = targetsOf(options, model, loraTargets, true);
  const onLayers = sites.map((site) => lowRankPath(options, site));
  const all = [...embeddings.map((site) => lowRankPath(options, site, true)), ...onLayers];
  const paths = new Map(all.map((path) => [path.site.path, path] as const));
  const shared = linearSites(model).inHead.length === 0 && paths.has(model.architecture.tokenEmbedding.path);
  if (shared && options.boolean('ensure_weight_tying', false)) {
    throw options.invalid('ensure_weight_tying', 'is not supported yet: the output head stays as it is');
  }
  const dora = options.boolean('use_dora', false);
  const init = loraInit(options);
  if (init === 'orthogonal' && onLayers.some(({ rank }) => rank % 2 !== 0)) {
    throw options.invalid('init_lora_weights', 'is orthogonal, which needs even ranks');
  }
  const biased = pathBias(options, embeddings.length > 0);
  const biases = trainedBiases(options, model, sites);
  const whole = [
    ...biases,
    ...savedModules(options, model).filter(({ weight }) => !biases.some((b) => b.weight === weight)),
  ];
  const parts = all.map(({ site, rank, scaling }) => [site.path, rank, scaling]);
  const apply = (g: Builder, { names, scaling }: LowRankPath, x: Value, trained: ReadonlyMap<string, Value>): Value =>
    g.gemm(
      x,
      trained.get(names.b)!,
      { transB: 1, alpha: scaling },
      biased ? g.scale(trained.get(names.bias)!, scaling) : undefined,
    );
  return {
    peftType: 'LORA',
    structure: `LORA ${JSON.stringify({ parts, dora, biased, whole: whole.map(({ name }) => name) })}`,
    ...noPositions,
    partialGradient: dora,
    trainables: [
      ...all.flatMap(({ site: { inFeatures, outFeatures }, rank, names }) => [
        { name: names.a, dims: [rank, inFeatures] },
        { name: names.b, dims: [outFeatures, rank] },
        ...(biased ? [{ name: names.bias, dims: [outFeatures] }] : []),
        ...(dora ? [{ name: names.magnitude, dims: [outFeatures] }] : []),
      ]),
      ...whole.map(({ name, dims }) => ({ name, dims })),
    ],
    factorPairs: onLayers.map(factorPair),
    embeddingPairs: all.filter(({ onEmbedding }) => onEmbedding).map(factorPair),
    wholeWeights: whole,
    biases: [...(biased ? all.map(({ names }) => names.bias) : []), ...biases.map(({ name }) => name)],
    copies: storedTables(
      pattern,
      model,
      embeddings,
      linearSites(model).inHead.filter(({ path }) => paths.has(path)),
    ),
    hooks: (trained) => {
      const factorsOf = ({ names }: LowRankPath) => ({ a: trained.get(names.a)!, b: trained.get(names.b)! });
      return {
        weight: inPlace(whole, trained),
        linear: (g, site, x, y, parameters) => {
          const path = paths.get(site.path);
          if (path === undefined) return y;
          const factors = factorsOf(path);
          const sum = g.add(y, apply(g, path, g.gemm(x, factors.a, { transB: 1 }), trained));
          return dora ? withMagnitude(g, path, parameters, factors, sum, trained.get(path.names.magnitude)!) : sum;
        },
        embedding: (g, site, ids, y, parameters) => {
          const path = paths.get(site.path);
          if (path === undefined) return y;
          const factors = factorsOf(path);
          const rows = g.gather(g.transpose(factors.a, [1, 0]), g.reshape(ids, [g.countOf(ids)]));
          const sum = g.add(y, g.reshape(apply(g, path, rows, trained), y.dims));
          return dora ? withMagnitude(g, path, parameters, factors, sum, trained.get(path.names.magnitude)!) : sum;
        },
      };
    },
    ...mergedInto(),
    config: {
      ...loraDefaults,
      base_model_name_or_path: model.dir,
      task_type: peftTaskTypes[model.task],
      ...config,
      // PEFT sets it from the kind of layer.
      fan_in_fan_out: sites.some(({ layout }) => layout === 'in_out'),
      target_modules: pattern,
    },
    initialise: async ({ random }) => {
      if (init === null) throw options.invalid('init_lora_weights', 'is a beginning that only PEFT makes');
      const first = new Map<string, Float32Array>();
      for (const path of all) {
        const { names, site, rank } = path;
        const factors = firstFactors(init, random, path);
        first.set(names.a, factors.a);
        first.set(names.b, factors.b);
        const { outFeatures } = site;
        if (biased)
          first.set(names.bias, init === 'false' ? uniform(random, outFeatures, rank) : new Float32Array(outFeatures));
        if (dora) first.set(names.magnitude, rowLengths(path, await baseTensor(model, `${site.path}.weight`), factors));
      }
      return new Map([...first, ...(await firstValues(whole, { model, random }))]);
    },
  };

  /** What a merge makes of the weights, where they can hold it. */
  function mergedInto(): Pick<Method, 'merged' | 'untiesHead'> {
    const bare = biased ? sites.find(({ hasBias }) => !hasBias) : undefined;
    if (bare !== undefined)
      return { merged: `its paths have biases (lora_bias), and ${bare.path} has none to add them to` };
    const merged = new Map<string, MergedTensor>(all.map((path) => mergedPath(path, dora)));
    for (const [weight, change] of mergedInPlace(whole)) merged.set(weight, change);
    for (const path of biased ? onLayers : []) {
      const [weight, change] = mergedPathBias(path);
      const before = merged.get(weight);
      merged.set(weight, before === undefined ? change : (base, trained) => change(before(base, trained), trained));
    }
    return { merged, untiesHead: shared };
  }
};

/** `lora_bias`, which PEFT keeps to linear layers without DoRA. @throws SoftpromptError config-key */
function pathBias(options: ModelConfig, onEmbeddings: boolean): boolean {
  const biased = options.boolean('lora_bias', false);
  if (biased && options.boolean('use_dora', false)) throw options.invalid('lora_bias', 'goes without use_dora only');
  if (biased && onEmbeddings)
    throw options.invalid('lora_bias', 'goes with linear layers only, not with an embedding table');
  return biased;
}

function factorPair({ names: { a, b }, rank, scaling }: LowRankPath): FactorPair {
  return { a, b, rank, scaling };
}
