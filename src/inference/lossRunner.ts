import type { MethodShape, TrainedTensors } from '../methods/method.ts';
import type { DecoderSizes } from '../models/decoder.ts';
import { type LabelledRow, lossInputs, unsupervised } from '../models/inputs.ts';
import { buildLossGraph, gradientName } from '../models/lossGraph.ts';
import type { Model } from '../models/model.ts';
import type { Device } from '../runtime/devices.ts';
import { floatOutput, GraphSession } from '../runtime/session.ts';
import { floats } from '../runtime/tensor.ts';

/** What a batch gave. */
export interface BatchLoss {
  /** Sum over the supervised tokens of weight times negative log-probability. */
  readonly loss: number;
  /** Natural-log probabilities of the supervised tokens, by row, in order. */
  readonly logprobs: readonly Float32Array[];
  /** Real tokens in the batch. */
  readonly tokens: number;
  /** Gradients by trained tensor, frozen ones left out; empty without gradients. */
  readonly gradients: ReadonlyMap<string, Float32Array>;
}

/** Runs a model's loss, with or without gradients, for one method. Close it when done. */
export class LossRunner {
  readonly #session: GraphSession;
  readonly #sizes: DecoderSizes;
  readonly #method: MethodShape;
  readonly #withGradients: boolean;

  /** @param session of the loss graph of a model of these sizes and a method of this structure, with or without gradients */
  constructor(session: GraphSession, sizes: DecoderSizes, method: MethodShape, withGradients: boolean) {
    this.#session = session;
    this.#sizes = sizes;
    this.#method = method;
    this.#withGradients = withGradients;
  }

  /** Builds the session too. */
  static async create(model: Model, method: MethodShape, device: Device, withGradients: boolean): Promise<LossRunner> {
    const session = await GraphSession.create(buildLossGraph(model, method, withGradients), device);
    return new LossRunner(session, model.architecture.sizes, method, withGradients);
  }

  /** The loss of some rows; every token's weight is multiplied by `scale`. */
  async run(rows: readonly LabelledRow[], trained: TrainedTensors, scale = 1): Promise<BatchLoss> {
    const { virtualTokens, virtualHidden, trainables } = this.#method;
    const { tensors, counts, tokens } = lossInputs(this.#sizes, rows, virtualTokens, virtualHidden, scale);
    for (const { name, dims } of trainables) tensors.set(name, floats(trained.get(name)!, dims));
    const outputs = await this.#session.run(tensors);
    const all = floatOutput(outputs, 'token_logprobs').data;
    let at = 0;
    const logprobs = counts.map((count) => {
      at += count;
      return all.subarray(at - count, at);
    });
    const gradients = new Map<string, Float32Array>();
    if (this.#withGradients) {
      for (const { name, frozen = false } of trainables) {
        if (!frozen) gradients.set(name, floatOutput(outputs, gradientName(name)).data);
      }
    }
    return { loss: floatOutput(outputs, 'loss').data[0]!, logprobs, tokens, gradients };
  }

  async close(): Promise<void> {
    await this.#session.close();
  }
}

/** How many positions of a row count, given whether its first token can be predicted, and the sum of their weights. */
export function supervisedWeight(row: LabelledRow, method: Pick<MethodShape, 'virtualHidden'>): number {
  let weight = 0;
  for (let t = method.virtualHidden ? 0 : 1; t < row.labels.length; t++) {
    if (row.labels[t] !== unsupervised) weight += row.weights?.[t] ?? 1;
  }
  return weight;
}
