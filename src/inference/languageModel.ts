import { openTokenizer, type Tokenizer } from '../checkpoint/tokenizer.ts';
import { SoftpromptError } from '../foundation/errors.ts';
import type { Adapter } from '../methods/adapter.ts';
import type { MethodShape, TrainedTensors } from '../methods/method.ts';
import { baseModel } from '../methods/table.ts';
import type { EncoderDecoder } from '../models/architecture.ts';
import { buildDecodeGraph, buildEncodeGraph, buildVirtualGraph } from '../models/decodeGraph.ts';
import { encoderInputs } from '../models/encoderBatch.ts';
import { virtualInputs } from '../models/inputs.ts';
import { buildLossGraph } from '../models/lossGraph.ts';
import { type Model, type ModelUse, openModel } from '../models/model.ts';
import { frequencyInputs } from '../models/rotaryTables.ts';
import { suffixIds } from '../models/suffix.ts';
import type { Device } from '../runtime/devices.ts';
import { GraphSession } from '../runtime/session.ts';
import { floats, type Tensor, type Tensors } from '../runtime/tensor.ts';
import { Decoding } from './decoding.ts';
import { LossRunner } from './lossRunner.ts';

/**
 * A model held ready on a device. Sessions are made on first use and kept: adapters of the same structure share them,
 * and adapters that act through virtual tokens alone share the base model's.
 */
export class LanguageModel {
  readonly model: Model;
  readonly device: Device;
  /** Or why there is none: token ids need no tokenizer, so it is an error only when text comes. */
  readonly #tokenizer: Tokenizer | SoftpromptError;
  readonly #sessions = new Map<string, Promise<GraphSession | null>>();

  private constructor(model: Model, tokenizer: Tokenizer | SoftpromptError, device: Device) {
    this.model = model;
    this.device = device;
    this.#tokenizer = tokenizer;
  }

  /** Opens a model folder; a folder without tokenizer.json serves token ids only. */
  static async open(dir: string, device: Device, use: ModelUse = {}): Promise<LanguageModel> {
    const model = await openModel(dir, use);
    const tokenizer = await openTokenizer(dir).catch((error: unknown) => {
      if (SoftpromptError.is(error)) return error;
      throw error;
    });
    return new LanguageModel(model, tokenizer, device);
  }

  /** Whether the model reads text. */
  get hasTokenizer(): boolean {
    return !(this.#tokenizer instanceof SoftpromptError);
  }

  /** The tokenizer. @throws what kept it from being opened */
  get tokenizer(): Tokenizer {
    if (this.#tokenizer instanceof SoftpromptError) throw this.#tokenizer;
    return this.#tokenizer;
  }

  /**
   * The model with an adapter, or the base model: runs the adapter's virtual tokens through the layers once. Nothing
   * else happens at a swap.
   */
  async attach(adapter: Adapter | null): Promise<AttachedModel> {
    const method: MethodShape = adapter?.method ?? baseModel;
    const tensors: TrainedTensors = adapter?.tensors ?? new Map();
    const prefix = await this.prefix(method, tensors, [method.virtualTokens]);
    return new AttachedModel(this, method, tensors, prefix);
  }

  /** The session that decodes with adapters of this structure. */
  async decodeSession(method: MethodShape): Promise<GraphSession> {
    const shape = method.virtualOnly ? baseModel : method;
    const { architecture, task } = this.model;
    if (architecture.kind === 'encoder' || task === 'seq_cls') {
      throw new SoftpromptError('task-cannot-write', { dir: this.model.dir });
    }
    return (await this.#session(`decode ${shape.structure}`, () =>
      buildDecodeGraph({ ...this.model, architecture }, shape),
    ))!;
  }

  /** The session that reads rows through an encoder with adapters of this structure. */
  async encodeSession(architecture: EncoderDecoder, method: MethodShape): Promise<GraphSession> {
    return (await this.#session(`encode ${method.structure}`, () =>
      buildEncodeGraph({ ...this.model, architecture }, method),
    ))!;
  }

  /** What scores rows with an adapter; it is freed with the model. */
  async lossRunner(method: MethodShape): Promise<LossRunner> {
    const session = await this.#session(`loss ${method.structure}`, () => buildLossGraph(this.model, method, false));
    return new LossRunner(session!, this.model, method, false);
  }

