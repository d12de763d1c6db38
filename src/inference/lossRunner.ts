import type { MethodShape, TrainedTensors } from '../methods/method.ts';
import { lossInputs } from '../models/inputs.ts';
import type { LabelledRow } from '../models/labelledRow.ts';
import { buildLossGraph, gradientName, type Objective, penaltyShare } from '../models/lossGraph.ts';
import type { Model } from '../models/model.ts';
import type { Device } from '../runtime/devices.ts';
import { floatOutput, GraphSession } from '../runtime/session.ts';
import { floats } from '../runtime/tensor.ts';

/** What a batch gave. */
export interface BatchLoss {
  /**
   * Sum over the supervised tokens of weight times negative log-probability, of the token or, for unlikelihood, of all others;
   * with gradients, and the method's penalty.
   */
  readonly loss: number;
  /** Natural-log probabilities of the supervised tokens, by row, in order. */
  readonly logprobs: readonly Float32Array[];
  /** For seq_cls, each row's logits `[classes]`. */
  readonly logits: readonly Float32Array[];
  /** Real tokens in the batch. */
  readonly tokens: number;
  /** Gradients by trained tensor, frozen ones left out; empty without gradients. */
  readonly gradients: ReadonlyMap<string, Float32Array>;
}

/** Runs a model's loss, with or without gradients, for one method. Close it when done. */
export class LossRunner {
  readonly #session: GraphSession;
  readonly #model: Model;
  readonly #method: MethodShape;
  readonly #withGradients: boolean;

  /** @param session of the loss graph of this model and a method of this structure, with or without gradients */
  constructor(session: GraphSession, model: Model, method: MethodShape, withGradients: boolean) {
    this.#session = session;
    this.#model = model;
    this.#method = method;
    this.#withGradients = withGradients;
  }

  /** Builds the session too. */
  static async create(
    model: Model,
    method: MethodShape,
    device: Device,
    withGradients: boolean,
    objective: Objective = 'likelihood',
  ): Promise<LossRunner> {
    const session = await GraphSession.create(buildLossGraph(model, method, withGradients, objective), device);
    return new LossRunner(session, model, method, withGradients);
  }

  /** The loss of some rows; every token's weight is multiplied by `scale`, the method's penalty, if it has one, by `share`. */
  async run(rows: readonly LabelledRow[], trained: TrainedTensors, scale = 1, share = 1): Promise<BatchLoss> {
    const { trainables, penalty } = this.#method;
    const { tensors, counts, tokens } = lossInputs(this.#model, rows, this.#method, scale);
    for (const { name, dims } of trainables) tensors.set(name, floats(trained.get(name)!, dims));
    if (this.#withGradients && penalty !== undefined) tensors.set(penaltyShare, floats(Float32Array.of(share), []));
    const outputs = await this.#session.run(tensors);
    const all = floatOutput(outputs, 'token_logprobs').data;
    let at = 0;
    const logprobs = counts.map((count) => {
      at += count;
      return all.subarray(at - count, at);
    });
    const gradients = new Map<string, Float32Array>();
    const { classifier } = this.#model;
    const logits =
      classifier === null ? [] : rowsOf(floatOutput(outputs, 'logits').data, counts.length, classifier.classes);
    if (this.#withGradients) {
      for (const { name, frozen = false } of trainables) {
        if (!frozen) gradients.set(name, floatOutput(outputs, gradientName(name)).data);
      }
    }
    return { loss: floatOutput(outputs, 'loss').data[0]!, logprobs, logits, tokens, gradients };
  }

  async close(): Promise<void> {
    await this.#session.close();
  }
}

function rowsOf(data: Float32Array, count: number, width: number): readonly Float32Array[] {
  return Array.from({ length: count }, (_, r) => data.subarray(r * width, (r + 1) * width));
}
