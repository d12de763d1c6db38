import { Builder } from '../onnx/builder.ts';
import { differentiate } from '../onnx/differentiate.ts';
import { sum, type Value } from '../onnx/dims.ts';
import type { Graph } from '../onnx/graph.ts';
import { type Attachment, attach } from './attachment.ts';
import { biasInputs } from './attentionBias.ts';
import { runLayers, type Segment } from './decoder.ts';
import type { Model } from './model.ts';
import type { KeyValue } from './sites.ts';
import { embedTokens } from './tokenEmbedding.ts';
import { virtualSegment } from './virtualSegment.ts';

/** Name of the graph output that holds a trained tensor's gradient. */
export function gradientName(trainable: string): string {
  return `gradient:${trainable}`;
}

/**
 * The graph of the loss of a batch of rows, right-padded.
 * Inputs: what `lossInputs` (inputs.ts) makes, and the trained tensors. Outputs: `loss` (sum of weight times negative
 * log-probability), `token_logprobs` `[supervised]` and, `withGradients`, one gradient for each trained tensor that is not frozen.
 * Virtual tokens are the same for every row, so they go through the layers once, not once a row.
 */
export function buildLossGraph(model: Model, attachment: Attachment, withGradients: boolean): Graph {
  const b = new Builder();
  const ids = b.graph.input('input_ids', 'int64', ['batch', 'time']);
  const positions = b.graph.input('position_ids', 'int64', ['batch', 'time']);
  const supervised = b.graph.input('supervised', 'int64', ['supervised']);
  const targets = b.graph.input('targets', 'int64', ['supervised', 1]);
  const lossWeights = b.graph.input('loss_weights', 'float32', ['supervised', 1]);
  const { scope, trained } = attach(b, model, attachment);
  const { architecture } = model;

  const before = virtualSegment(model, scope);
  const total = sum([...(before === null ? [] : [before.length]), 'time']);
  const segment: Segment = {
    batch: 'batch',
    time: 'time',
    positions,
    bias: biasInputs(b, architecture.sizes, 'attention_bias', [1, 1, 'time', total]),
    past: before === null ? undefined : (layer) => repeated(b, before.keyValue(layer)),
    keep: () => undefined,
  };
  const hidden = runLayers(architecture, scope, embedTokens(scope, architecture.tokenEmbedding, ids), segment);
  // Rows are counted over the virtual tokens first (where they have hidden states), then over the batch.
  const rows = before?.hidden == null ? hidden : b.concat([before.hidden, hidden], 0);
  const logits = architecture.head(scope, b.gather(rows, supervised));
  const logprobs = b.gatherElements(b.logSoftmax(logits), targets, 1);
  const loss = b.neg(b.reshape(b.reduceSum(b.mul(logprobs, lossWeights), [0, 1]), []));

  b.outputAs('loss', loss);
  b.outputAs('token_logprobs', b.reshape(logprobs, ['supervised']));
  if (withGradients) {
    const names = attachment.trainables.flatMap(({ name, frozen = false }) => (frozen ? [] : [name]));
    const gradients = differentiate(
      b,
      loss,
      names.map((name) => trained.get(name)!),
    );
    for (const [i, name] of names.entries()) b.outputAs(gradientName(name), gradients[i]!);
  }
  return b.graph;
}

/** Keys and values `[1, ...]` for every row of a batch. */
function repeated(b: Builder, { key, value }: KeyValue): KeyValue {
  const expand = (x: Value) => b.expand(x, ['batch', ...x.dims.slice(1)]);
  return { key: expand(key), value: expand(value) };
}