  /**
   * Keys and values of an adapter's virtual tokens before rows of so many positions each, `[1, ...]` or, where those make a
   * difference, one for each row; empty when there are none.
   */
  async prefix(method: MethodShape, tensors: TrainedTensors, lengths: readonly number[]): Promise<Tensors> {
    if (method.virtualTokens === 0) return new Map();
    const session = await this.#session(`virtual ${method.structure}`, () => buildVirtualGraph(this.model, method));
    if (session === null) return new Map();
    const { sizes } = this.model.architecture;
    return session.run(
      new Map([
        ...virtualInputs(sizes, method.virtualTokens, lengths.length),
        ...frequencyInputs(sizes, lengths),
        ...trainedInputs(method, tensors),
      ]),
    );
  }

  /** Frees all sessions. */
  async close(): Promise<void> {
    for (const session of this.#sessions.values()) await (await session)?.close();
    this.#sessions.clear();
  }

  #session(key: string, build: () => ReturnType<typeof buildVirtualGraph>): Promise<GraphSession | null> {
    let session = this.#sessions.get(key);
    if (session === undefined) {
      const graph = build();
      session = graph === null ? Promise.resolve(null) : GraphSession.create(graph, this.device);
      // A failed session is not kept: the next use tries again.
      session.catch(() => this.#sessions.delete(key));
      this.#sessions.set(key, session);
    }
    return session;
  }
}

/** A model with one adapter (or none) in place. */
export class AttachedModel {
  readonly language: LanguageModel;
  readonly method: MethodShape;
  readonly tensors: TrainedTensors;
  /** Keys and values of the virtual tokens, the beginning of every cache (`present.*`); empty when there are none. */
  readonly prefix: Tensors;

  constructor(language: LanguageModel, method: MethodShape, tensors: TrainedTensors, prefix: Tensors) {
    this.language = language;
    this.method = method;
    this.tensors = tensors;
    this.prefix = prefix;
  }

  /** Reads prompts, all at once: what goes on from them, and the logits `[vocabulary]` of what comes next. */
  async read(
    prompts: readonly (readonly number[])[],
  ): Promise<{ readonly decoding: Decoding; readonly next: readonly Float32Array[] }> {
    const { architecture } = this.language.model;
    const behind = architecture.kind === 'encoder_decoder';
    const decoding = await this.decode(prompts.length, behind ? await this.#encoded(architecture, prompts) : []);
    const given = prompts.map((ids) => (behind ? [architecture.startToken] : this.given(ids)));
    const logits = await decoding.advance(given);
    return { decoding, next: logits.map(([last]) => last!) };
  }

  /** The ids of a prompt as a decoder reads it: behind its own stand those of the method's suffix. */
  given(prompt: readonly number[]): readonly number[] {
    return [...prompt, ...suffixIds(this.method.suffixTokens ?? 0, this.language.model.architecture.sizes.vocabulary)];
  }

  /** Begins decoding some rows at once; behind an encoder, with what that made of each. */
  async decode(batch: number, encoded: readonly (readonly [string, Tensor])[] = []): Promise<Decoding> {
    const { language, method, tensors } = this;
    const fixed = [...(method.virtualOnly ? [] : trainedInputs(method, tensors)), ...encoded];
    const { sizes } = language.model.architecture;
    const again = (lengths: readonly number[]) => language.prefix(method, tensors, lengths);
    return new Decoding(await language.decodeSession(method), sizes, batch, this.prefix, fixed, again);
  }

  /** What the decoder attends to: the prompts through the encoder. */
  async #encoded(
    architecture: EncoderDecoder,
    prompts: readonly (readonly number[])[],
  ): Promise<readonly (readonly [string, Tensor])[]> {
    const { language, method, tensors } = this;
    const { virtualTokens, virtualHidden } = method;
    const session = await language.encodeSession(architecture, method);
    const within = { virtualTokens: virtualHidden ? virtualTokens : 0, virtualHidden };
    const rows = prompts.map((inputIds) => ({ inputIds }));
    const { tensors: inputs } = encoderInputs(architecture.encoder.sizes, rows, within);
    const read = await session.run(new Map<string, Tensor>([...inputs, ...trainedInputs(method, tensors)]));
    return [...read, inputs.find(([name]) => name === 'source_bias')!];
  }
}

function trainedInputs({ trainables }: MethodShape, tensors: TrainedTensors) {
  return trainables.map(({ name, dims }) => [name, floats(tensors.get(name)!, dims)] as const);
}
