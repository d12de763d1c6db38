import { fingerprintModel } from '../checkpoint/fingerprint.ts';
import type { LanguageModel } from '../inference/languageModel.ts';
import { attachedLogits, logitChange, vocabularyRows } from '../inference/logitChange.ts';
import type { UntouchedBase } from './result.ts';

/** Proves that adapters which come and go leave the base model as it was. */
export class BaseWatch {
  readonly #language: LanguageModel;
  readonly #fingerprint: string;
  readonly #logits: readonly Float32Array[];

  private constructor(language: LanguageModel, fingerprint: string, logits: readonly Float32Array[]) {
    this.#language = language;
    this.#fingerprint = fingerprint;
    this.#logits = logits;
  }

  /** Takes down what the base model is; null for one that has no answers of its own. */
  static async begin(language: LanguageModel): Promise<BaseWatch | null> {
    if (language.model.untrained.length > 0) return null;
    const logits = await attachedLogits(await language.attach(null))(probes(language));
    return new BaseWatch(language, await fingerprintModel(language.model.dir), logits);
  }

  /** Compares the base model as it is now, with no adapter in place. */
  async compare(): Promise<UntouchedBase> {
    const now = attachedLogits(await this.#language.attach(null));
    const { largest } = await logitChange(async () => this.#logits, now, probes(this.#language));
    const same = (await fingerprintModel(this.#language.model.dir)) === this.#fingerprint;
    return { fingerprint: same, largest_logit_difference: largest };
  }
}

const probes = ({ model }: LanguageModel) => vocabularyRows(model.architecture.sizes, 0);
