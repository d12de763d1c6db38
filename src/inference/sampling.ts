import type { Random } from '../foundation/random.ts';

/** How the next token is chosen. */
export interface Sampling {
  /** 0: the most likely token (greedy). */
  readonly temperature: number;
  /** Only the most likely tokens that together have this probability are drawn from; 1 for all. Holtzman et al., https://arxiv.org/abs/1904.09751. */
  readonly topP: number;
  readonly random: Random;
}

/** Index of the largest logit; the first of equals. */
export function argmax(logits: Float32Array): number {
  let best = 0;
  for (let i = 1; i < logits.length; i++) if (logits[i]! > logits[best]!) best = i;
  return best;
}

/** Logarithms of the softmax of logits, in double precision. */
export function logSoftmax(logits: Float32Array): Float64Array {
  const max = logits[argmax(logits)]!;
  let sum = 0;
  for (let i = 0; i < logits.length; i++) sum += Math.exp(logits[i]! - max);
  const shift = max + Math.log(sum);
  return Float64Array.from(logits, (x) => x - shift);
}

/** Chooses a token. */
export function chooseToken(logits: Float32Array, sampling: Sampling | null): number {
  if (sampling === null || sampling.temperature === 0) return argmax(logits);
  const { temperature, topP, random } = sampling;
  const scaled = logSoftmax(logits.map((x) => x / temperature));
  const order = Array.from(scaled.keys()).sort((a, b) => scaled[b]! - scaled[a]! || a - b);
  let kept = 0;
  let mass = 0;
  while (kept < order.length && (kept === 0 || mass < topP)) mass += Math.exp(scaled[order[kept++]!]!);
  let draw = random.uniform() * mass;
  for (let i = 0; i < kept; i++) {
    draw -= Math.exp(scaled[order[i]!]!);
    if (draw < 0) return order[i]!;
  }
  return order[kept - 1]!;
}
