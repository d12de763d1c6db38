import { ModelConfig } from '../checkpoint/config.ts';
import type { Random } from '../foundation/random.ts';
import { peftTaskTypes } from '../models/task.ts';
import { rowLengths, withMagnitude } from './dora.ts';
import { loraDefaults, loraTargets, refuseUnsupported } from './loraConfig.ts';
import { mergedPath } from './lowRankMerge.ts';
import { type LowRankFactors, type LowRankPath, lowRankPath } from './lowRankPath.ts';
import type { Method, MethodFactory } from './method.ts';
import { baseTensor, firstValues, inPlace, mergedInPlace, savedModules, type TrainedWeight } from './savedModules.ts';
import { targetsOf } from './targets.ts';

/**
 * Low-rank adaptation, Hu et al., https://arxiv.org/abs/2106.09685: y = W x + s B A x with s = alpha / r, or alpha /
 * sqrt(r) (rsLoRA, https://arxiv.org/abs/2312.03732); with `use_dora` also a trained length of each row (dora.ts).
 */
export const lora: MethodFactory = (config, model, source): Method => {
  const options = new ModelConfig(source, config);
  refuseUnsupported(options);
  const { sites, pattern } = targetsOf(options, model, loraTargets);
  const paths = new Map(sites.map((site) => [site.path, lowRankPath(options, site)] as const));
  const dora = options.boolean('use_dora', false);
  const init = initOf(options);
  const whole: readonly TrainedWeight[] = [
    ...(trainsBias(options) ? [...paths.values()].flatMap(trainedBias) : []),
    ...savedModules(options, model),
  ];
  const parts = [...paths].map(([path, { rank, scaling }]) => [path, rank, scaling]);
  return {
    peftType: 'LORA',
    structure: `LORA ${JSON.stringify({ parts, dora, whole: whole.map(({ name }) => name) })}`,
    virtualTokens: 0,
    virtualHidden: false,
    virtualOnly: false,
    trainables: [
      ...[...paths.values()].flatMap(({ site: { inFeatures, outFeatures }, rank, names }) => [
        { name: names.a, dims: [rank, inFeatures] },
        { name: names.b, dims: [outFeatures, rank] },
        ...(dora ? [{ name: names.magnitude, dims: [outFeatures] }] : []),
      ]),
      ...whole.map(({ name, dims }) => ({ name, dims })),
    ],
    factorPairs: [...paths.values()].map(({ names, rank, scaling }) => ({ a: names.a, b: names.b, rank, scaling })),
    biases: whole.flatMap(({ weight, name }) => (weight.endsWith('.bias') ? [name] : [])),
    hooks: (trained) => ({
      weight: inPlace(whole, trained),
      linear: (g, site, x, y, parameters) => {
        const path = paths.get(site.path);
        if (path === undefined) return y;
        const factors = { a: trained.get(path.names.a)!, b: trained.get(path.names.b)! };
        const beside = g.gemm(g.gemm(x, factors.a, { transB: 1 }), factors.b, { transB: 1, alpha: path.scaling });
        const sum = g.add(y, beside);
        return dora ? withMagnitude(g, path, parameters, factors, sum, trained.get(path.names.magnitude)!) : sum;
      },
    }),
    merged: new Map([...[...paths.values()].map((path) => mergedPath(path, dora)), ...mergedInPlace(whole)]),
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
      const first = new Map<string, Float32Array>();
      for (const path of paths.values()) {
        const { names, site } = path;
        const factors = inits[init](random, path);
        first.set(names.a, factors.a);
        first.set(names.b, factors.b);
        if (dora) first.set(names.magnitude, rowLengths(path, await baseTensor(model, `${site.path}.weight`), factors));
      }
      return new Map([...first, ...(await firstValues(whole, { model, random }))]);
    },
  };
};

/** The bias of a path's layer as a tensor that is trained, where it has one. */
function trainedBias({ site, names }: LowRankPath): readonly TrainedWeight[] {
  return site.hasBias ? [{ weight: `${site.path}.bias`, name: names.bias, dims: [site.outFeatures] }] : [];
}

/** Whether the biases of the layers it acts on are trained too. */
function trainsBias(options: ModelConfig): boolean {
  const bias = options.string('bias', 'none');
  if (bias === 'none' || bias === 'lora_only') return bias === 'lora_only';
  throw options.invalid('bias', `is "${bias}"; known are none, lora_only`);
}

/** How a path begins, by `init_lora_weights`: B is 0, so that nothing is changed yet, but for `false`. */
const inits = {
  /** Kaiming's uniform with a = sqrt(5), as torch.nn.Linear begins. */
  true: (random, { site, rank }) => ({
    a: uniform(random, rank * site.inFeatures, site.inFeatures),
    b: new Float32Array(site.outFeatures * rank),
  }),
  gaussian: (random, { site, rank }) => ({
    a: Float32Array.from({ length: rank * site.inFeatures }, () => random.normal() / rank),
    b: new Float32Array(site.outFeatures * rank),
  }),
  /** Both at random: another model from the start, for tests. */
  false: (random, { site, rank }) => ({
    a: uniform(random, rank * site.inFeatures, site.inFeatures),
    b: uniform(random, site.outFeatures * rank, rank),
  }),
} satisfies Record<string, (random: Random, path: LowRankPath) => LowRankFactors<Float32Array>>;

function initOf(options: ModelConfig): keyof typeof inits {
  const init = String(options.raw('init_lora_weights') ?? true);
  if (Object.hasOwn(inits, init)) return init as keyof typeof inits;
  throw options.invalid('init_lora_weights', `is "${init}"; known are ${Object.keys(inits).join(', ')}`);
}

/** Numbers between -1 / sqrt(fanIn) and 1 / sqrt(fanIn). */
function uniform(random: Random, length: number, fanIn: number): Float32Array {
  return Float32Array.from({ length }, () => (2 * random.uniform() - 1) / Math.sqrt(fanIn));
}
