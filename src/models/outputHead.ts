import type { Value } from '../onnx/dims.ts';
import type { Scope } from './scope.ts';

/**
 * Logits `[n, vocabulary]` of x `[n, width]`: by the output head's own weight or, where the checkpoint has none, by the
 * table of token embeddings.
 */
export function outputHead(scope: Scope, head: string, tokenEmbedding: string, x: Value): Value {
  return scope.has(`${head}.weight`)
    ? scope.linear(head, x)
    : scope.b.gemm(x, scope.weight(`${tokenEmbedding}.weight`), { transB: 1 });
}
