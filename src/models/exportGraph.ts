import { Builder } from '../onnx/builder.ts';
import type { DType } from '../onnx/dims.ts';
import type { Graph } from '../onnx/graph.ts';
import type { FloatTensor, Tensors } from '../runtime/tensor.ts';
import type { Attachment } from './attachment.ts';
import { causalBiasInGraph } from './attentionBias.ts';
import { cacheNames } from './decodeGraph.ts';
import { type Decoder, runLayers, type Segment } from './decoder.ts';
import type { Model } from './model.ts';
import { Scope } from './scope.ts';
import { embedTokens } from './tokenEmbedding.ts';

/** A trained tensor as an exported graph holds it: little-endian bytes of its type. */
export interface ExportedTensor {
  readonly dtype: DType;
  readonly bytes: Uint8Array;
}

/**
 * The graph of a whole adapted model that writes, which needs nothing beside itself. Input: `input_ids` `[batch, time]`, padded on the
 * right with any token. Output: `logits` `[batch, time, vocabulary]`. Positions and causal masks are computed inside; what
 * is trained is a constant, and so are the keys and values of what stands before every row.
 * @param tensors the attachment's trained tensors, by name
 * @param prefix `present.*` of the virtual tokens, as `buildVirtualGraph` gives them; empty without any
 */
export function buildExportGraph(
  model: Model & { readonly architecture: Decoder },
  attachment: Attachment,
  tensors: ReadonlyMap<string, ExportedTensor>,
  prefix: Tensors,
): Graph {
  const b = new Builder();
  const { architecture } = model;
  const { sizes } = architecture;
  const ids = b.graph.input('input_ids', 'int64', ['batch', 'time']);
  const trained = new Map(
    attachment.trainables.map(({ name, dims }) => {
      const { dtype, bytes } = tensors.get(name)!;
      return [name, b.cast(b.graph.constant(name, dtype, dims, bytes), 'float32')] as const;
    }),
  );
  const scope = new Scope(b, model.weights, attachment.hooks(trained, b));
  const repeated = (name: string) => {
    const { data, dims } = prefix.get(name) as FloatTensor;
    return b.expand(b.floats(name, data, dims), ['batch', ...dims.slice(1)]);
  };
  const virtual = prefix.get(cacheNames('present', 0).key)?.dims[2] ?? 0;
  const { bias, positions } = causalBiasInGraph(b, sizes, virtual, 'time');
  const segment: Segment = {
    batch: 'batch',
    time: 'time',
    positions: b.expand(positions, ['batch', 'time']),
    bias,
    past:
      virtual === 0
        ? undefined
        : (layer) => {
            const names = cacheNames('present', layer);
            return { key: repeated(names.key), value: repeated(names.value) };
          },
    keep: () => undefined,
  };
  const hidden = runLayers(architecture, scope, embedTokens(scope, architecture.tokenEmbedding, ids), segment);
  b.outputAs(
    'logits',
    b.reshape(architecture.head(scope, architecture.final(scope, hidden)), ['batch', 'time', sizes.vocabulary]),
  );
  return b.graph;
}
