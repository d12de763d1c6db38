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

/** What is made small: minus the log-probability of the targets, or minus that of anything else in their place. */
export type Objective = 'likelihood' | 'unlikelihood';

/** Name of the graph input, of rank 0, that an attachment's penalty is multiplied by. */
export const penaltyShare = 'penalty_share';

/**
 * The graph of the loss of a batch of rows, right-padded.
 * Inputs: what `lossInputs` (inputs.ts) makes, the trained tensors and, `withGradients` of an attachment with a penalty, `penalty_share`. Outputs: `loss` (sum of weight times negative
 * log-probability of the target or, for unlikelihood, of all that is not the target; and that share of the penalty), `token_logprobs` `[supervised]`, for seq_cls `logits` `[supervised, classes]` and, `withGradients`, one
 * gradient for each trained tensor that is not frozen.
 */
export function buildLossGraph(
  model: Model,
  attachment: Attachment,
  withGradients: boolean,
  objective: Objective = 'likelihood',
): Graph {
  const b = new Builder();
  const supervised = b.graph.input('supervised', 'int64', ['supervised']);
  const targets = b.graph.input('targets', 'int64', ['supervised', 1]);
  const lossWeights = b.graph.input('loss_weights', 'float32', ['supervised', 1]);
  const { scope, trained } = attach(b, model, attachment);
  const states = batchForms[model.architecture.kind].states(b, scope, model.architecture);
  const logits = logitsOf(model, scope, b.gather(states, supervised));
  const logSoftmax = b.logSoftmax(logits);
  const logprobs = b.gatherElements(logSoftmax, targets, 1);
  const wanted = objective === 'likelihood' ? logprobs : logComplements(b, logSoftmax, targets);
  const ofRows = b.neg(b.reshape(b.reduceSum(b.mul(wanted, lossWeights), [0, 1]), []));
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

/** Added to 1 - p, which float32 cannot tell from 0 where the target is ahead of all others by 87 nats. */
const leastComplement = 1e-37;

/** Probability under which three terms of the series are exact: the fourth is 2.5e-7 of the first. */
const seriesBelow = 0.01;

/**
 * log(1 - p) of the target tokens `[n, 1]`, from the log-probabilities of all `[n, vocabulary]`: the term of unlikelihood
 * training (Welleck et al. 2019, https://arxiv.org/abs/1908.04319, equation 4). The probabilities of all others are summed: a
 * sum of positive numbers, exact to the last digits also where p rounds to 1, where log1p(-exp(log p)) would have neither a
 * value nor a slope. Where p is small, and 1 - p rounds to 1, the series of log(1 - p) is.
 */
export function logComplements(b: Builder, logSoftmax: Value, targets: Value): Value {
  const probabilities = b.exp(logSoftmax);
  const own = b.gatherElements(probabilities, targets, 1);
  const others = b.scatterElements(probabilities, targets, b.neg(own), 1);
  const logOthers = b.log(b.add(b.reduceSum(others, [1]), b.scalar(leastComplement)));
  // -(p + p^2 / 2 + p^3 / 3)
  const inner = b.add(b.scale(own, 1 / 3), b.scalar(1 / 2));
  const series = b.neg(b.mul(own, b.add(b.mul(own, inner), b.scalar(1))));
  return b.where(b.greater(own, b.scalar(seriesBelow)), logOthers, series);
}

/** Logits of hidden states `[n, hidden]`: of tokens or, in classification, of classes. */
function logitsOf({ architecture, task, classifier }: Model, scope: Scope, states: Value): Value {
  if (architecture.kind === 'encoder_decoder')
    return architecture.head(scope, architecture.decoder.final(scope, states));
  const x = architecture.final(scope, states);
  if (architecture.kind === 'encoder' || task === 'seq_cls') return classifier!.logits(scope, x);
  return architecture.head(scope, x);
}
