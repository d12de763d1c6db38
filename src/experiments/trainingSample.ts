import { generate } from '../inference/generate.ts';
import { LanguageModel } from '../inference/languageModel.ts';
import type { Method, TrainedTensors } from '../methods/method.ts';
import { type LabelledRow, unsupervised } from '../models/labelledRow.ts';
import type { Model } from '../models/model.ts';
import type { Task } from '../models/task.ts';
import type { Device } from '../runtime/devices.ts';

/** What the model in training writes for a row, beside what it should write. */
export interface TrainingSample {
  readonly input: string;
  readonly expected: string;
  readonly output: string;
}

/** Tokens generated beyond the length of the expected answer. */
const extraTokens = 4;

/** What a model of a task is shown of a row and should write; null where it writes nothing. */
const promptAndTarget = {
  causal_lm: ({ inputIds, labels }) => {
    const start = Array.from(labels).lastIndexOf(unsupervised) + 1;
    const ids = Array.from(inputIds);
    return start === 0 || start === ids.length ? null : { prompt: ids.slice(0, start), target: ids.slice(start) };
  },
  seq_2_seq_lm: ({ inputIds, labels }) => ({ prompt: Array.from(inputIds), target: Array.from(labels) }),
  seq_cls: () => null,
} satisfies Record<Task, (row: LabelledRow) => { prompt: readonly number[]; target: readonly number[] } | null>;

/** Shows a training's progress on one row in words. Close it when done. */
export class TrainingSampler {
  readonly #language: LanguageModel;
  readonly #method: Method;
  readonly #prompt: readonly number[];
  readonly #target: readonly number[];

  private constructor(language: LanguageModel, method: Method, prompt: readonly number[], target: readonly number[]) {
    this.#language = language;
    this.#method = method;
    this.#prompt = prompt;
    this.#target = target;
  }

  /** A sampler of the first row that has a prompt and an answer; null when there is none, or no tokenizer. */
  static async create(
    model: Model,
    device: Device,
    method: Method,
    rows: readonly LabelledRow[],
  ): Promise<TrainingSampler | null> {
    for (const row of rows) {
      const parts = promptAndTarget[model.task](row);
      if (parts === null) continue;
      const language = await LanguageModel.open(model.dir, device);
      return language.hasTokenizer ? new TrainingSampler(language, method, parts.prompt, parts.target) : null;
    }
    return null;
  }

  /** What the model writes with these tensors, greedily. */
  async sample(tensors: TrainedTensors): Promise<TrainingSample> {
    const { tokenizer } = this.#language;
    const attached = await this.#language.attach({ method: this.#method, tensors });
    const [output] = await generate(attached, [this.#prompt], {
      maxNewTokens: this.#target.length + extraTokens,
      stopIds: tokenizer.eosTokenIds,
      sampling: null,
      signal: new AbortController().signal,
    });
    const text = (ids: readonly number[]) => tokenizer.decode(ids, { skipSpecialTokens: true });
    return { input: text(this.#prompt), expected: text(this.#target), output: text(output!) };
  }

  /** Frees the sessions. */
  async close(): Promise<void> {
    await this.#language.close();
  }
}
