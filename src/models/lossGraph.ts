import { Builder } from '../onnx/builder.ts';
import { differentiate } from '../onnx/differentiate.ts';
import type { Value } from '../onnx/dims.ts';
import type { Graph } from '../onnx/graph.ts';
import { type Attachment, attach } from './attachment.ts';
import { batchForms } from './batchForms.ts';
import type { Model } from './model.ts';
import type { Scope } from './scope.ts';

/** Name of the graph output that holds a trained tensor's gradient. */
export function gradientName(trainable: string): string {
  return `gradient:${trainable}`;
}

/** Name of the graph input, of rank 0, that an attachment's penalty is multiplied by. */
export const penaltyShare = 'penalty_share';

/**
 * The graph of the loss of a batch of rows, right-padded.
 * Inputs: what `lossInputs` (inputs.ts) makes, the trained tensors and, `withGradients` of an attachment with a penalty, `penalty_share`. Outputs: `loss` (sum of weight times negative
 * log-probability, and that share of the penalty), `token_logprobs` `[supervised]`, for seq_cls `logits` `[supervised, classes]` and, `withGradients`, one
 * gradient for each trained tensor that is not frozen.
 */
export function buildLossGraph(model: Model, attachment: Attachment, withGradients: boolean): Graph {
  const b = new Builder();
  const supervised = b.graph.input('supervised', 'int64', ['supervised']);
  const targets = b.graph.input('targets', 'int64', ['supervised', 1]);
  const lossWeights = b.graph.input('loss_weights', 'float32', ['supervised', 1]);
  const { scope, trained } = attach(b, model, attachment);
  const states = batchForms[model.architecture.kind].states(b, scope, model.architecture);
  const logits = logitsOf(model, scope, b.gather(states, supervised));
  const logprobs = b.gatherElements(b.logSoftmax(logits), targets, 1);
  const ofRows = b.neg(b.reshape(b.reduceSum(b.mul(logprobs, lossWeights), [0, 1]), []));
  const penalty = withGradients ? attachment.penalty?.(trained, b) : undefined;
  const loss =
    penalty === undefined ? ofRows : b.add(ofRows, b.mul(b.graph.input(penaltyShare, 'float32', []), penalty));

  b.outputAs('loss', loss);
  b.outputAs('token_logprobs', b.reshape(logprobs, ['supervised']));
  if (model.task === 'seq_cls') b.outputAs('logits', logits);
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

/** Logits of hidden states `[n, hidden]`: of tokens or, in classification, of classes. */
function logitsOf({ architecture, task, classifier }: Model, scope: Scope, states: Value): Value {
  if (architecture.kind === 'encoder_decoder')
    return architecture.head(scope, architecture.decoder.final(scope, states));
  const x = architecture.final(scope, states);
  if (architecture.kind === 'encoder' || task === 'seq_cls') return classifier!.logits(scope, x);
  return architecture.head(scope, x);
}
