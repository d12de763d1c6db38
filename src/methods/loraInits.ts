import type { ModelConfig } from '../checkpoint/config.ts';
import type { Random } from '../foundation/random.ts';
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
  false: (random, { site, rank }) => ({
    a: normal(random, rank * site.inFeatures, 1),
    b: normal(random, site.outFeatures * rank, 1),
  }),
} satisfies Record<LoraInit, PathInit>;

/** `init_lora_weights`. @throws SoftpromptError config-key */
export function loraInit(options: ModelConfig): LoraInit {
  const init = String(options.raw('init_lora_weights') ?? true);
  if (Object.hasOwn(linearInits, init)) return init as LoraInit;
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

function normal(random: Random, length: number, deviation: number): Float32Array {
  return Float32Array.from({ length }, () => random.normal() * deviation);
}

function zeroA(random: Random, { site, rank }: LowRankPath): LowRankFactors<Float32Array> {
  return { a: new Float32Array(rank * site.inFeatures), b: normal(random, site.outFeatures * rank, 1) };
}
