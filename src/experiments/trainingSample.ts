import { generate } from '../inference/generate.ts';
import { LanguageModel } from '../inference/languageModel.ts';
import type { Method, TrainedTensors } from '../methods/method.ts';
import { type LabelledRow, unsupervised } from '../models/labelledRow.ts';
import type { Device } from '../runtime/devices.ts';

/** What the model in training writes for a row, beside what it should write. */
export interface TrainingSample {
  readonly input: string;
  readonly expected: string;
  readonly output: string;
}

/** Tokens generated beyond the length of the expected answer. */
const extraTokens = 4;

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
    dir: string,
    device: Device,
    method: Method,
    rows: readonly LabelledRow[],
  ): Promise<TrainingSampler | null> {
    for (const { inputIds, labels } of rows) {
      const start = Array.from(labels).lastIndexOf(unsupervised) + 1;
      if (start === 0 || start === labels.length) continue;
      const language = await LanguageModel.open(dir, device);
      const ids = Array.from(inputIds);
      if (language.hasTokenizer) return new TrainingSampler(language, method, ids.slice(0, start), ids.slice(start));
      return null;
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
