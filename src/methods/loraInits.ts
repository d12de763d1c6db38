import type { ModelConfig } from '../checkpoint/config.ts';
import type { Random } from '../foundation/random.ts';
import { svd } from '../foundation/svd.ts';
import type { LowRankFactors, LowRankPath } from './lowRankPath.ts';

/** First values of a path's two matrices. */
type PathInit = (random: Random, path: LowRankPath) => LowRankFactors<Float32Array>;

/** How a path beside a linear layer begins, by `init_lora_weights`: B is 0, so that nothing is changed yet, but for `false`. */
const linearInits = {
  /** Kaiming's uniform with a = sqrt(5), as torch.nn.Linear begins. */
  true: (random, { site, rank }) => ({
    a: uniform(random, rank * site.inFeatures, site.inFeatures),
    b: new Float32Array(site.outFeatures * rank),
  }),
  gaussian: (random, { site, rank }) => ({
    a: normal(random, rank * site.inFeatures, 1 / rank),
    b: new Float32Array(site.outFeatures * rank),
  }),
  /** Both at random, A's rows and B's columns in halves of the rank that are orthogonal, so that B A is 0 too. */
  orthogonal: (random, { site, rank }) => {
    const { u: turn } = svd(normal(random, rank * rank, 1), rank, rank);
    const half = rank / 2;
    /** Random numbers `[count, half]` times every other row of the turn, from `first` on; `[count, rank]`. */
    const within = (count: number, first: number) => {
      const product = new Float32Array(count * rank);
      for (let i = 0; i < count; i++) {
        for (let k = 0; k < half; k++) {
          const factor = random.normal() / 10;
          for (let j = 0; j < rank; j++) product[i * rank + j]! += factor * turn[(2 * k + first) * rank + j]!;
        }
      }
      return product;
    };
    const [across, b] = [within(site.inFeatures, 0), within(site.outFeatures, 1)];
    const a = across.map((_, at) => across[(at % site.inFeatures) * rank + Math.floor(at / site.inFeatures)]!);
    return { a, b };
  },
  /** Both at random: another model from the start, for tests. */
  false: (random, { site, rank }) => ({
    a: uniform(random, rank * site.inFeatures, site.inFeatures),
    b: uniform(random, site.outFeatures * rank, rank),
  }),
} satisfies Record<string, PathInit>;

/** How `init_lora_weights` lets adapters begin. */
export type LoraInit = keyof typeof linearInits;

/** The same beside an embedding table, where A is 0 and B is not: each token's row of A is trained by its own rows alone. */
const embeddingInits = {
  true: zeroA,
  gaussian: zeroA,
  orthogonal: zeroA,
  false: (random, { site, rank }) => ({
    a: normal(random, rank * site.inFeatures, 1),
    b: normal(random, site.outFeatures * rank, 1),
  }),
} satisfies Record<LoraInit, PathInit>;

/** `init_lora_weights`; null for what only PEFT can begin. @throws SoftpromptError config-key */
export function loraInit(options: ModelConfig): LoraInit | null {
  const init = String(options.raw('init_lora_weights') ?? true);
  if (Object.hasOwn(linearInits, init)) return init as LoraInit;
  // How an adapter of PEFT's began that goes with the model as it is: it can be read and trained on.
  if (init === 'eva') return null;
  throw options.invalid(
    'init_lora_weights',
    `is "${init}"; known are ${[...Object.keys(linearInits), 'pissa', 'pissa_niter_N'].join(', ')}`,
  );
}

/** First values of a path's two matrices. */
export function firstFactors(init: LoraInit, random: Random, path: LowRankPath): LowRankFactors<Float32Array> {
  return (path.onEmbedding ? embeddingInits : linearInits)[init](random, path);
}

/** Numbers between -1 / sqrt(fanIn) and 1 / sqrt(fanIn). */
export function uniform(random: Random, length: number, fanIn: number): Float32Array {
  return Float32Array.from({ length }, () => (2 * random.uniform() - 1) / Math.sqrt(fanIn));
}

/** Normal numbers of a standard deviation. */
export function normal(random: Random, length: number, deviation: number): Float32Array {
  return Float32Array.from({ length }, () => random.normal() * deviation);
}

function zeroA(random: Random, { site, rank }: LowRankPath): LowRankFactors<Float32Array> {
  return { a: new Float32Array(rank * site.inFeatures), b: normal(random, site.outFeatures * rank, 1) };
}
