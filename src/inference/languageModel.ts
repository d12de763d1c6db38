import { openTokenizer, type Tokenizer } from '../checkpoint/tokenizer.ts';
import { SoftpromptError } from '../foundation/errors.ts';
import type { Adapter } from '../methods/adapter.ts';
import type { MethodShape, TrainedTensors } from '../methods/method.ts';
import { baseModel } from '../methods/table.ts';
import { buildDecodeGraph, buildVirtualGraph } from '../models/decodeGraph.ts';
import { virtualInputs } from '../models/inputs.ts';
import { buildLossGraph } from '../models/lossGraph.ts';
import { type Model, openModel } from '../models/model.ts';
import type { Device } from '../runtime/devices.ts';
import { GraphSession } from '../runtime/session.ts';
import { floats, type Tensors } from '../runtime/tensor.ts';
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
  static async open(dir: string, device: Device): Promise<LanguageModel> {
    const model = await openModel(dir);
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
    const prefix = await this.#prefixOf(method, tensors);
    return new AttachedModel(this, method, tensors, prefix);
  }

  /** The session that decodes with adapters of this structure. */
  async decodeSession(method: MethodShape): Promise<GraphSession> {
    const shape = method.virtualOnly ? baseModel : method;
    return (await this.#session(`decode ${shape.structure}`, () => buildDecodeGraph(this.model, shape)))!;
  }

  /** What scores rows with an adapter; it is freed with the model. */
  async lossRunner(method: MethodShape): Promise<LossRunner> {
    const session = await this.#session(`loss ${method.structure}`, () => buildLossGraph(this.model, method, false));
    return new LossRunner(session!, this.model.architecture.sizes, method, false);
  }

  /** Frees all sessions. */
  async close(): Promise<void> {
    for (const session of this.#sessions.values()) await (await session)?.close();
    this.#sessions.clear();
  }

  async #prefixOf(method: MethodShape, tensors: TrainedTensors): Promise<Tensors> {
    if (method.virtualTokens === 0) return new Map();
    const session = await this.#session(`virtual ${method.structure}`, () => buildVirtualGraph(this.model, method));
    if (session === null) return new Map();
    return session.run(
      new Map([
        ...virtualInputs(this.model.architecture.sizes, method.virtualTokens),
        ...trainedInputs(method, tensors),
      ]),
    );
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
  /** Keys and values of the virtual tokens, the beginning of every cache; empty when there are none. */
  readonly #prefix: Tensors;

  constructor(language: LanguageModel, method: MethodShape, tensors: TrainedTensors, prefix: Tensors) {
    this.language = language;
    this.method = method;
    this.tensors = tensors;
    this.#prefix = prefix;
  }

  /** Begins decoding some rows at once. */
  async decode(batch: number): Promise<Decoding> {
    const { language, method, tensors } = this;
    const fixed = method.virtualOnly ? [] : trainedInputs(method, tensors);
    return new Decoding(
      await language.decodeSession(method),
      language.model.architecture.sizes,
      batch,
      this.#prefix,
      fixed,
    );
  }
}

function trainedInputs({ trainables }: MethodShape, tensors: TrainedTensors) {
  return trainables.map(({ name, dims }) => [name, floats(tensors.get(name)!, dims)] as const);
}
