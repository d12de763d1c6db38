import { readFloat32Rows } from '../checkpoint/tensorReading.ts';
import { SoftpromptError } from '../foundation/errors.ts';
import type { Value } from '../onnx/dims.ts';
import type { Model } from './model.ts';
import type { Scope } from './scope.ts';

/** How a model turns token ids into vectors. Virtual tokens stand in the place of these vectors. */
export interface TokenEmbedding {
  /** The module whose weight is the table `[vocabulary, width]`. */
  readonly path: string;
  /** Size of a vector; `hidden` unless a projection follows (OPT). */
  readonly width: number;
  /** Factor on the rows of the table; 1 in most models, sqrt(hidden) in Gemma. */
  readonly scale: number;
}

/** Vectors `[..., width]` of token ids `[...]`. */
export function embedTokens(scope: Scope, { path, scale }: TokenEmbedding, ids: Value): Value {
  return scope.b.scale(scope.embedding(path, ids), scale);
}

/**
 * The same where virtual tokens may stand among a row's own: ids from `vocabulary` on are the rows of `virtual`
 * `[count, width]`, in their order.
 */
export function embedWithVirtual(
  scope: Scope,
  embedding: TokenEmbedding,
  ids: Value,
  vocabulary: number,
  virtual: Value | undefined,
): Value {
  const { b } = scope;
  if (virtual === undefined) return embedTokens(scope, embedding, ids);
  const none = b.integers([0]);
  const isVirtual = b.greater(ids, b.integers([vocabulary - 1]));
  const tokens = embedTokens(scope, embedding, b.where(isVirtual, none, ids));
  const prompt = b.gather(virtual, b.where(isVirtual, b.sub(ids, b.integers([vocabulary])), none));
  return b.where(b.reshape(isVirtual, [...ids.dims, 1]), prompt, tokens);
}

/** `embedTokens` outside a graph: the vectors of some tokens, one after another. */
export async function readTokenEmbeddings(model: Model, ids: readonly number[]): Promise<Float32Array> {
  const { path, scale } = model.architecture.tokenEmbedding;
  const info = model.weights.tensors.get(`${path}.weight`);
  if (info === undefined) throw new SoftpromptError('internal', { problem: `no tensor ${path}.weight` });
  const rows = await readFloat32Rows(info, ids);
  return scale === 1 ? rows : rows.map((x) => x * scale);
}
