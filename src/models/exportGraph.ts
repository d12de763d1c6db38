import { Builder } from '../onnx/builder.ts';
import type { DType, Value } from '../onnx/dims.ts';
import type { Graph } from '../onnx/graph.ts';
import type { FloatTensor, Tensors } from '../runtime/tensor.ts';
import type { Encoder } from './architecture.ts';
import type { Attachment } from './attachment.ts';
import { causalBiasInGraph } from './attentionBias.ts';
import { cacheNames } from './decodeGraph.ts';
import { type Decoder, runLayers } from './decoder.ts';
import { exportedEncoder, rowStarts } from './exportEncoder.ts';
import type { Model } from './model.ts';
import { Scope } from './scope.ts';
import { embedTokens } from './tokenEmbedding.ts';

/** A trained tensor as an exported graph holds it: little-endian bytes of its type. */
export interface ExportedTensor {
  readonly dtype: DType;
  readonly bytes: Uint8Array;
}

/** A model that an exported graph can be of: one that continues a text, or that names its class. */
export type ExportableModel = Model & { readonly architecture: Decoder | Encoder };

/**
 * The graph of a whole adapted model, which needs nothing beside itself; what is trained is a constant in it. Rows are padded
 * on the right with any token. Of a model that continues a text: `input_ids` `[batch, time]` to `logits`
 * `[batch, time, vocabulary]`. Of one that classifies: `input_ids` and `attention_mask` `[batch, time]` (1 at tokens, 0 at
 * padding), behind an encoder `token_type_ids` too, to `logits` `[batch, classes]`.
 * @param tensors the attachment's trained tensors, by name
 * @param prefix `present.*` of a decoder's virtual tokens, as `buildVirtualGraph` gives them; empty without any
 */
export function buildExportGraph(
  model: ExportableModel,
  attachment: Attachment,
  tensors: ReadonlyMap<string, ExportedTensor>,
  prefix: Tensors,
): Graph {
  const b = new Builder();
  const { architecture, classifier } = model;
  const ids = b.graph.input('input_ids', 'int64', ['batch', 'time']);
  const trained = new Map(
    attachment.trainables.map(({ name, dims }) => {
      const { dtype, bytes } = tensors.get(name)!;
      return [name, b.cast(b.graph.constant(name, dtype, dims, bytes), 'float32')] as const;
    }),
  );
  const scope = new Scope(b, model.weights, attachment.hooks(trained, b));
  if (architecture.kind === 'encoder') {
    const read = exportedEncoder(scope, architecture, ids);
    b.outputAs('logits', classifier!.logits(scope, architecture.final(scope, read)));
    return b.graph;
  }
  const states = exportedDecoder(scope, architecture, ids, prefix);
  if (model.task === 'seq_cls') {
    const last = b.gather(states, lastTokens(b, b.graph.input('attention_mask', 'int64', ['batch', 'time'])));
    b.outputAs('logits', classifier!.logits(scope, architecture.final(scope, last)));
    return b.graph;
  }
  const logits = architecture.head(scope, architecture.final(scope, states));
  b.outputAs('logits', b.reshape(logits, ['batch', 'time', architecture.sizes.vocabulary]));
  return b.graph;
}

/** Hidden states `[batch * time, hidden]` of a decoder whose positions and causal masks are made in the graph. */
function exportedDecoder(scope: Scope, decoder: Decoder, ids: Value, prefix: Tensors): Value {
  const { b } = scope;
  const repeated = (name: string) => {
    const { data, dims } = prefix.get(name) as FloatTensor;
    return b.expand(b.floats(name, data, dims), ['batch', ...dims.slice(1)]);
  };
  const virtual = prefix.get(cacheNames('present', 0).key)?.dims[2] ?? 0;
  const { bias, positions } = causalBiasInGraph(b, decoder.sizes, virtual, 'time');
  return runLayers(decoder, scope, embedTokens(scope, decoder.tokenEmbedding, ids), {
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
  });
}

/** Where the last token of each row stands among the batch * time states, by the mask. */
function lastTokens(b: Builder, mask: Value): Value {
  const lengths = b.reshape(b.reduceSum(b.cast(mask, 'float32'), [1]), ['batch']);
  return b.cast(b.sub(b.add(rowStarts(b, 'time'), lengths), b.scalar(1)), 'int64');
}
