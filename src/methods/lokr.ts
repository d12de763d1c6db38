import { ModelConfig } from '../checkpoint/config.ts';
import type { Random } from '../foundation/random.ts';
import type { TrainableSpec } from '../models/attachment.ts';
import type { LinearSite } from '../models/sites.ts';
import type { Builder } from '../onnx/builder.ts';
import type { Value } from '../onnx/dims.ts';
import { additionsMethod, type LayerAddition, layerConfig } from './layerAddition.ts';
import { lycorisDefaults } from './loha.ts';
import { loraTargets } from './loraConfig.ts';
import { uniform } from './loraInits.ts';
import { rankAndAlpha } from './lowRankPath.ts';
import type { Method, MethodFactory, TrainedTensors } from './method.ts';
import { savedModules } from './savedModules.ts';
import { targetsOf } from './targets.ts';

/** How the two matrices begin: as drawn, or so that this one is 0 (its last factor as LyCORIS has it, else its first). */
const inits = {
  true: { zero: 1 },
  lycoris: { zero: 2 },
  false: { zero: null },
} as const satisfies Record<string, { readonly zero: 1 | 2 | null }>;

/**
 * LoKr, https://arxiv.org/abs/2309.14859: y = W x + s (W1 kron W2) x with s = alpha / r. A layer's sizes are each a product
 * of two, and W1 has one factor of both, W2 the other. W2, and with `decompose_both` W1 too, is a product of two thin
 * matrices where the rank is less than half of its longer side.
 */
export const lokr: MethodFactory = (config, model, source): Method => {
  const options = new ModelConfig(source, config);
  const init = String(options.raw('init_weights') ?? true);
  if (!Object.hasOwn(inits, init)) {
    throw options.invalid('init_weights', `is "${init}"; known are ${Object.keys(inits).join(', ')}`);
  }
  const { zero } = inits[init as keyof typeof inits];
  const factor = options.integer('decompose_factor', -1);
  if (factor < 1 && factor !== -1) throw options.invalid('decompose_factor', `is ${factor}; it must be -1 or from 1`);
  const both = options.boolean('decompose_both', false);
  const targets = targetsOf(options, model, loraTargets);
  const additions = targets.sites.map((site) => {
    const { rank, alpha } = rankAndAlpha(options, site.path, 'alpha');
    const at = `base_model.model.${site.path}`;
    const [out1, out2] = factors(site.outFeatures, factor);
    const [in1, in2] = factors(site.inFeatures, factor);
    const first = matrix(`${at}.lokr_w1`, [out1, in1], both ? rank : null, zero === 1 ? 'a' : null);
    const second = matrix(`${at}.lokr_w2`, [out2, in2], rank, zero === 2 ? 'b' : null);
    return kroneckerProduct(site, first, second, alpha / rank);
  });
  const defaults = {
    ...lycorisDefaults,
    decompose_both: false,
    decompose_factor: -1,
    peft_type: 'LOKR',
    rank_dropout_scale: false,
  };
  const whole = savedModules(options, model);
  return additionsMethod('LOKR', model, layerConfig(defaults, config, model, targets), additions, whole);
};

/** A trained matrix, or two thin ones whose product it is. */
interface Matrix {
  readonly dims: readonly [rows: number, columns: number];
  readonly trainables: readonly TrainableSpec[];
  readonly first: (random: Random) => readonly Float32Array[];
}

/**
 * @param rank of the product; null for a matrix that is trained itself
 * @param zero which of the two factors begins as 0, as does what has no factors then; null for none
 */
function matrix(name: string, dims: readonly [number, number], rank: number | null, zero: 'a' | 'b' | null): Matrix {
  const [rows, columns] = dims;
  const parts =
    rank === null || rank >= Math.max(rows, columns) / 2
      ? [{ name, dims, isZero: zero !== null }]
      : [
          { name: `${name}_a`, dims: [rows, rank] as const, isZero: zero === 'a' },
          { name: `${name}_b`, dims: [rank, columns] as const, isZero: zero === 'b' },
        ];
  return {
    dims,
    trainables: parts,
    first: (random) =>
      parts.map(({ dims: [height, width], isZero }) =>
        isZero ? new Float32Array(height * width) : uniform(random, height * width, width),
      ),
  };
}

/** (W1 kron W2) x as W1 X W2' of x `[in1 * in2]` as a matrix X `[in1, in2]`. */
function kroneckerProduct(site: LinearSite, w1: Matrix, w2: Matrix, scaling: number): LayerAddition {
  const [[, in1], [out2, in2]] = [w1.dims, w2.dims];
  return {
    site,
    scaling,
    trainables: [...w1.trainables, ...w2.trainables].map(({ name, dims }) => ({ name, dims })),
    apply: (g, x, trained) => {
      const [tokens] = x.dims;
      const inner = g.matmul(g.reshape(x, [tokens!, in1, in2]), g.swapLast(productIn(g, w2, trained)));
      const outer = g.matmul(g.scale(productIn(g, w1, trained), scaling), inner);
      return g.reshape(outer, [tokens!, site.outFeatures]);
    },
    change: (trained) => {
      const [first, second] = [productOf(w1, trained), productOf(w2, trained)];
      return (row, o) => {
        const [row1, row2] = [Math.floor(o / out2) * in1, (o % out2) * in2];
        for (let i = 0; i < row.length; i++) {
          row[i]! += scaling * first[row1 + Math.floor(i / in2)]! * second[row2 + (i % in2)]!;
        }
      };
    },
    first: (random) => [...w1.first(random), ...w2.first(random)],
  };
}

/** A matrix in a graph. */
function productIn(g: Builder, { trainables }: Matrix, trained: ReadonlyMap<string, Value>): Value {
  const [a, b] = trainables.map(({ name }) => trained.get(name)!);
  return b === undefined ? a! : g.matmul(a!, b);
}

/** A matrix as numbers. */
function productOf({ dims: [rows, columns], trainables }: Matrix, trained: TrainedTensors): ArrayLike<number> {
  const [a, b] = trainables.map(({ name }) => trained.get(name)!);
  if (b === undefined) return a!;
  const rank = b.length / columns;
  return Float64Array.from({ length: rows * columns }, (_, at) => {
    const [row, column] = [Math.floor(at / columns), at % columns];
    let sum = 0;
    for (let k = 0; k < rank; k++) sum += a![row * rank + k]! * b[k * columns + column]!;
    return sum;
  });
}

/**
 * Two numbers whose product is a size, the smaller one first: `factor` and the rest where it divides the size, otherwise as
 * close together as they can be with the smaller one at most `factor` (-1: anything). PEFT's `factorization`, which stops at
 * the first divisor above the factor, and lets the factor stand first even where it is the larger one.
 */
export function factors(size: number, factor: number): readonly [number, number] {
  if (factor > 0 && size % factor === 0) return [factor, size / factor];
  const most = factor === -1 ? size : factor;
  let [small, large] = [1, size];
  while (small < large) {
    let next = small + 1;
    while (size % next !== 0) next++;
    if (next + size / next > 1 + size || next > most) break;
    [small, large] = [next, size / next];
  }
  return small > large ? [large, small] : [small, large];
}
