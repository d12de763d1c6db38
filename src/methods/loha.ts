import { ModelConfig } from '../checkpoint/config.ts';
import type { JsonObject } from '../checkpoint/json.ts';
import type { LinearSite } from '../models/sites.ts';
import { additionsMethod, type LayerAddition, layerConfig } from './layerAddition.ts';
import { loraTargets } from './loraConfig.ts';
import { uniform } from './loraInits.ts';
import { addRow } from './lowRankMerge.ts';
import { rankAndAlpha } from './lowRankPath.ts';
import type { Method, MethodFactory } from './method.ts';
import { savedModules } from './savedModules.ts';
import { targetsOf } from './targets.ts';

/** What the configurations of LOHA and LOKR have in common, with PEFT's defaults. */
export const lycorisDefaults: JsonObject = {
  alpha: 8,
  alpha_pattern: {},
  auto_mapping: null,
  exclude_modules: null,
  inference_mode: true,
  init_weights: true,
  layers_pattern: null,
  layers_to_transform: null,
  module_dropout: 0,
  modules_to_save: null,
  r: 8,
  rank_dropout: 0,
  rank_pattern: {},
  revision: null,
  // Of convolutions only.
  use_effective_conv2d: false,
};

/**
 * LoHa, https://arxiv.org/abs/2108.06098 and https://arxiv.org/abs/2309.14859: y = W x + s ((A1 B1) * (A2 B2)) x with
 * s = alpha / r, where * multiplies two matrices element by element, so that the product can have rank r squared.
 */
export const loha: MethodFactory = (config, model, source): Method => {
  const options = new ModelConfig(source, config);
  // Of PEFT's versions since 0.21: ABBA, https://arxiv.org/abs/2505.14238.
  for (const key of ['r2', 'use_khatri_rao']) {
    const given = options.raw(key) ?? null;
    if (given !== null && given !== false && given !== 'auto') throw options.invalid(key, 'is not supported yet');
  }
  const targets = targetsOf(options, model, loraTargets);
  const begins = options.boolean('init_weights', true);
  return additionsMethod(
    'LOHA',
    model,
    layerConfig({ ...lycorisDefaults, peft_type: 'LOHA' }, config, model, targets),
    targets.sites.map((site) => hadamardProduct(site, rankAndAlpha(options, site.path, 'alpha'), begins)),
    savedModules(options, model),
  );
};

/** What is added to one layer; all factors are drawn but, where it `begins` as the base model, the last, which is 0. */
function hadamardProduct(
  site: LinearSite,
  { rank, alpha }: ReturnType<typeof rankAndAlpha>,
  begins: boolean,
): LayerAddition {
  const { inFeatures, outFeatures } = site;
  const at = `base_model.model.${site.path}`;
  const scaling = alpha / rank;
  const pair = (which: 1 | 2) => ({
    a: { name: `${at}.hada_w${which}_a`, dims: [outFeatures, rank] },
    b: { name: `${at}.hada_w${which}_b`, dims: [rank, inFeatures] },
  });
  const pairs = [pair(1), pair(2)];
  return {
    site,
    scaling,
    trainables: pairs.flatMap(({ a, b }) => [a, b]),
    apply: (g, x, trained) => {
      const [first, second] = pairs.map(({ a, b }) => g.matmul(trained.get(a.name)!, trained.get(b.name)!));
      return g.gemm(x, g.mul(first!, second!), { transB: 1, alpha: scaling });
    },
    change: (trained) => {
      const products = pairs.map(({ a, b }) => ({
        a: trained.get(a.name)!,
        b: trained.get(b.name)!,
        row: new Float64Array(inFeatures),
      }));
      return (row, o) => {
        for (const { a, b, row: product } of products) {
          product.fill(0);
          for (let k = 0; k < rank; k++) addRow(product, b, k, inFeatures, a[o * rank + k]!);
        }
        const [first, second] = products.map((product) => product.row);
        for (let i = 0; i < inFeatures; i++) row[i]! += scaling * first![i]! * second![i]!;
      };
    },
    first: (random) => [
      uniform(random, outFeatures * rank, rank),
      uniform(random, rank * inFeatures, inFeatures),
      uniform(random, outFeatures * rank, rank),
      begins ? new Float32Array(rank * inFeatures) : uniform(random, rank * inFeatures, inFeatures),
    ],
  };
}
