import type { ModelConfig } from '../checkpoint/config.ts';
import type { JsonObject, JsonValue } from '../checkpoint/json.ts';
import type { Random } from '../foundation/random.ts';
import { randomisedSvd } from '../foundation/randomisedSvd.ts';
import { type Svd, svd } from '../foundation/svd.ts';
import type { LowRankFactors, LowRankPath } from './lowRankPath.ts';
import type { Method } from './method.ts';
import { baseTensor } from './savedModules.ts';

/** How PiSSA finds the largest parts of a weight. */
export interface PissaInit {
  /** Rounds of a random approximation; null for the whole decomposition. */
  readonly rounds: number | null;
}

/** `init_lora_weights` as PiSSA: `pissa`, or `pissa_niter_N` for N rounds; null for anything else. */
export function pissaInit(options: ModelConfig): PissaInit | null {
  const found = /^pissa(?:_niter_(\d{1,3}))?$/.exec(String(options.raw('init_lora_weights')));
  return found === null ? null : { rounds: found[1] === undefined ? null : Number(found[1]) };
}

/**
 * PiSSA, https://arxiv.org/abs/2404.02948: A and B begin as the largest parts of each weight, and what is left of the weight
 * stays as it is. That is the unchanged weight with s (B A - B0 A0) beside it, where A0 and B0 are how they began: a LORA of
 * twice the rank, which is what is stored (as PEFT converts it when it is given the first adapter), so that it goes with the
 * model as everybody has it.
 * @param plain LORA of the rank that is trained
 * @param doubled LORA of twice that rank at the same scaling
 */
export function pissa(plain: Method, doubled: Method, paths: readonly LowRankPath[], { rounds }: PissaInit): Method {
  const pairs = plain.factorPairs!;
  return {
    ...doubled,
    encoder: {
      kept: false,
      factorPairs: pairs,
      trainables: [
        ...plain.trainables,
        ...plain.trainables.flatMap(({ name, dims }) =>
          pairs.some(({ a, b }) => name === a || name === b) ? [{ name: begun(name), dims, frozen: true }] : [],
        ),
      ],
      encode: (g, trained) => {
        const tensors = new Map(plain.trainables.map(({ name }) => [name, trained.get(name)!] as const));
        for (const { a, b } of pairs) {
          tensors.set(a, g.concat([trained.get(a)!, trained.get(begun(a))!], 0));
          tensors.set(b, g.concat([trained.get(b)!, g.neg(trained.get(begun(b))!)], 1));
        }
        return tensors;
      },
    },
    initialise: async (context) => {
      const first = new Map<string, Float32Array>(await plain.initialise(context));
      for (const path of paths) {
        const weight = outIn(path, await baseTensor(context.model, `${path.site.path}.weight`));
        const { a, b } = principalFactors(path, weight, rounds, context.random);
        for (const [name, data] of [
          [path.names.a, a],
          [path.names.b, b],
        ] as const) {
          first.set(name, data);
          first.set(begun(name), data.slice());
        }
      }
      return first;
    },
  };
}

/** The configuration of a LORA of twice the rank that computes the same. */
export function doubledConfig(options: ModelConfig, config: JsonObject): JsonObject {
  // The scaling is alpha over the rank, or over its root.
  const alphaFactor = options.boolean('use_rslora', false) ? Math.SQRT2 : 2;
  const times = (value: JsonValue | undefined, factor: number): JsonObject =>
    Object.fromEntries(Object.entries((value ?? {}) as JsonObject).map(([key, x]) => [key, Number(x) * factor]));
  return {
    ...config,
    init_lora_weights: true,
    r: 2 * options.integer('r', 8),
    lora_alpha: alphaFactor * options.number('lora_alpha', 8),
    rank_pattern: times(config.rank_pattern, 2),
    alpha_pattern: times(config.alpha_pattern, alphaFactor),
  };
}

/** The name of how a factor began. */
function begun(name: string): string {
  return `${name}:begun`;
}

/** A layer's weight as `[outFeatures, inFeatures]`. */
function outIn({ site: { layout, inFeatures, outFeatures } }: LowRankPath, weight: Float32Array): Float32Array {
  if (layout === 'out_in') return weight;
  return Float32Array.from(weight, (_, at) => weight[(at % inFeatures) * outFeatures + Math.floor(at / inFeatures)]!);
}

/** A and B whose product, scaled, is the largest parts of a weight `[outFeatures, inFeatures]`, each with half of their sizes. */
function principalFactors(
  { site: { inFeatures, outFeatures }, rank, scaling }: LowRankPath,
  weight: Float32Array,
  rounds: number | null,
  random: Random,
): LowRankFactors<Float32Array> {
  const parts = Math.min(rank, inFeatures, outFeatures);
  const { u, s, v }: Svd =
    rounds === null
      ? svd(weight, outFeatures, inFeatures)
      : randomisedSvd(weight, outFeatures, inFeatures, { rank: parts, rounds, random });
  const a = new Float32Array(rank * inFeatures);
  const b = new Float32Array(outFeatures * rank);
  for (let k = 0; k < parts; k++) {
    const root = Math.sqrt(s[k]! / scaling);
    for (let i = 0; i < inFeatures; i++) a[k * inFeatures + i] = root * v[i * s.length + k]!;
    for (let o = 0; o < outFeatures; o++) b[o * rank + k] = root * u[o * s.length + k]!;
  }
  return { a, b };
}
